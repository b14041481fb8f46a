package deliver

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"postern/bench/freeport"
	"postern/engine"
	"postern/engine/config"
	"postern/journal"
)

// Postfix's smtp-sink takes what we send, over kept connections.
func TestSMTPSink(t *testing.T) {
	const sink = "/usr/sbin/smtp-sink"
	if _, err := os.Stat(sink); err != nil {
		t.Skip("smtp-sink is not installed")
	}
	addr, err := freeport.Pick("tcp")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sink, "-u", "nobody", addr.String(), "100")
	if os.Getuid() != 0 {
		cmd = exec.Command(sink, addr.String(), "100")
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	w := newWorld(t)
	w.content = strings.Repeat(".dotted line of some length\r\n", 10000)
	w.message.Size = int64(len(w.content))
	w.document.Routes = []config.SMTPRoute{{Domain: "ALL", To: []string{addr.String()}}}
	w.client.Dial = dial
	w.recipients(3)
	var out []engine.Outcome
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if out = w.deliver(); !out[0].Host { // it may not listen yet
			break
		}
	}
	for range 60 {
		for _, o := range out {
			if o.Result != engine.Delivered {
				t.Fatal(short(o))
			}
		}
		out = w.deliver()
	}
	w.client.Close()
}

// blackHole answers as fast as it can: what is measured is the client.
func blackHole(nc net.Conn) {
	defer nc.Close()
	in := bufio.NewReaderSize(nc, 64<<10)
	out := bufio.NewWriter(nc)
	out.WriteString("220 sink\r\n")
	data := false
	for {
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case data:
			if !bytes.Equal(line, []byte(".\r\n")) {
				continue
			}
			data = false
			out.WriteString("250 2.0.0 Ok: queued as 1\r\n")
		case line[0] == 'E':
			out.WriteString("250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case line[0] == 'D':
			data = true
			out.WriteString("354 go\r\n")
		default:
			out.WriteString("250 2.1.0 Ok\r\n")
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	for _, size := range []int{4 << 10, 100 << 10} {
		b.Run(map[int]string{4 << 10: "4KiB", 100 << 10: "100KiB"}[size], func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					nc, err := l.Accept()
					if err != nil {
						return
					}
					go blackHole(nc)
				}
			}()
			line := strings.Repeat("x", 70) + "\r\n"
			content := []byte("Subject: x\r\n\r\n" + strings.Repeat(line, size/len(line)))
			message := &journal.MessageInjected{MID: 1, Size: int64(len(content)), Sender: "from@example.net",
				Recipients: []journal.InjectedRecipient{{Local: "to", Domain: "example.com"}}}
			document := &config.Document{Hostname: "mail3.example.net", Routes: []config.SMTPRoute{
				{Domain: "ALL", To: []string{l.Addr().String()}}}}
			c := &Client{Document: func() *config.Document { return document }, Store: oneMessage{message},
				Content: func(uint64, *journal.MessageInjected) (io.ReadCloser, int64, error) {
					return io.NopCloser(bytes.NewReader(content)), int64(len(content)), nil
				},
				Note: func(journal.Event) {}, DCID: func(context.Context) (uint32, error) { return 1, nil },
				IsOwn: func(netip.AddrPort) bool { return false }}
			defer c.Close()
			a := engine.Attempt{Message: 1, MID: 1, Destination: "example.com", RIDs: []uint32{0}}
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if out := c.Deliver(context.Background(), a); out[0].Result != engine.Delivered {
					b.Fatal(short(out[0]))
				}
			}
		})
	}
}

type oneMessage struct{ m *journal.MessageInjected }

func (o oneMessage) At(uint64) (journal.Record, error) {
	return journal.Record{Seq: 1, Event: o.m}, nil
}
