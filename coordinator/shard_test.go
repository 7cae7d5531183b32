package coordinator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func TestShardOfIsJavas(t *testing.T) {
	for _, c := range []struct {
		key  string
		hash int32
	}{
		{"", 0},
		{"hello", 99162322},
		{"polygenelubricants", -2147483648}, // A string that is known for its hash.
		{"\U0001F426", 31*0xD83D + 0xDC26},  // Two units of UTF-16.
		{"groß", ((('g'*31)+'r')*31+'o')*31 + 'ß'},
	} {
		if got := javaHash(c.key); got != c.hash {
			t.Errorf("hash of %q is %d, want %d", c.key, got, c.hash)
		}
	}
	for n := range 12 { // A rune in all places between others.
		s := strings.Repeat("a", n) + "ß-\U0001F426" + strings.Repeat("z~0\x7f", 3)[n:]
		var want int32
		for _, unit := range utf16.Encode([]rune(s)) {
			want = 31*want + int32(unit)
		}
		if got := javaHash(s); got != want {
			t.Errorf("hash of %q is %d, want %d", s, got, want)
		}
	}
	if got := ShardOf("polygenelubricants", 50); got != 0 {
		t.Errorf("the smallest hash is in shard %d, want 0", got)
	}
	if got := ShardOf("hello", 50); got != 22 {
		t.Errorf("shard %d, want 22", got)
	}
	for i := range 1000 {
		if got := ShardOf(fmt.Sprint("group-", i), 7); got < 0 || got > 6 {
			t.Fatalf("shard %d of 7", got)
		}
	}
}

func TestAnswerWaitsForDurability(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		o := r.set("a", "1")
		synctest.Wait()
		if o.told() || g.appends != 1 {
			t.Fatalf("told %v after %d appends", o.told(), g.appends)
		}
		g.release(nil)
		wantErr(t, o, nil)
		wantValue(t, "a", r.get("a"), "1")
	})
}

func TestCommandsShareAppendsWhileACommitIsUnderWay(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		first := r.set("a", "1")
		synctest.Wait()
		var others []*outcome
		for i := range 20 {
			others = append(others, r.set(fmt.Sprint("b", i), "1"))
			synctest.Wait()
		}
		if g.appends != 1 {
			t.Errorf("%d appends before the first commit is done, want 1", g.appends)
		}
		g.release(nil)
		wantErr(t, first, nil)
		if g.appends != 2 {
			t.Errorf("%d appends, want 2", g.appends)
		}
		g.release(nil)
		for _, o := range others {
			wantErr(t, o, nil)
		}
	})
}

func TestDependentCommandSeesWhatCameBefore(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.set("a", "1")
		r.set("b", "1")
		synctest.Wait()
		second := r.set("b", "2") // Its batch is open, or under way.
		third := r.set("b", "3")
		read := r.do("b", false)
		all := &outcome{done: make(chan struct{})}
		r.SubmitTo(0, Command[*pairs, pair]{Decide: func(p *pairs) Decision[pair] {
			all.saw = fmt.Sprint(p.values)
			return Decision[pair]{Answer: all.finish}
		}})
		synctest.Wait()
		wantValue(t, "b before the second", second.saw, "1")
		wantValue(t, "b before the third", third.saw, "2")
		wantValue(t, "b after the third", read.saw, "3")
		wantValue(t, "everything", all.saw, "map[a:1 b:3]")
		for len(g.held) > 0 {
			if read.told() || all.told() {
				t.Error("told before it is durable")
			}
			g.release(nil)
		}
		wantErr(t, read, nil)
		wantErr(t, all, nil)
	})
}

func TestSharedCommandsDoNotWaitForEachOther(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.do("a", true, pair{key: "a", value: "1"})
		synctest.Wait()
		for i := range 10 {
			r.do("a", true, pair{key: "a", value: fmt.Sprint(i)})
		}
		beat := r.do("a", true)
		synctest.Wait()
		if g.appends != 1 {
			t.Errorf("%d appends, want 1", g.appends)
		}
		wantErr(t, beat, nil)
		g.release(nil)
		if g.appends != 2 {
			t.Errorf("%d appends, want 2", g.appends)
		}
		g.release(nil)
		wantValue(t, "a", r.get("a"), "9")
	})
}

