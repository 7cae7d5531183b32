package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadOnlyReadsAndChangesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("content"), 0o400); err != nil {
		t.Fatal(err)
	}
	var disk FS = NewReadOnly(dir)
	f, err := disk.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	content := make([]byte, 7)
	if _, err := f.ReadAt(content, 0); err != nil || string(content) != "content" {
		t.Errorf("read %q: %v", content, err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the file could be written")
	}
	_, created := disk.Create("new")
	_, locked := disk.Lock("new")
	for what, err := range map[string]error{
		"create": created, "lock": locked, "rename": disk.Rename("file", "new"), "remove": disk.Remove("file"), "remove all": disk.RemoveAll(""),
		"make a folder": disk.MkdirAll("new"), "sync": disk.SyncDir(""),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if names, err := disk.List(""); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}
