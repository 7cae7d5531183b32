package txn

import (
	"errors"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/coordinator"
)

// Shard is the transactional IDs of one partition of __transaction_state (TransactionStateManager). It belongs to the goroutine of
// the runtime that owns it. What a record says changes in Replay alone; what else there is, who waits and which markers
// are on their way, is made anew when the shard is loaded.
type Shard struct {
	coordinator *Coordinator
	index       int32
	timers      *coordinator.Timers[*Shard, Record]
	live        bool  // loading has ended
	epoch       int32 // leader epoch of the partition: the coordinator epoch of markers

	transactions map[string]*transaction
	// ongoing are the transactions that may run out of time, and ending those of which markers or a last record are missing.
	ongoing map[*transaction]struct{}
	ending  map[*completion]struct{}

	timeouts *coordinator.Timer[*Shard, Record] // when the first of ongoing may be late
	care     *coordinator.Timer[*Shard, Record] // of those that wait in ending
	expiry   *coordinator.Timer[*Shard, Record] // of the next look for IDs that nobody uses
	born     int32                              // [uptime] when loading began
	// records are those of the last decision, unless they were many. The runtime doesn't keep the slice.
	records []Record
}

// transaction is one transactional ID.
type transaction struct {
	id   string
	last Metadata // of the last record
	seen int32    // [uptime] at that record
	// deadline is when an ongoing transaction is late, by monotonic time.
	deadline   time.Time
	completion *completion // while the transaction ends; else nil
}

// metadata is what is known of an ID; nil for one that isn't known.
func (t *transaction) metadata() *Metadata {
	if t == nil {
		return nil
	}
	return &t.last
}

func (c *Coordinator) newShard(index int32, timers *coordinator.Timers[*Shard, Record]) *Shard {
	s := &Shard{
		coordinator: c, index: index, timers: timers, transactions: map[string]*transaction{},
		ongoing: map[*transaction]struct{}{}, ending: map[*completion]struct{}{}, born: uptime(),
	}
	s.timeouts = s.newTimer((*Shard).abortLate)
	s.care = s.newTimer((*Shard).careForEnding)
	s.expiry = s.newTimer((*Shard).expire)
	return s
}

// newTimer makes a timer that isn't set.
func (s *Shard) newTimer(fire func(*Shard) coordinator.Decision[Record]) *coordinator.Timer[*Shard, Record] {
	return s.timers.New(coordinator.Command[*Shard, Record]{Decide: fire})
}

// nowMs is the wall clock.
func (s *Shard) nowMs() int64 {
	if now := s.coordinator.options.Now; now != nil {
		return now().UnixMilli()
	}
	return s.timers.Now().UnixMilli()
}

// config is the configuration as it is now.
func (s *Shard) config() Config { return s.coordinator.options.Config() }

// version is the finalized transaction.version.
func (s *Shard) version() int16 { return s.coordinator.options.Version() }

// serves reports whether what a client of a transaction version does can be kept: records of level 0 have no place for later versions, and
// Kafka fails to write them.
func (s *Shard) serves(clientVersion int16) bool {
	return clientVersion < versionBumps || s.version() >= versionFlexible
}

// keptRecords bounds the memory that a decision leaves behind.
const keptRecords = 8

// decided keeps the memory of a decision's records for the next one.
func (s *Shard) decided(records []Record) []Record {
	if len(records) <= keptRecords {
		s.records = records
	}
	return records
}

// appendTransition appends a transition as records: where there are no markers to write, a transaction ends at once.
func appendTransition(records []Record, id string, next *Metadata) []Record {
	records = append(records, Record{ID: id, Metadata: *next})
	if next.State.prepared() && len(next.Partitions) == 0 {
		records = append(records, Record{ID: id, Metadata: next.completed(next.LastUpdateMs)})
	}
	return records
}

// Replay implements [coordinator.Machine].
func (s *Shard) Replay(_ int64, r Record) error {
	t := s.transactions[r.ID]
	if r.Forgotten || r.Metadata.State == Dead {
		if t != nil {
			s.leave(t)
			delete(s.transactions, r.ID)
		}
		return nil
	}
	if t == nil {
		t = &transaction{id: r.ID}
		s.transactions[r.ID] = t
	}
	begins := t.last.State != Ongoing
	t.last, t.seen = r.Metadata, s.born
	if s.live {
		t.seen = s.uptime()
		s.enter(t, begins)
	}
	s.armExpiry()
	return nil
}

// enter makes what belongs to the state that an ID is in now.
func (s *Shard) enter(t *transaction, begins bool) {
	switch t.last.State {
	case Ongoing:
		if begins {
			s.leave(t)
			s.watch(t, time.Duration(t.last.TimeoutMs)*time.Millisecond)
		}
	case PrepareCommit, PrepareAbort:
		s.leave(t)
		t.completion = &completion{shard: s, id: t.id}
		s.ending[t.completion] = struct{}{}
	default:
		s.leave(t)
	}
}

// leave drops what belongs to the state that an ID was in.
func (s *Shard) leave(t *transaction) {
	delete(s.ongoing, t)
	if t.completion != nil {
		delete(s.ending, t.completion)
		t.completion = nil
	}
}

// Loaded implements [coordinator.Machine].
func (s *Shard) Loaded() {
	s.live = true
	if log, err := s.coordinator.options.Topic.Partition(s.index); err == nil {
		s.epoch = log.Offsets().LeaderEpoch
	}
	now := s.nowMs()
	for _, t := range s.transactions {
		switch t.last.State {
		case Ongoing:
			s.watch(t, timeLeft(&t.last, now))
		case PrepareEpochFence: // As if it had been: nobody but its coordinator knows of the new epoch.
			s.watch(t, 0)
		case PrepareCommit, PrepareAbort:
			s.enter(t, true)
			s.sendMarkers(t.id, nil)
		default:
		}
	}
	s.armExpiry()
}

// reloadDelay is how long a shard that was lost over an error is left alone, if nobody asks for it.
const reloadDelay = time.Second

// Unloaded implements [coordinator.Machine]. Transactions must end, even if nobody asks for them: so the state is loaded again, and where
// that is refused, later.
func (s *Shard) Unloaded(err error) {
	s.live = false
	for e := range s.ending {
		e.forsake(err)
	}
	if len(s.ongoing)+len(s.ending) > 0 && !errors.Is(err, coordinator.ErrClosed) {
		s.coordinator.reload(s.index, reloadDelay)
	}
}

// maxReloadDelay bounds how long nobody tries to load a shard again whose log can't be read.
const maxReloadDelay = 5 * time.Minute

func (c *Coordinator) reload(shard int32, delay time.Duration) {
	c.background.Go(func() {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.closing:
			return
		}
		c.runtime.SubmitTo(shard, coordinator.Command[*Shard, Record]{
			Decide: func(*Shard) coordinator.Decision[Record] { return coordinator.Decision[Record]{} },
			Refused: func(err error) {
				if !errors.Is(err, coordinator.ErrClosed) {
					c.options.Log.Debug("coordinator of transactions is not loaded", slog.Int("shard", int(shard)), slog.Any("error", err))
					c.reload(shard, min(2*delay, maxReloadDelay))
				}
			},
		})
	})
}