func TestIndependentReadIsAnsweredAtOnce(t *testing.T) {
	gated(t, func(r *testRuntime, _ *gate) {
		t := r.tb
		r.set("a", "1")
		synctest.Wait()
		other := r.do("b", false)
		same := r.do("a", false)
		synctest.Wait()
		wantErr(t, other, nil)
		if same.told() {
			t.Error("told of what isn't durable")
		}
	})
}

func TestFullDiskLeavesTheState(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.set("a", "1")
		synctest.Wait()
		g.release(nil)
		g.fail = logstore.ErrDiskFull
		o := r.set("a", "2")
		synctest.Wait()
		wantErr(t, o, logstore.ErrDiskFull)
		wantValue(t, "a", r.get("a"), "1")
		g.fail = nil
		o = r.set("a", "3")
		synctest.Wait()
		g.release(nil)
		wantErr(t, o, nil)
		wantValue(t, "a", r.get("a"), "3")
		if len(r.machines) != 1 {
			t.Errorf("loaded %d times", len(r.machines))
		}
	})
}

func TestFailedCommitEndsTheState(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		broken := errors.New("disk is gone")
		first, open := r.set("a", "1"), r.set("b", "1")
		synctest.Wait()
		dependent := r.do("a", false)
		synctest.Wait()
		g.release(broken)
		for _, o := range []*outcome{first, open, dependent} {
			wantErr(t, o, broken)
		}
		if len(r.unloaded) != 1 || !errors.Is(r.unloaded[0], broken) {
			t.Errorf("unloaded: %v", r.unloaded)
		}
		g.held = nil
		r.get("a")
		if len(r.machines) != 2 {
			t.Errorf("loaded %d times, want 2", len(r.machines))
		}
	})
}

func TestRecordsOfAnySizeAreWritten(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	large := string(make([]byte, 3<<20))
	var all []*outcome
	for i := range 6 {
		all = append(all, r.set(fmt.Sprint(i), large))
	}
	for _, o := range all {
		if err := o.wait(); err != nil {
			t.Error(err)
		}
	}
	r.stop()
	r = newTestRuntime(t, topic)
	defer r.stop()
	wantValue(t, "length", fmt.Sprint(len(r.get("5"))), fmt.Sprint(len(large)))
}

