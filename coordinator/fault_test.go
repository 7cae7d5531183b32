package coordinator

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// TestFailedSyncIsTold fails a sync in the middle of the work: what was acknowledged before must be there after a restart, and nothing may be
// acknowledged afterwards.
func TestFailedSyncIsTold(t *testing.T) {
	memory := vfs.NewMemory()
	disk := vfs.Inject(memory)
	topic := openTopic(t, disk, 1)
	r := newTestRuntime(t, topic)
	for i := range 10 {
		if err := r.set(fmt.Sprint(i), "kept").wait(); err != nil {
			t.Fatal(err)
		}
	}
	disk.SetRules(&vfs.Rule{Ops: vfs.OpsSync, Err: errors.New("disk is gone")})
	var failed []*outcome
	for i := range 10 {
		failed = append(failed, r.set(fmt.Sprint(i), "lost"))
	}
	for _, o := range failed {
		if o.wait() == nil {
			t.Error("acknowledged without a disk")
		}
	}
	disk.SetRules()
	if err := r.set("0", "too late").wait(); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("after a failed sync: %v", err)
	}
	r.stop()
	if err := topic.Store.Close(context.Background()); err == nil {
		t.Error("the store closed as if nothing had happened")
	}
	topic = openTopic(t, memory, 1)
	defer topic.Close(t)
	r = newTestRuntime(t, topic)
	defer r.stop()
	for i := range 10 {
		// An append that wasn't acknowledged may have come to the disk all the same.
		if got := r.get(fmt.Sprint(i)); got != "kept" && got != "lost" {
			t.Errorf("%d is %q", i, got)
		}
	}
}

func TestDeletedTopicIsTold(t *testing.T) {
	topic := openTopic(t, vfs.NewMemory(), 1)
	defer topic.Close(t)
	r := newTestRuntime(t, topic)
	defer r.stop()
	if err := r.set("a", "1").wait(); err != nil {
		t.Fatal(err)
	}
	gone := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "__state", Partitions: 1}
	if err := topic.Store.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := r.set("a", "2").wait(); !errors.Is(err, logstore.ErrUnknownPartition) {
		t.Errorf("append: %v", err)
	}
	if err := r.do("a", false).wait(); !errors.Is(err, ErrNotAvailable) {
		t.Errorf("after that: %v", err)
	}
}
