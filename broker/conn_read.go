package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/clatterhq/clatter/wire"
)

// compactBelow is the free space at the end of the read buffer below which what is unread
// moves to its beginning.
const compactBelow = 16 << 10

const (
	// littleRead is at most what a read brings on a connection that has one small request at a time, and littleReads how
	// many such reads in a row there must have been for its next one to get a buffer of littleClass.
	littleRead  = 1 << 10
	littleReads = 8
	littleClass = 1
)

// apiKeyLen is the length of the API key, with which every frame begins.
const apiKeyLen = 2

// inbox is the reading half of a connection: bytes in, frames out.
//
// While a connection is idle it holds nothing. What arrives goes into a pooled read buffer, as
// much as there is, so that one system call takes in many small requests; they are handled where they lie. A
// frame that no read buffer can hold gets one of its own, which grows as the bytes arrive. A bufio.Reader
// per connection would be simpler, but holds its buffer for good.
//
// Owned by the connection's reader.
type inbox struct {
	c    *conn
	recv func(fd uintptr) bool // tryReceive, bound once

	buf      *buffer // nil while nothing is unread
	pos, end int     // what is unread in buf
	lease    lease   // for buf, of the server's small budget
	large    largeFrame
	opened   int64 // when the connection began, on the server's clock
	little   int   // how many reads in a row have brought little, up to littleReads
	blocked  bool  // the next request must wait for its turn
	starved  bool  // there is something to read and no budget for it

	// Results of tryReceive.
	got     int
	err     error
	drained bool // got is all that there was

	// received counts bytes; markAt and markReceived are the moment and the count since when
	// the frame at hand must make progress. markAt is 0 while none is awaited.
	received, markAt, markReceived int64
}

// largeFrame is a frame in a buffer of its own. buf is nil while there is none.
type largeFrame struct {
	buf    *buffer
	size   int // of the frame, without prefix
	filled int
	lease  lease // of the server's large budget
}

func (i *inbox) init(c *conn) {
	i.c, i.opened = c, c.srv.now()
	if c.raw != nil {
		i.recv = i.tryReceive
	}
}

// unread are the bytes that have arrived and weren't handled.
func (i *inbox) unread() []byte {
	if i.buf == nil {
		return nil
	}
	return i.buf.b[i.pos:i.end]
}

// partial says whether a frame has begun and isn't whole.
func (i *inbox) partial() bool { return i.end > i.pos || i.large.buf != nil }

// hasWork says whether the reader can do more than wait: a frame is whole, or has filled the read
// buffer and needs a larger one, or its size is wrong.
func (i *inbox) hasWork(limit int) bool {
	unread := i.unread()
	if len(unread) < wire.FrameSizeLen {
		return false
	}
	size := int64(int32(binary.BigEndian.Uint32(unread)))
	switch {
	case size > int64(limit) && size <= int64(i.c.srv.options.MaxRequestBytes):
		return wholeHeader(unread) // it may be allowed, see vouch
	case size < 0 || size > int64(limit):
		return true
	}
	return int64(len(unread)) >= min(size+wire.FrameSizeLen, readBufferSize)
}

// wholeHeader says whether a frame, prefix included, has arrived as far as its client ID. What follows in the
// header, if anything, is a byte that says that there are no tagged fields.
func wholeHeader(unread []byte) bool {
	const clientID = wire.FrameSizeLen + 8 // after key, version and correlation ID
	if len(unread) < clientID+2 {
		return false
	}
	n := int(int16(binary.BigEndian.Uint16(unread[clientID:])))
	return len(unread) > clientID+2+max(0, n)
}

// peek reads the size of the next frame and, if there is one, the API key at its beginning. ok is
// false while too little has arrived. Errors: those of wire.FrameSize.
func (i *inbox) peek(limit int) (size int, key int16, ok bool, err error) {
	unread := i.unread()
	if len(unread) < wire.FrameSizeLen {
		return 0, 0, false, nil
	}
	size, err = wire.FrameSize([wire.FrameSizeLen]byte(unread), limit)
	if errors.Is(err, wire.ErrFrameTooLarge) && i.c.vouch(unread) {
		size, err = wire.FrameSize([wire.FrameSizeLen]byte(unread), i.c.frameLimit())
	}
	if err != nil {
		return 0, 0, false, err
	}
	rest := unread[wire.FrameSizeLen:]
	switch {
	case size < apiKeyLen:
		return size, -1, true, nil
	case len(rest) < apiKeyLen:
		return 0, 0, false, nil
	}
	return size, int16(binary.BigEndian.Uint16(rest)), true, nil
}

