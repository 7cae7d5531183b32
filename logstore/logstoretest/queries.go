package logstoretest

import (
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

func nowMs() int64 { return time.Now().UnixMilli() }

// woken reports whether the waiter was woken.
func woken(w *logstore.Waiter) bool {
	select {
	case <-w.C():
		return true
	default:
		return false
	}
}

func testWaitersAreWoken(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	p := o.partition(0)
	w, forgotten := logstore.NewWaiter(), logstore.NewWaiter()
	p.Watch(w)
	p.Watch(forgotten)
	p.Unwatch(forgotten)
	if woken(w) {
		t.Error("woken by nothing")
	}
	ticket, err := p.Append(Batch{}.Build(t), logstore.AppendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	<-w.C()
	if _, err := ticket.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o := p.Offsets(); o.HighWatermark != 1 {
		t.Errorf("woken before the watermark moved: %+v", o)
	}
	appendBatch(t, p, Batch{}.Build(t))
	if woken(w) || woken(forgotten) {
		t.Error("woken without watching")
	}
	p.Watch(w)
	if ticket, err = p.Append(Batch{}.Build(t), logstore.AppendOptions{DeferWake: true}); err != nil {
		t.Fatal(err)
	}
	if ticket.Wake != nil {
		ticket.Wake()
	}
	<-w.C()
	if ticket, err = p.Append(Batch{}.Build(t), logstore.AppendOptions{DeferWake: true}); err != nil || ticket.Wake != nil {
		t.Errorf("somebody is to be woken though nobody waits: %v", err)
	}
	p.Watch(w)
	if _, err := p.DeleteBefore(t.Context(), 1); err != nil || !woken(w) {
		t.Errorf("the log start moved and nobody was woken: %v", err)
	}
	p.Watch(w)
	if err := o.store.Delete(t.Context(), o.topic); err != nil || !woken(w) {
		t.Errorf("the partition ended and nobody was woken: %v", err)
	}
}

func testOffsetForTime(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes, config.IndexIntervalBytes = 2000, 300
	p := open(t, b, config).partition(0)
	if _, ok, err := p.OffsetForTime(0, logstore.ReadUncommitted); ok || err != nil {
		t.Errorf("empty log: %v, %v", ok, err)
	}
	codecs := []record.Codec{record.None, record.Gzip, record.Snappy, record.LZ4, record.Zstd}
	var timestamps []int64 // by offset
	for i := range 60 {
		// Mostly rising, with some steps back.
		at := int64(1000 + 10*i)
		if i%7 == 3 {
			at -= 35
		}
		appendBatch(t, p, Batch{Records: 3, Size: 20, Timestamp: at, Codec: codecs[i%len(codecs)], Tag: i}.Build(t))
		timestamps = append(timestamps, at, at+1, at+2)
	}
	check := func(start int64) {
		t.Helper()
		for target := int64(990); target < 1620; target++ {
			want := -1
			for offset := start; offset < int64(len(timestamps)); offset++ {
				if timestamps[offset] >= target {
					want = int(offset)
					break
				}
			}
			at, ok, err := p.OffsetForTime(target, logstore.ReadUncommitted)
			if err != nil || ok != (want >= 0) {
				t.Fatalf("timestamp %d: %+v, %v, %v; want offset %d", target, at, ok, err, want)
			}
			if ok && (at.Offset != int64(want) || at.Timestamp != timestamps[want] || at.LeaderEpoch != 0) {
				t.Fatalf("timestamp %d: %+v, want offset %d", target, at, want)
			}
		}
	}
	check(0)
	if _, err := p.DeleteBefore(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	check(40)
}

func testMaxTimestamp(t *testing.T, b Backend) {
	t.Helper()
	config := Config()
	config.SegmentBytes, config.IndexIntervalBytes = 1000, 300
	o := open(t, b, config)
	p := o.partition(0)
	if _, ok, err := p.MaxTimestamp(); ok || err != nil {
		t.Errorf("empty log: %v, %v", ok, err)
	}
	for _, c := range []struct {
		timestamp, wantOffset, wantTimestamp int64
	}{{100, 1, 101}, {50, 1, 101}, {100, 1, 101}, {300, 7, 301}, {200, 7, 301}, {299, 7, 301}, {300, 7, 301}, {301, 15, 302}} {
		appendBatch(t, p, Batch{Records: 2, Size: 100, Timestamp: c.timestamp, Codec: record.LZ4}.Build(t))
		at, ok, err := p.MaxTimestamp()
		if err != nil || !ok || at.Offset != c.wantOffset || at.Timestamp != c.wantTimestamp {
			t.Errorf("after %d: %+v, %v, %v; want offset %d", c.timestamp, at, ok, err, c.wantOffset)
		}
	}
	o.reopen(b)
	if at, ok, err := o.partition(0).MaxTimestamp(); err != nil || !ok || at.Offset != 15 || at.Timestamp != 302 {
		t.Errorf("after a restart: %+v, %v, %v", at, ok, err)
	}
}

func testEpochEnd(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	if epoch, end := o.partition(0).EpochEnd(0); epoch != 0 || end != 0 {
		t.Errorf("empty log: %d, %d", epoch, end)
	}
	for range 3 {
		appendBatch(t, o.partition(0), Batch{}.Build(t))
	}
	o.reopen(b)
	p := o.partition(0)
	for range 2 {
		appendBatch(t, p, Batch{}.Build(t))
	}
	current := p.Offsets().LeaderEpoch
	for _, c := range []struct {
		epoch, wantEpoch int32
		wantEnd          int64
	}{{-1, -1, -1}, {0, 0, 3}, {current, current, 5}, {current + 1, -1, -1}} {
		if current == 0 && c.epoch == 0 {
			c.wantEnd = 5 // a store that keeps the epoch across restarts
		}
		if epoch, end := p.EpochEnd(c.epoch); epoch != c.wantEpoch || end != c.wantEnd {
			t.Errorf("epoch %d: %d, %d, want %d, %d", c.epoch, epoch, end, c.wantEpoch, c.wantEnd)
		}
	}
}

func testLeaderEpochNeverFalls(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	last := int32(0)
	for i := range 5 {
		p := o.partition(0)
		if i%2 == 0 {
			r := appendBatch(t, p, Batch{}.Build(t))
			if r.LeaderEpoch != p.Offsets().LeaderEpoch {
				t.Errorf("appended at epoch %d, offsets say %d", r.LeaderEpoch, p.Offsets().LeaderEpoch)
			}
		}
		if epoch := p.Offsets().LeaderEpoch; epoch < last {
			t.Errorf("epoch %d after %d", epoch, last)
		} else {
			last = epoch
		}
		o.reopen(b)
	}
	epochs := []int32{}
	for _, batch := range readAll(t, o.partition(0), 0, 1<<20) {
		epochs = append(epochs, batch.PartitionLeaderEpoch())
	}
	for i := 1; i < len(epochs); i++ {
		if epochs[i] < epochs[i-1] {
			t.Errorf("epochs in the log: %v", epochs)
		}
	}
}
