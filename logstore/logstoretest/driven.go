package logstoretest

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

// driven is a store that is driven by random steps, beside the models of its partitions.
type driven struct {
	*opened
	backend Backend
	random  *rand.Rand
	pending []pendingAppend
}

// pendingAppend is an append that isn't known to be durable. durable is told when it is; it isn't if there is no promise of that.
type pendingAppend struct {
	ticket  logstore.Ticket
	durable func()
}

func drive(t *testing.T, b Backend, config *logstore.Config) driven {
	t.Helper()
	return driven{backend: b, random: rand.New(rand.NewPCG(Seed(t), 1)), opened: open(t, b, config)}
}

// settle waits for all appends, or takes note of those that are decided.
func (d *driven) settle(wait bool) {
	d.t.Helper()
	kept := d.pending[:0]
	for _, x := range d.pending {
		if x.ticket.Commit != nil && !wait {
			select {
			case <-x.ticket.Commit.Done():
			default:
				kept = append(kept, x)
				continue
			}
		}
		if _, err := x.ticket.Wait(context.Background()); err != nil {
			d.t.Fatalf("commit: %v", err)
		}
		if x.ticket.Commit != nil {
			x.durable()
		}
	}
	d.pending = kept
}

// cut cuts the power and opens what is left. Deletions and acknowledgements that happen meanwhile may survive too, so there must be none.
func (d *driven) cut() {
	d.t.Helper()
	after := d.backend.Crash(d.random)
	old := d.store
	d.backend, d.pending = after, nil
	d.store = after.Open(d.t)
	if err := old.Close(context.Background()); err != nil {
		d.t.Fatalf("close of the store before the crash: %v", err)
	}
	if err := d.store.Create(d.topic); err != nil {
		d.t.Fatal(err)
	}
}

// step is one kind of step, and how often it is chosen.
type step struct {
	weight int
	do     func()
}

// steps does n random steps.
func (d *driven) steps(n int, choices ...step) {
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	for range n {
		at := d.random.IntN(total)
		for _, c := range choices {
			if at -= c.weight; at < 0 {
				c.do()
				break
			}
		}
	}
}
