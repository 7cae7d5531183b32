package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/logstore/local"
)

// checkDirs refuses log.dirs with which logs would begin anew although they are there.
func (n *node) checkDirs(dirs []string) error {
	if err := findCatalog(dirs); err != nil {
		return err
	}
	known, err := local.KnownDirs(local.ReadOnlyDir(dirs[catalogDir]))
	if err != nil {
		return nil //nolint:nilerr // What is wrong with a directory is told when it is opened.
	}
	for _, dir := range known {
		if slices.ContainsFunc(dirs, func(named string) bool { return isSameDir(named, dir) }) {
			continue
		}
		if entries, err := os.ReadDir(dir); err == nil && slices.ContainsFunc(entries, isPartition) {
			return fmt.Errorf("log directory %s: %w, in %s", dir, errLeftOut, filepath.Join(dirs[catalogDir], local.KnownDirsFile))
		}
		n.log.Warn("a directory that had logs isn't in log.dirs: what isn't in another one begins anew; remove its line if it was moved or is given up",
			slog.String("dir", dir), slog.String("file", filepath.Join(dirs[catalogDir], local.KnownDirsFile)))
	}
	return nil
}

// errLeftOut says that log.dirs doesn't name a directory of this broker any more. Its logs would be made anew elsewhere, and give their offsets a
// second time.
var errLeftOut = errors.New("has logs and isn't in log.dirs: name it there, or give its logs up by removing its line")

// isSameDir compares directories, which have many names.
func isSameDir(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// errOtherCatalog says that log.dirs names the directory of the catalog, but not as the first one. With a new catalog in another, every topic would
// be gone, and made anew beside its logs by the first producer that names it.
var errOtherCatalog = errors.New("the catalog of topics is there, so log.dirs must name this directory first")

// findCatalog refuses directories of which another than the first has the catalog.
func findCatalog(dirs []string) error {
	var found string
	for i, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, catalog.FileName)); err != nil {
			continue // What is wrong with a directory is told when it is opened.
		}
		if i == catalogDir {
			return nil
		}
		if found == "" {
			found = dir
		}
	}
	if found != "" {
		return fmt.Errorf("log directory %s: %w", found, errOtherCatalog)
	}
	return nil
}
