package broker

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestUnpaced looks at a socket of this machine after it was taken out of the system's congestion control.
func TestUnpaced(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	tcp := nc.(*net.TCPConn)
	leaveUnpaced(tcp)
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var name string
	if err := raw.Control(func(fd uintptr) { name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION) }); err != nil {
		t.Fatal(err)
	}
	if name = strings.TrimRight(name, "\x00"); err != nil || name != unpaced {
		t.Errorf("congestion control is %q, %v", name, err)
	}
}
