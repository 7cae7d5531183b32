package vfs

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// crashes returns many clones of a disk, by as many seeds.
func crashes(disk *Memory, count uint64) []*Memory {
	clones := make([]*Memory, count)
	for seed := range count {
		clones[seed] = disk.CrashClone(rand.New(rand.NewPCG(seed, 0)))
	}
	return clones
}

// dump shows a disk as one string per file.
func dump(t *testing.T, disk FS, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	names, err := disk.List(dir)
	must(t, err)
	for _, name := range names {
		if dir != "" {
			name = dir + "/" + name
		}
		info, err := disk.Stat(name)
		must(t, err)
		if info.IsDir {
			files[name] = "folder"
			maps.Copy(files, dump(t, disk, name))
		} else {
			files[name] = content(t, disk, name)
		}
	}
	return files
}

func TestCrashKeepsWhatWasSynced(t *testing.T) {
	disk := NewMemory()
	must(t, disk.MkdirAll("d"))
	f, err := disk.Create("d/a")
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte("synced"), 3000), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, disk.SyncDir("d"))
	must(t, disk.SyncDir(""))
	_, err = f.WriteAt(bytes.Repeat([]byte("unsynced"), 3000), 18_000)
	must(t, err)

	lost, torn, kept := 0, 0, 0
	for _, clone := range crashes(disk, 500) {
		got := content(t, clone, "d/a")
		if !strings.HasPrefix(got, strings.Repeat("synced", 3000)) {
			t.Fatal("synced bytes are gone")
		}
		switch rest := got[18_000:]; {
		case rest == "":
			lost++
		case rest == strings.Repeat("unsynced", 3000):
			kept++
		default:
			torn++
		}
	}
	if lost == 0 || torn == 0 || kept == 0 {
		t.Errorf("of unsynced bytes: lost %d, torn %d, kept %d", lost, torn, kept)
	}
}

func TestCrashLosesNamesThatWereNotSynced(t *testing.T) {
	disk := NewMemory()
	f, err := disk.Create("a")
	must(t, err)
	_, err = f.WriteAt([]byte("content"), 0)
	must(t, err)
	must(t, f.Sync())
	lost, kept := 0, 0
	for _, clone := range crashes(disk, 100) {
		if files := dump(t, clone, ""); len(files) == 0 {
			lost++
		} else if files["a"] == "content" {
			kept++
		} else {
			t.Fatalf("neither lost nor kept: %q", files)
		}
	}
	if lost == 0 || kept == 0 {
		t.Errorf("lost %d, kept %d", lost, kept)
	}
	must(t, disk.SyncDir(""))
	for _, clone := range crashes(disk, 100) {
		if content(t, clone, "a") != "content" {
			t.Fatal("durable name is gone")
		}
	}
}

func TestCrashBringsRemovedFilesBack(t *testing.T) {
	disk := NewMemory()
	create(t, disk, "a", "")
	must(t, disk.SyncDir(""))
	must(t, disk.Remove("a"))
	back := 0
	for _, clone := range crashes(disk, 100) {
		back += len(dump(t, clone, ""))
	}
	if back == 0 || back == 100 {
		t.Errorf("came back in %d of 100", back)
	}
	must(t, disk.SyncDir(""))
	for _, clone := range crashes(disk, 100) {
		if len(dump(t, clone, "")) != 0 {
			t.Fatal("came back after SyncDir")
		}
	}
}

func TestCrashKeepsOrLosesARenameAsAWhole(t *testing.T) {
	disk := NewMemory()
	for path, text := range map[string]string{"a": "old", "a.tmp": "new"} {
		f, err := disk.Create(path)
		must(t, err)
		_, err = f.WriteAt([]byte(text), 0)
		must(t, err)
		must(t, f.Sync())
	}
	must(t, disk.SyncDir(""))
	must(t, disk.Rename("a.tmp", "a"))
	seen := map[string]int{}
	for _, clone := range crashes(disk, 200) {
		seen[fmt.Sprint(dump(t, clone, ""))]++
	}
	if len(seen) != 2 || seen["map[a:new]"] == 0 || seen["map[a:old a.tmp:new]"] == 0 {
		t.Errorf("states after the crash: %v", seen)
	}
}

