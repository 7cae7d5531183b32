package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

const (
	// acceptPause is how long accepting rests after an error such as too many open files;
	// it doubles up to maxAcceptPause while the error lasts.
	acceptPause    = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

// boundListener is one address of one listener.
type boundListener struct {
	net.Listener
	name string
}

// listenConfig is how TCP listeners are made. Keep-alive probes are the system's, as in Kafka: Go's own, every 15
// seconds, would keep a broker with thousands of idle connections busy. Multipath TCP would take
// sendfile's speed from those few clients that speak it.
func listenConfig() *net.ListenConfig {
	c := &net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}}
	c.SetMultipathTCP(false)
	return c
}

// bind binds every address of every listener, or none.
func (s *Server) bind(ctx context.Context) error {
	for _, l := range s.options.Listeners {
		bound, err := s.bindOne(ctx, l)
		s.listeners = append(s.listeners, bound...)
		if err != nil {
			for _, l := range s.listeners {
				err = errors.Join(err, l.Close())
			}
			return err
		}
	}
	return nil
}

// bindOne binds a listener to all addresses that its host name stands for: localhost is
// 127.0.0.1 and ::1 on most machines, and clients try either. An address that the machine
// doesn't have after all (::1 without IPv6) is passed over as long as another one works.
func (s *Server) bindOne(ctx context.Context, l Listener) ([]*boundListener, error) {
	hosts, err := resolveHost(ctx, l.Host)
	if err != nil {
		return nil, fmt.Errorf("listener %s: %w", l.Name, err)
	}
	var bound []*boundListener
	var missing error
	port := l.Port
	for _, host := range hosts {
		nl, err := s.options.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		switch {
		case isNoSuchAddress(err):
			missing = err
			continue
		case err != nil:
			return bound, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		bound = append(bound, &boundListener{Listener: nl, name: l.Name})
		// With port 0 the other addresses take the port that the first one was given.
		if addr, ok := nl.Addr().(*net.TCPAddr); ok {
			port = addr.Port
		}
	}
	if len(bound) == 0 {
		return nil, fmt.Errorf("listener %s: %w", l.Name, missing)
	}
	return bound, nil
}

// resolveHost lists the addresses of a host, IPv4 first. A literal address or "" needs no lookup.
func resolveHost(ctx context.Context, host string) ([]string, error) {
	if host == "" {
		return []string{""}, nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return []string{host}, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var v4, v6 []string
	for _, addr := range addrs {
		if addr = addr.Unmap(); addr.Is4() {
			v4 = append(v4, addr.String())
		} else {
			v6 = append(v6, addr.String())
		}
	}
	return append(v4, v6...), nil
}

// isNoSuchAddress says whether a bind failed because no interface has the address.
func isNoSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// accept takes in connections until the listener is closed.
func (s *Server) accept(l *boundListener) {
	pause := acceptPause
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = acceptPause
			s.welcome(l, nc)
			continue
		}
		if s.closing.Load() || errors.Is(err, net.ErrClosed) {
			return
		}
		// Too many open files, most likely: it passes when connections end.
		s.logRepeated(slog.LevelError, "cannot accept connections", netip.AddrPort{}, "listener", l.name, "err", err)
		if awaitChange(pause, nil, s.stop) != nil {
			return
		}
		pause = min(2*pause, maxAcceptPause)
	}
}

// welcome starts a connection, once the limits allow it.
func (s *Server) welcome(l *boundListener, nc net.Conn) {
	remote := addrPort(nc.RemoteAddr())
	if limit, full := s.admission.full(); full {
		// Clients see a connection on which nothing comes, so somebody has to be told why.
		s.logRepeated(slog.LevelWarn, "new connections wait until others end", netip.AddrPort{}, "listener", l.name, "max.connections", limit)
	}
	if err := s.admission.admit(remote.Addr(), s.stop); err != nil {
		if errors.Is(err, errTooManyFromAddress) {
			s.logRepeated(slog.LevelWarn, "connection refused", remote, "listener", l.name, "err", err)
		}
		closeQuietly(nc)
		return
	}
	if err := s.setBuffers(nc); err != nil {
		s.logRepeated(slog.LevelWarn, "cannot set socket buffers", remote, "listener", l.name, "err", err)
	}
	local := addrPort(nc.LocalAddr())
	if tcp, ok := nc.(*net.TCPConn); ok && (remote.Addr().IsLoopback() || remote.Addr() == local.Addr()) {
		leaveUnpaced(tcp)
	}
	c := newConn(s, nc, Peer{
		ID:       s.lastID.Add(1),
		Remote:   remote,
		Local:    local,
		Listener: l.name,
	})
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	go c.run()
}

// setBuffers applies the keys that set the sizes of the socket's buffers. Go has set TCP_NODELAY already.
func (s *Server) setBuffers(nc net.Conn) error {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return nil
	}
	var send, receive error
	if s.options.SendBuffer > 0 {
		send = tcp.SetWriteBuffer(s.options.SendBuffer)
	}
	if s.options.ReceiveBuffer > 0 {
		receive = tcp.SetReadBuffer(s.options.ReceiveBuffer)
	}
	return errors.Join(send, receive)
}

// forget is the last that happens to a connection.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	deserted := len(s.conns) == 0
	s.mu.Unlock()
	s.admission.leave(c.peer.Remote.Addr())
	if deserted && s.options.Deserted != nil && !s.closing.Load() {
		s.options.Deserted()
	}
	s.running.Done()
}

// addrPort is the address as a value, the zero one for what isn't TCP.
func addrPort(addr net.Addr) netip.AddrPort {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// closeQuietly closes a connection whose end interests nobody: the peer sees it closed either way.
func closeQuietly(nc net.Conn) {
	_ = nc.Close()
}
