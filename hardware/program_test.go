package hardware

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestSystemCommand(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	t.Setenv("LC_NUMERIC", "de_DE.UTF-8")
	sh := func(ctx context.Context, script string) (string, error) {
		out, err := systemCommand(ctx, 1000, "sh", "-c", script)
		return string(out), err
	}
	if out, err := sh(t.Context(), `echo "$LC_ALL $LC_NUMERIC"; cat`); err != nil || out != "C \n" { // and there is no input
		t.Errorf("%q, %v", out, err)
	}
	if out, err := sh(t.Context(), "echo half; echo warning >&2; echo broken >&2; exit 3"); out != "half\n" || err == nil || err.Error() != "sh: broken (exit status 3)" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := sh(t.Context(), "exec yes"); out != "" || err == nil || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := sh(ctx, "exec cat /dev/zero >/dev/null"); err == nil || ctx.Err() == nil {
		t.Errorf("what does not end gave %v", err)
	}
	if _, err := systemCommand(t.Context(), 10, "no-such-program-here"); !errors.Is(err, exec.ErrNotFound) {
		t.Error(err)
	}
}
