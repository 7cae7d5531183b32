package txn

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/logstore"
)

const (
	// manyMarkers are so many that writing them would keep the shard from everything else.
	manyMarkers = 32
	// firstRetry and lastRetry bound how long after a failure markers are written again.
	firstRetry = 20 * time.Millisecond
	lastRetry  = 2 * time.Second
	// careInterval is how often somebody looks after transactions that are late to end.
	careInterval = 20 * time.Millisecond
)

// completion is the end of one transaction, from its Prepare record to its Complete record. The shard owns it, but for what is in mu.
type completion struct {
	id     string
	parked []parkedCall
	// retryAt is when to try again what failed, zero if nothing has; delay grows from failure to failure.
	retryAt time.Time
	delay   time.Duration

	mu struct {
		sync.Mutex
		waiting int              // for so many partitions
		failed  []TopicPartition // whose markers must be written again
		err     error            // of one of them
	}
}

// sendMarkers writes the markers of a transaction whose Prepare record is durable, or not, then err says why. What
// is loaded again then writes them, if the record is there.
func (s *Shard) sendMarkers(id string, err error) {
	t := s.transactions[id]
	if err != nil || !s.live || t == nil || t.completion == nil {
		return
	}
	s.write(t, t.last.Partitions.all())
}

// write hands markers to the logs.
func (s *Shard) write(t *transaction, to []TopicPartition) {
	c, e, m := s.coordinator, t.completion, t.last
	if len(to) == 0 {
		c.runtime.Submit(e.id, s.completeCommand(e))
		return
	}
	e.retryAt, e.mu.waiting, e.mu.failed = time.Time{}, len(to), nil
	marker := Marker{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, Commit: m.State == PrepareCommit,
		CoordinatorEpoch: s.epoch, TransactionVersion: m.ClientVersion,
	}
	if m.ProducerEpoch == m.LastProducerEpoch {
		marker.TransactionVersion = 0 // There was no epoch left for the marker.
	}
	done := func(p TopicPartition, err error) {
		if e.written(p, err) {
			c.runtime.Submit(e.id, s.completeCommand(e))
		}
	}
	if len(to) < manyMarkers {
		c.options.Markers.Write(marker, to, done)
		return
	}
	c.background.Go(func() { c.options.Markers.Write(marker, to, done) })
}

// written hears of one marker, and reports whether it was the last.
//
// A partition that knows a newer epoch of the producer has ended the transaction: nobody gets an epoch before the transactions of
// the one before it are over, unless an operator wrote a marker. Kafka leaves such a transaction prepared for ever.
func (e *completion) written(p TopicPartition, err error) (last bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && !errors.Is(err, logstore.ErrInvalidProducerEpoch) {
		e.mu.failed = append(e.mu.failed, p)
		e.mu.err = err
	}
	e.mu.waiting--
	return e.mu.waiting == 0
}

func (s *Shard) completeCommand(e *completion) coordinator.Command[*Shard, *Record] {
	return coordinator.Command[*Shard, *Record]{
		Key:    e.id,
		Decide: func(s *Shard) coordinator.Decision[*Record] { return s.complete(e) },
	}
}

// complete decides that a transaction has ended, if all of its markers are there. Requests that waited for that are decided in the
// same breath, so that their records share an append with it.
func (s *Shard) complete(e *completion) coordinator.Decision[*Record] {
	t := s.transactions[e.id]
	if t == nil || t.completion != e {
		return coordinator.Decision[*Record]{} // The shard was loaded anew since.
	}
	e.mu.Lock()
	failed, err := e.mu.failed, e.mu.err
	e.mu.Unlock()
	if len(failed) > 0 {
		s.coordinator.event(slog.LevelWarn, "cannot write markers of a transaction, trying again", e.id, t.last,
			"partitions", len(failed), "first", failed[0].Topic, "partition", failed[0].Partition, "error", err)
		s.tryLater(e)
		return coordinator.Decision[*Record]{}
	}
	m := t.last.completed(s.nowMs())
	d := coordinator.Decision[*Record]{Records: []*Record{{e.id, m}}}
	answers := make([]func(error), 0, 1+len(e.parked))
	answers = append(answers, func(err error) {
		if err != nil && s.live && t.completion == e { // The disk is full.
			s.tryLater(e)
		}
	})
	for _, p := range e.takeParked() {
		next, _, answered := p.call.decideAbout(s, m)
		if !answered {
			continue
		}
		if next != nil {
			d.Records = append(d.Records, &Record{e.id, next})
			m = next
		}
		answers = append(answers, p.call.told)
	}
	d.Answer = func(err error) {
		for _, a := range answers {
			a(err)
		}
	}
	return d
}

// tryLater has the rest of an end done a little later, and later with each failure.
func (s *Shard) tryLater(e *completion) {
	e.delay = min(max(2*e.delay, firstRetry), lastRetry)
	e.retryAt = time.Now().Add(e.delay)
	s.armCare()
}

// park keeps a call until the transaction has ended, or its patience.
func (e *completion) park(s *Shard, call parked) {
	patience := time.Duration(s.config().PatienceMs) * time.Millisecond
	e.parked = append(e.parked, parkedCall{call, time.Now().Add(patience)})
	s.armCare()
}

func (e *completion) takeParked() []parkedCall {
	taken := e.parked
	e.parked = nil
	return taken
}

func (s *Shard) armCare() {
	if s.live && !s.care.Pending() {
		s.care.Set(careInterval)
	}
}

// careForEnding sends those away who have waited for long enough, and tries again what has failed.
func (s *Shard) careForEnding() coordinator.Decision[*Record] {
	now := time.Now()
	again := false
	for e := range s.ending {
		e.parked = slices.DeleteFunc(e.parked, func(p parkedCall) bool {
			late := !now.Before(p.until)
			if late {
				p.call.told(nil) // with what was decided when it came
			}
			return late
		})
		if !e.retryAt.IsZero() && !now.Before(e.retryAt) {
			e.mu.Lock()
			failed := e.mu.failed
			e.mu.Unlock()
			s.write(s.transactions[e.id], failed)
			e.retryAt = time.Time{}
		}
		again = again || len(e.parked) > 0 || !e.retryAt.IsZero()
	}
	if again {
		s.armCare()
	}
	return coordinator.Decision[*Record]{}
}
