package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// replayJournal puts into the segments what a stop without a clean marker left in the journal, makes it durable, and empties the journal. It may be
// interrupted and repeated at will.
func (d *logDir) replayJournal(names []string) (err error) {
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
		if err := d.replayCommits(content); err != nil {
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
	// bytes is how much was missing.
	bytes int64
}

// journalOwners tells which entries of a journal are of the topics that have the folders now.
type journalOwners struct {
	last  map[string]logstore.TopicID // by folder: whose batches the journal has last
	known map[string]logstore.TopicID // by folder: whose it is
}

func newJournalOwners(journal []byte) journalOwners {
	o := journalOwners{last: map[string]logstore.TopicID{}, known: map[string]logstore.TopicID{}}
	_, _ = format.DecodeJournal(journal, func(e *format.JournalEntry) error { // Errors would be of this function.
		o.last[e.Folder] = e.TopicID
		return nil
	})
	return o
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

// replayed is a segment into which the journal is put. file is nil if nothing more of it shall be.
type replayed struct {
	file vfs.File
	size int64
}

// replayCommits puts all commits into their segments and syncs these.
func (d *logDir) replayCommits(content []byte) (err error) {
	r := replay{dir: d, segments: map[replayKey]*replayed{}, owners: newJournalOwners(content)}
	defer func() {
		for _, s := range r.segments {
			if s.file != nil {
				err = errors.Join(err, s.file.Close())
			}
		}
	}()
	if _, err := format.DecodeJournal(content, r.apply); err != nil {
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
	if s.file == nil {
		return nil
	}
	same, foreign, err := s.compare(e)
	if same || err != nil {
		return err
	}
	if foreign {
		r.dir.store.log.Error("segment isn't what the journal knows: another program has written to it, and it is left as it is",
			slog.String("file", r.dir.fs.Name()+"/"+path), slog.Int64("byte", e.Position), slog.Int64("bytes", int64(len(e.Batches))))
		file := s.file
		s.file = nil
		return file.Close()
	}
	if _, err := s.file.WriteAt(e.Batches, e.Position); err != nil {
		return err
	}
	s.size = max(s.size, e.Position+int64(len(e.Batches)))
	r.bytes += int64(len(e.Batches))
	return nil
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
