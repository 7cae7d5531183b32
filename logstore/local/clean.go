package local

import (
	"context"
	"errors"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/compaction"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// cleaning is one cleaning of one log, by the goroutine that holds writer.cleaning. What stays of the segments is
// written beside them and swapped in group by group, so an interruption loses work and nothing else.
//
// Appends and readers go on meanwhile, and so do deletions: whatever they take away from a group makes its cleaning worthless, which
// shows under writer.maintaining before the swap. Only the end of the log itself has to wait for the cleaner.
type cleaning struct {
	log    *log
	writer *writer
	config *logstore.Config
	limits CleanerConfig
	// throttle is shared by all cleaners of a store.
	throttle *throttle
	pacer    pacer
	now      int64 // ms
	filter   compaction.Filter
	in, out  []byte // buffers
	// mapBytes is the size of the largest map of keys.
	mapBytes int64
	// kept says that the offsets file knows the durable end.
	kept bool
}

// rate is how many bytes per second all cleaners may read and write together, as of now.
func (k *cleaning) rate() float64 { return k.log.topic.store.options.Cleaner().MaxBytesPerSecond }

// errStopped says that a log can't be cleaned any more: it is deleted or closed, or not in order.
var errStopped = errors.New("log is not online")

// errChanged says that segments were deleted while they were cleaned.
var errChanged = errors.New("segments were deleted meanwhile")

// cleanResult is what a cleaning did.
type cleanResult struct {
	from, to int64
	passes   int
	took     time.Duration
	compaction.Stats
}

// clean compacts the dirty part of a log as far as that may be. It does nothing, and says so by from == to, unless that is due or
// forced.
func (l *log) clean(ctx context.Context, c *cleaner, forced bool) (result cleanResult, err error) {
	l.mu.Lock()
	w := l.mu.writer
	l.mu.Unlock()
	if w == nil {
		return result, nil
	}
	w.cleaning.Lock()
	defer w.cleaning.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	w.stopCleaning = cancel
	l.mu.Unlock()
	config := l.config()
	d, err := l.dirt(w, config, time.Now().UnixMilli())
	if err != nil || !d.due(config, forced) {
		return result, err
	}
	began := time.Now()
	k := &cleaning{
		log: l, writer: w, config: config, limits: c.store.options.Cleaner().withBounds(), throttle: &c.throttle, pacer: newPacer(&c.store.traffic),
		now: began.UnixMilli(),
	}
	k.in = make([]byte, k.limits.bufferBytes())
	defer func() { c.used.Store(max(c.used.Load(), k.mapBytes)) }()
	result.from, result.to = d.firstDirty, d.firstDirty
	for result.to < d.end {
		next, err := k.pass(ctx, result.to, d.end)
		if err != nil {
			return result, err
		}
		result.to = next
		result.passes++
		w.folder.dir.cleaned.set(w.folder.name, next)
	}
	result.Stats, result.took = k.filter.Stats, time.Since(began)
	return result, nil
}

// check tells why the cleaning must stop.
func (k *cleaning) check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if k.log.view.load().status != online {
		return errStopped
	}
	return k.writer.folder.dir.offline()
}

// pass cleans with as many keys as fit the map: everything before the offset that it returns is clean then, and what lies behind is
// untouched.
func (k *cleaning) pass(ctx context.Context, from, end int64) (next int64, err error) {
	v := k.log.view.load()
	aborted, err := k.aborted(v, end)
	if err != nil {
		return from, err
	}
	keys, err := k.index(ctx, v, aborted, from, end)
	if err != nil {
		return from, err
	}
	k.mapBytes = max(k.mapBytes, keys.Size())
	next = keys.Latest() + 1
	if next <= from {
		return from, compaction.ErrMapTooSmall
	}
	k.log.mu.Lock()
	producers := k.writer.producers.LastRecords()
	k.log.mu.Unlock()
	k.filter = compaction.Filter{
		Map: keys, Transactions: compaction.NewTransactions(aborted), Producers: producers, End: end,
		Now: k.now, DeleteRetentionMs: k.config.DeleteRetentionMs, Limit: maxDecompressed, Rest: k.restInside(ctx), Stats: k.filter.Stats,
	}
	for _, group := range k.group(v, next, end) {
		if err := k.cleanGroup(ctx, group); err != nil {
			return from, err
		}
	}
	return next, nil
}

