package broker

import (
	"errors"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
)

// startAdmit asks for admission in a goroutine.
func startAdmit(a *admission, addr netip.Addr, stop <-chan struct{}) chan error {
	done := make(chan error, 1)
	go func() { done <- a.admit(addr, stop) }()
	return done
}

func TestConnectionsPerAddressAreLimited(t *testing.T) {
	limits := Unlimited()
	limits.MaxConnectionsPerIP = 2
	limits.PerIP = map[netip.Addr]int{addrB: 1}
	a := newAdmission(limits)
	for range 2 {
		if err := a.admit(addrA, nil); err != nil {
			t.Fatal(err)
		}
	}
	// The same address as IPv4 in IPv6, as a listener for both sees it.
	if err := a.admit(netip.AddrFrom16(addrA.As16()), nil); !errors.Is(err, errTooManyFromAddress) {
		t.Errorf("the third connection: %v", err)
	}
	if err := a.admit(addrB, nil); err != nil {
		t.Error(err)
	}
	if err := a.admit(addrB, nil); !errors.Is(err, errTooManyFromAddress) {
		t.Errorf("the second connection of an address that may have one: %v", err)
	}
	a.leave(addrA)
	if err := a.admit(addrA, nil); err != nil {
		t.Errorf("after one has left: %v", err)
	}
	limits.MaxConnectionsPerIP = 3
	a.setLimits(limits)
	if err := a.admit(addrA, nil); err != nil {
		t.Errorf("after the limit was raised: %v", err)
	}
}

func TestConnectionsBeyondTheLimitWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Unlimited()
		limits.MaxConnections = 1
		a := newAdmission(limits)
		if err := a.admit(addrA, nil); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		second := startAdmit(a, addrB, stop)
		synctest.Wait()
		if len(second) > 0 {
			t.Fatal("the second connection didn't wait")
		}
		a.leave(addrA)
		if err := <-second; err != nil {
			t.Error(err)
		}
		third := startAdmit(a, addrA, stop)
		synctest.Wait()
		limits.MaxConnections = 2
		a.setLimits(limits)
		if err := <-third; err != nil {
			t.Errorf("after the limit was raised: %v", err)
		}
		fourth := startAdmit(a, addrA, stop)
		synctest.Wait()
		close(stop)
		if err := <-fourth; !errors.Is(err, errStopping) {
			t.Errorf("the wait ended with %v", err)
		}
	})
}

func TestConnectionsComeNoFasterThanTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Unlimited()
		limits.MaxConnectionCreationRate = 10
		a := newAdmission(limits)
		admit := func(n int) time.Duration {
			began := time.Now()
			for range n {
				if err := a.admit(addrA, nil); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began)
		}
		if took := admit(10); took != 0 {
			t.Errorf("one second's worth took %s", took)
		}
		if took := admit(30); took < 2900*time.Millisecond || took > 3300*time.Millisecond {
			t.Errorf("the next three seconds' worth took %s", took)
		}
		limits.MaxConnectionCreationRate = math.MaxInt32
		a.setLimits(limits)
		if took := admit(1000); took != 0 {
			t.Errorf("without a limit it took %s", took)
		}
	})
}

func TestZeroRateWaitsForAnotherLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Unlimited()
		limits.MaxConnectionCreationRate = 0
		a := newAdmission(limits)
		first := startAdmit(a, addrA, nil)
		time.Sleep(time.Hour)
		if len(first) > 0 {
			t.Fatal("a rate of zero let somebody in")
		}
		a.setLimits(Unlimited())
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestServerRefusesTooManyConnectionsOfOneAddress(t *testing.T) {
	limits := Unlimited()
	limits.MaxConnectionsPerIP = 1
	s := startServer(t, Options{Limits: limits}, answerAll)
	first := dialServer(t, s)
	first.send(frameOf(apiVersions(), 1))
	first.expect(1)
	dialServer(t, s).expectClosed()
	if len(s.logs.lines("connection refused", "too many connections")) != 1 {
		t.Errorf("log is\n%s", s.logs)
	}
	first.Close()
	await(t, "the end of the connection", func() bool { return len(s.takeConns()) == 0 })
	again := dialServer(t, s)
	again.send(frameOf(apiVersions(), 2))
	again.expect(2)
}

func TestServerAcceptsWhenAConnectionEnds(t *testing.T) {
	limits := Unlimited()
	limits.MaxConnections = 1
	s := startServer(t, Options{Limits: limits}, answerAll)
	first := dialServer(t, s)
	first.send(frameOf(apiVersions(), 1))
	first.expect(1)
	second := dialServer(t, s)
	second.send(frameOf(apiVersions(), 2))
	await(t, "a line for the second connection", func() bool { return len(s.logs.lines("new connections wait", "max.connections=1")) > 0 })
	first.Close()
	second.expect(2)
	third := dialServer(t, s)
	third.send(frameOf(apiVersions(), 3))
	s.SetLimits(Unlimited())
	third.expect(3)
	if got := len(s.logs.lines("new connections wait")); got != 1 {
		t.Errorf("%d lines were logged, want 1", got)
	}
}
