package local

import (
	"context"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func TestDeletedFileIsClosedByItsLastUser(t *testing.T) {
	closes := &vfs.Rule{Ops: vfs.OpClose, Path: "*.log*"}
	config := logstoretest.Config()
	config.SegmentBytes = 1000
	f := newFixture(t, on(vfs.Inject(vfs.NewMemory(), closes)), 1, config)
	for range 3 {
		logAppend(t, f.log(0), logstoretest.Batch{Size: 700}.Build(t))
	}
	fetched, err := f.log(0).Read(0, logstore.ReadOptions{MaxBytes: 1 << 20, Isolation: logstore.ReadUncommitted})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.log(0).DeleteBefore(context.Background(), 2); err != nil {
		t.Fatal(err)
	}
	if err := f.log(0).Maintain(context.Background(), logstore.Retention); err != nil {
		t.Fatal(err)
	}
	before := closes.Seen()
	fetched.Records.Release()
	if got := closes.Seen(); got != before+1 {
		t.Errorf("%d files are closed after the last reader of a deleted one is done", got-before)
	}
}