// aborted are the aborted transactions that overlap what lies before an offset.
func (k *cleaning) aborted(v *view, end int64) ([]producer.AbortedTransaction, error) {
	var aborted []producer.AbortedTransaction
	for _, s := range v.segments {
		entries, err := s.loadAborted(false, k.log.rebuilder(v))
		if err != nil {
			return nil, err
		}
		for _, a := range entries {
			if a.FirstOffset < end {
				aborted = append(aborted, a)
			}
			if a.LastStableOffset >= end {
				return aborted, nil // Those with later markers began behind it.
			}
		}
	}
	return aborted, nil
}

// index makes the map of the keys from an offset on.
func (k *cleaning) index(ctx context.Context, v *view, aborted []producer.AbortedTransaction, from, end int64) (*compaction.OffsetMap, error) {
	keys, err := compaction.NewOffsetMap(k.limits.DedupeBufferBytes/int64(k.limits.Threads), k.limits.LoadFactor, end-from)
	if err != nil {
		return nil, err
	}
	x := compaction.Indexer{Map: keys, Transactions: compaction.NewTransactions(aborted), From: from, Limit: maxDecompressed, Rest: k.restInside(ctx)}
	for _, s := range v.segments[v.segmentIndexOf(from):] {
		if s.baseOffset >= end {
			break
		}
		full := false
		err := k.eachBatch(ctx, s, func(b record.Batch, at int64) (done bool, err error) {
			if full, err = x.Add(b); err != nil {
				err = s.unreadable(at, err)
			}
			return full, err
		})
		if full || err != nil {
			return keys, err
		}
	}
	keys.Passed(end - 1)
	return keys, nil
}

// group puts segments together that become one: as many as fit a segment by size, index and offsets (Cleaner.groupSegmentsBySize).
// They are all that begin before next.
func (k *cleaning) group(v *view, next, end int64) [][]*segment {
	var groups [][]*segment
	var group []*segment
	var size, offsets, times int64
	for i, s := range v.segments {
		if s.baseOffset >= next {
			break
		}
		behind := end
		if i+1 < len(v.segments) {
			behind = min(end, v.segments[i+1].baseOffset)
		}
		// Indexes that nobody loaded yet are estimated, as one entry for each interval.
		offsetBytes := s.size / max(int64(k.config.IndexIntervalBytes), 1) * offsetEntrySize
		timeBytes := offsetBytes / offsetEntrySize * timeEntrySize
		if x := s.index.Load(); x != nil {
			offsetBytes, timeBytes = int64(x.offsets.count()*offsetEntrySize), int64(x.times.count()*timeEntrySize)
		}
		limit := int64(k.config.SegmentIndexBytes)
		fits := len(group) > 0 && size+s.size <= int64(k.config.SegmentBytes) && offsets+offsetBytes <= limit && times+timeBytes <= limit &&
			(s.size == 0 || behind-1-group[0].baseOffset <= maxRelativeOffset)
		if !fits && len(group) > 0 {
			groups = append(groups, group)
			group, size, offsets, times = nil, 0, 0, 0
		}
		group = append(group, s)
		size, offsets, times = size+s.size, offsets+offsetBytes, times+timeBytes
	}
	if len(group) > 0 {
		groups = append(groups, group)
	}
	return groups
}

