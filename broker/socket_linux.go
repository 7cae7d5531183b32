package broker

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// canSendFile says whether files are sent to sockets without passing through this process.
const canSendFile = true

// briefBytes bounds what a system call may copy of which the scheduler isn't told.
//
// A system call that may block tells the scheduler, before and after. Those on a socket that doesn't block are over in a few
// microseconds. But where the peer runs on this machine and wakes up over what it is sent, they may be interrupted for it: then the scheduler
// takes them for blocked, and wakes another thread to go on with. For small requests that is a tenth of all their CPU time.
const briefBytes = readBufferSize

// receive reads from a socket.
func receive(fd uintptr, p []byte) (int, error) {
	if len(p) == 0 || len(p) > briefBytes {
		return unix.Read(int(fd), p)
	}
	return brief(unix.SYS_RECVFROM, fd, p)
}

// brief is a system call of which the scheduler isn't told.
func brief(call, fd uintptr, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// send writes to a socket. more tells the kernel to wait for what follows before it makes a packet
// of too little.
func send(fd uintptr, p []byte, more bool) (int, error) {
	switch {
	case !more && len(p) <= briefBytes:
		return brief(unix.SYS_SENDTO, fd, p)
	case !more:
		return unix.Write(int(fd), p)
	}
	return unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_MORE)
}

// sendFile sends a piece of a file with sendfile(2). It is given the offset, so that the position
// that all readers of the file share plays no part; net.TCPConn.ReadFrom would use that one.
func sendFile(fd uintptr, f *os.File, offset, n int64) (int, error) {
	sent, err := unix.Sendfile(int(fd), int(f.Fd()), &offset, int(n))
	runtime.KeepAlive(f)
	return sent, err
}

// waitTurn waits for turn to be closed, and notices a peer that goes away meanwhile. The request that
// waits for its turn isn't read on, so the end of the stream can't be: the kernel is asked for it.
func (c *conn) waitTurn(turn <-chan struct{}) error {
	if c.raw == nil {
		return c.waitTurnBlindly(turn)
	}
	for {
		gone := false
		err := c.raw.Read(func(fd uintptr) bool {
			gone = hungUp(fd)
			return gone || isClosed(turn)
		})
		switch {
		case gone:
			return errPeerGone
		case err == nil:
			return nil
		case !os.IsTimeout(err):
			return err
		}
		if err := c.woken(); err != nil {
			return err
		}
	}
}

// hungUp says whether the peer has closed its end, even if there is something left to read.
func hungUp(fd uintptr) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds[:], 0)
	return err == nil && n > 0
}
