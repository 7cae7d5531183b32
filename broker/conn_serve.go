package broker

import (
	"runtime"

	"github.com/clatterhq/clatter/wire"
)

// serving is how a busy connection handles its requests: inside of its wait for the socket, and not after it.
//
// Whoever leaves the wait must read until there is nothing before the next one, because the poller forgets what it
// knew. Whoever stays may wait as soon as a read has brought less than there was room for: the poller calls again when more comes. That
// is one system call less of three per request. What it costs is that the end of a stream which comes together with the
// last bytes isn't heard of. The next kick has the socket read once more, which is when the connection stops being busy.
//
// The wait holds the connection's lock for reading. So nothing in there may wait for the socket in another way, and whoever closes the
// connection meanwhile is kept until the request at hand is done.
//
// Owned by the reader.
type serving struct {
	try     func(fd uintptr) bool // tryServe, bound once
	inPlace bool                  // requests are handled inside of the wait now
	settled bool                  // what was received is accounted for
}

// receive waits for bytes and takes in what there is; of a busy connection it handles what is whole as well, for as long
// as nothing comes in between.
//
// Errors: those of inbox.receive and of work.
func (c *conn) receive() error {
	if !c.onOwnStack || c.raw == nil {
		return c.in.receive()
	}
	s := &c.serving
	if s.try == nil {
		s.try = c.tryServe
	}
	c.in.begin()
	c.workErr, s.inPlace, s.settled = nil, true, false
	err := c.waitDeep()
	s.inPlace = false
	switch {
	case err != nil:
		return err
	case s.settled:
		return c.workErr
	default:
		return c.in.settle()
	}
}

// deepFrame is a quarter of the stack that the largest of common requests need: the collector halves stacks of which less is in use.
const deepFrame = 4 << 10

// waitDeep is the wait of a busy connection. Its frame is large, so that the collector leaves the stack alone: one that was halved
// between two requests would be copied into a larger one in the next.
//
//go:noinline
func (c *conn) waitDeep() error {
	var frame [deepFrame]byte
	err := c.raw.Read(c.serving.try)
	runtime.KeepAlive(&frame)
	return err
}

// tryServe is called by the runtime's poller like tryReceive.
func (c *conn) tryServe(fd uintptr) bool {
	for c.in.tryReceive(fd) {
		if c.serving.settled = c.in.got > 0; !c.serving.settled {
			return true
		}
		c.workErr = c.in.settle()
		if c.workErr == nil && c.in.hasWork(c.frameLimit()) {
			c.workErr = c.workSomewhere()
		}
		// Work is left behind a request that must wait for its turn, and where a large one begins.
		if c.workErr != nil || c.in.blocked || c.in.hasWork(c.frameLimit()) || c.srv.closing.Load() {
			return true
		}
		c.setDue()
		if c.in.drained && !c.in.partial() {
			c.in.yield()
			return false
		}
		c.in.begin()
	}
	return false
}

// mustLeave says whether a frame, of the given size, can't be handled inside of the wait: it takes waits of its own.
func (s *serving) mustLeave(size int) bool {
	return s.inPlace && size+wire.FrameSizeLen > readBufferSize
}