func TestTimersFireOnceInOrder(t *testing.T) {
	gated(t, func(r *testRuntime, _ *gate) {
		t := r.tb
		began := time.Now()
		var fired []string
		timers := map[string]*Timer[*pairs, pair]{}
		in := func(fn func(p *pairs)) {
			r.Submit("a", Command[*pairs, pair]{Key: "a", Decide: func(p *pairs) Decision[pair] {
				fn(p)
				return Decision[pair]{}
			}})
			synctest.Wait()
		}
		in(func(p *pairs) {
			for name, delay := range map[string]time.Duration{"late": 3 * time.Second, "early": time.Second, "stopped": 2 * time.Second, "moved": time.Second} {
				timers[name] = p.timers.New(Command[*pairs, pair]{Key: name, Decide: func(*pairs) Decision[pair] {
					fired = append(fired, fmt.Sprint(name, " ", time.Since(began)))
					return Decision[pair]{}
				}})
				timers[name].Set(delay)
			}
		})
		time.Sleep(500 * time.Millisecond)
		in(func(*pairs) {
			timers["stopped"].Stop()
			timers["moved"].Set(5 * time.Second)
			if timers["stopped"].Pending() || !timers["moved"].Pending() {
				t.Error("pending is wrong")
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		wantValue(t, "fired", fmt.Sprint(fired), "[early 1s late 3s moved 5.5s]")
	})
}

// TestTimerThatFiresWhileACallerWorksIsNotLost has a timer fire while the shard belongs to a caller, which gives it up behind that.
func TestTimerThatFiresWhileACallerWorksIsNotLost(t *testing.T) {
	gated(t, func(r *testRuntime, _ *gate) {
		t := r.tb
		wantValue(t, "a", r.get("a"), "") // Only a shard that is loaded belongs to callers.
		synctest.Wait()
		do := func(fn func(p *pairs)) {
			r.Do("a", Command[*pairs, pair]{Key: "a", Decide: func(p *pairs) Decision[pair] {
				fn(p)
				return Decision[pair]{}
			}})
		}
		fired := false
		do(func(p *pairs) {
			p.timers.New(Command[*pairs, pair]{Key: "a", Decide: func(*pairs) Decision[pair] {
				fired = true
				return Decision[pair]{}
			}}).Set(time.Second)
		})
		do(func(*pairs) {
			time.Sleep(2 * time.Second)
			if fired {
				t.Error("the caller doesn't have the shard: nothing was tested")
			}
		})
		synctest.Wait()
		if !fired {
			t.Error("the timer has not fired")
		}
	})
}

// TestTimersFireWhileCommandsKeepComing has a shard that never runs out of work, as one under a heavy load.
func TestTimersFireWhileCommandsKeepComing(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	defer r.stop()
	fired, late := make(chan struct{}), time.Now().Add(20*time.Second)
	begun := false
	var busy Command[*pairs, pair]
	busy = Command[*pairs, pair]{Key: "a", Decide: func(p *pairs) Decision[pair] {
		if !begun {
			begun = true
			p.timers.New(Command[*pairs, pair]{Key: "a", Decide: func(*pairs) Decision[pair] {
				close(fired)
				return Decision[pair]{}
			}}).Set(time.Millisecond)
		}
		select {
		case <-fired:
		default:
			if time.Now().Before(late) {
				r.Submit("a", busy)
			}
		}
		return Decision[pair]{}
	}, Refused: func(err error) { t.Error(err) }}
	r.Submit("a", busy)
	select {
	case <-fired:
	case <-time.After(time.Until(late)):
		t.Error("the timer has not fired")
	}
}

func TestTimerDecidesLikeACommand(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.Submit("a", Command[*pairs, pair]{Key: "a", Decide: func(p *pairs) Decision[pair] {
			p.timers.New(Command[*pairs, pair]{Key: "a", Decide: func(*pairs) Decision[pair] {
				return Decision[pair]{Records: []pair{{key: "a", value: "expired"}}}
			}}).Set(time.Second)
			return Decision[pair]{}
		}})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		g.release(nil)
		wantValue(t, "a", r.get("a"), "expired")
	})
}

func TestIdleShardHasNoGoroutine(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.set("a", "1")
		synctest.Wait()
		g.release(nil)
		s := (*r.shards.Load())[0]
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mu.running {
			t.Error("it runs without work")
		}
	})
}

func TestPanicCostsTheStateOnly(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		r.set("a", "1")
		synctest.Wait()
		g.release(nil)
		pending := r.set("b", "1")
		synctest.Wait()
		o := &outcome{done: make(chan struct{})}
		r.Submit("c", Command[*pairs, pair]{Key: "c", Refused: o.finish, Decide: func(*pairs) Decision[pair] { panic("bug") }})
		behind := r.set("d", "1")
		synctest.Wait()
		wantErr(t, o, ErrFailed)
		wantErr(t, pending, ErrLost)
		if !behind.told() {
			g.held = g.held[1:]
			g.release(nil)
		}
		g.held = nil
		wantValue(t, "a", r.get("a"), "1")
	})
}

// breakDuringSync has the machine break down while a=2 is on its way to the disk, which answers when it is released.
func (r *testRuntime) breakDuringSync(disk *vfs.Injected, answer error) (release func()) {
	r.tb.Helper()
	reached, released := make(chan struct{}, 10), make(chan struct{})
	disk.SetRules(&vfs.Rule{Ops: vfs.OpSync, Before: func(vfs.Call) error {
		reached <- struct{}{}
		<-released
		return answer
	}})
	pending := r.set("a", "2")
	<-reached
	o := &outcome{done: make(chan struct{})}
	r.Submit("c", Command[*pairs, pair]{Key: "c", Refused: o.finish, Decide: func(*pairs) Decision[pair] { panic("bug") }})
	if broke, lost := o.wait(), pending.wait(); !errors.Is(broke, ErrFailed) || !errors.Is(lost, ErrLost) {
		r.tb.Errorf("%v and %v", broke, lost)
	}
	return func() { close(released) }
}

