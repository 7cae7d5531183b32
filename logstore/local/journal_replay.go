package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// roomInterval is how often a start that lacks room tries again.
const roomInterval = 500 * time.Millisecond

// errNoRoom says that a journal can't be put into the segments.
var errNoRoom = errors.New("no space left to put back what a power cut took from the ends of logs; nothing is lost, for the journal keeps it: make room")

// replayWhenRoom is replayJournal, but for a full disk: with the first directory the broker waits for room, and goes on by itself. Others
// are left out, so that the first one can be served.
//
// A power cut gives the room back that segments take which it shortens; so it is somebody else who has filled the disk since. What could be
// done without room would be to serve the logs that miss nothing. But then the journal would have to be kept beside logs that go on.
func (d *logDir) replayWhenRoom(ctx context.Context, names []string, slots []slotted) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for waits := false; ; waits = true {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := d.replayJournal(names, slots)
		switch {
		case err == nil && waits:
			d.store.log.Info("there is space again: the start goes on", slog.String("dir", d.fs.Name()))
			return nil
		case !vfs.IsNoSpace(err):
			return err
		case d.index > 0 || d.store.options.Whole:
			return fmt.Errorf("%w, then restart: %w", errNoRoom, err)
		case !waits:
			d.store.log.Error("start waits for space on the disk", slog.String("dir", d.fs.Name()), slog.Any("error", fmt.Errorf("%w: %w", errNoRoom, err)))
		}
		timer.Reset(roomInterval)
	}
}

