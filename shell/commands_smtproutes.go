package shell

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"postern/engine/config"
)

// maxRoutes is how many SMTP routes there may be.
const maxRoutes = 40_000

// routesSection is smtproutes.
var routesSection = &section{
	show: func(d *config.Document) string {
		n := len(d.Routes)
		if n == 0 {
			return "There are no routes configured.\n"
		}
		return fmt.Sprintf("There %s currently %s configured.\n", either(n, "is", "are"), count(n, "route"))
	},
	value: func(d *config.Document) any {
		list := make([]routeValue, len(d.Routes))
		for i, r := range d.Routes {
			list[i] = routeValue{r.Domain, r.To}
		}
		return list
	},
	names: func(d *config.Document) []string {
		domains := make([]string, len(d.Routes))
		for i := range d.Routes {
			domains[i] = d.Routes[i].Domain
		}
		return domains
	},
	operations: []operation{
		{key: "NEW", title: "Create a new route.", words: "DOMAIN TARGET[,TARGET]", run: newRoute},
		{key: "EDIT", title: "Edit destinations of an existing route.", words: "DOMAIN TARGET[,TARGET]", run: editRoute, when: hasRoutes},
		{key: "DELETE", title: "Remove a route.", words: "DOMAIN", run: deleteRoute, when: hasRoutes},
		{key: "PRINT", title: "Display all routes.", reads: true, run: printed(printRoutes), when: hasRoutes},
		{key: "IMPORT", title: "Import new routes from a file.", words: "FILE", run: importRoutes},
		{key: "EXPORT", title: "Export all routes to a file.", words: "FILE", reads: true, run: exportRoutes, when: hasRoutes},
		{key: "CLEAR", title: "Remove all routes.", run: clearRoutes, when: hasRoutes},
	},
}

var _ = register(routesSection.command("smtproutes", "where mail for a domain goes, whatever its MX records say",
	"A DOMAIN is example.com, .example.com for its sub-domains, [192.0.2.1], or ALL. A TARGET is a host, [host] for its addresses alone,\n"+
		"either with :PORT, an address, USEDNS for what the DNS says, or /dev/null, which drops the mail; several are tried in their order.\n"+
		"A FILE lies in the directory \"configuration\" of the data directory and has a route a line: the domain, a space, the targets with\n"+
		"commas between; a # begins a comment. Imported routes take the place of all others."))

// routeValue is a route for programs.
type routeValue struct {
	Domain string   `json:"domain"`
	To     []string `json:"to"`
}

func hasRoutes(d *config.Document) bool { return len(d.Routes) > 0 }

func findRoute(d *config.Document, domain string) int {
	return slices.IndexFunc(d.Routes, func(r config.SMTPRoute) bool { return r.Domain == domain })
}

func newRoute(ctx context.Context, t *turn) (string, error) {
	d := t.document
	if len(d.Routes) >= maxRoutes {
		return "", &RefusedError{fmt.Sprintf("There are %d routes already: more are not allowed.", len(d.Routes))}
	}
	answer, err := t.ask(ctx, Param{Name: "DOMAIN", Required: true,
		Question: "Enter the domain for which you want to set up a permanent route.\nPartial domains such as \".example.com\" are allowed.\n" +
			"Use \"ALL\" for the default route.",
		Check: func(word string) error {
			domain, err := config.CheckPattern(word)
			if err == nil && findRoute(d, domain) >= 0 {
				err = &RefusedError{fmt.Sprintf("There is a route for %s already.", domain)}
			}
			return err
		}})
	if err != nil {
		return "", err
	}
	domain, err := config.CheckPattern(answer)
	if err != nil {
		return "", err
	}
	d.Routes = append(d.Routes, config.SMTPRoute{Domain: domain})
	return t.targets(ctx, &d.Routes[len(d.Routes)-1])
}

// targets asks where mail by a route goes.
func (t *turn) targets(ctx context.Context, r *config.SMTPRoute) (string, error) {
	now := strings.Join(r.To, ", ")
	_, err := t.ask(ctx, Param{Name: "TARGET", Default: now, Required: now == "", Rest: true,
		Question: "Enter the destination hosts, separated by commas, which you want mail for " + r.Domain + " to be delivered.\n" +
			"Enter USEDNS by itself to use normal DNS resolution for this route.\nEnter /dev/null by itself if you wish to discard the mail.\n" +
			"Enclose in square brackets to force resolution via address (A) records, ignoring any MX records.",
		Check: func(word string) error {
			trial := config.SMTPRoute{Domain: r.Domain}
			if err := readTargets(&trial, word); err != nil {
				return err
			}
			r.To = trial.To
			return nil
		}})
	return "Mail for " + r.Domain + " will be delivered to " + strings.Join(r.To, ", ") + "\n", err
}

// readTargets reads the targets of a route.
func readTargets(r *config.SMTPRoute, text string) error {
	if err := config.Set(r, "to", text); err != nil {
		return err
	}
	return config.CheckRoute(r)
}

