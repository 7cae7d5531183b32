package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Faults says what happens to the requests of one API key. Shares are of 1.
type Faults struct {
	Key       int16         // API key of the requests that suffer
	LoseShare float64       // the broker gets the request, the client no answer: its connection is cut
	SlowShare float64       // the answer is held back for up to MaxDelay, split into two writes
	MaxDelay  time.Duration // of a slow answer
	TwinShare float64       // the answer is sent twice; clients drop the connection, or the second one
	HoldShare float64       // the client's connection is cut, and the broker gets the request after up to MaxHold, on a connection of its own
	EchoShare float64       // the broker gets the request at once, and a second time after up to MaxHold, on a connection of its own
	MaxHold   time.Duration // of a late request
	Seed      uint64
}

// Proxy passes connections on to one broker.
type Proxy struct {
	faults   []Faults
	target   atomic.Pointer[string]
	listener net.Listener
	done     sync.WaitGroup
	lost     atomic.Int64
	late     atomic.Int64
	closing  chan struct{} // closed by Close

	mu     sync.Mutex
	random *rand.Rand // guarded by mu
	open   map[net.Conn]struct{}
	closed bool
}

// maxFrame bounds what the proxy holds of one request or answer.
const maxFrame = 64 << 20

// Start listens on a free port of 127.0.0.1, which a broker can be told to advertise. Connections are cut until SetTarget says
// where that broker is. Of several faults the first with a request's key is its. Close ends the proxy.
func Start(faults ...Faults) (*Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{
		faults: faults, listener: listener, closing: make(chan struct{}),
		random: rand.New(rand.NewPCG(faults[0].Seed, 1)), open: map[net.Conn]struct{}{},
	}
	p.done.Go(p.accept)
	return p, nil
}

// Addr is where clients connect, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget names the broker that new connections are passed on to, as host:port.
func (p *Proxy) SetTarget(addr string) { p.target.Store(&addr) }

// Lost is how many answers were lost so far.
func (p *Proxy) Lost() int64 { return p.lost.Load() }

// Late is how many requests have reached the broker late so far.
func (p *Proxy) Late() int64 { return p.late.Load() }

// Close cuts every connection and waits for the proxy's goroutines.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	close(p.closing)
	for conn := range p.open {
		conn.Close() //nolint:errcheck // Cutting is the purpose.
	}
	p.mu.Unlock()
	p.done.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		target := p.target.Load()
		if target == nil {
			client.Close() //nolint:errcheck // The client sees the broker's absence.
			continue
		}
		broker, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", *target)
		if err != nil {
			client.Close() //nolint:errcheck // The client sees the broker's absence.
			continue
		}
		if !p.track(client, broker) {
			return
		}
		pipe := &pipe{proxy: p, client: client, broker: broker, fate: make(chan fate, 1024)}
		p.done.Go(pipe.requests)
		p.done.Go(pipe.answers)
	}
}

func (p *Proxy) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		if p.closed {
			conn.Close() //nolint:errcheck // Cutting is the purpose.
		}
		p.open[conn] = struct{}{}
	}
	return !p.closed
}

func (p *Proxy) cut(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		conn.Close() //nolint:errcheck // Cutting is the purpose.
		delete(p.open, conn)
	}
}

// fate is what happens to one request and its answer.
type fate struct {
	lose  bool
	twin  bool
	delay time.Duration
	// hold and echo say that the broker gets the request after late, instead of now or as well.
	hold, echo bool
	late       time.Duration
}

func (p *Proxy) draw(key int16) fate {
	i := slices.IndexFunc(p.faults, func(f Faults) bool { return f.Key == key })
	if i < 0 {
		return fate{}
	}
	faults := p.faults[i]
	p.mu.Lock()
	defer p.mu.Unlock()
	f := fate{lose: p.random.Float64() < faults.LoseShare, twin: p.random.Float64() < faults.TwinShare}
	if p.random.Float64() < faults.SlowShare {
		f.delay = time.Duration(p.random.Int64N(int64(faults.MaxDelay)))
	}
	f.hold, f.echo = p.random.Float64() < faults.HoldShare, p.random.Float64() < faults.EchoShare
	if f.hold || f.echo {
		f.late = time.Duration(p.random.Int64N(int64(faults.MaxHold)))
	}
	return f
}

// sendLate gives the broker a request that nobody waits for any more. A broker that is away then never gets it.
func (p *Proxy) sendLate(frame []byte, after time.Duration) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.closing:
		return
	}
	broker, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", *p.target.Load())
	if err != nil {
		return
	}
	defer p.cut(broker)
	if !p.track(broker) {
		return
	}
	if _, err := broker.Write(frame); err != nil {
		return
	}
	if _, err := readFrame(broker); err == nil {
		p.late.Add(1)
	}
}

// pipe is one client's connection. Requests that get no answer at all (acks=0) are beyond it.
type pipe struct {
	proxy          *Proxy
	client, broker net.Conn
	fate           chan fate // of requests whose answers are still to come, in order
}

func (c *pipe) requests() {
	defer c.proxy.cut(c.client, c.broker)
	defer close(c.fate)
	for {
		frame, err := readFrame(c.client)
		if err != nil || len(frame) < 6 {
			return
		}
		f := c.proxy.draw(int16(binary.BigEndian.Uint16(frame[4:])))
		if f.hold || f.echo {
			c.proxy.done.Go(func() { c.proxy.sendLate(frame, f.late) })
		}
		if f.hold {
			return
		}
		c.fate <- f
		if _, err := c.broker.Write(frame); err != nil {
			return
		}
	}
}

func (c *pipe) answers() {
	defer c.proxy.cut(c.client, c.broker)
	for f := range c.fate {
		frame, err := readFrame(c.broker)
		if err != nil {
			break
		}
		if f.lose {
			c.proxy.lost.Add(1)
			break
		}
		half := 0
		if f.delay > 0 {
			half = len(frame) / 2
			if _, err := c.client.Write(frame[:half]); err != nil {
				break
			}
			<-time.After(f.delay)
		}
		rest := frame[half:]
		if f.twin {
			rest = append(rest, frame...)
		}
		if _, err := c.client.Write(rest); err != nil {
			break
		}
	}
	c.proxy.cut(c.client, c.broker)
	for range c.fate { // lets requests end
		continue
	}
}

// readFrame returns a whole frame with its size prefix.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(size[:])))
	if n < 0 || n > maxFrame {
		return nil, errors.New("proxy: not a frame")
	}
	frame := append(size[:], make([]byte, n)...)
	_, err := io.ReadFull(r, frame[4:])
	return frame, err
}
