package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/clatterhq/clatter/wire"
)

const (
	// busyGap is the longest pause between requests of a busy connection, and busyStreak how many
	// must have come without a longer one. What opens a connection, asks a question or two and
	// waits, as most clients do at first, isn't busy.
	busyGap    = int64(100 * time.Millisecond)
	busyStreak = 3
	// calmAfter is how long a busy connection must be silent to give its grown stack up.
	calmAfter = int64(500 * time.Millisecond)
	// frameTime is how long a frame may take that isn't fast enough, and minFrameRate what is
	// fast enough, in bytes per second: a peer that sends a byte now and then (slow loris) is cut off.
	frameTime    = int64(30 * time.Second)
	minFrameRate = 1 << 10
	// untrustedFrame bounds frames before the first valid request: a read buffer holds them, with their size.
	untrustedFrame = readBufferSize - wire.FrameSizeLen
)

// longAgo is a deadline that has passed: setting it wakes who waits on the socket.
var longAgo = time.Unix(1, 0)

// conn is one connection. One goroutine, the reader, waits for requests and handles them one by
// one; see run. Answers that aren't ready at once stand in the queue, and a second goroutine, which
// exists only as long as there are any, sends them in order; see drain.
//
// An idle connection is one goroutine with a stack of 2 KiB and this struct: no buffer, no
// timer. Thousands of idle connections are normal for a Kafka broker, every client
// keeps some.
type conn struct {
	srv  *Server
	nc   net.Conn
	raw  syscall.RawConn // nil where the platform or the connection has none
	peer Peer
	ctx  connContext

	// due is when the sweeper must wake the reader, on the server's clock.
	due atomic.Int64

	// Owned by the reader: the goroutine in run, or the worker that it lends the connection to.
	in          inbox
	request     Request  // the one at hand; its header keeps the client ID from one to the next
	trusted     bool     // there was a valid request: frames may be as large as configured
	onOwnStack  bool     // this goroutine's stack has grown, because it handles requests itself
	streak      uint8    // requests in a row without a longer pause, up to busyStreak
	lastRequest int64    // when work last began, on the server's clock
	workErr     error    // what work returned on another stack
	sent        []func() // Reply.Sent of the answers that wait for a flush
	serving     serving

	// Owned by the writer: the drainer while there is one, else the reader.
	out outbox

	queue queue
}

func newConn(s *Server, nc net.Conn, peer Peer) *conn {
	c := &conn{srv: s, nc: nc, raw: rawConn(nc), peer: peer}
	c.due.Store(never)
	c.in.init(c)
	c.out.init(c)
	return c
}

// run is the reader. Its frame and those below it are kept small on purpose: all that an
// idle connection's stack holds is run, await and the runtime's wait.
func (c *conn) run() {
	for {
		err := c.await()
		if err == nil {
			err = c.workSomewhere()
		}
		switch {
		case err == nil:
		case errors.Is(err, errCalm):
			// A new goroutine begins with a small stack; this one's is freed.
			c.onOwnStack = false
			go c.run()
			return
		default:
			c.end(err)
			return
		}
	}
}

// await returns when there is something to work on: a whole frame, the beginning of a
// large one, or one that can't be right. errCalm says that the goroutine should be replaced.
func (c *conn) await() error {
	if c.in.blocked {
		return c.awaitTurn()
	}
	for !c.in.hasWork(c.frameLimit()) {
		if c.srv.closing.Load() {
			return errStopping
		}
		c.setDue()
		err := c.receive()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err != nil {
			if err := c.woken(); err != nil {
				return err
			}
		}
	}
	return nil
}

// awaitTurn returns when the request that has arrived may start: nothing before it is unanswered.
func (c *conn) awaitTurn() error {
	turn := c.queue.awaitTurn()
	if turn != nil {
		// It can take as long as a fetch waits for data: hold no more than what has arrived takes.
		c.in.yield()
		c.due.Store(never)
		if err := c.waitTurn(turn); err != nil {
			return err
		}
	}
	c.in.blocked = false
	return nil
}

// holdLess gives up what the reader doesn't need while the peer takes its time to read answers. The drainer, which
// may be the one who calls, must leave the reader's buffer alone; the reader waits elsewhere then, and has done the same.
func (c *conn) holdLess() {
	if !c.queue.busy() {
		c.tellSent()
		c.in.yield()
	}
}

