package bench

import (
	"fmt"
	"net/netip"
	"strings"
)

// The names and words that a made history's people use.
var (
	historyNames = strings.Fields(`anna bela carl dora emil fred gina hugo ines jana karl lena marc nora otto paul rosa sven tina uwe vera walt xenia yara zeno
		adams baker clark davis evans foster green harris irwin jones keller lopez miller nolan owens parker quinn reyes smith turner usher vance weber young ziegler`)
	historySubjects = strings.Fields(`account agenda answer april august budget calendar change contract copy customer daily date december delivery department
		draft evening february figures forward friday holiday important information invitation invoice january journey july june letter list march market meeting
		minutes monday monthly morning new newsletter note notice november october offer office open order party password payment picture plan please price
		project proposal question quarter receipt reminder report request review saturday schedule september service sunday summary team thanks thursday ticket
		today tomorrow travel tuesday update urgent vacation wednesday week welcome work yesterday your`)
)

// person draws the local part of an address.
func (h *history) person() string {
	r := h.random
	return fmt.Sprintf("%s.%s%d", historyNames[r.IntN(len(historyNames))], historyNames[r.IntN(len(historyNames))], r.IntN(100))
}

// address draws an address in one of so many domains below a domain.
func (h *history) address(below string, domains int) string {
	return fmt.Sprintf("%s@office-%d.%s", h.person(), h.random.IntN(domains), below)
}

// subject draws three to seven words.
func (h *history) subject() string {
	words := make([]string, 3+h.random.IntN(5))
	for i := range words {
		words[i] = historySubjects[h.random.IntN(len(historySubjects))]
	}
	return strings.Join(words, " ")
}

func address4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }
