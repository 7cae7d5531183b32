package coordinator

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair is the record of the tests: a key gets a value, or loses it.
type pair struct {
	key, value string
	deleted    bool
}

var errStrange = errors.New("strange record")

type pairFormat struct{}

func (pairFormat) Encode(key, value []byte, r pair) (encodedKey, encodedValue []byte) {
	key = append(key, r.key...)
	if r.deleted {
		return key, nil
	}
	return key, append(value, r.value...)
}

func (pairFormat) Decode(key, value []byte) (pair, error) {
	if strings.HasPrefix(string(key), "strange") {
		return pair{}, errStrange
	}
	return pair{key: string(key), value: string(value), deleted: value == nil}, nil
}

// pairs is the machine of the tests.
type pairs struct {
	timers   *Timers[*pairs, pair]
	values   map[string]string
	pending  []pendingPair
	last     int64
	loaded   bool
	unloaded func(error)
}

var errRefusedRecord = errors.New("record that makes no sense")

func (p *pairs) Replay(offset int64, r pair) error {
	switch {
	case offset <= p.last:
		return errors.New("offset goes back")
	case r.key == "nonsense":
		return errRefusedRecord
	case r.key == "panic":
		panic("replayed")
	case r.deleted:
		delete(p.values, r.key)
	default:
		p.values[r.key] = r.value
	}
	p.last = offset
	return nil
}

func (p *pairs) Loaded() { p.loaded = true }

func (p *pairs) Unloaded(err error) {
	if p.unloaded != nil {
		p.unloaded(err)
	}
}

// testTopic is one topic of a store.
type testTopic = coordinatortest.Topic

// openTopic opens a store on a disk.
func openTopic(tb testing.TB, disk vfs.FS, partitions int32) *testTopic {
	tb.Helper()
	return coordinatortest.Open(tb, disk, "__state", partitions)
}

type testRuntime struct {
	*Runtime[*pairs, pair]
	tb       testing.TB
	mu       sync.Mutex
	unloaded []error
	machines []*pairs
}

func newTestRuntime(tb testing.TB, topic Topic) *testRuntime {
	tb.Helper()
	r := &testRuntime{tb: tb}
	r.Runtime = New(Options[*pairs, pair]{
		Topic: topic, Format: pairFormat{}, Log: slog.New(slog.DiscardHandler),
		New: func(_ int32, timers *Timers[*pairs, pair]) *pairs {
			p := &pairs{timers: timers, values: map[string]string{}, last: -1}
			p.unloaded = func(err error) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.unloaded = append(r.unloaded, err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.machines = append(r.machines, p)
			return p
		},
	})
	return r
}

func (r *testRuntime) stop() {
	r.tb.Helper()
	if err := r.Close(context.Background()); err != nil {
		r.tb.Error(err)
	}
}

// outcome is what became of a command.
type outcome struct {
	done    chan struct{}
	err     error
	refused bool
	saw     string // the value of its key when it was decided on
}

func (o *outcome) finish(err error) {
	o.err = err
	close(o.done)
}

// told reports whether there is an answer.
func (o *outcome) told() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

func (o *outcome) wait() error {
	<-o.done
	return o.err
}

// do submits a command that writes records and notes the value of its key.
func (r *testRuntime) do(key string, shared bool, records ...pair) *outcome {
	o := &outcome{done: make(chan struct{})}
	r.Submit(key, Command[*pairs, pair]{
		Key: key, Shared: shared,
		Decide: func(p *pairs) Decision[pair] {
			o.saw = p.values[key]
			return Decision[pair]{Records: records, Answer: o.finish}
		},
		Refused: func(err error) {
			o.refused = true
			o.finish(err)
		},
	})
	return o
}

func (r *testRuntime) set(key, value string) *outcome {
	return r.do(key, false, pair{key: key, value: value})
}

// get is the value of a key once all before it is durable.
func (r *testRuntime) get(key string) string {
	r.tb.Helper()
	for {
		o := r.do(key, false)
		err := o.wait()
		if err == nil {
			return o.saw
		}
		if !errors.Is(err, ErrLoading) {
			r.tb.Fatalf("get %s: %v", key, err)
		}
		time.Sleep(10 * time.Millisecond) // As clients do.
	}
}

// gate holds commits back, and makes appends fail.
type gate struct {
	logstore.Partition
	appends int
	fail    error
	held    []*heldCommit
	slow    time.Duration // of each read
}

type heldCommit struct {
	done chan struct{}
	err  error
}

func (*heldCommit) Begin()                  {}
func (h *heldCommit) Done() <-chan struct{} { return h.done }
func (h *heldCommit) Err() error            { return h.err }

func (g *gate) Append(batches []byte, o logstore.AppendOptions) (logstore.Ticket, error) {
	if g.fail != nil {
		return logstore.Ticket{}, g.fail
	}
	ticket, err := g.Partition.Append(batches, o)
	if err != nil {
		return ticket, err
	}
	g.appends++
	h := &heldCommit{done: make(chan struct{})}
	g.held = append(g.held, h)
	return logstore.Ticket{Result: ticket.Result, Commit: h}, nil
}

func (g *gate) Read(offset int64, o logstore.ReadOptions) (logstore.Fetched, error) {
	if g.slow > 0 {
		time.Sleep(g.slow)
	}
	return g.Partition.Read(offset, o)
}

// release decides the oldest commit.
func (g *gate) release(err error) {
	h := g.held[0]
	g.held = g.held[1:]
	h.err = err
	close(h.done)
	synctest.Wait()
}

// gated runs a test in a bubble, with one shard whose commits wait for the test.
func gated(t *testing.T, run func(r *testRuntime, g *gate)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		topic := openTopic(t, vfs.NewMemory(), 1)
		defer topic.Close(t)
		g := &gate{}
		topic.Wrap = func(p logstore.Partition) logstore.Partition {
			g.Partition = p
			return g
		}
		r := newTestRuntime(t, topic)
		run(r, g)
		for len(g.held) > 0 {
			g.release(nil)
		}
		r.stop()
	})
}

// appendBatch writes past the runtime.
func appendBatch(tb testing.TB, topic *testTopic, change func(*record.Builder), records ...pair) {
	tb.Helper()
	topic.Append(tb, 0, func(b *record.Builder) {
		if change != nil {
			change(b)
		}
		for _, r := range records {
			key, value := pairFormat{}.Encode(nil, nil, r)
			b.Append(1, key, value)
		}
	})
}

func wantValue(tb testing.TB, what, got, want string) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s is %q, want %q", what, got, want)
	}
}

func wantErr(tb testing.TB, o *outcome, want error) {
	tb.Helper()
	if !o.told() {
		tb.Fatalf("no answer, want %v", want)
	}
	if !errors.Is(o.err, want) {
		tb.Errorf("error %v, want %v", o.err, want)
	}
}
