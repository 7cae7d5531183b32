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
	shard  *Shard
	id     string
	parked []parkedCall
	only   [1]TopicPartition // the memory of one, as a rule there are no more
	// retryAt is when to try again what failed, zero if nothing has; delay grows from failure to failure.
	retryAt time.Time
	delay   time.Duration
	lingers bool // the Complete record has waited for one look of careForEnding already

	mu struct {
		sync.Mutex
		to      []TopicPartition // where markers went the last time; nil: nowhere yet
		results *markerResults   // as long as there is something to tell apart; else nil
		waiting int32            // for so many of to
		awaited bool             // the last marker must be told of: the Complete record is not to wait
		several bool             // partitions in the transaction
	}
}

// markerResults is what became of the markers of a transaction in several partitions, or of those that failed.
type markerResults struct {
	ended  []TopicPartition // of several, those whose markers are written
	failed []TopicPartition // whose markers must be written again
	err    error            // of one of them
}

// sendMarkers writes the markers of a transaction whose Prepare record is durable, or not, then err says why. What
// is loaded again then writes them, if the record is there.
func (s *Shard) sendMarkers(id string, err error) {
	t := s.transactions[id]
	if err != nil || !s.live || t == nil || t.completion == nil {
		return
	}
	s.write(t, t.last.Partitions.appendAll(t.completion.only[:0]))
}

// write hands markers to the logs.
func (s *Shard) write(t *transaction, to []TopicPartition) {
	c, e, m := s.coordinator, t.completion, t.last
	if len(to) == 0 {
		c.runtime.Submit(e.id, completeCommand(e))
		return
	}
	e.send(to, c.options.CompleteDelay <= 0)
	if c.options.CompleteDelay > 0 {
		s.armCare(c.options.CompleteDelay)
	}
	marker := Marker{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, Commit: m.State == PrepareCommit,
		CoordinatorEpoch: s.epoch, TransactionVersion: m.ClientVersion,
	}
	if m.ProducerEpoch == m.LastProducerEpoch {
		marker.TransactionVersion = 0 // There was no epoch left for the marker.
	}
	if len(to) < manyMarkers {
		c.options.Markers.Write(marker, to, e)
		return
	}
	c.background.Go(func() { c.options.Markers.Write(marker, to, e) })
}

// send notes that markers are on their way.
func (e *completion) send(to []TopicPartition, awaited bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retryAt = time.Time{}
	e.mu.to, e.mu.waiting = to, int32(len(to))
	if e.mu.results != nil {
		e.mu.results.failed = nil
	}
	e.mu.awaited, e.mu.several = e.mu.awaited || awaited, e.mu.several || len(to) > 1
}

// settled reports whether all markers are there, and the Complete record may be written.
func (e *completion) settled() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settledLocked()
}

func (e *completion) settledLocked() bool {
	return e.mu.to != nil && e.mu.waiting == 0 && !e.failedLocked() && e.retryAt.IsZero()
}

// failedLocked reports whether markers must be written again.
func (e *completion) failedLocked() bool { return e.mu.results != nil && len(e.mu.results.failed) > 0 }

// failed are the partitions whose markers must be written again, and why one of them must.
func (e *completion) failed() ([]TopicPartition, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.results == nil {
		return nil, nil
	}
	return e.mu.results.failed, e.mu.results.err
}

// await makes sure that the shard is told of the last marker, unless it returns true: then all of them are there.
func (e *completion) await() (settled bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mu.awaited = true
	return e.settledLocked()
}

// Written implements [MarkerWaiter]. The shard is told of the last one, if that is needed.
func (e *completion) Written(i int, err error) {
	if e.written(i, err) {
		e.shard.coordinator.runtime.Submit(e.id, completeCommand(e))
	}
}

// written hears of one marker, and reports whether the shard must be told that it was the last.
//
// A partition that isn't there any more needs no marker. One that knows a newer epoch of the producer has ended the transaction: nobody gets an epoch before the transactions of
// the one before it are over, unless an operator wrote a marker. Kafka leaves such a transaction prepared for ever.
func (e *completion) written(i int, err error) (tell bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	failed := err != nil && !errors.Is(err, logstore.ErrInvalidProducerEpoch) && !errors.Is(err, logstore.ErrUnknownPartition)
	if (failed || e.mu.several) && e.mu.results == nil {
		e.mu.results = &markerResults{}
	}
	switch r := e.mu.results; {
	case failed:
		r.failed = append(r.failed, e.mu.to[i])
		r.err = err
	case e.mu.several:
		r.ended = append(r.ended, e.mu.to[i])
	}
	e.mu.waiting--
	return e.mu.waiting == 0 && (e.mu.awaited || e.failedLocked())
}

// open are those partitions of a transaction that is ending whose markers are not known to be written.
func (e *completion) open(all partitions) partitions {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.mu.results == nil || len(e.mu.results.ended) == 0 {
		return all
	}
	return all.without(e.mu.results.ended)
}

func completeCommand(e *completion) coordinator.Command[*Shard, Record] {
	return coordinator.Command[*Shard, Record]{
		Key:    e.id,
		Decide: func(s *Shard) coordinator.Decision[Record] { return s.complete(e, nil) },
	}
}

