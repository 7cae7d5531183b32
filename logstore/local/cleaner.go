package local

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
)

// CleanerConfig is how compaction works (log.cleaner.*).
type CleanerConfig struct {
	// Threads is how many logs are cleaned at once; at least 1.
	Threads int
	// DedupeBufferBytes bounds the maps of keys of all threads together, LoadFactor says how full one may become. No more is taken than
	// the records of a log need, and nothing between two cleanings.
	DedupeBufferBytes int64
	LoadFactor        float64
	// IOBufferBytes is for reading and writing, of all threads together.
	IOBufferBytes int
	// MaxBytesPerSecond bounds what all threads together read and write.
	MaxBytesPerSecond float64
	// BackoffMs is how long the cleaner rests at least when it has found nothing to clean.
	BackoffMs int64
	// Disabled says that nothing is cleaned in the background.
	Disabled bool
}

// DefaultCleanerConfig has Kafka's defaults.
func DefaultCleanerConfig() CleanerConfig {
	return CleanerConfig{
		Threads: 1, DedupeBufferBytes: 128 << 20, LoadFactor: 0.9, IOBufferBytes: 512 << 10,
		MaxBytesPerSecond: math.MaxFloat64, BackoffMs: 15_000,
	}
}

// minCleanBuffer is the smallest buffer of a cleaner in bytes: anything less would be system calls only.
const minCleanBuffer = 4 << 10

func (c CleanerConfig) withBounds() CleanerConfig {
	c.Threads = max(c.Threads, 1)
	c.BackoffMs = max(c.BackoffMs, 0)
	return c
}

// bufferBytes is the size of one of the two buffers of a thread.
func (c CleanerConfig) bufferBytes() int { return max(c.IOBufferBytes/c.Threads/2, minCleanBuffer) }

// cleaner compacts logs in the background. It has no goroutine while there is nothing to clean: what may make a log cleanable, or the
// time at which one becomes so by itself, sets the timer of the store, at most once per log.cleaner.backoff.ms. Kafka's threads look at
// every log at each backoff instead.
type cleaner struct {
	store    *Store
	schedule schedule
	throttle throttle
	// ctx is done when the store closes.
	ctx    context.Context //nolint:containedctx // it is the cleaner's life, not a call's
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu struct {
		sync.Mutex
		running bool
		again   bool // look once more when done
	}
	lastRun atomic.Int64 // ms
	// since is the timestamp of the oldest record that waits for compaction, as of the last look, in ms; noTime without one.
	since       atomic.Int64
	uncleanable atomic.Int64
	// used is the size of the largest map of keys of a run, in bytes.
	used atomic.Int64
}

func (c *cleaner) init(s *Store) {
	c.store = s
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.lastRun.Store(time.Now().UnixMilli())
	c.since.Store(noTime)
}

// close stops what is running and waits for it. The timers of the store have ended before.
func (c *cleaner) close() {
	c.cancel()
	c.group.Wait()
}

// Cleaning implements [logstore.Store].
func (s *Store) Cleaning() logstore.CleaningStatus {
	status := logstore.CleaningStatus{Uncleanable: int(s.cleaner.uncleanable.Load())}
	if since := s.cleaner.since.Load(); since != noTime {
		status.DirtyAge = milliseconds(time.Now().UnixMilli() - since)
	}
	return status
}

// promptMs is the longest rest of the cleaner in ms for topics that set max.compaction.lag.ms, which is a promise, and with the
// default rest of 15 s would often be broken.
const promptMs = 5_000

// arm sees to it that the cleaner looks at the logs at a time in ms, or as soon after as its rest allows.
func (c *cleaner) arm(at int64, prompt bool) {
	config := c.store.options.Cleaner()
	if config.Disabled || at == noTime {
		return
	}
	rest := max(config.BackoffMs, 0)
	if prompt {
		rest = min(rest, promptMs)
	}
	if last := c.lastRun.Load(); rest < noTime-last {
		c.schedule.arm(&c.store.timers, max(at, last+rest), c.start)
	}
}