func TestRenameAcrossFoldersNeedsBothSynced(t *testing.T) {
	disk := NewMemory()
	must(t, disk.MkdirAll("x"))
	must(t, disk.MkdirAll("y"))
	create(t, disk, "x/a", "")
	for _, dir := range []string{"x", "y", ""} {
		must(t, disk.SyncDir(dir))
	}
	must(t, disk.Rename("x/a", "y/a"))
	must(t, disk.SyncDir("y"))
	seen := map[string]int{}
	for _, clone := range crashes(disk, 200) {
		seen[fmt.Sprint(slices.Sorted(maps.Keys(dump(t, clone, ""))))]++
	}
	if len(seen) != 2 || seen["[x y y/a]"] == 0 || seen["[x x/a y y/a]"] == 0 {
		t.Errorf("states after the crash: %v", seen)
	}
	must(t, disk.SyncDir("x"))
	for _, clone := range crashes(disk, 100) {
		if files := dump(t, clone, ""); len(files) != 3 {
			t.Fatalf("after both were synced: %q", files)
		}
	}
}

func TestCrashMayUndoATruncation(t *testing.T) {
	disk := NewMemory()
	f, err := disk.Create("a")
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{'x'}, 10_000), 0)
	must(t, err)
	must(t, f.Sync())
	must(t, disk.SyncDir(""))
	must(t, f.Truncate(5000))
	sizes := map[int]int{}
	for _, clone := range crashes(disk, 200) {
		got := content(t, clone, "a")
		if got[:5000] != strings.Repeat("x", 5000) {
			t.Fatal("bytes below both sizes are gone")
		}
		sizes[len(got)]++
	}
	if sizes[5000] == 0 || sizes[10_000] == 0 {
		t.Errorf("sizes %v", sizes)
	}
	must(t, f.Sync())
	for _, clone := range crashes(disk, 100) {
		if len(content(t, clone, "a")) != 5000 {
			t.Fatal("truncation undone after Sync")
		}
	}
}

func TestCrashCloneIsRepeatedByItsSeed(t *testing.T) {
	disk := NewMemory()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		create(t, disk, fmt.Sprint(i), strings.Repeat("x", random.IntN(20_000)))
	}
	for seed := range uint64(50) {
		one := disk.CrashClone(rand.New(rand.NewPCG(seed, 7)))
		two := disk.CrashClone(rand.New(rand.NewPCG(seed, 7)))
		if !maps.Equal(dump(t, one, ""), dump(t, two, "")) {
			t.Fatalf("seed %d gives two disks", seed)
		}
	}
}

func TestCloneAndDiskDoNotSeeEachOther(t *testing.T) {
	disk := NewMemory()
	create(t, disk, "a", "before")
	f, err := disk.Open("a")
	must(t, err)
	must(t, f.Sync())
	must(t, disk.SyncDir(""))
	clone := disk.CrashClone(rand.New(rand.NewPCG(1, 1)))
	cloned, err := clone.Open("a")
	must(t, err)
	_, err = cloned.WriteAt([]byte("clone!"), 0)
	must(t, err)
	_, err = f.WriteAt([]byte("disk!!"), 0)
	must(t, err)
	if contentOf(t, f) != "disk!!" || contentOf(t, cloned) != "clone!" {
		t.Errorf("disk %q, clone %q", contentOf(t, f), contentOf(t, cloned))
	}
	// What survived one crash survives the next.
	for _, again := range crashes(clone, 50) {
		if got := content(t, again, "a"); got != "before" && got != "clone!" {
			t.Fatalf("after the second crash: %q", got)
		}
	}
}

func TestCloneForgetsLocksAndRemovedFiles(t *testing.T) {
	disk := NewMemory()
	_, err := disk.Lock(".lock")
	must(t, err)
	f, err := disk.Create("a")
	must(t, err)
	_, err = f.WriteAt(make([]byte, 100), 0)
	must(t, err)
	must(t, disk.Remove("a"))
	must(t, disk.SyncDir(""))
	clone := disk.CrashClone(rand.New(rand.NewPCG(1, 1)))
	if clone.Used() != 0 {
		t.Errorf("%d bytes used", clone.Used())
	}
	if _, err := clone.Lock(".lock"); err != nil {
		t.Errorf("lock: %v", err)
	}
}

