package web

import (
	"fmt"
	"testing"

	"postern/engine/config"
)

// What an answer costs is the same with one destination and with many.
func BenchmarkPages(b *testing.B) {
	for _, n := range []int{1, 100_000} {
		s := testServer(config.HTTP{})
		for name := range gaugeTable {
			s.Gauges.Register(name, func() int64 { return 1 })
		}
		for i := range n {
			fold(s.Figures, injected(1+i%13, fmt.Sprintf("d%d.example", i)))
		}
		for _, page := range []string{"/metrics", "/xml/status"} {
			b.Run(fmt.Sprintf("%s/%d", page[1:], n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if w := ask(s, page); w.Code != 200 {
						b.Fatal(w.Code)
					}
				}
			})
		}
	}
}
