package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options is what a server must know. The zero value of a field is a usable one unless it says otherwise.
type Options struct {
	// Listeners are the addresses to bind, at least one.
	Listeners []Listener
	// Log takes one line per event that an operator can act on. Nil is [slog.Default].
	Log *slog.Logger
	// MaxRequestBytes is socket.request.max.bytes, the largest frame after the first valid request.
	// 0 is Kafka's default, 100 MiB.
	MaxRequestBytes int
	// QueuedRequestBytes is queued.max.request.bytes: how many bytes of requests may be in memory at
	// once. 0 is 256 MiB. An eighth of it, 4 MiB at least, is for small requests alone.
	QueuedRequestBytes int64
	// MaxIdle is connections.max.idle.ms. 0 or less never closes an idle connection.
	MaxIdle time.Duration
	// SendBuffer and ReceiveBuffer are socket.send.buffer.bytes and socket.receive.buffer.bytes. 0 or less leaves
	// them to the operating system, whose autotuning is faster than any fixed size.
	SendBuffer, ReceiveBuffer int
	// Limits bounds the connections. Change them with [Server.SetLimits]. The zero value is [Unlimited].
	Limits Limits
	// Listen replaces TCP, as an embedding test does. Nil is TCP.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// Deserted is called each time the last connection has gone, by that connection's goroutine. Nil does nothing.
	Deserted func()
}

// Listener is one entry of the key listeners.
type Listener struct {
	Name string // upper case, as in PLAINTEXT
	Host string // name or address; "" is every interface
	Port int    // 0 lets the system choose
}

// Bound is where a listener ended up.
type Bound struct {
	Listener string
	Addr     net.Addr
}

const (
	defaultMaxRequestBytes    = 100 << 20
	defaultQueuedRequestBytes = 256 << 20
	smallReserveShare         = 8
	minSmallReserve           = 4 << 20
	// idleStacks is how many grown stacks wait for work that isn't there. More are made as
	// they are needed; two processors' worth of them is enough to not make them anew all the time.
	idleStacks = 8
	// defaultGrace bounds how long Shutdown lets requests finish if its context doesn't.
	defaultGrace = 30 * time.Second
)

// Server owns listeners and connections. [Listen] binds, Serve answers, Shutdown ends
// both. Binding comes first and by itself, because a client that connects while the rest
// of the broker still loads then waits in the backlog, is answered as soon as all is there, and
// never meets a half-loaded broker.
type Server struct {
	log        *slog.Logger
	options    Options
	dispatcher Dispatcher // set by Serve before the first connection

	listeners []*boundListener
	admission *admission
	repeats   *repeatLimiter
	stacks    *stackPool
	sweeper   sweeper
	small     *byteBudget // read buffers and what is left in them
	large     *byteBudget // frames that no read buffer holds

	began   time.Time // the zero of now
	lastID  atomic.Uint64
	panics  atomic.Uint64
	closing atomic.Bool
	stop    chan struct{} // closed when Shutdown begins
	running sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{} // nil once nobody may come in any more
}

