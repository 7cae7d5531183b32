package launch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are picked below the range from which Linux takes ports for outgoing connections (32768 and up).
const (
	firstPort = 15000
	lastPort  = 32000
)

// Port is a TCP port of 127.0.0.1 that no other test is given while this one is held, also while nothing listens on it, as between a kill
// and the next start. Tests of all packages run at once, so that a port that is merely free at the moment may be somebody's: the UDP port
// of the same number, which nobody else here uses, is the claim, and ends with this process at the latest.
type Port struct {
	Number int
	claim  net.PacketConn
}

// ReservePort claims a port on which nothing listens. Close gives it back.
func ReservePort(ctx context.Context) (*Port, error) {
	var last error
	for range 100 {
		p, err := claimPort(ctx, firstPort+rand.IntN(lastPort-firstPort))
		if err == nil {
			return p, nil
		}
		last = err
	}
	return nil, fmt.Errorf("no free port: %w", last)
}

// claimPort claims a port, unless somebody else has, or listens on it.
func claimPort(ctx context.Context, number int) (*Port, error) {
	p := &Port{Number: number}
	var config net.ListenConfig
	var err error
	if p.claim, err = config.ListenPacket(ctx, "udp", p.Addr()); err != nil {
		return nil, err
	}
	listener, err := config.Listen(ctx, "tcp", p.Addr())
	if err == nil {
		err = listener.Close()
	}
	if err != nil {
		_ = p.Close() // Another port will do.
		return nil, err
	}
	return p, nil
}

// Addr is the address of the port, as host:port.
func (p *Port) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Number)) }

// Close gives the port back.
func (p *Port) Close() error { return p.claim.Close() }