// frame returns the next frame, of the given size, without its prefix. It is nil if the frame isn't whole;
// but for one that has filled the read buffer it waits.
func (i *inbox) frame(size int) ([]byte, error) {
	unread := i.unread()
	if len(unread) < min(wire.FrameSizeLen+size, readBufferSize) {
		return nil, nil
	}
	if size+wire.FrameSizeLen > readBufferSize {
		return i.readLarge(size)
	}
	return unread[wire.FrameSizeLen : wire.FrameSizeLen+size], nil
}

// consume takes the frame that was handled off. Nobody may use its bytes any more.
func (i *inbox) consume(size int) {
	i.markAt = 0
	if i.large.buf != nil {
		i.dropLarge()
		return
	}
	i.pos += wire.FrameSizeLen + size
}

// readLarge reads a frame into a buffer of its own until it is whole.
func (i *inbox) readLarge(size int) ([]byte, error) {
	if err := i.beginLarge(size); err != nil {
		return nil, err
	}
	f := &i.large
	for f.filled < size {
		if f.filled == len(f.buf.b) {
			if err := i.growLarge(); err != nil {
				return nil, err
			}
		}
		if err := i.c.receiveMore(); err != nil {
			return nil, err
		}
	}
	return f.buf.b[:size], nil
}

// beginLarge makes room for a large frame and moves into it what has arrived, a read buffer
// full. A pooled buffer that holds all of the frame costs nothing and is taken at once; where there is none, the
// first one is small, because only the peer says how much more will come.
func (i *inbox) beginLarge(size int) error {
	f, budget := &i.large, i.c.srv.large
	f.size, f.filled = size, 0
	if buf := pooledBuffer(classFor(size)); buf != nil {
		if budget.tryTake(&f.lease, int64(len(buf.b))) {
			f.buf = buf
		} else {
			buf.release()
		}
	}
	if f.buf == nil {
		if err := i.awaitBudget(budget, &f.lease, int64(classSize(firstLargeClass))); err != nil {
			return err
		}
		f.buf = getBuffer(firstLargeClass)
	}
	f.filled = copy(f.buf.b, i.unread()[wire.FrameSizeLen:])
	i.pos = i.end
	i.yield()
	return nil
}

// growLarge moves the frame to a buffer of the next class.
func (i *inbox) growLarge() error {
	f := &i.large
	class := f.buf.class + 1
	if err := i.awaitBudget(i.c.srv.large, &f.lease, int64(classSize(class)-classSize(f.buf.class))); err != nil {
		return err
	}
	grown := getBuffer(class)
	copy(grown.b, f.buf.b[:f.filled])
	f.buf.release()
	f.buf = grown
	return nil
}

func (i *inbox) dropLarge() {
	f := &i.large
	if f.buf != nil {
		f.buf.release()
	}
	i.c.srv.large.giveBack(&f.lease, f.lease.held)
	*f = largeFrame{}
}

// room is where the next bytes go: nil if there is no budget for a read buffer.
func (i *inbox) room() []byte {
	if f := &i.large; f.buf != nil {
		return f.buf.b[f.filled:min(f.size, len(f.buf.b))]
	}
	if class := i.readClass(); i.buf == nil || i.buf.class < class {
		if !i.c.srv.small.tryTake(&i.lease, int64(classSize(class))-i.lease.held) {
			return nil
		}
		i.moveTo(class)
	}
	switch {
	case i.pos == i.end:
		i.pos, i.end = 0, 0
	case len(i.buf.b)-i.end < compactBelow:
		i.end = copy(i.buf.b, i.buf.b[i.pos:i.end])
		i.pos = 0
	}
	return i.buf.b[i.end:]
}

// readClass is the class of the buffer that the next read needs: one for many requests at once, but where reads have
// brought little for a while. Those connections are the many, and all of their buffers together should stay in a cache.
func (i *inbox) readClass() int {
	unread := i.end - i.pos
	if i.little < littleReads || unread > littleRead {
		return firstLargeClass - 1
	}
	return littleClass
}

// moveTo moves what is unread to a buffer of another class.
func (i *inbox) moveTo(class int) {
	to := getBuffer(class)
	n := copy(to.b, i.unread())
	if i.buf != nil {
		i.buf.release()
	}
	i.buf, i.pos, i.end = to, 0, n
}

