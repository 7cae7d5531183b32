package main

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestStartPagesAreReleased unmaps the code that runs meanwhile.
func TestStartPagesAreReleased(t *testing.T) {
	before := residentFileKiB(t)
	if err := releaseStartPages(); err != nil {
		t.Fatal(err)
	}
	if after := residentFileKiB(t); after >= before {
		t.Errorf("%d KiB of files were mapped before, %d KiB after", before, after)
	}
}

func residentFileKiB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "RssFile:"); ok {
			n, err := strconv.Atoi(strings.Fields(text)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("the kernel doesn't tell")
	return 0
}

func TestOnlyReadOnlyMappingsOfTheBinaryAreReleased(t *testing.T) {
	for line, want := range map[string]bool{
		"00401000-00945000 r-xp 00001000 fe:00 1234                       /usr/bin/clatter":   true,
		"00945000-00ed0000 r--p 00545000 fe:00 1234                       /usr/bin/clatter":   true,
		"00ed0000-00f48000 rw-p 00ad0000 fe:00 1234                       /usr/bin/clatter":   false,
		"00945000-00ed0000 r--s 00545000 fe:00 1234                       /usr/bin/clatter":   false,
		"7f0000000000-7f0000001000 r--p 00000000 fe:00 99                 /usr/lib/libc.so.6": false,
		"c000000000-c000400000 rw-p 00000000 00:00 0 ":                                        false,
		"":                                    false,
		"x-y r--p 0 fe:00 1 /usr/bin/clatter": false,
	} {
		if _, _, ok := readOnlyMapping(line, "/usr/bin/clatter"); ok != want {
			t.Errorf("%q: %v", line, ok)
		}
	}
}
