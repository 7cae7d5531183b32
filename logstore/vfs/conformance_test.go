package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

// disks are all implementations, empty: they must agree.
func disks(t *testing.T) map[string]FS {
	t.Helper()
	return map[string]FS{
		"os":       NewOS(t.TempDir()),
		"memory":   NewMemory(),
		"volatile": NewMemory(Volatile()),
		"injected": Inject(NewMemory()),
	}
}

func create(t *testing.T, disk FS, path, content string) {
	t.Helper()
	f, err := disk.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, disk FS, path string) string {
	t.Helper()
	f, err := disk.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return contentOf(t, f)
}

func contentOf(t *testing.T, f File) string {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, size)
	if _, err := f.ReadAt(p, 0); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(p)
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesHoldWhatIsWritten(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			f, err := disk.Create("a")
			must(t, err)
			defer f.Close()
			want := bytes.Repeat([]byte("0123456789abcdef"), 20_000) // many chunks
			for offset := 0; offset < len(want); {                   // pieces that straddle chunks
				n := min(7001, len(want)-offset)
				if _, err := f.WriteAt(want[offset:offset+n], int64(offset)); err != nil {
					t.Fatal(err)
				}
				offset += n
			}
			copy(want[65_000:], "overwritten")
			_, err = f.WriteAt([]byte("overwritten"), 65_000)
			must(t, err)
			must(t, f.StartSync())
			must(t, f.WriteBack())
			must(t, f.Sync())
			if got := contentOf(t, f); got != string(want) {
				t.Fatal("content differs")
			}
			p := make([]byte, 10)
			n, err := f.ReadAt(p, int64(len(want))-3)
			if n != 3 || !errors.Is(err, io.EOF) {
				t.Errorf("read across the end: %d, %v", n, err)
			}
			if n, err := f.ReadAt(p, int64(len(want))+5); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("read beyond the end: %d, %v", n, err)
			}
		})
	}
}

func TestTruncatedBytesComeBackAsZeros(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			f, err := disk.Create("a")
			must(t, err)
			defer f.Close()
			_, err = f.WriteAt(bytes.Repeat([]byte{'x'}, 200_000), 0)
			must(t, err)
			must(t, f.Truncate(70_001))
			must(t, f.Truncate(150_000))
			_, err = f.WriteAt([]byte("end"), 160_000)
			must(t, err)
			want := slices.Concat(bytes.Repeat([]byte{'x'}, 70_001), make([]byte, 160_000-70_001), []byte("end"))
			if contentOf(t, f) != string(want) {
				t.Error("content differs")
			}
		})
	}
}

func TestPreallocateKeepsTheSize(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			f, err := disk.Create("a")
			must(t, err)
			defer f.Close()
			must(t, f.Preallocate(1<<20))
			if size, err := f.Size(); err != nil || size != 0 {
				t.Errorf("size %d, %v", size, err)
			}
		})
	}
}

func TestNamesBehaveAsInPOSIX(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			must(t, disk.MkdirAll(""))
			must(t, disk.MkdirAll("d/e"))
			must(t, disk.MkdirAll("d/e"))
			create(t, disk, "d/a", "one")
			create(t, disk, "d/b", "two")

			_, err := disk.Create("d/a")
			wantError(t, "create what exists", err, fs.ErrExist)
			_, err = disk.Open("d/none")
			wantError(t, "open what doesn't exist", err, fs.ErrNotExist)
			_, err = disk.Create("none/a")
			wantError(t, "create in no folder", err, fs.ErrNotExist)
			_, err = disk.Stat("none")
			wantError(t, "stat what doesn't exist", err, fs.ErrNotExist)
			_, err = disk.List("none")
			wantError(t, "list what doesn't exist", err, fs.ErrNotExist)
			wantError(t, "sync no folder", disk.SyncDir("none"), fs.ErrNotExist)
			wantError(t, "rename what doesn't exist", disk.Rename("none", "x"), fs.ErrNotExist)
			wantError(t, "remove what doesn't exist", disk.Remove("none"), fs.ErrNotExist)
			if err := disk.Remove("d"); err == nil {
				t.Error("removed a folder that isn't empty")
			}
			if _, err := disk.Open("d"); err == nil {
				if _, err := disk.Open("d"); err == nil {
					t.Error("opened a folder for writing")
				}
			}
			if err := disk.Rename("d", "d/e/f"); err == nil {
				t.Error("renamed a folder into itself")
			}

			must(t, disk.Rename("d/a", "d/b"))
			if got := content(t, disk, "d/b"); got != "one" {
				t.Errorf("after the rename: %q", got)
			}
			names, err := disk.List("d")
			must(t, err)
			if !slices.Equal(names, []string{"b", "e"}) {
				t.Errorf("names %q", names)
			}
			must(t, disk.Rename("d", "g"))
			if got := content(t, disk, "g/b"); got != "one" {
				t.Errorf("after the rename of the folder: %q", got)
			}
			must(t, disk.SyncDir(""))
			must(t, disk.RemoveAll("g"))
			must(t, disk.RemoveAll("g"))
			must(t, disk.RemoveAll("g/none/at/all"))
			if names, err := disk.List(""); err != nil || len(names) != 0 {
				t.Errorf("names left: %q, %v", names, err)
			}
		})
	}
}