// workSomewhere handles what has arrived: on this goroutine if the connection is
// busy, else on one whose stack has grown already.
func (c *conn) workSomewhere() error {
	now := c.srv.now()
	switch {
	case now-c.lastRequest > busyGap:
		c.streak = 0
	case c.streak < busyStreak:
		c.streak++
	}
	c.lastRequest = now
	if c.onOwnStack || c.streak == busyStreak {
		c.onOwnStack = true
		return c.work()
	}
	c.srv.stacks.do(c)
	return c.workErr
}

// frameLimit is the largest frame that the peer may send at this moment.
func (c *conn) frameLimit() int {
	if c.trusted {
		return c.srv.options.MaxRequestBytes
	}
	return min(untrustedFrame, c.srv.options.MaxRequestBytes)
}

// setDue tells the sweeper when to look after this connection, before each wait for the peer.
func (c *conn) setDue() {
	if c.onOwnStack && !c.in.partial() { // As a rule: a clock is dear.
		due := c.lastRequest + calmAfter
		c.due.Store(due)
		c.srv.sweeper.arm(due, c.lastRequest)
		return
	}
	now, due := c.srv.now(), int64(never)
	switch {
	case c.in.partial():
		due = c.in.frameDue(now)
	case c.srv.options.MaxIdle > 0:
		due = c.idleDue(now)
	}
	c.due.Store(due)
	c.srv.sweeper.arm(due, now)
}

// idleDue is when the connection will have been idle for too long. One that waits for an answer isn't idle.
func (c *conn) idleDue(now int64) int64 {
	since := max(c.lastRequest, c.in.opened)
	if c.queue.busy() {
		since = now
	}
	return since + int64(c.srv.options.MaxIdle)
}

// kick wakes the reader from its wait for the peer, so that it looks at what has changed.
func (c *conn) kick() {
	// An error means that the connection is closed, which wakes the reader as well.
	_ = c.nc.SetReadDeadline(longAgo)
}

// woken decides what a kick was about. Kicks may come late or twice: what counts is how things stand.
func (c *conn) woken() error {
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	now := c.srv.now()
	switch {
	case c.srv.closing.Load():
		return errStopping
	case c.in.partial():
		return c.in.checkProgress(now)
	case c.onOwnStack:
		if now-c.lastRequest >= calmAfter {
			return errCalm
		}
		return nil
	case c.srv.options.MaxIdle > 0 && c.idleDue(now) <= now:
		return errIdle
	}
	return nil
}

// end is the end of the reader. Answers of produce requests that the log has taken already are
// still sent if the peer just stopped sending; a drainer that is there closes the connection then.
func (c *conn) end(err error) {
	orderly := errors.Is(err, io.EOF) || errors.Is(err, errStopping)
	if orderly {
		err = errors.Join(err, c.flush())
	}
	c.tellSent()
	c.logEnd(err)
	c.in.close()
	drainerEnds, allProduce := c.queue.readerGone()
	if !drainerEnds || !orderly || !allProduce {
		c.abort()
	}
	if !drainerEnds {
		c.srv.forget(c)
	}
}

// abort closes the connection and ends all waits on its behalf. Any goroutine but one that handles a request may call it, more
// than once; it may have to wait for the request at hand.
func (c *conn) abort() {
	c.ctx.cancel()
	closeQuietly(c.nc)
}

// logEnd writes a line if the end of the connection is something that an operator can act on. That
// peers go away, orderly or not, isn't.
func (c *conn) logEnd(err error) {
	switch {
	case errors.Is(err, errSlowSender), errors.Is(err, errSlowReader):
		c.srv.logRepeated(slog.LevelWarn, "connection closed", c.peer.Remote, "listener", c.peer.Listener, "err", err)
	case errors.Is(err, errLater) && c.ctx.Err() == nil:
		c.srv.logRepeated(slog.LevelWarn, "request failed", c.peer.Remote, "listener", c.peer.Listener, "err", err)
	case errors.Is(err, errRefused), errors.Is(err, errPanic): // logged where it happened
	default:
		c.srv.log.Debug("connection closed", "peer", c.peer.Remote, "listener", c.peer.Listener, "err", err)
	}
}

// waitTurnBlindly waits for turn to be closed. A peer that goes away meanwhile isn't noticed, so this
// lasts as long as the request before wants to wait.
func (c *conn) waitTurnBlindly(turn <-chan struct{}) error {
	select {
	case <-turn:
		return nil
	case <-c.ctx.Done():
		return errPeerGone
	case <-c.srv.stop:
		return errStopping
	}
}

// isClosed says whether a channel that nothing is sent on was closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
