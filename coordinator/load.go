package coordinator

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

const (
	// loadReadBytes is how much of the log is in memory at once while it is loaded.
	loadReadBytes = 1 << 20
	// loadGrace is how long commands wait for loading before they are refused. Almost every shard is loaded in
	// less, and a client that is refused comes back after 100 ms.
	loadGrace = 50 * time.Millisecond
)

// loader reads one partition into a machine.
type loader[M Machine[R], R any] struct {
	shard   *shard[M, R]
	machine M
	log     logstore.Partition
	offset  int64 // next to be read
	buf     bytes.Buffer

	records int64
	skipped int64
	reason  error // why the first record was skipped
	at      int64 // the offset of that one
}

// load makes the state from the log. On an error there is none.
func (s *shard[M, R]) load() error {
	began := time.Now()
	if err := s.whileLoading(began); err != nil {
		return err
	}
	log, err := s.runtime.options.Topic.Partition(s.index)
	if err != nil {
		return s.loadFailed(err)
	}
	s.timers.clear()
	l := loader[M, R]{shard: s, machine: s.runtime.options.New(s.index, &s.timers), log: log}
	err = l.run(began)
	s.setRefusing(false)
	if err != nil {
		s.timers.clear()
		if errors.Is(err, ErrClosed) {
			return err
		}
		return s.loadFailed(err)
	}
	s.runtime.skipped.Add(l.skipped)
	if l.skipped > 0 {
		s.runtime.options.Log.Warn("coordinator skipped records that it doesn't understand", slog.Int("shard", int(s.index)),
			slog.Int64("skipped", l.skipped), slog.Int64("first_offset", l.at), slog.Any("first_reason", l.reason))
	}
	s.runtime.options.Log.Debug("coordinator loaded", slog.Int("shard", int(s.index)),
		slog.Int64("records", l.records), slog.Duration("took", time.Since(began)))
	s.machine, s.log, s.loaded = l.machine, log, true
	s.machine.Loaded()
	return nil
}

func (s *shard[M, R]) loadFailed(err error) error {
	s.runtime.options.Log.Error("coordinator can't load", slog.Int("shard", int(s.index)), slog.Any("error", err))
	return fmt.Errorf("%w: %w", ErrNotAvailable, err)
}

// run reads up to the end of the log. Nobody else writes to the partition, so that only falls: where the state was lost while records of it
// were being made durable, they are waited for. They may become part of the log or not, and only the log knows.
func (l *loader[M, R]) run(began time.Time) error {
	l.offset = l.log.Offsets().LogStartOffset
	for l.offset < l.log.Offsets().LogEndOffset {
		if err := l.shard.whileLoading(began); err != nil {
			return err
		}
		fetched, err := l.log.Read(l.offset, logstore.ReadOptions{MaxBytes: loadReadBytes, AtLeast1: true})
		if errors.Is(err, logstore.ErrOffsetOutOfRange) && fetched.Offsets.LogStartOffset > l.offset {
			l.offset = fetched.Offsets.LogStartOffset // Records were deleted meanwhile.
			continue
		}
		if err != nil {
			return err
		}
		if fetched.Records == nil {
			if l.offset < fetched.Offsets.HighWatermark {
				return fmt.Errorf("%w: nothing to read at offset %d", logstore.ErrOffsetOutOfRange, l.offset)
			}
			l.awaitCommit()
			continue
		}
		l.buf.Reset()
		_, err = fetched.Records.WriteTo(&l.buf)
		fetched.Records.Release()
		if err != nil {
			return fmt.Errorf("read at offset %d: %w", l.offset, err)
		}
		if err := l.replayAll(l.buf.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// awaitCommit waits until records behind the high watermark are durable, or will never be, though not for so long that those who wait for
// the state aren't looked after.
func (l *loader[M, R]) awaitCommit() {
	w := logstore.NewWaiter()
	l.log.Watch(w)
	defer l.log.Unwatch(w)
	if o := l.log.Offsets(); l.offset < o.HighWatermark || l.offset >= o.LogEndOffset {
		return
	}
	t := time.NewTimer(loadGrace)
	defer t.Stop()
	select {
	case <-w.C():
	case <-l.shard.signal: // What it is about is looked at anyway.
	case <-t.C:
	}
}

// whileLoading refuses those that have waited for long enough.
func (s *shard[M, R]) whileLoading(began time.Time) error {
	s.mu.Lock()
	closing := s.mu.closing
	late := time.Since(began) >= loadGrace
	s.mu.refusing = late
	waiting := late && len(s.mu.queue) > 0
	s.mu.Unlock()
	if closing {
		return ErrClosed
	}
	if waiting {
		s.refuseQueued(ErrLoading)
	}
	return nil
}

// replayAll replays a run of whole batches.
func (l *loader[M, R]) replayAll(p []byte) error {
	from := l.offset
	for len(p) > 0 {
		b, err := record.First(p)
		if err != nil {
			return fmt.Errorf("batch at or behind offset %d: %w", l.offset, err)
		}
		l.replayBatch(b)
		l.offset = b.NextOffset()
		p = p[len(b):]
	}
	if l.offset <= from {
		return fmt.Errorf("%w: no progress at offset %d", record.ErrCorrupt, from)
	}
	return nil
}

// replayBatch replays the records of a batch.
func (l *loader[M, R]) replayBatch(b record.Batch) {
	if err := b.VerifyCRC(); err != nil {
		l.skip(b.BaseOffset(), err)
		return
	}
	machine, knows := any(l.machine).(TransactionalMachine[R])
	control, transactional := b.Attributes().IsControl(), b.Attributes().IsTransactional()
	switch {
	case (control || transactional) && !knows:
		l.skip(b.BaseOffset(), errNotTransactional)
		return
	case control:
		l.replayMarker(b, machine)
		return
	}
	// The limit bounds what a damaged or hostile batch can make of its size.
	for r, err := range b.Records(record.DefaultLimit(len(b))) {
		if err != nil {
			l.skip(b.BaseOffset(), err)
			return
		}
		offset := b.RecordOffset(r)
		if offset < l.offset {
			continue // The batch begins before the log start offset.
		}
		decoded, err := l.shard.runtime.options.Format.Decode(r.Key, r.Value)
		switch {
		case err != nil:
		case transactional:
			err = machine.ReplayTransactional(offset, b.ProducerID(), decoded)
		default:
			err = l.machine.Replay(offset, decoded)
		}
		if err != nil {
			l.skip(offset, err)
			continue
		}
		l.records++
	}
}

func (l *loader[M, R]) skip(offset int64, reason error) {
	if l.skipped == 0 {
		l.at, l.reason = offset, reason
	}
	l.skipped++
}
