package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"postern/engine/config"
	"postern/shell/web"
)

// expiryFresh is how long what certificates' files say is believed.
const expiryFresh = time.Minute

// expiries tells when the configured certificates run out. The zero value is ready; many goroutines may use it.
type expiries struct {
	unknown func(name string, err error) // is told of one whose end nobody can tell, once; nil: nobody. Set before use

	reading sync.Mutex           // held while files are read
	known   map[string]time.Time // by file, of the configured ones; zero: it was said that the end is not known. Under reading
	image   atomic.Pointer[expiryImage]
}

// expiryImage is what the files of a document said. It is never changed.
type expiryImage struct {
	document *config.Document
	at       time.Time
	all      []web.Feature // in the configuration's order; without an end when it is not known
	found    []web.Feature // those of all that have an end
}

// list names each certificate whose end is known after what uses it. It reads files only for a document that nobody has
// looked at yet: who refreshes, in the background, keeps it up to date.
func (e *expiries) list(d *config.Document, now time.Time) []web.Feature { return e.of(d, now).found }

// all has those, too, whose end is not known.
func (e *expiries) all(d *config.Document, now time.Time) []web.Feature { return e.of(d, now).all }

func (e *expiries) of(d *config.Document, now time.Time) *expiryImage {
	if i := e.image.Load(); i != nil && i.document == d {
		return i
	}
	return e.refresh(d, now)
}

// refresh reads the files anew once in a while. One that cannot be read, as those of root cannot by the user that the gateway
// goes on as, ends when it did; of one that never could, the end is not known.
func (e *expiries) refresh(d *config.Document, now time.Time) *expiryImage {
	e.reading.Lock()
	defer e.reading.Unlock()
	if i := e.image.Load(); i != nil && i.document == d && now.Sub(i.at).Abs() < expiryFresh {
		return i
	}
	image, known := &expiryImage{document: d, at: now}, map[string]time.Time{}
	add := func(name, file string) {
		if file == "" {
			return
		}
		at, err := expiryOf(file)
		before, told := e.known[file]
		if err != nil {
			at = before
		}
		known[file] = at
		f := web.Feature{Name: "Certificate " + name, Expires: at}
		image.all = append(image.all, f)
		switch {
		case !at.IsZero():
			image.found = append(image.found, f)
		case !told && e.unknown != nil:
			e.unknown(name, err)
		}
	}
	for i := range d.Listeners {
		add(d.Listeners[i].Name, d.Listeners[i].Certificate)
	}
	add("HTTP", d.HTTP.Certificate)
	e.known = known
	e.image.Store(image)
	return image
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
