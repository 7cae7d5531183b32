package vfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
)

// writeSafely replaces a file as a store does, and closes what it opened.
func writeSafely(disk FS, path, text string) (err error) {
	if err := disk.RemoveAll(path + ".tmp"); err != nil {
		return err
	}
	f, err := disk.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := disk.Rename(path+".tmp", path); err != nil {
		return err
	}
	return disk.SyncDir("")
}

func TestEveryOperationCanBeFailedInTurn(t *testing.T) {
	var failed []string
	for n := int64(1); ; n++ {
		rule := &Rule{Ops: OpsChange, Nth: n, Err: syscall.EIO}
		rule.After = func(call Call) { failed = append(failed, call.Op.String()) }
		err := writeSafely(Inject(NewMemory(), rule), "a", "text")
		if rule.Fired() == 0 {
			must(t, err)
			break
		}
		wantError(t, fmt.Sprintf("operation %d", n), err, syscall.EIO)
	}
	want := []string{"removeall", "create", "write", "sync", "rename", "syncdir"}
	if !slices.Equal(failed, want) {
		t.Errorf("failed %q, want %q", failed, want)
	}
}

func TestEveryKindOfOperationIsSeen(t *testing.T) {
	seen := map[Op]Call{}
	all := &Rule{After: func(call Call) { seen[call.Op] = call }}
	disk := Inject(NewMemory(Capacity(1000)), all)
	must(t, disk.MkdirAll("d"))
	create(t, disk, "d/a", "12345")
	must(t, disk.Rename("d/a", "d/b"))
	f, err := disk.Open("d/b")
	must(t, err)
	contentOf(t, f)
	must(t, f.Sync())
	must(t, f.Truncate(3))
	must(t, f.Preallocate(10))
	must(t, f.WriteBack())
	must(t, f.Close())
	_, err = disk.Stat("d/b")
	must(t, err)
	_, err = disk.List("d")
	must(t, err)
	must(t, disk.SyncDir("d"))
	_, _, err = disk.Usage()
	must(t, err)
	lock, err := disk.Lock("lock")
	must(t, err)
	must(t, lock.Close())
	must(t, disk.Remove("d/b"))
	must(t, disk.RemoveAll("d"))
	for bit := range opNames {
		op := Op(1) << bit
		if _, ok := seen[op]; !ok {
			t.Errorf("%v was not seen", op)
		}
	}
	if got := seen[OpRename]; got.Path != "d/a" || got.NewPath != "d/b" {
		t.Errorf("rename: %+v", got)
	}
	if got := seen[OpRead]; got.Length != 5 || got.Path != "d/b" {
		t.Errorf("read: %+v", got)
	}
	if all.Seen() != all.Fired() || all.Seen() < int64(len(opNames)) {
		t.Errorf("seen %d, fired %d", all.Seen(), all.Fired())
	}
}

func TestEveryKindOfOperationFails(t *testing.T) {
	disk := Inject(NewMemory())
	f, err := disk.Create("a")
	must(t, err)
	disk.SetRules(&Rule{Err: syscall.EIO})
	_, err = disk.Create("b")
	wantError(t, "create", err, syscall.EIO)
	_, err = disk.Open("a")
	wantError(t, "open", err, syscall.EIO)
	wantError(t, "rename", disk.Rename("a", "c"), syscall.EIO)
	wantError(t, "remove", disk.Remove("a"), syscall.EIO)
	wantError(t, "removeall", disk.RemoveAll("a"), syscall.EIO)
	wantError(t, "mkdir", disk.MkdirAll("d"), syscall.EIO)
	_, err = disk.List("")
	wantError(t, "list", err, syscall.EIO)
	_, err = disk.Stat("a")
	wantError(t, "stat", err, syscall.EIO)
	wantError(t, "syncdir", disk.SyncDir(""), syscall.EIO)
	_, err = disk.Lock("lock")
	wantError(t, "lock", err, syscall.EIO)
	_, _, err = disk.Usage()
	wantError(t, "usage", err, syscall.EIO)
	_, err = f.ReadAt(make([]byte, 1), 0)
	wantError(t, "read", err, syscall.EIO)
	_, err = f.WriteAt(make([]byte, 1), 0)
	wantError(t, "write", err, syscall.EIO)
	wantError(t, "sync", f.Sync(), syscall.EIO)
	wantError(t, "truncate", f.Truncate(9), syscall.EIO)
	_, err = f.Size()
	wantError(t, "size", err, syscall.EIO)
	wantError(t, "preallocate", f.Preallocate(9), syscall.EIO)
	wantError(t, "writeback", f.WriteBack(), syscall.EIO)
	wantError(t, "close", f.Close(), syscall.EIO)

	disk.SetRules()
	if names, err := disk.List(""); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Errorf("the healthy disk has %q, %v", names, err)
	}
	if err := f.Close(); err == nil {
		t.Error("a failed close kept the file open")
	}
}

