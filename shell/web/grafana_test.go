package web

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"postern/projections"
)

// The board asks for nothing that the gateway does not tell: a metric that is renamed leaves an empty panel otherwise.
func TestBoardAsksForWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	s := testServer(withPassword())
	for name := range gaugeTable { // as the daemon registers them
		s.Gauges.Register(name, func() int64 { return 1 })
	}
	fold(s.Figures, injected(3, "a.example"))
	there := scraped(t, ask(s, "/metrics", as("monitor", secret)).Body.Bytes())
	name := regexp.MustCompile(`\b(postern|go|process)_[a-z0-9_]+`)
	asked, ids, taken := map[string]bool{}, map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies on %s, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			for _, m := range name.FindAllString(target.Expr, -1) {
				asked[m] = true
				if there[m] == nil {
					t.Errorf("%s asks for %s, which there is not", p.Title, m)
				}
			}
		}
	}
	for c := range projections.NumFeedCounters {
		if name := "postern_" + c.Name() + "_total"; !asked[name] && c != projections.CompletedRecipients && c != projections.GlobalUnsubHits {
			t.Errorf("no panel shows %s", name)
		}
	}
	if len(asked) < 50 {
		t.Errorf("the board asks for %d metrics only", len(asked))
	}
}
