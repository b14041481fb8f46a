package shell

import (
	"bytes"
	"encoding/json"
	"io"
)

// encoder writes JSON as people search in it: an address is <user@example.com>. No browser takes it for a page.
func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// encoded is a value as encoder writes it.
func encoded(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	err := encoder(&b).Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
