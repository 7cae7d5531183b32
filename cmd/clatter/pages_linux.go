package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseStartPages unmaps the pages of the binary that the start has touched, much of it for good: initializers, configuration, the opening of
// files. They are clean, so nothing is written and nothing is lost: what is still needed comes back from the page cache, sixteen
// pages at a fault, and the kernel may have the rest back before it has to look for it.
func releaseStartPages() error {
	binary, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		if from, to, ok := readOnlyMapping(strings.TrimSuffix(line, "\n"), binary); ok {
			if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
				err = errors.Join(err, fmt.Errorf("madvise: %w", errno))
			}
		}
	}
	return err
}

// readOnlyMapping reads a line of proc(5)'s maps: the addresses, if they are of a file, private, and never written to.
func readOnlyMapping(line, file string) (from, to uintptr, ok bool) {
	fields := strings.Fields(line) // addresses, permissions, offset, device, inode, path
	if len(fields) < 6 || !strings.HasSuffix(line, " "+file) || !strings.HasPrefix(fields[1], "r-") || fields[1][3] != 'p' {
		return 0, 0, false
	}
	low, high, _ := strings.Cut(fields[0], "-")
	first, err := strconv.ParseUint(low, 16, strconv.IntSize)
	if err != nil {
		return 0, 0, false
	}
	last, err := strconv.ParseUint(high, 16, strconv.IntSize)
	if err != nil || last <= first {
		return 0, 0, false
	}
	return uintptr(first), uintptr(last), true
}