// replayJournal puts into the segments what a stop without a clean marker left in the journal, makes it durable, and empties the journal. It may be
// interrupted and repeated at will.
//
// What is damaged in it, and not merely torn, is kept aside and told. Then the durable ends in slots are raised to those of what follows: where that has
// nothing to follow, or not all of it, the log has lost batches, and must not give their offsets again.
func (d *logDir) replayJournal(names []string, slots []slotted) (err error) {
	if !slices.Contains(names, format.JournalFile) {
		return nil
	}
	file, err := d.fs.Open(format.JournalFile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil || size == 0 {
		return err
	}
	if !stoppedCleanly(names) {
		content := make([]byte, min(size, maxJournalBytes))
		if n, err := file.ReadAt(content, 0); n < len(content) && !errors.Is(err, io.EOF) {
			return err
		}
		if err := d.replayCommits(content, slots); err != nil {
			return fmt.Errorf("%s: %w", format.JournalFile, err)
		}
	}
	return errors.Join(file.Truncate(0), file.Sync())
}

// stoppedCleanly reports whether there is a clean marker, ours or Kafka's: then everything is in the segments, and a journal would be from
// before Kafka's time.
func stoppedCleanly(names []string) bool {
	return slices.Contains(names, format.CleanShutdownFile) || slices.Contains(names, kafkaCleanFile)
}

// replay is a journal on its way into the segments.
type replay struct {
	dir *logDir
	// segments are those that were looked at.
	segments map[replayKey]*replayed
	owners   journalOwners
	// damage is where the journal is damaged.
	damage []format.JournalDamage
	// ends are of logs of which a damaged journal has batches.
	ends map[partitionKey]int64
	// bytes is how much was missing.
	bytes int64
}

// journalOwners tells which entries of a journal are of the topics that have the folders now.
type journalOwners struct {
	last  map[string]logstore.TopicID // by folder: whose batches the journal has last
	known map[string]logstore.TopicID // by folder: whose it is
}

func newJournalOwners(journal []byte) (o journalOwners, damage []format.JournalDamage, err error) {
	o = journalOwners{last: map[string]logstore.TopicID{}, known: map[string]logstore.TopicID{}}
	_, damage, err = format.DecodeJournal(journal, func(e *format.JournalEntry) error {
		o.last[e.Folder] = e.TopicID
		return nil
	})
	return o, damage, err
}

// has reports whether an entry is of its folder's topic. topicID reads that from the folder, and returns zero if it isn't there or damaged: then
// the folder is taken by its name, here as by recovery, and the journal knows who had that last.
func (o *journalOwners) has(e *format.JournalEntry, topicID func() (logstore.TopicID, error)) (bool, error) {
	owner, ok := o.known[e.Folder]
	if !ok {
		var err error
		if owner, err = topicID(); err != nil {
			return false, err
		}
		if owner == (logstore.TopicID{}) {
			owner = o.last[e.Folder]
		}
		o.known[e.Folder] = owner
	}
	return owner == e.TopicID, nil
}

// replayKey is a segment of a topic. Another topic may have had the same path before.
type replayKey struct {
	id   logstore.TopicID
	path string
}

// replayed is a segment into which the journal is put. file is nil if the segment is gone.
type replayed struct {
	file vfs.File
	size int64
	// left says that the rest is left as it is, gap that it is because batches are missing.
	left, gap bool
}

// replayCommits puts all commits into their segments and syncs these.
func (d *logDir) replayCommits(content []byte, slots []slotted) (err error) {
	r := replay{dir: d, segments: map[replayKey]*replayed{}, ends: map[partitionKey]int64{}}
	if r.owners, r.damage, err = newJournalOwners(content); err != nil {
		return err
	}
	defer func() {
		for _, s := range r.segments {
			if s.file != nil {
				err = errors.Join(err, s.file.Close())
			}
		}
	}()
	end, _, err := format.DecodeJournal(content, r.apply)
	if err != nil {
		return err
	}
	if len(r.damage) > 0 {
		if err := d.keepDamagedJournal(content, r.damage); err != nil {
			return err
		}
	}
	if torn := len(content) - end; torn > 0 {
		d.store.log.Warn("end of the journal isn't whole and is cut off, as after a power cut in the middle of a commit, which nobody was told of",
			slog.String("file", d.fs.Name()+"/"+format.JournalFile), slog.Int("byte", end), slog.Int("bytes", torn))
	}
	if err := d.raiseEnds(slots, r.ends); err != nil {
		return err
	}
	var files []vfs.File
	for _, s := range r.segments {
		if s.file != nil {
			files = append(files, s.file)
		}
	}
	if err := syncFiles(files); err != nil {
		return err
	}
	if r.bytes > 0 {
		d.store.log.Info("ends of logs that the last process had made durable in its journal are in place again",
			slog.String("dir", d.fs.Name()), slog.Int("logs", len(files)), slog.Int64("bytes", r.bytes))
	}
	return nil
}

// apply puts one entry in its place.
func (r *replay) apply(e *format.JournalEntry) error {
	path := e.Folder + "/" + fileName(e.BaseOffset, logSuffix)
	key := replayKey{e.TopicID, path}
	s := r.segments[key]
	if s == nil {
		var err error
		if s, err = r.open(e, path); err != nil {
			return err
		}
		r.segments[key] = s
	}
	if s.file != nil && !s.left && len(r.damage) > 0 && s.size < e.Position {
		s.left, s.gap = true, true
		r.dir.store.log.Error("batches of a log are lost with the damaged part of the journal: it has later ones, which don't follow what is there",
			slog.String("file", r.dir.fs.Name()+"/"+path), slog.Int64("byte", s.size), slog.Int64("bytes", e.Position-s.size))
	}
	if s.gap {
		r.raiseEnd(e)
	}
	if s.file == nil || s.left {
		return nil
	}
	same, foreign, err := s.compare(e)
	if err != nil {
		return err
	}
	if len(r.damage) > 0 && !foreign {
		// What lies before it may be of the damaged part, and not all there though the segment is long enough.
		r.raiseEnd(e)
	}
	if foreign {
		r.dir.store.log.Error("segment isn't what the journal knows: another program has written to it, and it is left as it is",
			slog.String("file", r.dir.fs.Name()+"/"+path), slog.Int64("byte", e.Position), slog.Int64("bytes", int64(len(e.Batches))))
		s.left = true
		return nil
	}
	// Also what is there already: the memory of the system may have it and the disk not, if the last process was told that its
	// write failed. Such pages count as clean, and no sync would write them.
	if _, err := s.file.WriteAt(e.Batches, e.Position); err != nil && (!same || !vfs.IsNoSpace(err)) {
		return fmt.Errorf("%d bytes of %s: %w", len(e.Batches), path, err)
	}
	if !same {
		s.size = max(s.size, e.Position+int64(len(e.Batches)))
		r.bytes += int64(len(e.Batches))
	}
	return nil
}

// raiseEnd notes that the batches of an entry were durable, in their place or not.
func (r *replay) raiseEnd(e *format.JournalEntry) {
	_, partition, _, _ := format.ParsePartitionDir(e.Folder)
	key := partitionKey{e.TopicID, partition}
	for rest := e.Batches; len(rest) > 0; {
		b, err := record.First(rest)
		if err != nil {
			return // What isn't a batch has no offsets.
		}
		r.ends[key] = max(r.ends[key], b.NextOffset())
		rest = rest[len(b):]
	}
}

// raiseEnds makes the durable ends in slots at least these, before the journal is forgotten that says so.
func (d *logDir) raiseEnds(slots []slotted, ends map[partitionKey]int64) error {
	for i := range slots {
		s := &slots[i]
		if end := ends[partitionKey{s.TopicID, s.Partition}]; end > s.DurableEnd {
			s.DurableEnd = end
			if err := d.offsets.write(s.slot, s.Kept); err != nil {
				return err
			}
		}
	}
	return d.offsets.sync()
}

// keepDamagedJournal keeps a journal for who wants to look into it, and tells of it. The name is that of the content: who starts again and again
// keeps it once.
func (d *logDir) keepDamagedJournal(content []byte, damage []format.JournalDamage) error {
	size := 0
	for _, x := range damage {
		size += x.To - x.From
	}
	sum := sha256.Sum256(content)
	name := fmt.Sprintf("%s.%x%s", format.JournalFile, sum[:8], lostSuffix)
	d.store.log.Error("journal is damaged: of what a power cut took from the ends of logs, the damaged part is lost; the journal is kept",
		slog.String("file", d.fs.Name()+"/"+format.JournalFile), slog.Int("byte", damage[0].From), slog.Int("bytes", size),
		slog.Int("places", len(damage)), slog.String("kept", name))
	err := format.WriteAtomic(d.fs, name, content)
	if vfs.IsNoSpace(err) {
		d.store.log.Warn("there is no room to keep the damaged journal", slog.String("dir", d.fs.Name()))
		return nil
	}
	return err
}

// open opens the segment of an entry, unless that is gone: deleted, or its topic is.
func (r *replay) open(e *format.JournalEntry, path string) (*replayed, error) {
	_, _, stage, ok := format.ParsePartitionDir(e.Folder)
	if !ok || stage != format.Live || strings.ContainsAny(e.Folder, "/\\") {
		return &replayed{}, nil
	}
	owned, err := r.owners.has(e, func() (logstore.TopicID, error) {
		ld := loading{log: r.dir.store.log, folder: &folder{dir: r.dir, name: e.Folder}}
		return ld.topicID()
	})
	if err != nil {
		return nil, err
	}
	if !owned {
		return &replayed{}, nil
	}
	file, err := r.dir.fs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &replayed{}, nil
	}
	if err != nil {
		return nil, err
	}
	size, err := file.Size()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &replayed{file: file, size: size}, nil
}

