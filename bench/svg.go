package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// A terminal's screen as a picture: each word stands where its first cell is and is as long as its cells are, whichever font
// the reader has. The ground is dark on every page.

const (
	cellWidth, cellHeight = 8.4, 18.0 // of a cell, at a size of 14
	screenMargin          = 14.0
	screenGround          = "#0d1117"
	screenText            = "#e6edf3"
)

// screenColours are the sixteen of a terminal.
var screenColours = [16]string{"#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
	"#30363d", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc"}

// cellLook is how cells are drawn; "" is the screen's own colour.
type cellLook struct {
	ink, ground string
	bold        bool
}

// screenRun is text of one look, one rune a cell.
type screenRun struct {
	column int
	text   []rune
	cellLook
}

// screenSVG draws lines with the escape sequences of colours in them, as "tmux capture-pane -e" prints them.
func screenSVG(lines []string, columns int, title string) string {
	width, height := float64(columns)*cellWidth+2*screenMargin, float64(len(lines))*cellHeight+2*screenMargin
	title = escapeXML(title)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`+"\n",
		width, height, width, height, title)
	fmt.Fprintf(&b, "<title>%s</title>\n<style>text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, \"DejaVu Sans Mono\", monospace; white-space: pre }</style>\n", title)
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="8" fill="%s" stroke="#30363d"/>`+"\n", width-1, height-1, screenGround)
	for row, line := range lines {
		for _, run := range screenRuns(line) {
			run.draw(&b, screenMargin+float64(row)*cellHeight)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw writes the run's ground and its words.
func (r *screenRun) draw(b *strings.Builder, top float64) {
	left := func(cell int) float64 { return screenMargin + float64(r.column+cell)*cellWidth }
	if r.ground != "" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left(0), top, float64(len(r.text))*cellWidth, cellHeight, r.ground)
	}
	colour, weight := r.ink, ""
	if colour == "" {
		colour = screenText
	}
	if r.bold {
		weight = ` font-weight="bold"`
	}
	for begin := 0; begin < len(r.text); {
		if r.text[begin] == ' ' {
			begin++
			continue
		}
		end := begin
		for end < len(r.text) && !blank(r.text[end:], 2) {
			end++
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n", left(begin), top+0.76*cellHeight,
			float64(end-begin)*cellWidth, colour, weight, escapeXML(string(r.text[begin:end])))
		begin = end
	}
}

// blank tells whether text begins with n spaces, or ends before them.
func blank(text []rune, n int) bool {
	return strings.TrimLeft(string(text[:min(n, len(text))]), " ") == ""
}

// screenRuns takes a line apart. Other sequences than those of looks are left out.
func screenRuns(line string) (runs []screenRun) {
	now, column := cellLook{}, 0
	for line != "" {
		text, rest, escaped := strings.Cut(line, "\x1b[")
		if cells := []rune(text); len(cells) > 0 {
			runs = append(runs, screenRun{column, cells, now})
			column += len(cells)
		}
		if !escaped {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '@' && r <= '~' })
		if end < 0 {
			break
		}
		if rest[end] == 'm' {
			now.change(strings.Split(rest[:end], ";"))
		}
		line = rest[end+1:]
	}
	return runs
}

// change applies the parameters of one sequence.
func (l *cellLook) change(codes []string) {
	for i := 0; i < len(codes); i++ {
		n, _ := strconv.Atoi(codes[i])
		switch {
		case n == 0:
			*l = cellLook{}
		case n == 1:
			l.bold = true
		case n == 7:
			l.ink, l.ground = screenGround, screenText
		case n >= 30 && n <= 37:
			l.ink = screenColours[n-30]
		case n == 39:
			l.ink = ""
		case n >= 40 && n <= 47:
			l.ground = screenColours[n-40]
		case n == 49:
			l.ground = ""
		case n >= 90 && n <= 97:
			l.ink = screenColours[n-82]
		case n >= 100 && n <= 107:
			l.ground = screenColours[n-92]
		}
	}
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escapeXML(s string) string { return xmlEscapes.Replace(s) }
