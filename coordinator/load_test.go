package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

func TestStateSurvivesARestart(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 4)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	var all []*outcome
	for i := range 500 {
		key := fmt.Sprint(i)
		all = append(all, r.set(key, "old"), r.set(key, "v"+key))
		if i%5 == 0 {
			all = append(all, r.do(key, false, pair{key: key, deleted: true}))
		}
	}
	for _, o := range all {
		if err := o.wait(); err != nil {
			t.Fatal(err)
		}
	}
	r.stop()
	r = newTestRuntime(t, topic)
	defer r.stop()
	r.Load()
	for i := range 500 {
		want := fmt.Sprint("v", i)
		if i%5 == 0 {
			want = ""
		}
		wantValue(t, fmt.Sprint(i), r.get(fmt.Sprint(i)), want)
	}
	if r.Skipped() != 0 {
		t.Errorf("%d records skipped", r.Skipped())
	}
}

func TestLoadingSkipsWhatItDoesNotUnderstand(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	appendBatch(t, topic, nil, pair{key: "a", value: "1"}, pair{key: "strange"}, pair{key: "nonsense"}, pair{key: "b", value: "1"})
	appendBatch(t, topic, func(b *record.Builder) { b.Codec = record.Zstd }, pair{key: "c", value: "1"})
	r := newTestRuntime(t, topic)
	defer r.stop()
	wantValue(t, "a", r.get("a"), "1")
	wantValue(t, "b", r.get("b"), "1")
	wantValue(t, "c", r.get("c"), "1")
	if r.Skipped() != 2 {
		t.Errorf("%d skipped, want 2", r.Skipped())
	}
}

func TestLoadingSkipsDamagedBatches(t *testing.T) {
	good := record.NewBuilder()
	good.Append(1, []byte("a"), []byte("1"))
	first, err := good.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	good.BaseOffset = 1
	good.Append(1, []byte("a"), []byte("2"))
	second, err := good.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	second[len(second)-1] ^= 1
	good.BaseOffset, good.Transactional, good.ProducerID, good.ProducerEpoch, good.BaseSequence = 2, true, 1, 0, 0
	good.Append(1, []byte("a"), []byte("from a transaction"))
	third, err := good.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newTestRuntime(t, &testTopic{})
	m := &pairs{values: map[string]string{}, last: -1}
	l := loader[*pairs, pair]{shard: newShard(r.Runtime, 0), machine: m}
	if err := l.replayAll(slices.Concat(first, second, third)); err != nil {
		t.Fatal(err)
	}
	if m.values["a"] != "1" || len(m.pending) != 1 || l.skipped != 1 || l.at != 1 || l.offset != 3 {
		t.Errorf("a=%s, %d skipped from %d on, next offset %d", m.values["a"], l.skipped, l.at, l.offset)
	}
	if err := l.replayAll(first[:30]); err == nil {
		t.Error("half a batch is loaded")
	}
	if err := l.replayAll(first); !errors.Is(err, record.ErrCorrupt) {
		t.Errorf("going back: %v", err)
	}
}

func TestLoadingBeginsAtTheLogStart(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	appendBatch(t, topic, nil, pair{key: "a", value: "1"}, pair{key: "b", value: "1"}, pair{key: "c", value: "1"})
	p, err := topic.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DeleteBefore(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	r := newTestRuntime(t, topic)
	defer r.stop()
	wantValue(t, "b", r.get("b"), "")
	wantValue(t, "c", r.get("c"), "1")
}

func TestLongLoadingRefusesCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := openTopic(t, vfs.NewMemory(), 1)
		defer topic.Close(t)
		large := string(make([]byte, loadReadBytes))
		for i := range 10 {
			appendBatch(t, topic, nil, pair{key: fmt.Sprint(i), value: large})
		}
		topic.Wrap = func(p logstore.Partition) logstore.Partition {
			return &gate{Partition: p, slow: 20 * time.Millisecond}
		}
		r := newTestRuntime(t, topic)
		defer r.stop()
		first := r.do("a", false)
		time.Sleep(30 * time.Millisecond)
		if first.told() {
			t.Errorf("refused too early: %v", first.err)
		}
		time.Sleep(60 * time.Millisecond)
		wantErr(t, first, ErrLoading)
		second := r.do("a", false)
		wantErr(t, second, ErrLoading)
		time.Sleep(time.Second)
		wantValue(t, "length", fmt.Sprint(len(r.get("9"))), fmt.Sprint(loadReadBytes))
		if !r.machines[0].loaded || len(r.machines) != 1 {
			t.Errorf("%d machines", len(r.machines))
		}
	})
}

func TestShortLoadingIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		topic := openTopic(t, vfs.NewMemory(), 1)
		defer topic.Close(t)
		appendBatch(t, topic, nil, pair{key: "a", value: "1"})
		topic.Wrap = func(p logstore.Partition) logstore.Partition {
			return &gate{Partition: p, slow: 20 * time.Millisecond}
		}
		r := newTestRuntime(t, topic)
		defer r.stop()
		wantValue(t, "a", r.get("a"), "1")
	})
}

func TestLoadingThatFailsIsTriedAgain(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	broken := &failingReads{err: logstore.ErrOffline}
	topic.Wrap = func(p logstore.Partition) logstore.Partition {
		broken.Partition = p
		return broken
	}
	appendBatch(t, topic, nil, pair{key: "a", value: "1"})
	r := newTestRuntime(t, topic)
	defer r.stop()
	o := r.do("a", false)
	if err := o.wait(); !errors.Is(err, ErrNotAvailable) || !errors.Is(err, logstore.ErrOffline) || !o.refused {
		t.Errorf("error %v", err)
	}
	topic.Wrap = nil
	wantValue(t, "a", r.get("a"), "1")
}

type failingReads struct {
	logstore.Partition
	err error
}

func (f *failingReads) Read(int64, logstore.ReadOptions) (logstore.Fetched, error) {
	return logstore.Fetched{}, f.err
}

func TestPanicWhileLoadingIsAnswered(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	appendBatch(t, topic, nil, pair{key: "panic"})
	r := newTestRuntime(t, topic)
	defer r.stop()
	for range 2 {
		if err := r.do("a", false).wait(); !errors.Is(err, ErrFailed) {
			t.Errorf("error %v", err)
		}
	}
}