// cleanGroup writes what stays of some segments as one, and swaps it in.
func (k *cleaning) cleanGroup(ctx context.Context, sources []*segment) (err error) {
	before := k.filter.Stats
	c, err := k.newCleaned(sources[0])
	if err != nil {
		return err
	}
	defer func() {
		if c.file != nil {
			err = errors.Join(err, c.discard())
		}
	}()
	var last record.Header // of the last segment that has batches
	begin := int64(0)
	for _, s := range sources {
		err := k.eachBatch(ctx, s, func(b record.Batch, at int64) (bool, error) {
			last, begin = b.Header(), s.baseOffset
			from := len(c.buffer)
			var err error
			if c.buffer, err = k.filter.Append(c.buffer, b); err != nil {
				return false, s.unreadable(at, err)
			}
			return false, c.added(ctx, from)
		})
		if err != nil {
			return err
		}
	}
	if len(sources) > 1 && last.Size() > 0 && c.nextOffset <= begin {
		// A start that finishes the swap tells by the offsets in it which segments it replaces.
		from := len(c.buffer)
		c.buffer = record.AppendEmpty(c.buffer, last)
		if err := c.added(ctx, from); err != nil {
			return err
		}
	}
	aborted := k.filter.Transactions.Kept()
	after := k.filter.Stats
	if len(sources) == 1 && after.Rewritten == before.Rewritten && after.BytesKept-before.BytesKept == after.BytesRead-before.BytesRead {
		return nil // nothing changed
	}
	if err := c.finish(ctx, aborted); err != nil {
		return err
	}
	return k.swap(ctx, c, sources)
}

// eachBatch calls fn for the batches of a segment in order, verified, with their positions. They are gone after the call.
func (k *cleaning) eachBatch(ctx context.Context, s *segment, fn func(b record.Batch, at int64) (done bool, err error)) error {
	file, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.data.release()
	for at := int64(0); at < s.size; {
		if err := k.check(ctx); err != nil {
			return err
		}
		n := int(min(int64(len(k.in)), s.size-at))
		if err := k.read(ctx, s, file, k.in[:n], at); err != nil {
			return err
		}
		if err := k.throttle.wait(ctx, int64(n), k.rate); err != nil {
			return err
		}
		used, done, err := s.inBuffer(k.in[:n], at, func(b record.Batch, at int64) (bool, error) {
			if done, err := fn(b, at); done || err != nil {
				return done, err
			}
			return false, k.pacer.rest(ctx, len(b))
		})
		if done || err != nil {
			return err
		}
		if used == 0 {
			// A batch is larger than the buffer. What its header says was checked against the segment.
			size := int64(record.Batch(k.in[:record.HeaderSize]).Size())
			if size > s.size-at || size <= int64(n) {
				return s.unreadable(at, record.ErrTruncated)
			}
			k.in = make([]byte, size)
		}
		at += int64(used)
	}
	if len(k.in) > k.limits.bufferBytes() {
		k.in = make([]byte, k.limits.bufferBytes())
	}
	return nil
}

// read reads at a position of a segment, in pieces between which it may rest.
func (k *cleaning) read(ctx context.Context, s *segment, file vfs.File, p []byte, at int64) error {
	for len(p) > 0 {
		n := k.pacer.pieceBytes(len(p))
		if _, err := file.ReadAt(p[:n], at); err != nil {
			return s.unreadable(at, err)
		}
		if err := k.pacer.rest(ctx, n); err != nil {
			return err
		}
		p, at = p[n:], at+int64(n)
	}
	return nil
}

// restInside is for the time that a batch of many records takes. That the cleaning must stop is noticed after it.
func (k *cleaning) restInside(ctx context.Context) compaction.Rest {
	return func() { _ = k.pacer.rest(ctx, paceBytes) }
}

// inBuffer calls fn for the batches that lie in p whole, which is read from a position of the segment.
func (s *segment) inBuffer(p []byte, at int64, fn func(b record.Batch, at int64) (bool, error)) (used int, done bool, err error) {
	for used < len(p) {
		b, err := record.First(p[used:])
		// The first bytes of a base offset are zeros, and look like the end of all batches if the buffer ends within them.
		cut := errors.Is(err, record.ErrTruncated) || errors.Is(err, record.ErrEnd) && len(p)-used < record.HeaderSize
		if cut && (used > 0 || len(p) >= record.HeaderSize) {
			return used, false, nil
		}
		if err == nil {
			err = b.VerifyCRC()
		}
		if err != nil {
			return used, false, s.unreadable(at+int64(used), err)
		}
		if done, err := fn(b, at+int64(used)); done || err != nil {
			return used, done, err
		}
		used += len(b)
	}
	return used, false, nil
}

// unreadable is the error for a batch that can't be cleaned.
func (s *segment) unreadable(at int64, err error) error {
	return &logstore.CorruptError{Path: s.folder.dir.fs.Name() + "/" + s.path(logSuffix), Offset: at, Err: err}
}
