package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// Stages of the files that a cleaning writes.
const (
	cleanedSuffix = string(format.Cleaned)
	swapSuffix    = string(format.Swap)
)

// cleanSyncBytes is how much a cleaner writes before it syncs. On Linux all of it is on the disk by then; elsewhere the commits of
// other logs on the disk wait for as long as that takes.
const cleanSyncBytes = 8 << 20

// cleaned is a segment that is being written, in files that end in .cleaned. It has one owner.
type cleaned struct {
	*cleaning
	segment *segment
	// file is the .log file, held by the segment's handle; nil once the segment is somebody else's.
	file  vfs.File
	index indexBuilder
	// buffer is what was not written yet, from size on.
	buffer   []byte
	size     int64
	unsynced int64
	// nextOffset is behind the last batch, 0 without one.
	nextOffset int64
}

// newCleaned makes the files of a segment that takes the place of first and maybe of some that follow.
func (k *cleaning) newCleaned(first *segment) (*cleaned, error) {
	// The bytes are ours, and those they were taken from were verified: readers need not.
	s := &segment{folder: first.folder, baseOffset: first.baseOffset}
	fsys := s.folder.dir.fs
	path := s.path(logSuffix + cleanedSuffix)
	file, err := s.folder.dir.store.files.acquire(&s.data, func() (vfs.File, error) {
		// One may be there from a cleaning that was stopped.
		if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return fsys.Create(path)
	})
	if err != nil {
		return nil, k.refuse("creation of a compacted segment", err)
	}
	c := &cleaned{cleaning: k, segment: s, file: file, buffer: k.out[:0]}
	c.index = indexBuilder{segment: s, index: *s.emptyIndex()}
	return c, nil
}

// refuse turns the failure of a change into the error of the cleaning. A full disk passes: the cleaner lets go of what it
// wrote and tries again later, and appends may still find room.
func (k *cleaning) refuse(op string, err error) error {
	if errors.Is(err, logstore.ErrOffline) || vfs.IsNoSpace(err) || isEnded(err) {
		return err
	}
	return k.writer.folder.dir.fail(op, err)
}

// added notes the batch that was appended to the buffer at from, if there is one.
func (c *cleaned) added(ctx context.Context, from int) error {
	if len(c.buffer) == from {
		return nil
	}
	h := record.Batch(c.buffer[from:]).Header()
	at := c.size + int64(from)
	if at+int64(h.Size()) > math.MaxInt32 {
		return fmt.Errorf("segment at offset %d would become larger than an index can tell", c.segment.baseOffset)
	}
	c.index.add(h.LastOffset(), h.MaxTimestamp(), at, int64(h.Size()), int64(c.config.IndexIntervalBytes))
	c.nextOffset = h.NextOffset()
	if len(c.buffer) < c.pacer.pieceBytes(c.limits.bufferBytes()) {
		return nil
	}
	if err := c.throttle.wait(ctx, int64(len(c.buffer)), c.rate); err != nil {
		return err
	}
	return c.flush(ctx)
}

// flush writes the buffer, in pieces between which it may rest.
func (c *cleaned) flush(ctx context.Context) error {
	for p := c.buffer; len(p) > 0; {
		n := c.pacer.pieceBytes(len(p))
		if err := c.write(p[:n]); err != nil {
			return err
		}
		if err := c.pacer.rest(ctx, n); err != nil {
			return err
		}
		p = p[n:]
	}
	c.buffer = c.buffer[:0]
	return nil
}

// write appends a piece to the file and has it on the disk.
func (c *cleaned) write(piece []byte) error {
	if _, err := c.file.WriteAt(piece, c.size); err != nil {
		return c.refuse("write of a compacted segment", err)
	}
	c.size += int64(len(piece))
	c.unsynced += int64(len(piece))
	if c.unsynced >= cleanSyncBytes {
		return c.sync()
	}
	if err := c.file.WriteBack(); err != nil {
		return c.refuse("write of a compacted segment", err)
	}
	return nil
}

func (c *cleaned) sync() error {
	c.unsynced = 0
	if err := c.file.Sync(); err != nil {
		return c.refuse("sync of a compacted segment", err)
	}
	return nil
}

// finish writes the rest and makes all of it durable but for the names.
func (c *cleaned) finish(ctx context.Context, aborted []producer.AbortedTransaction) error {
	if err := c.flush(ctx); err != nil {
		return err
	}
	if err := c.sync(); err != nil {
		return err
	}
	s, x := c.segment, &c.index.index
	s.size = c.size
	x.addTime(s.baseOffset)
	s.aborted.pin(aborted) // The file doesn't have its name yet.
	var transactions []byte
	for _, a := range aborted {
		transactions = a.AppendTo(transactions)
	}
	for suffix, content := range map[string][]byte{
		indexSuffix: x.offsets.tail, timeIndexSuffix: x.times.tail, txnIndexSuffix: transactions,
	} {
		if err := s.folder.writeDurable(fileName(s.baseOffset, suffix+cleanedSuffix), content); err != nil {
			return c.refuse("write of the index of a compacted segment", err)
		}
	}
	// Until the files have their names, the index is in memory and the file is held open.
	final := *x
	s.index.Store(&final)
	return nil
}

// writeDurable writes a file and syncs it, or removes it if it would be an empty index of transactions. Kafka's tools want the other
// two indexes beside each other, empty or not.
func (f *folder) writeDurable(name string, content []byte) error {
	if len(content) == 0 && strings.Contains(name, txnIndexSuffix) {
		if err := f.dir.fs.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := writeFile(f.dir.fs, f.path(name), content); err != nil {
		return err
	}
	return f.syncFile(name)
}

// discard removes what was written. What can't be removed is removed by the next start.
func (c *cleaned) discard() error {
	s := c.segment
	c.keepBuffer()
	s.data.release()
	err := s.folder.dir.store.files.forget(&s.data)
	if s.folder.dir.offline() != nil {
		return err
	}
	for _, suffix := range segmentSuffixes {
		for _, stage := range []string{cleanedSuffix, swapSuffix} {
			if failed := s.folder.dir.fs.Remove(s.path(suffix + stage)); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
				err = errors.Join(err, failed)
			}
		}
	}
	return err
}

// keepBuffer gives the buffer back for the next segment.
func (c *cleaned) keepBuffer() {
	if cap(c.buffer) <= 2*c.limits.bufferBytes() {
		c.out = c.buffer[:0]
	}
	c.file = nil
}

// segmentSuffixes are those of the files of a segment; the batches last.
var segmentSuffixes = []string{indexSuffix, timeIndexSuffix, txnIndexSuffix, logSuffix}
