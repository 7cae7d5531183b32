package local

import (
	"sync"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// viewedLog is a log in memory that isn't durable, and what appends a small batch to it.
func viewedLog(t *testing.T) (l *log, appendOne func()) {
	t.Helper()
	s, err := Open(t.Context(), Options{Dirs: []vfs.FS{vfs.NewMemory()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(t.Context()) })
	c := logstoretest.Config()
	c.FlushMessages = 1<<63 - 1
	id := logstore.TopicID{1}
	if err := s.Create(logstore.TopicPartitions{ID: id, Topic: "t", Partitions: 1, Config: c}); err != nil {
		t.Fatal(err)
	}
	p, err := s.Partition(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	batch := testBatch(t, 1, 100)
	return p.(*log), func() {
		if _, err := p.Append(batch, logstore.AppendOptions{Now: 1}); err != nil {
			t.Error(err)
		}
	}
}

func TestAppendsMakeNoViewUnlessSomebodyLooks(t *testing.T) {
	l, appendOne := viewedLog(t)
	appendOne()
	first := l.view.load()
	for range 10 {
		appendOne()
	}
	if seen := l.view.seen.Load(); seen != first {
		t.Errorf("a view was made at %d", seen.LogEndOffset)
	}
	second := l.view.load()
	if first.LogEndOffset != 1 || second.LogEndOffset != 11 || second.HighWatermark != 11 {
		t.Errorf("views are at %d, %d and %d", first.LogEndOffset, second.LogEndOffset, second.HighWatermark)
	}
	if l.view.load() != second {
		t.Error("another view was made without a change")
	}
}

func TestWhoLooksSeesAllThatWasAppendedBefore(t *testing.T) {
	l, appendOne := viewedLog(t)
	const appends = 1000
	var acknowledged sync.Mutex // held by the appender, and by a reader that looks how far it is
	n := int64(0)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := int64(0)
			for last < appends {
				acknowledged.Lock()
				want := n
				acknowledged.Unlock()
				v := l.view.load()
				if v.LogEndOffset < max(want, last) || v.HighWatermark != v.LogEndOffset {
					t.Errorf("view is at %d and %d, behind %d and %d", v.LogEndOffset, v.HighWatermark, want, last)
					return
				}
				last = v.LogEndOffset
			}
		})
	}
	for range appends {
		appendOne()
		acknowledged.Lock()
		n++
		acknowledged.Unlock()
	}
	readers.Wait()
}
