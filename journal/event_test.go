package journal

import (
	"reflect"
	"strings"
	"testing"
)

// again encodes an event and decodes it.
func again(t *testing.T, e Event) Event {
	t.Helper()
	p := Prepare(e)
	var f frame
	rest, err := f.next(p.frame)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%s: frame: %v, %d bytes left", e.Kind(), err, len(rest))
	}
	got, err := f.event(new(coder), 1)
	if err != nil {
		t.Fatalf("%s: %v", e.Kind(), err)
	}
	return got
}

func TestEveryFieldOfEveryEventSurvives(t *testing.T) {
	for _, k := range Kinds() {
		for _, e := range []Event{filled(k), k.info().make()} {
			if got := again(t, e); !reflect.DeepEqual(got, e) {
				t.Errorf("%s:\n got %s\nwant %s", k, Describe(got), Describe(e))
			}
		}
		leaves(k, func(path string, e Event) {
			if got := again(t, e); !reflect.DeepEqual(got, e) {
				t.Errorf("%s with %s alone:\n got %s\nwant %s", k, path, Describe(got), Describe(e))
			}
		})
	}
}

func TestKindsAndEventsAgree(t *testing.T) {
	for _, k := range Kinds() {
		e := k.info().make()
		if e.Kind() != k {
			t.Errorf("the table makes a %s for %s", e.Kind(), k)
		}
		if name := reflect.TypeOf(e).Elem().Name(); name != k.String() {
			t.Errorf("kind %d is called %s, its event %s", k, k, name)
		}
	}
}

// What people wrote must be where Forget can reach it.
func TestPersonalDataIsPrivate(t *testing.T) {
	const secret = "jane.doe"
	for _, e := range []Event{
		&MessageInjected{Sender: secret, MessageID: secret, Subject: secret, EnvID: secret,
			Recipients: []InjectedRecipient{{Local: secret, ORcpt: secret, Domain: "example.com"}}, Rejected: []RejectedRecipient{{Address: secret}}},
		&ReceivingAborted{Sender: secret, Recipients: []InjectedRecipient{{Local: secret}}, Rejected: []RejectedRecipient{{Address: secret}}},
		&Delivered{Reply: secret},
		&SoftBounced{Reply: []string{secret}},
		&HardBounced{Reply: []string{secret}},
		&DoubleBounced{Reply: []string{secret}},
		&DeliveryConnectionFailed{Details: secret},
		&HostDown{Reason: secret},
		&BulkActionOrdered{Selection: secret},
	} {
		p := Prepare(e)
		if strings.Contains(string(p.public), secret) || !strings.Contains(string(p.private), secret) {
			t.Errorf("%s puts personal data into its public part", e.Kind())
		}
	}
}

func TestMustUnderstandFollowsTheQueue(t *testing.T) {
	optional := map[string]bool{}
	for _, k := range Kinds() {
		if !k.info().must {
			optional[k.String()] = true
		}
	}
	for _, name := range []string{"MessageInjected", "AttemptStarted", "Delivered", "SoftBounced", "HardBounced", "RecipientsDeleted",
		"ClockJumped", "HistoryCut", "HostDown", "DeliveryStarted", "DestinationsForgotten", "NotificationDropped"} {
		if optional[name] {
			t.Errorf("an old reader may skip %s and have a wrong queue", name)
		}
	}
	for _, name := range []string{"Sampled", "Settled", "NotesOmitted", "LogRolledOver", "AlertRaised", "AlertCleared", "DataSent", "ConnectionAccepted",
		"DeliveryConnectionOpened", "DoubtAnswered", "OperatorLoggedIn", "OperatorLoggedOut"} {
		if !optional[name] {
			t.Errorf("an old reader has to stop at %s for nothing", name)
		}
	}
}

func TestPrepareAllocatesLittle(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector empties pools at random")
	}
	e := filled(KindMessageInjected)
	if n := testing.AllocsPerRun(100, func() { Prepare(e) }); n > 2 {
		t.Errorf("Prepare allocates %.0f times", n)
	}
}