func TestShortWriteLeavesItsBytes(t *testing.T) {
	disk := Inject(NewMemory(), &Rule{Ops: OpWrite, Nth: 2, Err: syscall.ENOSPC, ShortWrite: 3})
	f, err := disk.Create("a")
	must(t, err)
	_, err = f.WriteAt([]byte("first "), 0)
	must(t, err)
	n, err := f.WriteAt([]byte("second"), 6)
	if n != 3 || !IsNoSpace(err) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if got := contentOf(t, f); got != "first sec" {
		t.Errorf("content %q", got)
	}
	if _, err = f.WriteAt([]byte("third"), 6); err != nil {
		t.Errorf("healed: %v", err)
	}
	disk.SetRules(&Rule{Ops: OpWrite, Err: syscall.EIO, ShortWrite: 100})
	if n, _ := f.WriteAt([]byte("abc"), 0); n != 2 {
		t.Errorf("a failing write wrote all %d", n)
	}
}

func TestRulesChooseByPathAndCount(t *testing.T) {
	logs := &Rule{Ops: OpSync, Path: "*.log", Nth: 2, Count: 2, Err: syscall.EIO}
	later := &Rule{Ops: OpSync, Path: "d/b.index", Nth: 3, Count: -1, Err: syscall.EIO}
	disk := Inject(NewMemory(), logs, later)
	must(t, disk.MkdirAll("d"))
	var got []string
	for _, path := range []string{"d/a.log", "d/b.index"} {
		f, err := disk.Create(path)
		must(t, err)
		for range 5 {
			got = append(got, fmt.Sprint(f.Sync() == nil))
		}
	}
	want := []string{
		"true", "false", "false", "true", "true",
		"true", "true", "false", "false", "false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if logs.Seen() != 5 || logs.Fired() != 2 || later.Fired() != 3 {
		t.Errorf("counts %d %d %d", logs.Seen(), logs.Fired(), later.Fired())
	}
	renames := &Rule{Ops: OpRename, Path: "*.deleted", Err: syscall.EIO}
	disk.SetRules(renames)
	wantError(t, "rename to", disk.Rename("d/a.log", "d/a.log.deleted"), syscall.EIO)
	must(t, disk.Rename("d/a.log", "d/c.log"))
}

func TestFirstErrorWinsAndEveryHookRuns(t *testing.T) {
	hooks := 0
	hook := func(Call) error { hooks++; return nil }
	disk := Inject(NewMemory(), &Rule{Before: hook, Err: syscall.EIO}, &Rule{Before: hook, Err: syscall.ENOSPC})
	wantError(t, "sync", disk.SyncDir(""), syscall.EIO)
	if hooks != 2 {
		t.Errorf("%d hooks", hooks)
	}
}

func TestBadPatternPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a pattern that never matches hides that nothing is injected")
		}
	}()
	_ = Inject(NewMemory(), &Rule{Path: "[", Err: syscall.EIO}).SyncDir("")
}

func TestHookHangsASyncUntilReleased(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	disk := Inject(NewMemory(), &Rule{Ops: OpSync, Before: func(Call) error {
		close(entered)
		<-release
		return syscall.EIO
	}})
	f, err := disk.Create("a")
	must(t, err)
	done := make(chan error)
	go func() { done <- f.Sync() }()
	<-entered
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Errorf("a hung sync stops a write: %v", err)
	}
	close(release)
	wantError(t, "sync", <-done, syscall.EIO)
}

func TestCrashAtEachSyncKeepsOldOrNew(t *testing.T) {
	memory := NewMemory()
	must(t, writeSafely(memory, "a", "old"))
	random := rand.New(rand.NewPCG(4, 4))
	var clones []*Memory
	take := func(Call) {
		for range 20 {
			clones = append(clones, memory.CrashClone(random))
		}
	}
	before := func(call Call) error { take(call); return nil }
	disk := Inject(memory, &Rule{Ops: OpsSync, Before: before, After: take})
	must(t, writeSafely(disk, "a", "new"))
	if len(clones) != 80 {
		t.Fatalf("%d clones", len(clones))
	}
	for _, clone := range clones {
		if got := content(t, clone, "a"); got != "old" && got != "new" {
			t.Fatalf("after the crash: %q", got)
		}
	}
	for _, clone := range clones[60:] {
		if got := content(t, clone, "a"); got != "new" {
			t.Fatalf("after the last sync: %q", got)
		}
	}
}