// yield gives up what isn't needed while the connection waits: all of the read buffer if nothing is
// unread. Of one with the beginning of a frame it keeps as much as that takes, if the peer
// isn't trusted or there are many like it; else the next bytes will come soon.
func (i *inbox) yield() {
	if i.buf == nil {
		return
	}
	if i.pos == i.end {
		i.buf.release()
		i.buf, i.pos, i.end = nil, 0, 0
	} else {
		class := classFor(i.end - i.pos)
		if class == i.buf.class || i.c.trusted && !i.blocked && !i.c.srv.small.scarce() {
			return
		}
		i.moveTo(class)
	}
	i.fitLease()
}

// fitLease gives back what the lease holds beyond the buffer.
func (i *inbox) fitLease() {
	var need int64
	if i.buf != nil {
		need = int64(len(i.buf.b))
	}
	if i.lease.held > need {
		i.c.srv.small.giveBack(&i.lease, i.lease.held-need)
	}
}

// close gives everything back.
func (i *inbox) close() {
	i.pos = i.end
	i.yield()
	i.fitLease()
	if i.large.buf != nil || i.large.lease.held > 0 {
		i.dropLarge()
	}
}

// receive waits for bytes and takes in what there is.
//
// Errors: io.EOF, os.ErrDeadlineExceeded after a kick, what the socket says, and those of a budget.
func (i *inbox) receive() error {
	i.begin()
	if i.c.raw == nil {
		i.receiveBlocking()
	} else if err := i.c.raw.Read(i.recv); err != nil {
		return err
	}
	return i.settle()
}

// begin makes ready for the next bytes.
func (i *inbox) begin() { i.got, i.err = 0, nil }

// settle accounts for what tryReceive has brought.
//
// Errors: those of receive.
func (i *inbox) settle() error {
	if i.starved {
		return i.awaitReadBuffer()
	}
	i.received += int64(i.got)
	if i.large.buf != nil {
		i.large.filled += i.got
	} else {
		i.end += i.got
	}
	if i.got > littleRead {
		i.little = 0
	} else if i.little < littleReads {
		i.little++
	}
	if i.err == nil && i.got == 0 {
		return io.EOF
	}
	return i.err
}

// awaitReadBuffer waits until there is budget for a read buffer, and takes one.
func (i *inbox) awaitReadBuffer() error {
	i.starved = false
	if err := i.awaitBudget(i.c.srv.small, &i.lease, readBufferSize-i.lease.held); err != nil {
		return err
	}
	i.moveTo(firstLargeClass - 1)
	return nil
}

// awaitBudget waits for memory. The peer can't send meanwhile, so its time begins anew. What is answered leaves before.
func (i *inbox) awaitBudget(budget *byteBudget, l *lease, n int64) error {
	if budget.tryTake(l, n) {
		return nil
	}
	if err := i.c.flush(); err != nil {
		return err
	}
	i.markAt = 0
	return budget.take(i.c.ctx.Done(), l, n)
}

// receiveBlocking is receive for connections that can't be waited for without reading: one that has nothing
// unread waits with four bytes of its own instead of a buffer.
func (i *inbox) receiveBlocking() {
	var first [wire.FrameSizeLen]byte
	into := first[:]
	if i.partial() {
		if into = i.room(); into == nil {
			i.starved = true
			return
		}
		i.got, i.err = i.c.nc.Read(into)
		return
	}
	n, err := i.c.nc.Read(into)
	if n > 0 {
		into = i.room()
		if into == nil { // the bytes are in our hands: a small buffer holds them, whatever the budget says
			i.moveTo(0)
			into = i.buf.b
		}
		i.got = copy(into, first[:n])
	}
	i.err = err
}

// frameDue is when the frame at hand must have made progress.
func (i *inbox) frameDue(now int64) int64 {
	if i.markAt == 0 {
		i.markAt, i.markReceived = now, i.received
	}
	return i.markAt + frameTime
}

// checkProgress is nil if the frame at hand has time left, or arrives fast enough to be given more. While
// others wait for the memory that it holds, being fast enough doesn't count.
func (i *inbox) checkProgress(now int64) error {
	if i.markAt == 0 || now < i.markAt+frameTime {
		return nil
	}
	received := i.received - i.markReceived
	fast := received >= minFrameRate*(frameTime/1e9)
	if fast && (i.large.buf == nil || !i.c.srv.large.contended()) {
		i.markAt, i.markReceived = now, i.received
		return nil
	}
	return fmt.Errorf("%w: %d bytes in %d s", errSlowSender, received, (now-i.markAt)/1e9)
}
