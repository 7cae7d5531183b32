package broker

import (
	"errors"
	"testing"
	"testing/synctest"
)

// taker takes from a budget in a goroutine and tells how it went.
type taker struct {
	lease lease
	gone  chan struct{}
	done  chan error
}

func startTake(b *byteBudget, n int64) *taker {
	k := &taker{gone: make(chan struct{}), done: make(chan error, 1)}
	go func() { k.done <- b.take(k.gone, &k.lease, n) }()
	synctest.Wait()
	return k
}

func (k *taker) granted() bool { return len(k.done) > 0 }

func TestBudgetServesInTheOrderOfComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newByteBudget(100)
		var holder lease
		if !b.tryTake(&holder, 100) {
			t.Fatal("an unused budget has nothing")
		}
		elder := startTake(b, 10) // may overdraw
		first, second := startTake(b, 60), startTake(b, 1)
		if !elder.granted() || first.granted() || second.granted() {
			t.Fatal("only the first who finds the budget empty may overdraw")
		}
		b.giveBack(&holder, 50)
		if first.granted() || second.granted() {
			t.Error("the small request overtook the large one, or both were granted from too little")
		}
		b.giveBack(&holder, 50)
		synctest.Wait()
		if !first.granted() || !second.granted() {
			t.Error("waiters were not served")
		}
		for _, k := range []*taker{elder, first, second} {
			b.giveBack(&k.lease, k.lease.held)
		}
		if b.free != b.total {
			t.Errorf("%d bytes are missing", b.total-b.free)
		}
	})
}

func TestBudgetLetsOneFrameGrowWhenAllWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newByteBudget(100)
		var one, two lease
		b.tryTake(&one, 50)
		b.tryTake(&two, 50)
		grow := func(l *lease) chan error {
			done := make(chan error, 1)
			go func() { done <- b.take(nil, l, 50) }()
			synctest.Wait()
			return done
		}
		oneDone, twoDone := grow(&one), grow(&two)
		if len(oneDone) != 1 || len(twoDone) != 0 {
			t.Fatal("exactly the first must go on")
		}
		// The elder may go on growing, past those who wait.
		if more := grow(&one); len(more) != 1 {
			t.Fatal("the elder must wait")
		}
		b.giveBack(&one, one.held)
		synctest.Wait()
		if len(twoDone) != 1 {
			t.Error("the second frame is stuck after the first has ended")
		}
		b.giveBack(&two, two.held)
	})
}

func TestBudgetForgetsWaitersThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newByteBudget(10)
		var holder lease
		b.tryTake(&holder, 10)
		elder := startTake(b, 1)
		gone, next := startTake(b, 20), startTake(b, 5)
		close(gone.gone)
		if err := <-gone.done; !errors.Is(err, errPeerGone) {
			t.Errorf("the wait ended with %v", err)
		}
		b.giveBack(&holder, 10)
		synctest.Wait()
		if !next.granted() {
			t.Error("who waited behind the one that left waits still")
		}
		b.giveBack(&elder.lease, 1)
		b.giveBack(&next.lease, 5)
		if b.free != b.total {
			t.Errorf("%d bytes are missing", b.total-b.free)
		}
	})
}

func TestBudgetRefusesEverybodyOnceClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newByteBudget(10)
		var holder, late lease
		b.tryTake(&holder, 10)
		elder, waiter := startTake(b, 1), startTake(b, 1)
		if !b.contended() || !b.scarce() {
			t.Error("a budget that somebody waits for says that it is neither contended nor scarce")
		}
		b.close()
		if err := <-waiter.done; !errors.Is(err, errStopping) {
			t.Errorf("the wait ended with %v", err)
		}
		if err := b.take(nil, &late, 1); !errors.Is(err, errStopping) {
			t.Errorf("after close: %v", err)
		}
		if b.tryTake(&late, 1) {
			t.Error("a closed budget gave something")
		}
		b.giveBack(&holder, 10)
		b.giveBack(&elder.lease, 1)
	})
}
