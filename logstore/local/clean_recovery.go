package local

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"slices"

	"github.com/clatterhq/clatter/logstore/local/format"
)

// unfinished are the files that an interrupted compaction left in a folder, ours or Kafka's, by base offset and suffix.
type unfinished struct {
	cleaned, swap map[int64][]string
}

// note takes a file in if it belongs to a compaction.
func (u *unfinished) note(baseOffset int64, suffix format.Suffix, stage format.Stage) {
	files := &u.cleaned
	if stage == format.Swap {
		files = &u.swap
	}
	if *files == nil {
		*files = map[int64][]string{}
	}
	(*files)[baseOffset] = append((*files)[baseOffset], string(suffix))
}

// errUnfinished says that a log can't be looked at from outside: some batches are in files that wait for their names, and others in files
// that wait for their removal.
var errUnfinished = errors.New("a compaction was interrupted; the next start finishes it")

func (u *unfinished) none() bool { return len(u.cleaned) == 0 && len(u.swap) == 0 }

// openFolder reads which files a log has at a start, and before that finishes or undoes what compaction was doing when
// the process ended (LogLoader.load):
//
//  1. Files in .cleaned are worth nothing. They, and those in .swap that belong to the same or a later segment, are removed: the swap had not
//     begun, so the old segments are all there.
//  2. Batches in a .swap file replace all segments that begin within their offsets. What is still there of these is removed, and the folder
//     is synced.
//  3. The .swap files get their names, the batches first, and the folder is synced.
//
// It may be interrupted and repeated at will.
func openFolder(f *folder) (*loading, error) {
	ld, err := listFolder(f)
	if err != nil || ld.unfinished.none() {
		return ld, err
	}
	if err := ld.finishSwaps(); err != nil {
		return nil, fmt.Errorf("finish an interrupted compaction: %w", err)
	}
	return listFolder(f)
}

func (ld *loading) finishSwaps() error {
	f, u := ld.folder, &ld.unfinished
	least := int64(math.MaxInt64)
	for base := range u.cleaned {
		least = min(least, base)
	}
	undone := false
	for base, suffixes := range u.swap {
		if base < least {
			continue
		}
		if err := f.removeStaged(base, suffixes, swapSuffix); err != nil {
			return err
		}
		delete(u.swap, base)
		undone = true
	}
	if undone {
		// Else the next start might find them without what tells them to be undone.
		if err := f.dir.fs.SyncDir(f.name); err != nil {
			return err
		}
	}
	for base, suffixes := range u.cleaned {
		if err := f.removeStaged(base, suffixes, cleanedSuffix); err != nil {
			return err
		}
	}
	if len(u.swap) > 0 {
		if err := ld.replaceBySwaps(); err != nil {
			return err
		}
	}
	return f.dir.fs.SyncDir(f.name)
}

// replaceBySwaps removes what the .swap files replace, and gives them their names.
func (ld *loading) replaceBySwaps() error {
	f := ld.folder
	for base := range ld.unfinished.swap {
		s := &segment{folder: f, baseOffset: base}
		next, ok, err := s.swapEnd()
		if err != nil {
			return err
		}
		if !ok {
			continue // its batches have their name already
		}
		ld.log.Info("finishing a compaction that was interrupted", slog.String("folder", f.dir.fs.Name()+"/"+f.name),
			slog.Int64("segment", base), slog.Int64("end", next))
		if err := ld.removeReplaced(base, next); err != nil {
			return err
		}
	}
	if err := f.dir.fs.SyncDir(f.name); err != nil {
		return err
	}
	for base := range ld.unfinished.swap {
		s := &segment{folder: f, baseOffset: base}
		for _, suffix := range slices.Backward(segmentSuffixes) {
			if err := s.rename(suffix+swapSuffix, suffix); err != nil {
				return err
			}
		}
	}
	return nil
}

// swapEnd is the offset behind the batches in the .swap file of a segment; ok is false if there is none.
func (s *segment) swapEnd() (next int64, ok bool, err error) {
	file, err := s.folder.dir.fs.Open(s.path(logSuffix + swapSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return 0, false, err
	}
	scan := newScanner(file, s, 0, size, scanWindow)
	defer scan.close()
	// An empty one replaces at least the segment of its name.
	next = s.baseOffset + 1
	for {
		h, err := scan.next()
		if errors.Is(err, errScanEnd) {
			return next, true, nil
		}
		if err != nil {
			return 0, false, err
		}
		next = max(next, h.NextOffset())
	}
}

// removeReplaced removes the segments that begin from base to before next, and the snapshots at which no segment begins any more.
func (ld *loading) removeReplaced(base, next int64) error {
	names, err := ld.folder.dir.fs.List(ld.folder.name)
	if err != nil {
		return err
	}
	for _, name := range names {
		at, suffix, stage, ok := format.ParseSegmentName(name)
		if !ok || stage != format.Live || at < base || at >= next || (suffix == format.SnapshotSuffix && at == base) {
			continue
		}
		if err := ld.folder.dir.fs.Remove(ld.folder.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// removeStaged removes files of a segment.
func (f *folder) removeStaged(base int64, suffixes []string, stage string) error {
	for _, suffix := range suffixes {
		if err := f.dir.fs.Remove(f.path(fileName(base, suffix+stage))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
