package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
	"time"

	"postern/engine/config"
	"postern/shell/web"
)

// expiryFresh is how long what certificates' files say is believed.
const expiryFresh = time.Minute

// expiries tells when the configured certificates run out. The zero value is ready; many goroutines may use it.
type expiries struct {
	mu    sync.Mutex
	found []web.Feature
	at    time.Time
}

// list names each certificate after what uses it; one that cannot be read is left out.
func (e *expiries) list(d *config.Document, now time.Time) []web.Feature {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.at.IsZero() && now.Sub(e.at).Abs() < expiryFresh {
		return e.found
	}
	e.found, e.at = nil, now
	add := func(name, file string) {
		if at, err := expiryOf(file); file != "" && err == nil {
			e.found = append(e.found, web.Feature{Name: "Certificate " + name, Expires: at})
		}
	}
	for i := range d.Listeners {
		add(d.Listeners[i].Name, d.Listeners[i].Certificate)
	}
	add("HTTP", d.HTTP.Certificate)
	return e.found
}

// expiryOf reads when the first certificate of a file runs out.
func expiryOf(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return time.Time{}, fmt.Errorf("%s: %w", file, err)
			}
			return c.NotAfter, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s holds no certificate", file)
}