// isPrompt reports whether records of a topic have to be compacted by a time.
func isPrompt(config *logstore.Config) bool { return config.MaxCompactionLagMs != noTime }

// start begins a run, or lets the one that is going on look again.
func (c *cleaner) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.running {
		c.mu.again = true
		return
	}
	c.mu.running = true
	c.group.Go(c.run)
}

// cleanRun is one run of the cleaner.
type cleanRun struct {
	mu sync.Mutex
	// done are the logs that are left alone for the rest of the run, because cleaning them failed or didn't help.
	done map[*log]bool
	// retry says that some of them may work after a rest.
	retry bool
}

// give up on a log for this run.
func (r *cleanRun) give(l *log, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[l] = true
	r.retry = r.retry || passes(err)
}

// run cleans until there is nothing to clean.
func (c *cleaner) run() {
	r := &cleanRun{done: map[*log]bool{}}
	for c.ctx.Err() == nil {
		work, next, prompt := c.survey(r)
		if len(work) > 0 {
			c.cleanAll(work, r)
			continue
		}
		c.lastRun.Store(time.Now().UnixMilli())
		c.mu.Lock()
		again := c.mu.again
		c.mu.again, c.mu.running = false, again
		c.mu.Unlock()
		if r.retry {
			next = 0 // after a rest
		}
		if !again {
			c.writeOffsets()
			c.giveBack()
			c.arm(next, false)
			c.arm(prompt, true)
			return
		}
	}
	c.writeOffsets()
}

// largeMap is the size in bytes of a map of keys from which on its memory is given back at once: a broker at rest takes less than that.
const largeMap = 4 << 20

// giveBack gives the memory of large maps back to the operating system, which the runtime would do by and by.
func (c *cleaner) giveBack() {
	if c.used.Swap(0) >= largeMap {
		debug.FreeOSMemory()
	}
}

func (c *cleaner) writeOffsets() {
	for _, d := range c.store.dirs {
		if err := d.cleaned.write(d); err != nil {
			return // the directory is offline, and has said so
		}
	}
}

// candidate is a log that is due.
type candidate struct {
	log   *log
	ratio float64
}

// survey finds the logs to clean, the filthiest first, and when there may be others; prompt is that of topics that have to be compacted by
// a time.
func (c *cleaner) survey(r *cleanRun) (work []candidate, next, prompt int64) {
	next, prompt = noTime, noTime
	since := int64(noTime)
	c.store.topics.all(func(t *topic) bool {
		config := t.config.Load()
		if !config.CleanupPolicy.Has(logstore.CleanupCompact) {
			return true
		}
		for partition := range *t.logs.Load() {
			if c.ctx.Err() != nil {
				return false
			}
			l := t.ifDirty(int32(partition), config)
			if l == nil {
				continue
			}
			if r.done[l] {
				since = min(since, l.dirtySince.Load())
				continue
			}
			d, err := l.inspect(c.ctx, config)
			if err != nil {
				since = min(since, l.dirtySince.Load())
				c.report(l, cleanResult{}, err)
				r.give(l, err)
				continue
			}
			l.dirtySince.Store(d.since)
			since = min(since, d.since)
			switch {
			case d.due(config, false):
				work = append(work, candidate{log: l, ratio: d.ratio()})
			case isPrompt(config):
				prompt = min(prompt, d.next)
			default:
				next = min(next, d.next)
			}
		}
		return true
	})
	c.since.Store(since)
	slices.SortStableFunc(work, func(a, b candidate) int { return cmp.Compare(b.ratio, a.ratio) })
	return work, next, prompt
}

// ifDirty returns a log that there is something to look at in, and leaves those alone that nobody touched since the start and that
// have nothing to compact.
func (t *topic) ifDirty(partition int32, config *logstore.Config) *log {
	logs := *t.logs.Load()
	if int(partition) >= len(logs) {
		return nil
	}
	l := logs[partition].Load()
	if l != nil && l.view.load().status != dormant {
		return l
	}
	for _, d := range t.store.dirs {
		f := d.left.find(t.id, partition)
		if f == nil || f.isSettled() || f.damage != nil {
			continue
		}
		from := max(d.cleaned.get(format.PartitionDir(t.name, partition)), f.LogStartOffset)
		if f.ActiveBaseOffset > from || (isPrompt(config) && f.ActiveBytes > 0) {
			return t.first(partition)
		}
		return nil
	}
	return l
}

