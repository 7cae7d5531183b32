package broker

import (
	"math"
	"net/netip"
	"sync"
	"time"
)

// Limits bounds the connections of a server. All of it can change while it runs.
// A field of [math.MaxInt32], Kafka's default, is no limit.
type Limits struct {
	// MaxConnections is max.connections. Beyond it the server doesn't accept until
	// another connection ends: clients wait in the backlog of the listener.
	MaxConnections int
	// MaxConnectionsPerIP is max.connections.per.ip. A connection beyond it is closed at once.
	MaxConnectionsPerIP int
	// PerIP is max.connections.per.ip.overrides; it goes before MaxConnectionsPerIP.
	PerIP map[netip.Addr]int
	// MaxConnectionCreationRate is max.connection.creation.rate, in connections per second
	// (KIP-612). Beyond it the server accepts later.
	MaxConnectionCreationRate int
}

// Unlimited are Kafka's defaults.
func Unlimited() Limits {
	return Limits{
		MaxConnections:            math.MaxInt32,
		MaxConnectionsPerIP:       math.MaxInt32,
		MaxConnectionCreationRate: math.MaxInt32,
	}
}

// admission counts connections and decides who may come in and when.
type admission struct {
	mu     sync.Mutex
	limits Limits
	total  int
	perIP  map[netip.Addr]int
	// tokens is how many connections the rate allows at this moment, at most one second's worth.
	tokens  float64
	counted time.Time     // when tokens was last brought up to date
	changed chan struct{} // closed at the next change that somebody may wait for; nil while nobody does
}

func newAdmission(limits Limits) *admission {
	a := &admission{perIP: make(map[netip.Addr]int)}
	a.setLimits(limits)
	return a
}

// setLimits takes effect at once, also for those who wait. Connections that are there stay.
func (a *admission) setLimits(limits Limits) {
	overrides := make(map[netip.Addr]int, len(limits.PerIP))
	for addr, n := range limits.PerIP {
		overrides[addr.Unmap()] = n
	}
	limits.PerIP = overrides
	a.mu.Lock()
	defer a.mu.Unlock()
	if limits.MaxConnectionCreationRate != a.limits.MaxConnectionCreationRate {
		a.tokens, a.counted = float64(limits.MaxConnectionCreationRate), time.Now()
	}
	a.limits = limits
	a.wakeLocked()
}

// full says whether the next connection has to wait for another's end, and what the limit is.
func (a *admission) full() (limit int, full bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.limits.MaxConnections, a.total >= a.limits.MaxConnections
}

// admit counts a connection in, waiting while there is no room or it comes too fast.
// Whoever is admitted must leave.
//
// Errors: errTooManyFromAddress; errStopping once stop is closed.
func (a *admission) admit(addr netip.Addr, stop <-chan struct{}) error {
	addr = addr.Unmap()
	for {
		wait, changed, err := a.tryAdmit(addr, time.Now())
		if err != nil || wait == 0 {
			return err
		}
		if err := awaitChange(wait, changed, stop); err != nil {
			return err
		}
	}
}

// awaitChange waits for one of them; the timer only where time alone helps (wait is above 0).
func awaitChange(wait time.Duration, changed, stop <-chan struct{}) error {
	var after <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-after:
		return nil
	case <-changed:
		return nil
	case <-stop:
		return errStopping
	}
}

// tryAdmit admits, or says how long to wait at most: below 0 is until something changes.
func (a *admission) tryAdmit(addr netip.Addr, now time.Time) (wait time.Duration, changed <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.perIP[addr] >= a.maxFromLocked(addr) {
		return 0, nil, errTooManyFromAddress
	}
	if a.total >= a.limits.MaxConnections {
		return -1, a.changeLocked(), nil
	}
	if a.limits.MaxConnectionCreationRate < math.MaxInt32 {
		if wait := a.takeTokenLocked(now); wait != 0 {
			return wait, a.changeLocked(), nil
		}
	}
	a.total++
	a.perIP[addr]++
	return 0, nil, nil
}

// takeTokenLocked takes one connection off what the rate allows, or says when there will be one.
func (a *admission) takeTokenLocked(now time.Time) time.Duration {
	rate := float64(a.limits.MaxConnectionCreationRate)
	if rate <= 0 {
		return -1
	}
	a.tokens = min(rate, a.tokens+rate*now.Sub(a.counted).Seconds())
	a.counted = now
	if a.tokens < 1 {
		return time.Duration((1-a.tokens)/rate*float64(time.Second)).Round(time.Millisecond) + time.Millisecond
	}
	a.tokens--
	return 0
}

func (a *admission) maxFromLocked(addr netip.Addr) int {
	if n, ok := a.limits.PerIP[addr]; ok {
		return n
	}
	return a.limits.MaxConnectionsPerIP
}

// leave counts a connection out.
func (a *admission) leave(addr netip.Addr) {
	addr = addr.Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if a.perIP[addr]--; a.perIP[addr] == 0 {
		delete(a.perIP, addr)
	}
	a.wakeLocked()
}

func (a *admission) changeLocked() <-chan struct{} {
	if a.changed == nil {
		a.changed = make(chan struct{})
	}
	return a.changed
}

func (a *admission) wakeLocked() {
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// isZero says whether nothing was set.
func (l Limits) isZero() bool {
	return l.MaxConnections == 0 && l.MaxConnectionsPerIP == 0 && l.MaxConnectionCreationRate == 0 && l.PerIP == nil
}
