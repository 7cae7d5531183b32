package coordinator

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/clatterhq/clatter/logstore"
)

// shard is the state of one partition of the topic and the goroutine that owns it. What is in mu may be touched by anybody
// under the lock; everything else belongs to the goroutine, and to the next one when that has gone.
type shard[M Machine[R], R any] struct {
	runtime *Runtime[M, R]
	index   int32
	mu      struct {
		sync.Mutex
		queue    []Command[M, R] // not yet taken
		running  bool            // there is a goroutine
		refusing bool            // loading takes long: nobody shall wait for it
		fired    bool            // wakeup has, since the queue was taken
		closing  bool
		closed   bool
		ended    chan struct{} // closed along with the shard; nil until it is told to
	}
	// signal wakes the goroutine while it waits for a commit.
	signal chan struct{}

	loaded  bool
	machine M
	log     logstore.Partition
	timers  Timers[M, R]
	wakeup  *time.Timer
	wakesAt time.Time // when wakeup fires; zero if it isn't set

	taken    []Command[M, R] // from the queue
	next     int             // in taken
	timed    bool            // a timer may be due
	deciding *Command[M, R]  // in Decide now

	writer  writer
	open    *batch[R]   // collects records that aren't appended yet; nil if there are none
	flights []*batch[R] // appended and not yet durable, oldest first
	spare   *batch[R]   // nobody's, to be used again; may be nil
}

func newShard[M Machine[R], R any](r *Runtime[M, R], index int32) *shard[M, R] {
	return &shard[M, R]{runtime: r, index: index, signal: make(chan struct{}, 1)}
}

func (s *shard[M, R]) submit(c Command[M, R]) {
	if err := s.enqueue(c); err != nil {
		c.refuse(err)
	}
}

func (s *shard[M, R]) enqueue(c Command[M, R]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.enqueueLocked(c); err != nil {
		return err
	}
	s.wakeLocked()
	return nil
}

func (s *shard[M, R]) enqueueLocked(c Command[M, R]) error {
	if s.mu.closing {
		return ErrClosed
	}
	if s.mu.refusing {
		return ErrLoading
	}
	s.mu.queue = append(s.mu.queue, c)
	return nil
}

// do is submit by somebody who can work.
func (s *shard[M, R]) do(c Command[M, R]) {
	mine, err := s.enqueueFor(c)
	if err != nil {
		c.refuse(err)
		return
	}
	if !mine {
		return
	}
	if c.Shared {
		// Others that are about to ask the same share the append.
		runtime.Gosched()
	}
	s.work()
	if !s.rest() {
		go s.run()
	}
}

// enqueueFor enqueues a command, and says whether the shard belongs to the caller now. Whoever only wants an answer shouldn't have to load.
func (s *shard[M, R]) enqueueFor(c Command[M, R]) (mine bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.enqueueLocked(c); err != nil {
		return false, err
	}
	if s.mu.running || !s.loaded {
		s.wakeLocked()
		return false, nil
	}
	s.mu.running = true
	return true, nil
}

// wakeLocked makes sure that the goroutine looks at everything once more.
func (s *shard[M, R]) wakeLocked() {
	if !s.mu.running {
		s.mu.running = true
		go s.run()
		return
	}
	select {
	case s.signal <- struct{}{}:
	default: // It has been told already.
	}
}

// wake is what the timer calls.
func (s *shard[M, R]) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.closed {
		s.mu.fired = true
		s.wakeLocked()
	}
}

// close ends the shard. What it returns is closed when that is done.
func (s *shard[M, R]) close() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mu.closing {
		s.mu.closing, s.mu.ended = true, make(chan struct{})
		s.wakeLocked()
	}
	return s.mu.ended
}

// run is the goroutine of the shard.
func (s *shard[M, R]) run() {
	for {
		s.work()
		if !s.wait() {
			return
		}
	}
}

// work does all that can be done now. A panic in there costs the state of this shard and not the process:
// state is what the log says, so it is loaded again.
func (s *shard[M, R]) work() {
	defer func() {
		if cause := recover(); cause != nil {
			s.broken(cause)
		}
	}()
	s.timers.moment = time.Time{}
	s.complete()
	if !s.loaded && s.wanted() {
		if err := s.load(); err != nil {
			s.refuseQueued(err)
		}
		s.timers.moment = time.Time{} // That may have taken long.
	}
	s.take()
	for s.next < len(s.taken) {
		s.next++
		s.execute(&s.taken[s.next-1])
	}
	// What a timer sets anew is for the next time, however short the delay.
	for s.loaded && s.timed {
		t := s.timers.pop()
		if t == nil {
			break
		}
		s.execute(&t.command)
	}
	for s.complete(); s.open != nil && len(s.flights) == 0; s.complete() {
		s.append()
	}
}

// wanted reports whether a command waits for the state.
func (s *shard[M, R]) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mu.queue) > 0
}

// take takes the queue over and leaves the memory of the last one in its place.
func (s *shard[M, R]) take() {
	clear(s.taken) // Commands hold requests.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken, s.mu.queue = s.mu.queue, s.taken[:0]
	s.next = 0
	if s.timed = s.mu.fired; s.timed {
		s.mu.fired, s.wakesAt = false, time.Time{}
	}
}