// inspect finds out what is dirty in a log, after it has done what makes that cleanable: the active segment is rolled if it is due, and
// closed segments are synced.
func (l *log) inspect(ctx context.Context, config *logstore.Config) (dirt, error) {
	idle := dirt{since: noTime, next: noTime}
	if err := l.wake(); err != nil {
		return idle, err
	}
	l.mu.Lock()
	w := l.mu.writer
	l.mu.Unlock()
	if w == nil || l.view.load().status != online {
		return idle, nil
	}
	if w.uncleanable.Load() {
		idle.since = l.dirtySince.Load()
		return idle, nil
	}
	if err := w.folder.dir.offline(); err != nil {
		return idle, err
	}
	now := time.Now().UnixMilli()
	roll, err := l.rollForCleaning(w, config, now)
	if err != nil {
		return idle, err
	}
	d, err := l.dirt(w, config, now)
	if err == nil && d.blocked {
		if err = l.flush(ctx); err == nil {
			d, err = l.dirt(w, config, now)
		}
	}
	if d.blocked {
		d.next = min(d.next, now) // a transaction has to end
	}
	d.next = min(d.next, roll)
	return d, err
}

// cleanAll cleans logs with as many goroutines as are configured.
func (c *cleaner) cleanAll(work []candidate, r *cleanRun) {
	var (
		next  atomic.Int64
		group sync.WaitGroup
	)
	for range min(c.store.options.Cleaner().withBounds().Threads, len(work)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(work) && c.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				l := work[i].log
				result, err := l.clean(c.ctx, c, false)
				c.report(l, result, err)
				if err != nil || result.from == result.to {
					r.give(l, err)
				}
			}
		})
	}
	group.Wait()
	c.writeOffsets()
}

// report logs what came of a cleaning. A log that can't be cleaned is left alone from then on, and all others go on.
func (c *cleaner) report(l *log, result cleanResult, err error) {
	name := []any{slog.String("topic", l.topic.name), slog.Int("partition", int(l.partition))}
	switch {
	case err == nil:
		if result.from < result.to {
			c.store.log.Info("compacted a log", append(name, slog.Int64("from", result.from), slog.Int64("to", result.to),
				slog.Int64("bytes", result.BytesRead), slog.Int64("kept", result.BytesKept), slog.Int64("records", result.RecordsRead),
				slog.Int64("records kept", result.RecordsKept), slog.Int("passes", result.passes), slog.Duration("took", result.took),
				slog.Duration("dirty age", c.store.Cleaning().DirtyAge))...)
		}
	case isFull(err):
		c.store.log.Warn("no space left to compact a log; it is tried again later", name...)
	case isUnfit(err):
		l.mu.Lock()
		w := l.mu.writer
		l.mu.Unlock()
		if w == nil || w.uncleanable.Swap(true) {
			return
		}
		c.uncleanable.Add(1)
		c.store.log.Error("log can't be compacted and is left as it is, so it will grow; all others go on: see to the cause "+
			"(a damaged batch: restore the file from a copy, or delete the records up to it; too little memory for keys: raise "+
			"log.cleaner.dedupe.buffer.size), then restart", append(name, slog.Any("error", err))...)
	}
}

// compact is one step of compaction on behalf of somebody who waits for it: everything that may be compacted is, dirty or not
// so very dirty.
func (l *log) compact(ctx context.Context) error {
	config := l.config()
	if !config.CleanupPolicy.Has(logstore.CleanupCompact) {
		return nil
	}
	if _, err := l.inspect(ctx, config); err != nil {
		return err
	}
	c := &l.topic.store.cleaner
	_, err := l.clean(ctx, c, true)
	if err != nil {
		return err
	}
	c.writeOffsets()
	return nil
}