func completeRoute(d *config.Document) func(context.Context, Gateway, string) []Suggestion {
	return func(_ context.Context, _ Gateway, begun string) (list []Suggestion) {
		for i := range d.Routes {
			if r := &d.Routes[i]; strings.HasPrefix(strings.ToLower(r.Domain), strings.ToLower(begun)) {
				list = append(list, Suggestion{r.Domain, strings.Join(r.To, ", ")})
			}
			if len(list) == maxSuggestions {
				break
			}
		}
		return list
	}
}

// existingRoute asks which route is meant.
func (t *turn) existingRoute(ctx context.Context, question string) (int, error) {
	d := t.document
	find := func(word string) (int, error) {
		domain, err := config.CheckPattern(word)
		if err != nil {
			return -1, err
		}
		i := findRoute(d, domain)
		if i < 0 {
			return i, &RefusedError{fmt.Sprintf("There is no route for %s.", domain)}
		}
		return i, nil
	}
	answer, err := t.ask(ctx, Param{Name: "DOMAIN", Question: question, Required: true, Complete: completeRoute(d),
		Check: func(word string) error { _, err := find(word); return err }})
	if err != nil {
		return -1, err
	}
	return find(answer)
}

func editRoute(ctx context.Context, t *turn) (string, error) {
	i, err := t.existingRoute(ctx, "Enter the domain of the route you want to edit.")
	if err != nil {
		return "", err
	}
	return t.targets(ctx, &t.document.Routes[i])
}

func deleteRoute(ctx context.Context, t *turn) (string, error) {
	d := t.document
	i, err := t.existingRoute(ctx, "Enter the domain of the route you want to remove.")
	if err != nil {
		return "", err
	}
	domain := d.Routes[i].Domain
	d.Routes = slices.Delete(d.Routes, i, i+1)
	return "The route for " + domain + " is removed.\n", nil
}

func clearRoutes(ctx context.Context, t *turn) (string, error) {
	yes, err := t.confirm(ctx, fmt.Sprintf("Are you sure you want to remove %s?", either(len(t.document.Routes), "the 1 route", fmt.Sprintf("all %d routes", len(t.document.Routes)))))
	if err != nil || !yes {
		return unchanged, err
	}
	t.document.Routes = nil
	return "All routes are removed.\n", nil
}

func printRoutes(d *config.Document) string {
	if len(d.Routes) == 0 {
		return "There are no routes configured.\n"
	}
	rows := make([][]string, len(d.Routes))
	for i, r := range d.Routes {
		rows[i] = []string{r.Domain, strings.Join(r.To, ", ")}
	}
	return aligned(rows...)
}

// parseRoutes reads a file of routes. The error says in which line something is wrong.
func parseRoutes(text string) ([]config.SMTPRoute, error) {
	var routes []config.SMTPRoute
	seen := map[string]int{}
	in := bufio.NewScanner(strings.NewReader(text))
	for n := 1; in.Scan(); n++ {
		line, _, _ := strings.Cut(in.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		domain, targets, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		domain, err := config.CheckPattern(strings.TrimSuffix(domain, ":"))
		r := config.SMTPRoute{Domain: domain}
		if err == nil {
			err = readTargets(&r, targets)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d: %w", n, err)
		case seen[domain] > 0:
			return nil, fmt.Errorf("line %d: %s has a route in line %d already", n, domain, seen[domain])
		case len(routes) == maxRoutes:
			return nil, fmt.Errorf("line %d: at most %d routes are allowed", n, maxRoutes)
		}
		seen[domain] = n
		routes = append(routes, r)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("after line %d: %w", len(routes), err)
	}
	return routes, nil
}

func importRoutes(ctx context.Context, t *turn) (string, error) {
	file, err := t.ask(ctx, Param{Name: "FILE", Question: "Enter the name of the file to import.", Required: true, Check: checkFile})
	if err != nil {
		return "", err
	}
	text, err := t.Gateway.ImportFile(ctx, file)
	if err != nil {
		return "", err
	}
	routes, err := parseRoutes(text)
	if err != nil {
		return "", &RefusedError{fmt.Sprintf("Nothing was imported from %s: %v", file, err)}
	}
	if len(t.document.Routes) > 0 {
		yes, err := t.confirm(ctx, fmt.Sprintf("The %s of the file %s the place of the %d that %s there. Are you sure?", count(len(routes), "route"),
			either(len(routes), "takes", "take"), len(t.document.Routes), either(len(t.document.Routes), "is", "are")))
		if err != nil || !yes {
			return unchanged, err
		}
	}
	t.document.Routes = routes
	return count(len(routes), "route") + " imported.\n", nil
}

func exportRoutes(ctx context.Context, t *turn) (string, error) {
	file, err := t.ask(ctx, Param{Name: "FILE", Question: "Enter a name for the exported file.", Required: true, Check: checkFile})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# SMTP routes: domain, space, destinations with commas between\n")
	for _, r := range t.document.Routes {
		b.WriteString(r.Domain + " " + strings.Join(r.To, ",") + "\n")
	}
	if err := t.Gateway.ExportFile(ctx, file, b.String()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s exported to %s in the configuration directory.\n", count(len(t.document.Routes), "route"), file), nil
}
