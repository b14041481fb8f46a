package engine

import (
	"context"
	"errors"
	"time"
)

// pass lets time go by.
func (h *history) pass(d time.Duration) {
	h.tell("%v pass", d)
	<-time.After(d)
}

// leap moves both clocks ahead at once: to just before what comes next, so that it comes in its own time, or hours to
// days further. It is what a machine does that sleeps, and spares the second by second of a long wait.
func (h *history) leap() {
	at, ok := h.n.next(h.clock())
	switch {
	case !ok || h.r.IntN(4) == 0:
		h.leapTo(h.clock() + h.r.Int64N([]int64{int64(time.Hour), 24 * int64(time.Hour), 5 * 24 * int64(time.Hour)}[h.r.IntN(3)]))
	case at-h.clock() > 10*int64(time.Second):
		h.leapTo(at - int64(3*time.Second))
		h.settle()
		h.pass(time.Duration(at-h.clock()) - time.Millisecond)
		h.settle()
		h.pass(time.Millisecond + prompt)
	default:
		h.pass(max(prompt, time.Duration(at-h.clock())))
	}
}

func (h *history) leapTo(clock int64) {
	from := h.clock()
	if clock > from {
		h.tell("%v leapt over", time.Duration(clock-from))
		h.n.leapt(from, clock)
		h.leapt.Add(clock - from)
	}
	<-time.After(tick)
}

// setClock sets the wall clock alone, by little or by much.
func (h *history) setClock() {
	by := h.r.Int64N(2*int64(900*time.Millisecond)) - int64(900*time.Millisecond)
	if h.r.IntN(2) == 0 {
		by = h.r.Int64N(2*int64(100*time.Hour)) - int64(100*time.Hour)
		if by > -int64(2*time.Second) && by < int64(2*time.Second) {
			by = int64(time.Hour)
		}
	}
	h.tell("the clock is set by %v", time.Duration(by))
	h.wall.Add(by)
	<-time.After(tick)
}

// checkpoint writes the live rows up to some fact, as their follower does now and then.
func (h *history) checkpoint() {
	to := h.g.j.Durable() - uint64(h.r.IntN(5))
	if err := h.g.rows.CatchUp(context.Background(), to); err != nil {
		h.t.Fatal(err)
	}
}

// stop ends the gateway in order. Attempts that nobody answers are told to give up when the stop has been patient enough.
func (h *history) stop() {
	h.tell("stop")
	h.n.stopping = true
	h.g.stop()
}

func (h *history) restart() {
	if h.r.IntN(2) == 0 {
		h.answer(h.peer.waiting())
	}
	h.stop()
	h.open()
}

// crash pulls the plug, sometimes while much is under way.
func (h *history) crash() {
	if h.r.IntN(2) == 0 {
		h.answer(h.peer.waiting())
		for range h.r.IntN(4) {
			m := h.message()
			go h.g.e.Inject(context.Background(), m)
		}
	}
	h.tell("crash")
	left := h.disk.PowerCut(h.r.Uint64())
	h.g.cancel()
	if err := <-h.g.done; err != nil && !errors.Is(err, ErrStopping) {
		h.t.Fatal(err)
	}
	if err := h.g.j.Close(); err != nil {
		h.t.Fatal(err)
	}
	h.disk = left
	h.open()
	if durable := h.g.j.Durable(); durable < h.read {
		h.t.Fatalf("%d facts were durable, %d are left", h.read, durable)
	}
}
