package local

import (
	"errors"
	"fmt"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// Append implements [logstore.Partition].
func (l *log) Append(batches []byte, opts logstore.AppendOptions) (logstore.Ticket, error) {
	l.topic.store.traffic.note()
	l.mu.Lock()
	result, c, err := l.appendLocked(batches, opts)
	l.mu.Unlock()
	if err != nil {
		return logstore.Ticket{}, err
	}
	ticket := logstore.Ticket{Result: result}
	switch {
	case c == nil && opts.DeferWake:
		ticket.Wake = l.waiters.waker()
		return ticket, nil
	case c == nil:
		l.waiters.wake()
		return ticket, nil
	}
	ticket.Commit = c
	if l.topic.store.files.crowded() {
		// Unsynced files stay open; the commit lets go of them.
		c.Begin()
		<-c.done
	}
	return ticket, nil
}

// Verify implements [logstore.Partition].
func (l *log) Verify(producerID int64, producerEpoch int16, baseSequence int32, bumps bool) (v logstore.Verification, ongoing bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, err := l.writableLocked()
	if err != nil {
		return 0, false, err
	}
	v, ongoing, err = w.producers.Verify(producerID, producerEpoch, baseSequence, bumps, time.Now().UnixMilli())
	if err == nil && l.topic.store.expiry.at.Load() == 0 {
		l.topic.store.armExpiry()
	}
	return v, ongoing, err
}

// appending is what one Append puts into the log.
type appending struct {
	bytes        []byte
	opts         logstore.AppendOptions
	baseOffset   int64
	lastOffset   int64
	maxTimestamp int64
	appendTime   int64 // -1 unless the topic wants LogAppendTime
	aborts       bool  // a transaction, maybe one without records here

	// single is the only batch of nearly all appends, infos are all of them otherwise.
	single producer.BatchInfo
	infos  []producer.BatchInfo
}

// appendLocked appends and returns the commit to wait for, if any.
func (l *log) appendLocked(batches []byte, opts logstore.AppendOptions) (logstore.AppendResult, *commit, error) {
	config := l.config()
	w, err := l.writableLocked()
	if err == nil {
		err = w.folder.dir.admit()
	}
	if err != nil {
		return logstore.AppendResult{}, nil, err
	}
	v := *l.view.draft() // after the above, which may have loaded the log
	a := appending{bytes: batches, opts: opts, baseOffset: v.LogEndOffset}
	if err := a.assign(config, w.leaderEpoch); err != nil {
		return logstore.AppendResult{}, nil, err
	}
	duplicate, err := a.check(&w.producers)
	if err != nil {
		return logstore.AppendResult{}, nil, err
	}
	if duplicate != nil {
		return l.duplicateLocked(config, &v, duplicate)
	}
	if err := l.writeLocked(config, w, &a); err != nil {
		return logstore.AppendResult{}, nil, err
	}
	first := w.active.size == 0
	w.apply(&a, int64(config.IndexIntervalBytes))
	l.topic.store.armAfterAppend(config, &a, first)
	return logstore.AppendResult{
		BaseOffset: a.baseOffset, LastOffset: a.lastOffset, AppendTime: a.appendTime,
		LogStartOffset: v.LogStartOffset, LeaderEpoch: w.leaderEpoch,
	}, l.appendedLocked(config, w, &a), nil
}

// writableLocked returns the writer of a log that takes appends, loading or making it. Whether the disk has room is asked by those who append:
// a full one lets a single try through now and then.
func (l *log) writableLocked() (*writer, error) {
	if err := l.checkLocked(); err != nil {
		return nil, err
	}
	w := l.mu.writer
	if w == nil {
		var err error
		if w, err = l.writerLocked(); err != nil {
			return nil, err
		}
	}
	if l.view.draft().status == damaged {
		return nil, fmt.Errorf("%w: %s is damaged", logstore.ErrOffline, w.folder.name)
	}
	if err := w.folder.dir.offline(); err != nil {
		return nil, err
	}
	return w, nil
}

// assign patches the batches with their offsets and what else the leader decides.
func (a *appending) assign(config *logstore.Config, leaderEpoch int32) error {
	a.maxTimestamp, a.appendTime = record.NoTimestamp, -1
	if config.LogAppendTime {
		a.appendTime = a.opts.Now
	}
	next := a.baseOffset
	for rest := a.bytes; len(rest) > 0; {
		b, err := record.First(rest)
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		rest = rest[len(b):]
		b.SetBaseOffset(next)
		b.SetPartitionLeaderEpoch(leaderEpoch)
		if config.LogAppendTime {
			b.SetLogAppendTime(a.opts.Now)
		}
		info, err := producer.InfoOf(b)
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		if b.Attributes().IsControl() && a.opts.Origin == logstore.Client {
			return fmt.Errorf("append: %w: a client's", record.ErrInvalidMarker)
		}
		info.Origin, info.Verification, info.TransactionVersion = a.opts.Origin, a.opts.Verification, a.opts.TransactionVersion
		a.aborts = a.aborts || info.Aborts
		if len(rest) > 0 || a.infos != nil {
			a.infos = append(a.infos, info)
		} else {
			a.single = info
		}
		a.maxTimestamp = max(a.maxTimestamp, b.MaxTimestamp())
		next = b.NextOffset()
	}
	if next == a.baseOffset {
		return fmt.Errorf("append: %w", record.ErrEnd)
	}
	a.lastOffset = next - 1
	return nil
}

// check asks the producer table.
func (a *appending) check(producers *producer.Table) (*producer.BatchMeta, error) {
	if a.infos != nil {
		return producers.Check(a.infos...)
	}
	return producers.Check(a.single)
}

// duplicateLocked answers for batches that are in the log already. They may not be durable yet.
func (l *log) duplicateLocked(config *logstore.Config, v *view, of *producer.BatchMeta) (logstore.AppendResult, *commit, error) {
	result := logstore.AppendResult{
		BaseOffset: of.BaseOffset(), LastOffset: of.LastOffset, AppendTime: of.Timestamp,
		LogStartOffset: v.LogStartOffset, LeaderEpoch: v.LeaderEpoch, Duplicate: true,
	}
	if !durable(config) || of.LastOffset < v.HighWatermark {
		return result, nil, nil
	}
	return result, l.mu.writer.folder.dir.syncer.mark(l), nil
}

// writeLocked puts the bytes at the end of the active segment, rolling it before if it is due.
func (l *log) writeLocked(config *logstore.Config, w *writer, a *appending) error {
	dir := w.folder.dir
	if w.active == nil {
		if err := l.firstSegmentLocked(config, w, a.opts.Now); err != nil {
			return dir.refuse("creation of a segment", err)
		}
	}
	if err := w.writeEpochs(); err != nil {
		return dir.refuse("write of the leader epochs", err)
	}
	if len(w.index.index.offsets.tail) >= indexTailBytes {
		// Entries follow the data they point at; a full disk keeps them in memory.
		if err := w.writeIndex(); err != nil && !vfs.IsNoSpace(err) {
			return dir.fail("write of an index", err)
		}
	}
	if w.shouldRoll(config, a) {
		if err := l.rollLocked(config, w, a.baseOffset, a.opts.Now); err != nil {
			return dir.refuse("roll", err)
		}
	}
	if a.aborts {
		if err := l.makeRoomForAborted(w); err != nil {
			return dir.refuse("write of a transaction index", err)
		}
	}
	f, err := w.active.acquire()
	if err != nil {
		return dir.refuse("open", err)
	}
	defer w.active.data.release()
	if _, err := f.WriteAt(a.bytes, w.active.size); err != nil {
		// Whatever was written is no batch, and must be gone before the next one is appended.
		if undo := f.Truncate(w.active.size); undo != nil {
			return dir.fail("truncate after a failed write", errors.Join(err, undo))
		}
		return dir.refuse("write", err)
	}
	dir.room()
	if durable(config) {
		w.pin()
	}
	w.activeDirty = true
	return nil
}

// refuse turns the failure of a change into the error for the client: a full disk passes, everything else is final.
func (d *logDir) refuse(op string, err error) error {
	switch {
	case errors.Is(err, logstore.ErrOffline), isEnded(err):
		return err // it says so already: of the directory, or of one log
	case vfs.IsNoSpace(err):
		return d.noRoom()
	default:
		return d.fail(op, err)
	}
}

// isEnded tells that a log is gone, which says nothing about its directory.
func isEnded(err error) bool {
	return errors.Is(err, logstore.ErrClosed) || errors.Is(err, logstore.ErrUnknownPartition)
}

// update notes what was written of a producer.
func (w *writer) update(b *producer.BatchInfo) {
	if done, ok := w.producers.Update(*b); ok && done.Aborted {
		w.addAborted(done.Entry())
	}
}

// apply notes what was written.
func (w *writer) apply(a *appending, interval int64) {
	if len(a.infos) == 0 {
		w.update(&a.single)
	}
	for i := range a.infos {
		w.update(&a.infos[i])
	}
	published := w.index.index.offsets.count()
	for rest := a.bytes; len(rest) > 0; {
		b := record.Batch(rest)
		size := b.Size()
		if w.active.size == 0 {
			w.firstTimestamp = b.MaxTimestamp()
		}
		w.index.add(b.LastOffset(), b.MaxTimestamp(), w.active.size, int64(size), interval)
		w.active.size += int64(size)
		rest = rest[size:]
	}
	if w.index.index.offsets.count() != published {
		x := w.index.index
		w.active.index.Store(&x)
	}
}

// appendedLocked publishes the new end of the log and returns the commit that makes it durable, if
// the policy of the topic asks for one.
func (l *log) appendedLocked(config *logstore.Config, w *writer, a *appending) *commit {
	v := *l.view.draft()
	v.LogEndOffset, v.LeaderEpoch = a.lastOffset+1, w.leaderEpoch
	v.largest = w.index.index.largest
	if durable(config) {
		l.publishLocked(v)
		if a.opts.DeferCommit {
			return w.folder.dir.syncer.markLater(l)
		}
		return w.folder.dir.syncer.mark(l)
	}
	v.raise(v.LogEndOffset, position{w.active, w.active.size}, &w.producers)
	l.publishLocked(v)
	if v.LogEndOffset-w.flushedOffset >= config.FlushMessages {
		return w.folder.dir.syncer.mark(l)
	}
	l.scheduleFlushLocked(config, w)
	return nil
}
