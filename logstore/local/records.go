package local

import (
	"errors"
	"io"
	"sync"

	"github.com/clatterhq/clatter/logstore"
)

// copyBufferSize is for writers that can't take bytes from a file.
const copyBufferSize = 128 << 10

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBufferSize); return &b }}

// records is a run of batches in the file of a segment, which it holds open. It has one owner.
type records struct {
	segment  *segment
	from, to int64
}

// Size implements [logstore.Records].
func (r *records) Size() int { return int(r.to - r.from) }

// WriteTo implements [logstore.Records].
func (r *records) WriteTo(w io.Writer) (int64, error) {
	file := r.segment.data.file
	if sender, ok := w.(logstore.FileSender); ok {
		if f := file.OS(); f != nil {
			return sender.SendFile(f, r.from, r.to-r.from)
		}
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	var written int64
	for at := r.from; at < r.to; {
		p := (*buffer)[:min(copyBufferSize, r.to-at)]
		if n, err := file.ReadAt(p, at); n < len(p) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return written, err
		}
		n, err := w.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
		at += int64(len(p))
	}
	return written, nil
}

// Release implements [logstore.Records].
func (r *records) Release() {
	s := r.segment
	if s == nil {
		return // a second Release would close the file under somebody else
	}
	r.segment = nil
	s.data.release()
}