// What was appended when the state was lost may be in the log for good: nobody may decide without it.
func TestStateAfterAPanicHasWhatWasAppendedBefore(t *testing.T) {
	disk := vfs.Inject(vfs.NewMemory())
	topic := openTopic(t, disk, 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	defer r.stop()
	if err := r.set("a", "1").wait(); err != nil {
		t.Fatal(err)
	}
	release := r.breakDuringSync(disk, nil)
	early := r.do("a", false)
	if err := early.wait(); !errors.Is(err, ErrLoading) {
		t.Errorf("while a record is on its way, the value is %q (%v)", early.saw, err)
	}
	release()
	wantValue(t, "a", r.get("a"), "2")
	if n := len(r.machines); n != 2 {
		t.Errorf("loaded %d times", n)
	}
}

// A disk that fails takes back what was appended.
func TestStateAfterAPanicHasNothingThatWasTakenBack(t *testing.T) {
	disk := vfs.Inject(vfs.NewMemory())
	topic := openTopic(t, disk, 1)
	defer func() { _ = topic.Store.Close(t.Context()) }() // with the error of the disk
	r := newTestRuntime(t, topic)
	defer r.stop()
	if err := r.set("a", "1").wait(); err != nil {
		t.Fatal(err)
	}
	release := r.breakDuringSync(disk, errors.New("broken"))
	waiting := r.do("a", false)
	release()
	if err := waiting.wait(); !errors.Is(err, ErrNotAvailable) && !errors.Is(err, ErrLoading) {
		t.Errorf("the value is %q (%v)", waiting.saw, err)
	}
}

func TestRecordThatMakesNoSenseCostsTheStateOnly(t *testing.T) {
	for _, key := range []string{"nonsense", "panic"} {
		gated(t, func(r *testRuntime, g *gate) {
			t := r.tb
			o := r.set(key, "1")
			synctest.Wait()
			wantErr(t, o, ErrFailed)
			g.held = nil
			again := r.do("a", false)
			synctest.Wait()
			if !again.told() {
				t.Error("the next command hangs")
			}
		})
	}
}

func TestCloseFinishesWhatWasDecided(t *testing.T) {
	gated(t, func(r *testRuntime, g *gate) {
		t := r.tb
		first := r.set("a", "1")
		synctest.Wait()
		second := r.set("b", "1")
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- r.Close(context.Background()) }()
		synctest.Wait()
		late := r.set("c", "1")
		wantErr(t, late, ErrClosed)
		g.release(nil)
		wantErr(t, first, nil)
		g.release(nil)
		wantErr(t, second, nil)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if len(r.unloaded) != 1 || !errors.Is(r.unloaded[0], ErrClosed) {
			t.Errorf("unloaded: %v", r.unloaded)
		}
	})
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	gated(t, func(r *testRuntime, _ *gate) {
		t := r.tb
		r.set("a", "1")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTopicThatDoesNotExistYet(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 3)
	defer topic.Close(t)
	topic.Count = 0
	r := newTestRuntime(t, topic)
	defer r.stop()
	r.Load()
	wantErr(t, r.set("a", "1"), ErrNotAvailable)
	if _, err := r.Shards(); !errors.Is(err, ErrNotAvailable) {
		t.Errorf("error %v", err)
	}
	topic.Count = 3
	if err := r.set("a", "1").wait(); err != nil {
		t.Error(err)
	}
	if n, err := r.Shards(); n != 3 || err != nil {
		t.Errorf("%d shards, %v", n, err)
	}
	for _, shard := range []int32{-1, 3} {
		o := &outcome{done: make(chan struct{})}
		r.SubmitTo(shard, Command[*pairs, pair]{Refused: o.finish})
		wantErr(t, o, ErrNotAvailable)
	}
}

func TestCallersWorkWhereNobodyDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := openTopic(t, vfs.NewMemory(), 1)
		defer topic.Close(t)
		r := newTestRuntime(t, topic)
		r.set("key", "loaded").wait()
		synctest.Wait()
		told := ""
		do := func(what string, records ...pair) {
			r.Do("key", Command[*pairs, pair]{
				Key: "key",
				Decide: func(p *pairs) Decision[pair] {
					return Decision[pair]{Records: records, Answer: func(err error) {
						if err != nil {
							what += " " + err.Error()
						}
						told += what + " " + p.values["key"] + "; "
					}}
				},
				Refused: func(err error) { told += what + " " + err.Error() + "; " },
			})
		}
		do("look")
		wantValue(t, "told at once", told, "look loaded; ")
		do("write", pair{key: "key", value: "written"})
		synctest.Wait()
		wantValue(t, "told when it is durable", told, "look loaded; write written; ")
		r.stop()
		do("closed")
		wantValue(t, "told", told, "look loaded; write written; closed coordinator is closed; ")
	})
}
