package catalog

import (
	"os"

	"golang.org/x/sys/unix"
)

// reserve gives the file its blocks up to size, without moving its end. A disk without room for
// them leaves things as they are; it may have some later.
func reserve(f *os.File, size int64) bool {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size) == nil
}
