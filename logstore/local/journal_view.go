package local

import (
	"errors"
	"io"
	"io/fs"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// journalView is a log directory as the next start will make it: segments have the bytes that the journal has of them. It is for
// reading alone.
type journalView struct {
	vfs.FS
	patches map[string][]patch // by path
}

// patch is bytes of a file.
type patch struct {
	at    int64
	bytes []byte
}

// viewJournal looks at a directory through its journal.
func viewJournal(disk vfs.FS, names []string) (view vfs.FS, damage []format.JournalDamage, err error) {
	if stoppedCleanly(names) {
		return disk, nil, nil
	}
	content, err := format.ReadAll(disk, format.JournalFile, maxJournalBytes)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(content) == 0 {
		return disk, nil, nil
	}
	if err != nil && !errors.Is(err, format.ErrTooLarge) {
		return nil, nil, err
	}
	v := &journalView{FS: disk, patches: map[string][]patch{}}
	owners, damage, err := newJournalOwners(content)
	if err != nil {
		return nil, nil, err
	}
	_, _, err = format.DecodeJournal(content, func(e *format.JournalEntry) error {
		owned, err := owners.has(e, func() (logstore.TopicID, error) {
			metadata, err := format.ReadAll(disk, e.Folder+"/"+format.PartitionMetadataFile, maxMetadataBytes)
			if err != nil {
				return logstore.TopicID{}, nil //nolint:nilerr // The audit reports what is wrong with it.
			}
			id, _ := format.DecodePartitionMetadata(metadata)
			return logstore.TopicID(id), nil
		})
		if owned {
			path := e.Folder + "/" + fileName(e.BaseOffset, logSuffix)
			v.patches[path] = append(v.patches[path], patch{e.Position, e.Batches})
		}
		return err
	})
	return v, damage, err
}

// Open implements [vfs.FS].
func (v *journalView) Open(path string) (vfs.File, error) {
	f, err := v.FS.Open(path)
	if patches := v.patches[path]; err == nil && patches != nil {
		return &patchedFile{f, patches}, nil
	}
	return f, err
}

// Stat implements [vfs.FS].
func (v *journalView) Stat(path string) (vfs.Info, error) {
	info, err := v.FS.Stat(path)
	info.Size = grown(info.Size, v.patches[path])
	return info, err
}

// grown is the size of a file with patches that go on where it ends.
func grown(size int64, patches []patch) int64 {
	for _, p := range patches {
		if p.at <= size {
			size = max(size, p.at+int64(len(p.bytes)))
		}
	}
	return size
}

// patchedFile is a file with patches.
type patchedFile struct {
	vfs.File
	patches []patch
}

// Size implements [vfs.File].
func (f *patchedFile) Size() (int64, error) {
	size, err := f.File.Size()
	return grown(size, f.patches), err
}

// ReadAt implements [vfs.File].
func (f *patchedFile) ReadAt(p []byte, off int64) (int, error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	n, err := f.File.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	want := int(min(int64(len(p)), max(size-off, 0)))
	clear(p[min(n, want):want])
	for _, x := range f.patches {
		from, to := max(x.at, off), min(x.at+int64(len(x.bytes)), off+int64(want))
		if from < to {
			copy(p[from-off:to-off], x.bytes[from-x.at:])
		}
	}
	if want < len(p) {
		return want, io.EOF
	}
	return want, nil
}