// Listen binds all listeners, or none and says why. Nothing is accepted before Serve.
// The caller must call Shutdown, also if it never serves.
func Listen(ctx context.Context, options Options) (*Server, error) {
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.MaxRequestBytes <= 0 {
		options.MaxRequestBytes = defaultMaxRequestBytes
	}
	if options.QueuedRequestBytes <= 0 {
		options.QueuedRequestBytes = defaultQueuedRequestBytes
	}
	if options.Limits.isZero() {
		options.Limits = Unlimited()
	}
	if options.Listen == nil {
		options.Listen = listenConfig().Listen
	}
	reserve := max(minSmallReserve, options.QueuedRequestBytes/smallReserveShare)
	s := &Server{
		log:       options.Log,
		options:   options,
		admission: newAdmission(options.Limits),
		repeats:   newRepeatLimiter(),
		stacks:    newStackPool(idleStacks),
		small:     newByteBudget(reserve),
		large:     newByteBudget(max(readBufferSize, options.QueuedRequestBytes-reserve)),
		began:     time.Now(),
		stop:      make(chan struct{}),
		conns:     make(map[*conn]struct{}),
	}
	s.sweeper.init(s.sweep)
	if err := s.bind(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Bound lists the addresses in the order of the listeners, one for each address that a host name stands for.
func (s *Server) Bound() []Bound {
	bound := make([]Bound, len(s.listeners))
	for i, l := range s.listeners {
		bound[i] = Bound{Listener: l.name, Addr: l.Addr()}
	}
	return bound
}

// SetLimits replaces the limits on connections, at once. Connections that are there stay.
func (s *Server) SetLimits(limits Limits) { s.admission.setLimits(limits) }

// Connections is how many connections there are.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Panics is how many requests have panicked.
func (s *Server) Panics() uint64 { return s.panics.Load() }

// Serve accepts connections and has the dispatcher answer their requests, until
// Shutdown. It logs a line "listening" per address when clients are answered from now on.
// It is called once. The error is always [ErrServerClosed].
func (s *Server) Serve(dispatcher Dispatcher) error {
	s.dispatcher = dispatcher
	if s.closing.Load() {
		return ErrServerClosed
	}
	for _, l := range s.listeners {
		s.running.Go(func() { s.accept(l) })
	}
	// The first line of a log costs as much as a request: the machine's time zone is read for it.
	for _, l := range s.listeners {
		s.log.Info("listening", "addr", l.Addr().String(), "listener", l.name)
	}
	<-s.stop
	return ErrServerClosed
}

// Shutdown stops accepting, lets requests that have begun finish and their answers go out,
// ends those that wait for something to happen (a fetch of data that isn't there), and closes
// all connections. Returns when nothing of the server is left. When ctx ends,
// what still goes on is cut off; the error is then the context's.
func (s *Server) Shutdown(ctx context.Context) error {
	if !s.closing.CompareAndSwap(false, true) {
		return ErrServerClosed
	}
	close(s.stop)
	for _, l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.log.Warn("cannot close listener", "addr", l.Addr().String(), "err", err)
		}
	}
	s.sweeper.stop()
	s.small.close()
	s.large.close()
	for _, c := range s.takeConns() {
		c.kick()
	}
	gone := make(chan struct{})
	go func() {
		s.running.Wait()
		s.stacks.stop()
		close(gone)
	}()
	return s.awaitEnd(ctx, gone)
}

// awaitEnd waits for all connections, and cuts off those that take too long.
func (s *Server) awaitEnd(ctx context.Context, gone <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, defaultGrace)
	defer cancel()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	left := s.takeConns()
	s.log.Warn("connections are cut off, their requests take too long", "connections", len(left))
	for _, c := range left {
		c.ctx.cancel() // of all, before one is waited for
	}
	for _, c := range left {
		c.abort()
	}
	<-gone
	return ctx.Err()
}

// takeConns lists the connections that are there.
func (s *Server) takeConns() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// now is the monotonic time since the server began, in nanoseconds.
func (s *Server) now() int64 { return int64(time.Since(s.began)) }

// logRepeated writes a line about a peer at the given level, unless there was one like it a moment ago.
func (s *Server) logRepeated(level slog.Level, event string, peer netip.AddrPort, attrs ...any) {
	s.logRepeatedLike(event, level, event, peer, attrs...)
}

// logRepeatedLike does so for events of which some are more like each other than others.
func (s *Server) logRepeatedLike(like string, level slog.Level, event string, peer netip.AddrPort, attrs ...any) {
	leftOut, ok := s.repeats.allow(like, peer.Addr(), time.Now())
	if !ok {
		return
	}
	if peer.IsValid() {
		attrs = append(attrs, "peer", peer.String())
	}
	if leftOut > 0 {
		attrs = append(attrs, "repeated", leftOut)
	}
	s.log.Log(context.Background(), level, event, attrs...)
}
