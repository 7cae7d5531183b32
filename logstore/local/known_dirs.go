package local

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// KnownDirsFile is the list of the other log directories that have logs, in the first one: a path on each line.
const KnownDirsFile = "clatter-log-dirs"

// errEmptied says that a directory had logs and is empty now.
var errEmptied = errors.New("directory is empty and had logs: is its disk mounted? " +
	"If they are lost, remove its line from " + KnownDirsFile + " in the first log directory, and their partitions begin anew")

// knownDirs are the directories that had logs. One that is empty at a start is a disk that isn't mounted, and not a new one: logs that are made anew
// would give the offsets of those that are away a second time. Apache Kafka doesn't start on a directory without meta.properties.
type knownDirs struct {
	mu    sync.Mutex
	paths []string
}

// load reads the list of the first directory. Without it, or with a part of it damaged, directories are as good as new.
func (k *knownDirs) load(first *logDir) (err error) {
	if first.index == 0 {
		k.paths, err = KnownDirs(first.fs)
	}
	return err
}

// KnownDirs are the paths of the other log directories that had logs, as the first one tells: none if it has no list.
//
// Errors: of reading.
func KnownDirs(first vfs.FS) (paths []string, err error) {
	content, err := format.ReadAll(first, KnownDirsFile, maxMetadataBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(content)) {
		if path := strings.TrimSpace(line); path != "" {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func (k *knownDirs) has(path string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Contains(k.paths, path)
}

// keepKnown notes that a directory has logs, or is about to.
func (d *logDir) keepKnown() {
	s := d.store
	if d.index == 0 {
		return
	}
	k := &s.known
	k.mu.Lock()
	defer k.mu.Unlock()
	path := d.fs.Name()
	if slices.Contains(k.paths, path) {
		return
	}
	k.paths = append(k.paths, path)
	first := s.dirs[0]
	if first.isOffline() {
		return
	}
	err := format.WriteAtomic(first.fs, KnownDirsFile, []byte(strings.Join(k.paths, "\n")+"\n"))
	switch {
	case vfs.IsNoSpace(err):
		s.log.Warn("no space left to note a log directory; the next start will", slog.String("dir", path), slog.String("file", KnownDirsFile))
	case err != nil:
		_ = first.fail("write of "+KnownDirsFile, err) // which is the error itself
	}
}

// wasEmptied reports whether a directory that never had a log, as it looks, had some.
func (d *logDir) wasEmptied() bool {
	path := d.fs.Name()
	for _, other := range d.store.options.Dirs {
		if other != d.fs && other.Name() == path {
			return false // A name of two says nothing.
		}
	}
	return d.index > 0 && d.store.known.has(path)
}
