package groups

import (
	"errors"
	"testing"
)

var p0 = Partition{Topic: "t", ID: 0}

// wrote is a ledger with three written records.
func wrote() *Ledger {
	l := NewLedger()
	for i, value := range []string{"a", "b", "c"} {
		l.Wrote(p0, int64(i), value)
	}
	return l
}

func record(offset int64, value string) Event {
	return Event{Kind: Record, Partition: p0, Offset: offset, Value: value}
}

func TestLedgerTakesEveryRecordOnce(t *testing.T) {
	l := wrote()
	l.Saw("m", record(0, "a"))
	l.Saw("m", record(1, "b"))
	if l.Unseen() != 1 {
		t.Errorf("%d unseen, want 1", l.Unseen())
	}
	l.Saw("n", record(3, "d")) // before the writer was told
	l.Saw("n", record(2, "c"))
	l.Wrote(p0, 3, "d")
	if err := l.Check(); err != nil || l.Unseen() != 0 || l.Ends()[p0] != 4 {
		t.Errorf("%v, %d unseen, end %d", err, l.Unseen(), l.Ends()[p0])
	}
}

func TestLedgerRefusesWhatMustNotBeSeen(t *testing.T) {
	for name, saw := range map[string][]Event{
		"a repeated record":       {record(0, "a"), record(0, "a")},
		"another value":           {record(0, "b")},
		"another value next time": {record(0, "a"), record(0, "b")},
		"a record out of nowhere": {record(7, "a")},
	} {
		l := wrote()
		for _, e := range saw {
			l.Saw("m", e)
		}
		if err := l.Check(); !errors.Is(err, ErrLedger) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := wrote()
	l.Wrote(p0, 5, "x")
	if err := l.Check(); !errors.Is(err, ErrLedger) {
		t.Errorf("a gap in what was written: %v", err)
	}
}

func TestLedgerForgivesOnlyWhatWasNotCommittedByTheDead(t *testing.T) {
	l := wrote()
	l.Saw("dead", record(0, "a"))
	l.Saw("dead", record(1, "b"))
	l.Saw("dead", Event{Kind: Committed, Partition: p0, Offset: 1})
	l.Forgive(p0, l.Acknowledged("dead")[p0])
	l.Saw("m", record(1, "b"))
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	l.Saw("m", record(0, "a"))
	if err := l.Check(); !errors.Is(err, ErrLedger) {
		t.Errorf("a committed record was seen again: %v", err)
	}
}

func TestLedgerAllowsRepeatsOnlyFromAnOffsetOn(t *testing.T) {
	l := wrote()
	l.Saw("m", record(0, "a"))
	l.AllowRepeats(map[Partition]int64{p0: 1})
	for range 3 {
		l.Saw("m", record(1, "b"))
	}
	if err := l.Check(); err != nil {
		t.Error(err)
	}
	l.Saw("m", record(0, "a"))
	if err := l.Check(); !errors.Is(err, ErrLedger) {
		t.Errorf("a record below the offset was seen again: %v", err)
	}
}

func TestEventsOfMembers(t *testing.T) {
	e := ParseEvent("record a.b-c/12 5 v-1")
	if e.Kind != Record || e.Partition != (Partition{"a.b-c", 12}) || e.Offset != 5 || e.Value != "v-1" {
		t.Errorf("%+v", e)
	}
	if e := ParseEvent("assigned t/0 t/1"); e.Kind != Assigned || len(e.Partitions) != 2 {
		t.Errorf("%+v", e)
	}
	if e := ParseEvent("committed t/0 9"); e.Kind != Committed || e.Offset != 9 {
		t.Errorf("%+v", e)
	}
	for _, line := range []string{"", "record", "record t/x 1 v", "record t/0 x v", "record t 0 v", "committed t/0", "hello world"} {
		if e := ParseEvent(line); e.Kind != Other {
			t.Errorf("%q: %+v", line, e)
		}
	}
}
