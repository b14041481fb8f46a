package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestScreenSVG draws each word in its place and its colours, and nothing that a peer says becomes markup.
func TestScreenSVG(t *testing.T) {
	text := screenSVG([]string{"a> \x1b[97;100mhost  \x1b[1;31mname\x1b[0m <&> one two   three", "", "\x1b[39;49m grün"}, 40, `a "screen"`)
	type word struct {
		X, Y, Fill string
		Text       string
	}
	var words []word
	var grounds []string
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		is := map[string]string{}
		for _, a := range e.Attr {
			is[a.Name.Local] = a.Value
		}
		switch e.Name.Local {
		case "text":
			var content string
			if err := d.DecodeElement(&content, &e); err != nil {
				t.Fatal(err)
			}
			words = append(words, word{is["x"], is["y"], is["fill"], content})
		case "rect":
			grounds = append(grounds, is["x"]+" "+is["width"]+" "+is["fill"])
		}
	}
	want := []word{{"14.0", "27.7", screenText, "a>"}, {"39.2", "27.7", screenColours[15], "host"}, {"89.6", "27.7", screenColours[1], "name"},
		{"131.6", "27.7", screenText, "<&> one two"}, {"249.2", "27.7", screenText, "three"}, {"22.4", "63.7", screenText, "grün"}}
	if fmt.Sprint(words) != fmt.Sprint(want) {
		t.Errorf("have %v\nwant %v", words, want)
	}
	if want := []string{"0.5 363 " + screenGround, "39.2 50.4 " + screenColours[8], "89.6 33.6 " + screenColours[8]}; fmt.Sprint(grounds) != fmt.Sprint(want) {
		t.Errorf("grounds %v\nwant %v", grounds, want)
	}
}
