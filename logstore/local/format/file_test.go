package format

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/logstore/vfs"
)

func read(t *testing.T, disk vfs.FS, name string) string {
	t.Helper()
	content, err := ReadAll(disk, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestWriteAtomicReplacesAFile(t *testing.T) {
	for name, disk := range map[string]vfs.FS{"os": vfs.NewOS(t.TempDir()), "memory": vfs.NewMemory()} {
		t.Run(name, func(t *testing.T) {
			if err := disk.MkdirAll("d"); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"a", "d/a"} {
				for _, content := range []string{"one", "", "a longer one"} {
					if err := WriteAtomic(disk, path, []byte(content)); err != nil {
						t.Fatal(err)
					}
					if got := read(t, disk, path); got != content {
						t.Errorf("%s: %q, want %q", path, got, content)
					}
				}
			}
			names, err := disk.List("")
			if err != nil || !slices.Equal(names, []string{"a", "d"}) {
				t.Errorf("left %q, %v", names, err)
			}
		})
	}
}

func TestReadAllIsBounded(t *testing.T) {
	disk := vfs.NewMemory()
	if err := WriteAtomic(disk, "a", make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if content, err := ReadAll(disk, "a", 100); err != nil || len(content) != 100 {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if _, err := ReadAll(disk, "a", 99); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if _, err := ReadAll(disk, "none", 99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, op := range []vfs.Op{vfs.OpOpen, vfs.OpSize, vfs.OpRead, vfs.OpClose} {
		if _, err := ReadAll(vfs.Inject(disk, &vfs.Rule{Ops: op, Err: syscall.EIO}), "a", 100); !errors.Is(err, syscall.EIO) {
			t.Errorf("failing %v: %v", op, err)
		}
	}
}

// TestWriteAtomicSurvivesCrashes cuts the power before and after every change of the disk.
func TestWriteAtomicSurvivesCrashes(t *testing.T) {
	memory := vfs.NewMemory()
	if err := WriteAtomic(memory, "a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 8))
	check := func() {
		for range 50 {
			clone := memory.CrashClone(random)
			if got := read(t, clone, "a"); got != "old" && got != "new" {
				t.Fatalf("after the crash: %q", got)
			}
			// What the crash left behind doesn't stop the next writer.
			if err := WriteAtomic(clone, "a", []byte("next")); err != nil {
				t.Fatal(err)
			}
		}
	}
	disk := vfs.Inject(memory, &vfs.Rule{Ops: vfs.OpsChange, After: func(vfs.Call) { check() }})
	if err := WriteAtomic(disk, "a", []byte("new")); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if got := read(t, memory.CrashClone(random), "a"); got != "new" {
			t.Fatalf("after success: %q", got)
		}
	}
}

func TestWriteAtomicReportsEveryFailure(t *testing.T) {
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := int64(1); ; n++ {
			memory := vfs.NewMemory()
			if err := WriteAtomic(memory, "a", []byte("old")); err != nil {
				t.Fatal(err)
			}
			rule := &vfs.Rule{Ops: vfs.OpsChange | vfs.OpClose, Nth: n, Err: cause, ShortWrite: 2}
			err := WriteAtomic(vfs.Inject(memory, rule), "a", []byte("new"))
			if rule.Fired() == 0 {
				if err != nil || n < 5 {
					t.Errorf("operation %d: %v", n, err)
				}
				break
			}
			if !errors.Is(err, cause) {
				t.Errorf("operation %d: %v, want %v", n, err, cause)
			}
			if got := read(t, memory, "a"); got != "old" && got != "new" {
				t.Errorf("operation %d left %q", n, got)
			}
			if err := WriteAtomic(memory, "a", []byte("healed")); err != nil || read(t, memory, "a") != "healed" {
				t.Errorf("operation %d can't be repaired: %v", n, err)
			}
		}
	}
}

func TestWriteAtomicGivesSpaceBackWhenTheDiskIsFull(t *testing.T) {
	disk := vfs.NewMemory(vfs.Capacity(100))
	if err := WriteAtomic(disk, "a", make([]byte, 60)); err != nil {
		t.Fatal(err)
	}
	if err := WriteAtomic(disk, "a", make([]byte, 61)); !vfs.IsNoSpace(err) {
		t.Errorf("got %v", err)
	}
	if disk.Used() != 60 || len(read(t, disk, "a")) != 60 {
		t.Errorf("%d bytes used", disk.Used())
	}
}
