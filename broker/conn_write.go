package broker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

const (
	// outClass is the size class of the buffer in which small answers gather.
	outClass = 2
	// flushAt is how many bytes of answers gather at most before they are sent.
	flushAt = 16 << 10
	// deferBelow is how many bytes of answers may wait for the one to a request that has arrived in part: a dozen.
	deferBelow = 1 << 10
	// copyBelow is the size below which records are copied next to the answers around them. A
	// sendfile of its own costs more than that.
	copyBelow = 16 << 10
	// writeTime is how long a peer may take to accept minFrameRate bytes per second of it.
	writeTime = 30 * time.Second
)

// outbox is the writing half of a connection. Answers gather in a pooled buffer until flush, so
// that those to pipelined requests share a system call; records go from their file to the socket
// without passing through this process.
//
// It is the writer that a fetch response and its records are given: an io.Writer and a
// logstore.FileSender.
//
// Owned by whoever writes: the drainer while there is one, else the connection's reader.
type outbox struct {
	c    *conn
	send func(fd uintptr) bool // trySend, bound once

	buf *buffer // nil while nothing has gathered
	b   []byte  // what has gathered, in buf or, if that was too small, elsewhere
	// frameLeft is how much of the fetch response at hand isn't gathered or sent yet: more will follow at once.
	frameLeft int64

	job transfer
}

// transfer is one run of bytes on its way to the socket, from memory or from a file.
type transfer struct {
	p      []byte
	file   *os.File
	offset int64 // in file
	left   int64 // of file
	more   bool  // other bytes follow at once: the system may join them

	sent    int64
	err     error
	waiting bool // the socket took no more at some time; there is a deadline
	blocked bool // result of trySend: it takes no more at this moment
}

func (o *outbox) init(c *conn) {
	o.c = c
	if c.raw != nil {
		o.send = o.trySend
	}
}

// empty says whether nothing waits for a flush.
func (o *outbox) empty() bool { return o.gathered() == 0 }

// gathered is how many bytes wait for a flush.
func (o *outbox) gathered() int { return len(o.b) }

// gather makes sure that there is a buffer.
func (o *outbox) gather() {
	if o.buf == nil {
		o.buf = getBuffer(outClass)
		o.b = o.buf.b[:0]
	}
}

// message adds an answer, and sends what has gathered if it is enough.
func (o *outbox) message(correlationID int32, resp kmsg.Response) error {
	o.gather()
	o.b = wire.AppendResponse(o.b, correlationID, resp)
	if len(o.b) < flushAt {
		return nil
	}
	return o.flush()
}

// fetch adds a fetch response and gives its records back, whatever happens.
func (o *outbox) fetch(correlationID int32, resp *wire.FetchResponse) error {
	scratch := getBuffer(outClass)
	defer scratch.release()
	frame, err := resp.Encode(scratch.b[:0], correlationID)
	if err != nil {
		resp.Release()
		return fmt.Errorf("%w: encode fetch response: %w", errLater, err)
	}
	defer frame.Release()
	o.frameLeft = frame.Size
	_, err = frame.WriteTo(o)
	return err
}

// Write adds a piece of a fetch response. Small ones gather, large ones are sent from where they are.
func (o *outbox) Write(p []byte) (int, error) {
	o.frameLeft -= int64(len(p))
	if len(p) <= copyBelow {
		o.gather()
		o.b = append(o.b, p...)
		if len(o.b) < flushAt {
			return len(p), nil
		}
		return len(p), o.flushMore(o.frameLeft > 0)
	}
	if err := o.flushMore(true); err != nil {
		return 0, err
	}
	err := o.transmit(transfer{p: p, more: o.frameLeft > 0})
	return int(o.job.sent), err
}

// SendFile adds n bytes of a file, from offset on: as logstore.FileSender.
func (o *outbox) SendFile(f *os.File, offset, n int64) (int64, error) {
	o.frameLeft -= n
	if n <= copyBelow {
		return o.copyFile(f, offset, n)
	}
	if err := o.flushMore(true); err != nil {
		return 0, err
	}
	if o.c.raw != nil && canSendFile {
		err := o.transmit(transfer{file: f, offset: offset, left: n})
		return o.job.sent, err
	}
	return o.pumpFile(f, offset, n)
}

// copyFile gathers a small piece of a file.
func (o *outbox) copyFile(f *os.File, offset, n int64) (int64, error) {
	o.gather()
	at := len(o.b)
	o.b = append(o.b, make([]byte, n)...)
	read, err := f.ReadAt(o.b[at:], offset)
	if int64(read) < n {
		o.b = o.b[:at+read]
		return int64(read), noEOF(err)
	}
	if len(o.b) < flushAt {
		return n, nil
	}
	return n, o.flushMore(o.frameLeft > 0)
}

// pumpFile sends a piece of a file through a buffer, where the system can't do it itself.
func (o *outbox) pumpFile(f *os.File, offset, n int64) (int64, error) {
	buf := getBuffer(firstLargeClass)
	defer buf.release()
	var done int64
	for done < n {
		p := buf.b[:min(int64(len(buf.b)), n-done)]
		read, err := f.ReadAt(p, offset+done)
		if read < len(p) {
			return done, noEOF(err)
		}
		if err := o.transmit(transfer{p: p, more: o.frameLeft > 0}); err != nil {
			return done, err
		}
		done += int64(read)
	}
	return done, nil
}

// noEOF makes the end of a file an error: the file is shorter than the log says.
func noEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flush sends what has gathered and gives the buffer back.
func (o *outbox) flush() error {
	if o.buf == nil {
		return nil
	}
	err := o.flushMore(false)
	o.buf.release()
	o.buf, o.b = nil, nil
	return err
}

// flushMore sends what has gathered and keeps the buffer.
func (o *outbox) flushMore(more bool) error {
	if len(o.b) == 0 {
		return nil
	}
	err := o.transmit(transfer{p: o.b, more: more})
	o.b = o.buf.b[:0]
	return err
}

// transmit sends bytes until all are taken by the socket. While it takes none the peer has writeTime, and
// again as much for as long as it isn't too slow. Deadlines are set only then: most of
// the time the socket's buffer takes all at once.
func (o *outbox) transmit(t transfer) error {
	o.job = t
	defer func() { o.job = transfer{sent: o.job.sent} }()
	var mark int64
	for {
		err := o.push()
		switch {
		case err == nil && !o.job.blocked:
			if o.job.waiting {
				return o.c.nc.SetWriteDeadline(time.Time{})
			}
			return nil
		case err == nil: // blocked for the first time
			o.c.holdLess()
		case errors.Is(err, os.ErrDeadlineExceeded):
			if o.job.sent-mark < minFrameRate*int64(writeTime/time.Second) {
				return fmt.Errorf("%w: %d bytes in %s", errSlowReader, o.job.sent-mark, writeTime)
			}
		default:
			return err
		}
		mark = o.job.sent
		o.job.waiting = true
		if err := o.c.nc.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
	}
}

// push sends as much as the socket takes, waiting for it if the job is a waiting one.
func (o *outbox) push() error {
	o.job.blocked = false
	if o.c.raw == nil {
		return o.pushBlocking()
	}
	if err := o.c.raw.Write(o.send); err != nil {
		return err
	}
	return o.job.err
}

// pushBlocking is push for connections that can only be written to as a whole.
func (o *outbox) pushBlocking() error {
	if !o.job.waiting {
		o.job.blocked = true // the deadline comes first
		return nil
	}
	n, err := o.c.nc.Write(o.job.p)
	o.job.p = o.job.p[n:]
	o.job.sent += int64(n)
	return err
}
