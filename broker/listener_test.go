package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryListenerIsBoundAndLogged(t *testing.T) {
	s := startServer(t, Options{Listeners: []Listener{
		{Name: "PLAINTEXT", Host: "127.0.0.1"},
		{Name: "INTERNAL", Host: "127.0.0.1"},
	}}, func(_ context.Context, req *Request) (Reply, error) {
		if req.Peer.ID == 0 || !req.Peer.Remote.IsValid() || !req.Peer.Local.IsValid() {
			t.Errorf("peer is %+v", req.Peer)
		}
		req.Peer.SoftwareName = req.Peer.Listener
		return ready(req), nil
	})
	for i, bound := range s.Bound() {
		nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", bound.Addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		c := &testClient{Conn: nc, t: t}
		c.send(frameOf(apiVersions(), int32(i)))
		c.expect(int32(i))
		if len(s.logs.lines("listening", "addr="+bound.Addr.String(), "listener="+bound.Listener)) != 1 {
			t.Errorf("log is\n%s", s.logs)
		}
	}
	if b := s.Bound(); b[0].Listener != "PLAINTEXT" || b[1].Listener != "INTERNAL" {
		t.Errorf("bound are %v", b)
	}
}

func TestLocalhostIsEveryAddressItStandsFor(t *testing.T) {
	s := startServer(t, Options{Listeners: []Listener{{Name: "PLAINTEXT", Host: "localhost"}}}, answerAll)
	bound := s.Bound()
	first := bound[0].Addr.(*net.TCPAddr)
	if !first.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		t.Errorf("the first address is %s", first)
	}
	for _, b := range bound {
		if b.Addr.(*net.TCPAddr).Port != first.Port {
			t.Errorf("bound are %v: ports differ", bound)
		}
	}
}

func TestHostNamesAreResolvedWithIPv4First(t *testing.T) {
	for host, want := range map[string]string{"": "", "10.1.2.3": "10.1.2.3", "::1": "::1"} {
		got, err := resolveHost(t.Context(), host)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q is %q: %v", host, got, err)
		}
	}
}

func TestTakenPortIsAnErrorAndNothingStaysBound(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	_, err = Listen(t.Context(), Options{Listeners: []Listener{
		{Name: "A", Host: "127.0.0.1", Port: free.Addr().(*net.TCPAddr).Port},
		{Name: "B", Host: "127.0.0.1", Port: taken.Addr().(*net.TCPAddr).Port},
	}})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "listener B") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v", err)
	}
	again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", free.Addr().String())
	if err != nil {
		t.Fatalf("the first listener's port stayed bound: %v", err)
	}
	again.Close()
}

func TestAddressesThatTheMachineLacksArePassedOver(t *testing.T) {
	var asked []string
	listen := func(_ context.Context, _, address string) (net.Listener, error) {
		asked = append(asked, address)
		if strings.HasPrefix(address, "[") {
			return nil, &net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}
		}
		return newPipeListener(), nil
	}
	s, err := Listen(t.Context(), Options{Listeners: []Listener{{Name: "A", Host: "localhost", Port: 1}}, Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Bound()) != 1 {
		t.Errorf("bound are %v", s.Bound())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	listen = func(context.Context, string, string) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Err: syscall.EADDRNOTAVAIL}
	}
	if _, err := Listen(t.Context(), Options{Listeners: []Listener{{Name: "A", Host: "::9"}}, Listen: listen}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("a listener without any address: %v", err)
	}
}

// failingListener fails a number of times before it accepts.
type failingListener struct {
	*pipeListener
	failures int
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.pipeListener.Accept()
}

func TestAcceptGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipeListener()
		s, err := Listen(t.Context(), Options{
			Log:       slog.New(slog.DiscardHandler),
			Listeners: []Listener{{Name: "A"}},
			Listen: func(context.Context, string, string) (net.Listener, error) {
				return &failingListener{pipes, 20}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		go s.Serve(dispatchFunc(answerAll))
		c := pipes.dial(t)
		c.send(frameOf(apiVersions(), 1))
		c.expect(1)
		if took := time.Since(began); took < 10*time.Second || took > 15*time.Second {
			t.Errorf("20 failures took %s: pauses must grow and stay bounded", took)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestSecondShutdownIsRefused(t *testing.T) {
	s, err := Listen(t.Context(), Options{Log: slog.New(slog.DiscardHandler), Listeners: []Listener{{Name: "A", Host: "127.0.0.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(t.Context()); !errors.Is(err, ErrServerClosed) {
		t.Errorf("the second shutdown: %v", err)
	}
	if err := s.Serve(dispatchFunc(answerAll)); !errors.Is(err, ErrServerClosed) {
		t.Errorf("serving afterwards: %v", err)
	}
}

func TestRepeatsAreLeftOutAndCounted(t *testing.T) {
	l := newRepeatLimiter()
	now := time.Now()
	if _, ok := l.allow("a", addrA, now); !ok {
		t.Error("the first line was left out")
	}
	for range 3 {
		if _, ok := l.allow("a", addrA, now.Add(time.Second)); ok {
			t.Error("a repeated line was written")
		}
	}
	if _, ok := l.allow("a", addrB, now); !ok {
		t.Error("another address was left out")
	}
	if _, ok := l.allow("b", addrA, now); !ok {
		t.Error("another event was left out")
	}
	if leftOut, ok := l.allow("a", addrA, now.Add(2*repeatWindow)); !ok || leftOut != 3 {
		t.Errorf("after a while: %v, %d left out", ok, leftOut)
	}
}

func TestRepeatsAreBounded(t *testing.T) {
	l := newRepeatLimiter()
	now := time.Now()
	for i := range 5 * maxRepeatKeys {
		l.allow("a", netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
		if len(l.seen) > maxRepeatKeys {
			t.Fatalf("%d addresses are remembered", len(l.seen))
		}
		now = now.Add(time.Second)
	}
}