// complete decides that a transaction has ended, if all of its markers are there. Requests that waited for that are decided in the
// same breath, so that their records share an append with it, and so is the one that asks now, if there is one: its answer is about what comes after.
func (s *Shard) complete(e *completion, asking parked) coordinator.Decision[Record] {
	t := s.transactions[e.id]
	if t == nil || t.completion != e {
		return coordinator.Decision[Record]{} // The shard was loaded anew since.
	}
	if failed, err := e.failed(); len(failed) > 0 {
		s.coordinator.event(slog.LevelWarn, "cannot write markers of a transaction, trying again", e.id, &t.last,
			"partitions", len(failed), "first", failed[0].Topic, "partition", failed[0].Partition, "error", err)
		s.tryLater(e)
		return coordinator.Decision[Record]{}
	}
	completed := t.last.completed(s.nowMs())
	records := appendTransition(s.records[:0], e.id, &completed)
	answered := make([]parked, 0, len(e.parked)) // All of them stay parked until all have been asked: one may break down.
	for _, p := range e.parked {
		o := p.call.decideAbout(s, &records[len(records)-1].Metadata)
		if records = o.appendTo(records, e.id); !o.unwanted {
			answered = append(answered, p.call)
		}
	}
	if asking != nil {
		o := asking.decideAbout(s, &records[len(records)-1].Metadata)
		if records = o.appendTo(records, e.id); o.unwanted {
			asking = nil
		}
	}
	e.parked = nil
	return s.completed(e, s.decided(records), answered, asking)
}

// completed is the decision that a transaction has ended, along with what comes after: of those who waited for it, and of the one who asked, if
// that isn't nil.
func (s *Shard) completed(e *completion, records []Record, waited []parked, asked parked) coordinator.Decision[Record] {
	prepared := records[len(records)-1].Metadata.State.prepared()
	return coordinator.Decision[Record]{Records: records, Answer: func(err error) {
		if t := s.transactions[e.id]; err != nil && s.live && t != nil && t.completion == e { // The disk is full.
			s.tryLater(e)
		}
		for _, k := range waited {
			k.told(err)
		}
		if asked != nil {
			asked.told(err)
		}
		if prepared { // One has begun a transaction, and another one has ended it.
			s.sendMarkers(e.id, err)
		}
	}}
}

// tryLater has the rest of an end done a little later, and later with each failure.
func (s *Shard) tryLater(e *completion) {
	e.delay = min(max(2*e.delay, firstRetry), lastRetry)
	e.retryAt = time.Now().Add(e.delay)
	s.armCare(careInterval)
}

// park keeps a call until the transaction has ended, or its patience.
func (e *completion) park(s *Shard, call parked) {
	patience := time.Duration(s.config().PatienceMs) * time.Millisecond
	e.parked = append(e.parked, parkedCall{call: call, until: time.Now().Add(patience)})
	s.armCare(careInterval)
}

// completeAll completes transactions whose markers are all there.
func (s *Shard) completeAll(ended []*completion) coordinator.Decision[Record] {
	var all coordinator.Decision[Record]
	var answers []func(error)
	for _, e := range ended {
		d := s.complete(e, nil)
		all.Records = append(all.Records, d.Records...)
		if d.Answer != nil {
			answers = append(answers, d.Answer)
		}
	}
	if len(answers) > 0 {
		all.Answer = func(err error) {
			for _, a := range answers {
				a(err)
			}
		}
	}
	return all
}

// completeLingering has all shards complete what waits for the next transaction.
func (c *Coordinator) completeLingering() {
	if c.options.CompleteDelay > 0 {
		c.runtime.SubmitToAll(coordinator.Command[*Shard, Record]{Decide: (*Shard).completeLingering})
	}
}

func (s *Shard) completeLingering() coordinator.Decision[Record] {
	var ended []*completion
	for e := range s.ending {
		if e.settled() {
			ended = append(ended, e)
		}
	}
	return s.completeAll(ended)
}

// forsake tells those who wait that nobody will decide.
func (e *completion) forsake(err error) {
	waiting := e.parked
	e.parked = nil
	for _, p := range waiting {
		p.call.told(err)
	}
}

// armCare makes sure that somebody looks after ending transactions soon.
func (s *Shard) armCare(soon time.Duration) {
	if !s.live {
		return
	}
	if due, ok := s.care.Due(); !ok || soon < s.coordinator.options.CompleteDelay && time.Until(due) > soon {
		s.care.Set(soon)
	}
}

// careForEnding sends those away who have waited for long enough, tries again what has failed, and completes what has waited in vain for
// the next transaction.
func (s *Shard) careForEnding() coordinator.Decision[Record] {
	now := time.Now()
	again, lingering := false, false
	var alone []*completion
	for e := range s.ending {
		e.parked = slices.DeleteFunc(e.parked, func(p parkedCall) bool {
			late := !now.Before(p.until)
			if late {
				p.call.told(nil) // with what was decided when it came
			}
			return late
		})
		if !e.retryAt.IsZero() && !now.Before(e.retryAt) {
			failed, _ := e.failed()
			s.write(s.transactions[e.id], failed)
			e.retryAt = time.Time{}
		}
		again = again || len(e.parked) > 0 || !e.retryAt.IsZero()
		switch {
		case s.coordinator.options.CompleteDelay <= 0 || !e.retryAt.IsZero():
		case !e.lingers:
			e.lingers, lingering = true, true
		case e.await():
			alone = append(alone, e)
		}
	}
	switch {
	case again:
		s.armCare(careInterval)
	case lingering:
		s.armCare(s.coordinator.options.CompleteDelay)
	}
	return s.completeAll(alone)
}
