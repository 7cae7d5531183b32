package coordinator

import (
	"container/heap"
	"time"
)

// Timers are the timers of one shard: a heap, under which lies one timer of the runtime. They run on monotonic time, so a step of
// the wall clock fires nothing. Only the shard's goroutine may use them: from Decide, Answer and the methods of the machine.
type Timers[M Machine[R], R any] struct {
	queue timerQueue[M, R]
	// moment is what Now says; zero until it is asked.
	moment time.Time
}

// Now is the moment in which the shard began with what it does: one for all that comes of it, because a clock is a
// noticeable part of a heartbeat or a small append. It has monotonic time.
func (t *Timers[M, R]) Now() time.Time {
	if t.moment.IsZero() {
		t.moment = time.Now()
	}
	return t.moment
}

// Timer runs a command later. It has no state but when; what it is for is in the command.
type Timer[M Machine[R], R any] struct {
	owner   *Timers[M, R]
	due     time.Time
	place   int // in the queue, from 1 on; 0: not set
	command Command[M, R]
}

// New makes a timer that isn't set.
func (t *Timers[M, R]) New(c Command[M, R]) *Timer[M, R] {
	return &Timer[M, R]{owner: t, command: c}
}

// Set lets the timer fire once, not before the delay has passed, instead of when it was set to before.
func (t *Timer[M, R]) Set(delay time.Duration) {
	t.due = time.Now().Add(delay)
	if t.place > 0 {
		heap.Fix(&t.owner.queue, t.place-1)
		return
	}
	heap.Push(&t.owner.queue, t)
}

// Stop makes sure that the timer doesn't fire until it is set again.
func (t *Timer[M, R]) Stop() {
	if t.place > 0 {
		heap.Remove(&t.owner.queue, t.place-1)
	}
}

// Due is when the timer is going to fire; false if it isn't set.
func (t *Timer[M, R]) Due() (time.Time, bool) { return t.due, t.place > 0 }

// Pending reports whether the timer is going to fire.
func (t *Timer[M, R]) Pending() bool { return t.place > 0 }

// next is when the earliest timer is due.
func (t *Timers[M, R]) next() (due time.Time, ok bool) {
	if len(t.queue) == 0 {
		return time.Time{}, false
	}
	return t.queue[0].due, true
}

// pop takes a timer out that is due, nil if none is.
func (t *Timers[M, R]) pop() *Timer[M, R] {
	if len(t.queue) == 0 || t.queue[0].due.After(t.Now()) {
		return nil
	}
	return heap.Pop(&t.queue).(*Timer[M, R])
}

// clear stops all timers.
func (t *Timers[M, R]) clear() {
	for _, timer := range t.queue {
		timer.place = 0
	}
	t.queue = nil
}

type timerQueue[M Machine[R], R any] []*Timer[M, R]

func (q timerQueue[M, R]) Len() int           { return len(q) }
func (q timerQueue[M, R]) Less(i, j int) bool { return q[i].due.Before(q[j].due) }

func (q timerQueue[M, R]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i+1, j+1
}

// Push implements [heap.Interface].
func (q *timerQueue[M, R]) Push(x any) {
	t := x.(*Timer[M, R])
	*q = append(*q, t)
	t.place = len(*q)
}

// Pop implements [heap.Interface].
func (q *timerQueue[M, R]) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.place = 0
	return t
}