func TestStatTellsFilesFromFolders(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			must(t, disk.MkdirAll("d"))
			create(t, disk, "d/a", "12345")
			info, err := disk.Stat("d/a")
			must(t, err)
			if info.Size != 5 || info.IsDir || info.ModTime == 0 {
				t.Errorf("file: %+v", info)
			}
			info, err = disk.Stat("d")
			must(t, err)
			if !info.IsDir || info.ModTime == 0 {
				t.Errorf("folder: %+v", info)
			}
		})
	}
}

func TestPathsCannotLeaveTheRoot(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"../a", "a/../../b", "/etc/passwd", ".."} {
				if f, err := disk.Create(path); err == nil {
					f.Close()
					t.Errorf("created %q", path)
				}
				_, err := disk.Open(path)
				wantError(t, "open "+path, err, fs.ErrInvalid)
				_, err = disk.Stat(path)
				wantError(t, "stat "+path, err, fs.ErrInvalid)
				_, err = disk.List(path)
				wantError(t, "list "+path, err, fs.ErrInvalid)
				_, err = disk.Lock(path)
				wantError(t, "lock "+path, err, fs.ErrInvalid)
				wantError(t, "mkdir "+path, disk.MkdirAll(path), fs.ErrInvalid)
				wantError(t, "remove "+path, disk.Remove(path), fs.ErrInvalid)
				wantError(t, "removeall "+path, disk.RemoveAll(path), fs.ErrInvalid)
				wantError(t, "rename from "+path, disk.Rename(path, "x"), fs.ErrInvalid)
				wantError(t, "syncdir "+path, disk.SyncDir(path), fs.ErrInvalid)
			}
			create(t, disk, "a", "")
			wantError(t, "rename to", disk.Rename("a", "../a"), fs.ErrInvalid)
		})
	}
}

func TestLockIsHeldOnce(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			lock, err := disk.Lock(".lock")
			must(t, err)
			_, err = disk.Lock(".lock")
			wantError(t, "second lock", err, ErrLocked)
			must(t, lock.Close())
			lock, err = disk.Lock(".lock")
			must(t, err)
			must(t, lock.Close())
			if err := lock.Close(); err == nil {
				t.Error("closed twice")
			}
		})
	}
}

func TestRemovedFileStaysReadableWhileOpen(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			create(t, disk, "a", "still here")
			f, err := disk.Open("a")
			must(t, err)
			must(t, disk.Remove("a"))
			create(t, disk, "a", "another")
			if got := contentOf(t, f); got != "still here" {
				t.Errorf("got %q", got)
			}
			must(t, f.Close())
			_, err = f.ReadAt(make([]byte, 1), 0)
			wantError(t, "read after close", err, fs.ErrClosed)
			_, err = f.WriteAt(make([]byte, 1), 0)
			wantError(t, "write after close", err, fs.ErrClosed)
			wantError(t, "start of a sync after close", f.StartSync(), fs.ErrClosed)
			wantError(t, "writeback after close", f.WriteBack(), fs.ErrClosed)
			wantError(t, "sync after close", f.Sync(), fs.ErrClosed)
			wantError(t, "close after close", f.Close(), fs.ErrClosed)
		})
	}
}

func TestUsageIsPlausible(t *testing.T) {
	for name, disk := range disks(t) {
		t.Run(name, func(t *testing.T) {
			total, usable, err := disk.Usage()
			must(t, err)
			if total < usable || total == 0 {
				t.Errorf("total %d, usable %d", total, usable)
			}
		})
	}
}

func TestOSHandsOutItsFile(t *testing.T) {
	root := t.TempDir()
	disk := Inject(NewOS(root))
	f, err := disk.Create("a")
	must(t, err)
	defer f.Close()
	if f.OS() == nil || f.OS().Name() != filepath.Join(root, "a") {
		t.Errorf("file %v", f.OS())
	}
	if disk.Name() != root {
		t.Errorf("name %q", disk.Name())
	}
	memory, err := NewMemory().Create("a")
	must(t, err)
	if memory.OS() != nil {
		t.Error("the memory disk has no file")
	}
}