func TestVolatileDiskCannotBeCrashCloned(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewMemory(Volatile()).CrashClone(rand.New(rand.NewPCG(1, 1)))
}

// TestMemoryMatchesAModel does random operations on one file, with syncs and
// crashes, and compares with plain byte slices.
func TestMemoryMatchesAModel(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		disk := NewMemory()
		f, err := disk.Create("a")
		must(t, err)
		must(t, disk.SyncDir(""))
		var model, synced []byte
		for range 200 {
			switch random.IntN(10) {
			case 0:
				must(t, f.Sync())
				synced = slices.Clone(model)
			case 1:
				size := random.IntN(len(model) + 5000)
				must(t, f.Truncate(int64(size)))
				model = append(model, make([]byte, max(0, size-len(model)))...)[:size]
			case 2:
				quiet := disk.CrashClone(rand.New(zeroSource{}))
				if got := content(t, quiet, "a"); got != string(synced) {
					t.Fatalf("seed %d: a crash that loses all leaves %d bytes, want %d", seed, len(got), len(synced))
				}
			default:
				p := bytes.Repeat([]byte{byte(1 + random.IntN(255))}, random.IntN(9000))
				offset := random.IntN(len(model) + 5000)
				_, err := f.WriteAt(p, int64(offset))
				must(t, err)
				if len(p) > 0 {
					model = append(model, make([]byte, max(0, offset+len(p)-len(model)))...)
					copy(model[offset:], p)
				}
			}
			if got := contentOf(t, f); got != string(model) {
				t.Fatalf("seed %d: content differs: %d bytes, want %d", seed, len(got), len(model))
			}
		}
	}
}

// zeroSource makes every draw 0: the crash in which nothing unsynced survives.
type zeroSource struct{}

func (zeroSource) Uint64() uint64 { return 0 }

func TestFullDiskWritesWhatFits(t *testing.T) {
	disk := NewMemory(Capacity(10_000))
	f, err := disk.Create("a")
	must(t, err)
	_, err = f.WriteAt(make([]byte, 8000), 0)
	must(t, err)
	n, err := f.WriteAt(bytes.Repeat([]byte{'x'}, 8000), 8000)
	if n != 2000 || !IsNoSpace(err) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if size, _ := f.Size(); size != 10_000 {
		t.Errorf("size %d", size)
	}
	if _, usable, _ := disk.Usage(); usable != 0 {
		t.Errorf("usable %d", usable)
	}
	if n, err := f.WriteAt([]byte{1}, 10_000); n != 0 || !IsNoSpace(err) {
		t.Errorf("full: wrote %d, %v", n, err)
	}
	// What is there can be overwritten, read and truncated; then there is room again.
	_, err = f.WriteAt([]byte("over"), 100)
	must(t, err)
	must(t, f.Truncate(5000))
	_, err = f.WriteAt(make([]byte, 5000), 5000)
	must(t, err)
	disk.SetCapacity(20_000)
	_, err = f.WriteAt(make([]byte, 5000), 10_000)
	must(t, err)
}

func TestRemovalGivesSpaceBack(t *testing.T) {
	disk := NewMemory(Capacity(10_000))
	for range 5 {
		create(t, disk, "a", strings.Repeat("x", 10_000))
		must(t, disk.Remove("a"))
	}
	f, err := disk.Create("b")
	must(t, err)
	_, err = f.WriteAt(make([]byte, 10_000), 0)
	must(t, err)
	must(t, disk.Remove("b"))
	if disk.Used() != 10_000 {
		t.Errorf("a removed file that is open uses %d", disk.Used())
	}
	must(t, f.Close())
	create(t, disk, "c", "x")
	create(t, disk, "d", "y")
	must(t, disk.Rename("c", "d"))
	if disk.Used() != 1 {
		t.Errorf("used %d after a replacing rename", disk.Used())
	}
}

