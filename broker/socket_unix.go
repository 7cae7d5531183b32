//go:build unix

package broker

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// maxTransfer is how much one system call is given to send.
const maxTransfer = 1 << 30

// rawConn gives access to the descriptor of a TCP connection, nil for any other.
func rawConn(nc net.Conn) syscall.RawConn {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// tryReceive reads once, without waiting. It is called by the runtime's poller until it returns true, first
// at once and then whenever the socket may have become readable. So a connection takes
// a buffer when there is something to put into it, and not before; and answers that work has kept back leave when
// there is nothing to read.
func (i *inbox) tryReceive(fd uintptr) bool {
	room := i.room()
	if room == nil {
		if i.err = i.c.flush(); i.err != nil {
			return true
		}
		i.starved = readable(fd)
		return i.starved
	}
	for {
		n, err := receive(fd, room)
		switch {
		case err == nil:
			i.got, i.drained = n, n < len(room)
			return true
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			// Only now: the poller notices what arrives from here on, however long the flush takes.
			if i.err = i.c.flush(); i.err != nil {
				return true
			}
			i.yield()
			return false
		default:
			i.err = os.NewSyscallError("read", err)
			return true
		}
	}
}

// readable says whether a read would return at once.
func readable(fd uintptr) bool {
	var one [1]byte
	for {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
		if !errors.Is(err, syscall.EINTR) {
			return !errors.Is(err, syscall.EAGAIN)
		}
	}
}

// trySend sends what the socket takes, without waiting. It is called by the runtime's poller like
// tryReceive; the first time that the socket takes no more it returns, so that transmit can set a deadline.
func (o *outbox) trySend(fd uintptr) bool {
	t := &o.job
	for len(t.p) > 0 || t.left > 0 {
		var n int
		var err error
		if t.file != nil {
			n, err = sendFile(fd, t.file, t.offset, min(t.left, maxTransfer))
		} else {
			n, err = send(fd, t.p[:min(len(t.p), maxTransfer)], t.more)
		}
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			t.blocked = !t.waiting
			return t.blocked
		case err != nil:
			t.err = os.NewSyscallError("write", err)
			return true
		case n == 0:
			t.err = io.ErrUnexpectedEOF // the file is shorter than the log says
			return true
		default:
			t.advance(n)
		}
	}
	return true
}

// advance notes that n bytes were sent.
func (t *transfer) advance(n int) {
	t.sent += int64(n)
	if t.file != nil {
		t.offset += int64(n)
		t.left -= int64(n)
		return
	}
	t.p = t.p[n:]
}
