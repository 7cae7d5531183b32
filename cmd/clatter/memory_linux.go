package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// limitFiles tell how much memory a container may use, in cgroup version 2 and 1.
var limitFiles = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// memorySize is the memory of the machine and the limit of the container, in bytes; 0 for what isn't known.
func memorySize() (total, limit int64) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err == nil {
		total = int64(info.Totalram) * int64(info.Unit)
	}
	for _, path := range limitFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// "max" is no limit, and so is a number beyond what the machine has.
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && n > 0 && n < total {
			return total, n
		}
	}
	return total, 0
}