// rest gives the shard up if there is nothing left to do or to wait for.
func (s *shard[M, R]) rest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.queue) > 0 || len(s.flights) > 0 || s.mu.fired || s.mu.closing && s.loaded {
		return false
	}
	if s.mu.closed = s.mu.closing; s.mu.closed {
		close(s.mu.ended)
	}
	s.mu.running = false
	s.taken, s.mu.queue = trim(s.taken), trim(s.mu.queue)
	if cap(s.flights) > idleCommands {
		s.flights = nil
	}
	s.writer.trim()
	s.arm()
	return true
}

// wait returns true when there is something to do, or false if there is no reason for a goroutine any more.
func (s *shard[M, R]) wait() bool {
	if s.rest() {
		return false
	}
	s.arm() // A shard that has always something to do has timers too.
	s.mu.Lock()
	if len(s.mu.queue) > 0 || s.mu.fired {
		s.mu.Unlock()
		return true
	}
	if len(s.flights) == 0 {
		defer s.mu.Unlock()
		return s.endLocked()
	}
	s.mu.Unlock()
	select {
	case <-s.signal:
	case <-s.flights[0].commit.Done():
	}
	return true
}

// endLocked ends the state because the runtime closes. The lock is free meanwhile: a machine may be asked anything by those that
// it tells.
func (s *shard[M, R]) endLocked() bool {
	s.mu.Unlock()
	defer s.mu.Lock()
	s.unload(ErrClosed)
	return true
}

// idleCommands bounds the memory that a burst of commands leaves behind.
const idleCommands = 16

func trim[C any](commands []C) []C {
	if cap(commands) > idleCommands {
		return nil
	}
	clear(commands) // What lies behind the length is clear.
	return commands[:0]
}

// arm sets the one timer to the earliest of the shard's. One that is set too early is left alone: heartbeats move their
// timers into the future all the time, and a goroutine that finds nothing to do once in a session is cheaper than setting it anew for each.
func (s *shard[M, R]) arm() {
	due, ok := s.timers.next()
	if !ok {
		if s.wakeup != nil {
			s.wakeup.Stop()
		}
		s.wakesAt = time.Time{}
		return
	}
	if !s.wakesAt.IsZero() && !due.Before(s.wakesAt) {
		return
	}
	s.wakesAt = due
	if s.wakeup == nil {
		s.wakeup = time.AfterFunc(time.Until(due), s.wake)
		return
	}
	s.wakeup.Reset(time.Until(due))
}

// execute decides on a command and sees to its records and its answer.
func (s *shard[M, R]) execute(c *Command[M, R]) {
	if s.loaded && s.open != nil && s.open.conflicts(c.Key, c.Shared) {
		s.append()
	}
	if !s.loaded {
		c.refuse(ErrLoading)
		return
	}
	s.deciding = c
	d := c.Decide(s.machine)
	s.deciding = nil
	switch {
	case d.Transaction != nil:
		s.addTransactional(c, &d)
		return
	case len(d.Records) > 0:
		s.add(c, &d)
		return
	}
	if d.Answer == nil {
		return
	}
	// The decision may rest on what is not durable yet: then it is told when that is.
	for _, b := range slices.Backward(s.flights) {
		if b.conflicts(c.Key, c.Shared) {
			b.answers = append(b.answers, d.Answer)
			return
		}
	}
	d.Answer(nil)
}

func (s *shard[M, R]) setRefusing(refusing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.refusing = refusing
}

// refuseQueued refuses what nobody has looked at yet.
func (s *shard[M, R]) refuseQueued(err error) {
	s.take()
	for i := range s.taken {
		s.next = i + 1
		s.taken[i].refuse(err)
	}
}

// unload ends the state: nothing of it is true any more, or nobody shall use it.
func (s *shard[M, R]) unload(err error) {
	if !s.loaded {
		return
	}
	machine, flights := s.machine, s.flights
	if s.open != nil {
		flights = append(flights, s.open)
		s.writer = writer{}
	}
	var none M
	s.loaded, s.machine, s.log, s.flights, s.open = false, none, nil, nil, nil
	defer s.timers.clear() // Last: what is set meanwhile belongs to a state that is gone.
	machine.Unloaded(err)
	for _, b := range flights {
		b.answer(err)
	}
}

// broken is what is left to do after a panic.
func (s *shard[M, R]) broken(cause any) {
	s.runtime.options.Log.Error("coordinator failed, its state is loaded again", slog.Int("shard", int(s.index)),
		slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
	err := fmt.Errorf("%w: %v", ErrFailed, cause)
	defer func() {
		if cause := recover(); cause != nil {
			s.runtime.options.Log.Error("coordinator failed while it ended", slog.Int("shard", int(s.index)), slog.Any("cause", cause))
		}
	}()
	if c := s.deciding; c != nil {
		s.deciding = nil
		c.refuse(err)
	}
	for s.next < len(s.taken) {
		s.next++
		s.taken[s.next-1].refuse(ErrLoading) // They had nothing to do with it.
	}
	if s.loaded {
		s.unload(fmt.Errorf("%w: %w", ErrLost, err))
		return
	}
	// It broke down while it loaded. It would do so again at once if those that wait for it were left waiting.
	s.timers.clear()
	s.setRefusing(false)
	s.refuseQueued(err)
}
