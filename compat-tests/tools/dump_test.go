package tools

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDumpLogReadsEveryFile lets kafka-dump-log check every kind of file that a broker leaves, over several segments and codecs.
func TestDumpLogReadsEveryFile(t *testing.T) {
	broker := brokertest.Start(t, nil)
	at := broker.Addr()
	createTopic(t, at, "dumped", "--config", "segment.bytes=1048576", "--config", "index.interval.bytes=1024")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		contains(t, run(t, "", "kafka-producer-perf-test", "--topic", "dumped", "--num-records", "5000", "--record-size", "500", "--throughput", "-1",
			"--bootstrap-server", at, "--command-property", "compression.type="+codec, "--command-property", "batch.size=4000"), "5000 records sent")
	}
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	files, err := filepath.Glob(filepath.Join(broker.DataDir(), "dumped-0", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", broker.DataDir(), err)
	}
	for _, file := range files {
		kind := filepath.Ext(file)
		switch kind {
		case ".log":
			contains(t, dump(t, file, "--deep-iteration"), "isvalid: true", "baseOffset: "+offsetOf(file))
		case ".index":
			contains(t, dump(t, file, "--index-sanity-check"), "passed sanity check")
			contains(t, dump(t, file, "--verify-index-only"), "Dumping")
		case ".timeindex":
			contains(t, dump(t, file), "Dumping")
		case ".snapshot":
			contains(t, dump(t, file), "producerId:")
		}
		seen[kind]++
	}
	for _, kind := range []string{".log", ".index", ".timeindex", ".snapshot"} {
		if seen[kind] < 2 {
			t.Errorf("%d files of kind %s, want several; all: %v", seen[kind], kind, seen)
		}
	}
}

// dump runs kafka-dump-log on a file; what it finds wrong it says in words, with exit code 0.
func dump(t *testing.T, file string, args ...string) string {
	t.Helper()
	r := tool(t, "", "kafka-dump-log", append([]string{"--files", file}, args...)...)
	// The tool takes each file for the first of its partition, and so finds a gap before every other.
	complaints := strings.ReplaceAll(r.stderr, "Non-consecutive offsets in "+file+"\n  -1 is followed by "+offsetOf(file)+"\n", "")
	if r.code != 0 || complaints != "" {
		t.Errorf("kafka-dump-log %s: exit code %d: %s", filepath.Base(file), r.code, complaints)
	}
	for _, complaint := range []string{"Mismatches in", "Non-consecutive", "Found timestamp mismatch", "Found out of order timestamp", "isvalid: false", "Indexed offset"} {
		if strings.Contains(r.stdout, complaint) {
			t.Errorf("kafka-dump-log %s: %s", filepath.Base(file), r.stdout[:min(len(r.stdout), 2000)])
			break
		}
	}
	return r.stdout
}

// offsetOf is the base offset in a segment's name, without its leading zeros.
func offsetOf(file string) string {
	trimmed := strings.TrimLeft(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "0")
	if trimmed == "" {
		return "0"
	}
	return trimmed
}
