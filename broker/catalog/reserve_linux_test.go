package catalog

import (
	"fmt"
	"syscall"
	"testing"
)

// TestDeletionFindsItsRoomReserved grows a catalog and looks for the blocks that a deletion will write to: on a full
// disk there are no others.
//
// Negative control: without the call of reserveRoom the file is sparse and has fewer.
func TestDeletionFindsItsRoomReserved(t *testing.T) {
	s, path := newBolt(t)
	for i := range 20 {
		var writes []write
		for j := range 100 * i {
			writes = append(writes, write{bucket: bucketTopics, key: fmt.Appendf(nil, "%d-%d", i, j), value: make([]byte, 100)})
		}
		if err := s.commit(writes); err != nil {
			t.Fatal(err)
		}
		var stat syscall.Stat_t
		if err := syscall.Stat(path, &stat); err != nil {
			t.Fatal(err)
		}
		if got, want := stat.Blocks*512, s.used()+reservedBytes; got < want {
			t.Fatalf("commit %d: %d bytes on disk, want %d", i, got, want)
		}
	}
}