func TestPreallocationTakesItsSpace(t *testing.T) {
	disk := NewMemory(Capacity(10_000))
	f, err := disk.Create("a")
	must(t, err)
	must(t, f.Preallocate(6000))
	if disk.Used() != 6000 {
		t.Errorf("used %d", disk.Used())
	}
	if err := f.Preallocate(11_000); !IsNoSpace(err) {
		t.Errorf("too large: %v", err)
	}
	_, err = f.WriteAt(make([]byte, 5000), 0)
	must(t, err)
	if disk.Used() != 6000 {
		t.Errorf("used %d after a write into it", disk.Used())
	}
	must(t, f.Truncate(0))
	if disk.Used() != 0 {
		t.Errorf("used %d after truncation", disk.Used())
	}
}

func TestMemoryRefusesWhatPOSIXRefuses(t *testing.T) {
	disk := NewMemory()
	must(t, disk.MkdirAll("d/e"))
	create(t, disk, "a", "")
	_, err := disk.Open("d")
	wantError(t, "open a folder", err, syscall.EISDIR)
	_, err = disk.Open("a/b")
	wantError(t, "open below a file", err, syscall.ENOTDIR)
	_, err = disk.Create("a/b")
	wantError(t, "create below a file", err, syscall.ENOTDIR)
	_, err = disk.Create("")
	wantError(t, "create the root", err, fs.ErrInvalid)
	_, err = disk.List("a")
	wantError(t, "list a file", err, syscall.ENOTDIR)
	wantError(t, "sync a file as folder", disk.SyncDir("a"), syscall.ENOTDIR)
	wantError(t, "mkdir below a file", disk.MkdirAll("a/b"), syscall.ENOTDIR)
	wantError(t, "remove a full folder", disk.Remove("d"), syscall.ENOTEMPTY)
	wantError(t, "file over folder", disk.Rename("a", "d"), syscall.EISDIR)
	wantError(t, "folder over file", disk.Rename("d", "a"), syscall.ENOTDIR)
	must(t, disk.MkdirAll("x"))
	wantError(t, "folder over full folder", disk.Rename("x", "d"), syscall.ENOTEMPTY)
	must(t, disk.Rename("d/e", "x"))
	must(t, disk.Rename("a", "a"))
	f, err := disk.Open("a")
	must(t, err)
	_, err = f.WriteAt([]byte{1}, -1)
	wantError(t, "negative offset", err, fs.ErrInvalid)
	wantError(t, "negative size", f.Truncate(-1), fs.ErrInvalid)
	must(t, disk.RemoveAll(""))
	if len(dump(t, disk, "")) != 0 {
		t.Error("root isn't empty")
	}
}

func TestLargeFileGrowsWithoutCopying(t *testing.T) {
	disk := NewMemory(Volatile())
	f, err := disk.Create("a")
	must(t, err)
	p := make([]byte, 1<<20)
	var offset int64
	perAppend := testing.AllocsPerRun(64, func() {
		_, err := f.WriteAt(p, offset)
		must(t, err)
		offset += int64(len(p))
	})
	if perAppend > 20 { // 16 chunks and now and then a larger table
		t.Errorf("%v allocations per MiB", perAppend)
	}
}

func BenchmarkCrashClone(b *testing.B) {
	disk := NewMemory()
	for i := range 30 {
		f, err := disk.Create(fmt.Sprint(i))
		if err != nil {
			b.Fatal(err)
		}
		for block := range 64 {
			if _, err := f.WriteAt(make([]byte, 4096), int64(block)*4096); err != nil {
				b.Fatal(err)
			}
			if block%8 == 0 {
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		disk.CrashClone(random)
	}
}

func BenchmarkMemoryAppend(b *testing.B) {
	disk := NewMemory(Volatile())
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	f, err := disk.Create("a")
	if err != nil {
		b.Fatal(err)
	}
	offset := int64(0)
	for b.Loop() {
		if _, err := f.WriteAt(p, offset&(1<<30-1)); err != nil {
			b.Fatal(err)
		}
		offset += int64(len(p))
	}
}
