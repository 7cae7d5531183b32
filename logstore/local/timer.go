package local

import (
	"container/heap"
	"sync"
	"time"
)

// timers is everything that a store does later, on one timer that is set for the earliest of it: a store
// with nothing due sleeps.
type timers struct {
	mu struct {
		sync.Mutex
		queue   taskQueue
		timer   *time.Timer
		running bool
		closed  bool
		idle    *sync.Cond
	}
}

// task is one thing to do at a time. It may take long: tasks wait for each other.
type task struct {
	due time.Time
	run func()
}

type taskQueue []task

func (q taskQueue) Len() int           { return len(q) }
func (q taskQueue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q taskQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *taskQueue) Push(x any) { *q = append(*q, x.(task)) }

// Pop implements [heap.Interface].
func (q *taskQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = task{}
	*q = (*q)[:last]
	return t
}

func (t *timers) init() { t.mu.idle = sync.NewCond(&t.mu) }

// after runs fn once, in a goroutine of its own, not before delay has passed. It is forgotten by close.
func (t *timers) after(delay time.Duration, fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.closed {
		return
	}
	heap.Push(&t.mu.queue, task{due: time.Now().Add(delay), run: fn})
	if !t.mu.running {
		t.setLocked()
	}
}

// setLocked sets the timer for the earliest task.
func (t *timers) setLocked() {
	if len(t.mu.queue) == 0 {
		return
	}
	wait := max(time.Until(t.mu.queue[0].due), 0)
	if t.mu.timer == nil {
		t.mu.timer = time.AfterFunc(wait, t.fire)
		return
	}
	t.mu.timer.Reset(wait)
}

// fire runs what is due.
func (t *timers) fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.running || t.mu.closed {
		return
	}
	t.mu.running = true
	for !t.mu.closed && len(t.mu.queue) > 0 && !t.mu.queue[0].due.After(time.Now()) {
		next := heap.Pop(&t.mu.queue).(task)
		t.mu.Unlock()
		next.run()
		t.mu.Lock()
	}
	t.mu.running = false
	t.mu.idle.Broadcast()
	if !t.mu.closed {
		t.setLocked()
	}
}

// close forgets what is not due yet and waits for what is running.
func (t *timers) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.closed = true
	t.mu.queue = nil
	if t.mu.timer != nil {
		t.mu.timer.Stop()
	}
	for t.mu.running {
		t.mu.idle.Wait()
	}
}