// maxForeignBatch bounds the batch of another program that is recognized, in bytes.
const maxForeignBatch = 16 << 20

// compare looks at what is in the place of an entry. What lies before it was durable in the segment, or in the journal; and where a stop
// was not clean, what is not the same is what the disk kept of it. But another program may have been there, that cut the
// log as it found it, and went on with batches of its own.
func (s *replayed) compare(e *format.JournalEntry) (same, foreign bool, err error) {
	if s.size < e.Position {
		return false, true, nil
	}
	there, err := s.read(e.Position, int64(len(e.Batches)))
	if err != nil || bytes.Equal(there, e.Batches) {
		return err == nil, false, err
	}
	ours := e.Batches
	for len(ours) > 0 {
		b, err := record.First(ours)
		if err != nil {
			return false, true, nil //nolint:nilerr // These are no batches: nobody of us wrote them.
		}
		if !bytes.HasPrefix(there, b) {
			break
		}
		ours, there = ours[len(b):], there[len(b):]
	}
	there, err = s.read(e.Position+int64(len(e.Batches)-len(ours)), maxForeignBatch)
	if err != nil {
		return false, false, err
	}
	b, err := record.First(there)
	return false, err == nil && b.BaseOffset() == record.Batch(ours).BaseOffset() && b.VerifyCRC() == nil, nil
}

// read reads up to n bytes.
func (s *replayed) read(from, n int64) ([]byte, error) {
	p := make([]byte, min(n, s.size-from))
	if n, err := s.file.ReadAt(p, from); n < len(p) {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return p, nil
}
