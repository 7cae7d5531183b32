package tools

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
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
	// What recovery leaves: a kill in the middle of a write has it cut the torn end and rebuild producers and indexes.
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	tear(t, filepath.Join(broker.DataDir(), "dumped-0"))
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	contains(t, run(t, "", "kafka-producer-perf-test", "--topic", "dumped", "--num-records", "100", "--record-size", "500", "--throughput", "-1",
		"--bootstrap-server", at), "100 records sent")
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	seen := dumpFolder(t, filepath.Join(broker.DataDir(), "dumped-0"))
	for _, kind := range []string{".log", ".index", ".timeindex", ".snapshot"} {
		if seen[kind] < 2 {
			t.Errorf("%d files of kind %s, want several; all: %v", seen[kind], kind, seen)
		}
	}
}

// dumpFolder lets kafka-dump-log check every file of a partition, and counts them by their kinds.
func dumpFolder(t *testing.T, folder string) (seen map[string]int) {
	t.Helper()
	seen = map[string]int{}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
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
	return seen
}

// TestDumpLogReadsWhatDeletedRecordsLeave lets kafka-dump-log check a log of which kafka-delete-records took the first segment and a part of the second,
// before and after a kill and more records.
func TestDumpLogReadsWhatDeletedRecordsLeave(t *testing.T) {
	broker := brokertest.Start(t, map[string]string{"log.retention.check.interval.ms": "100"})
	at := broker.Addr()
	createTopic(t, at, "trimmed", "--config", "segment.bytes=1048576", "--config", "index.interval.bytes=1024", "--config", "file.delete.delay.ms=1")
	produce := func(records string) {
		t.Helper()
		contains(t, run(t, "", "kafka-producer-perf-test", "--topic", "trimmed", "--num-records", records, "--record-size", "500", "--throughput", "-1",
			"--bootstrap-server", at, "--command-property", "batch.size=4000"), records+" records sent")
	}
	produce("7000")
	folder := filepath.Join(broker.DataDir(), "trimmed-0")
	segments := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(folder, "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	before := segments()
	if len(before) < 3 {
		t.Fatalf("segments: %q", before)
	}
	second, err := strconv.Atoi(offsetOf(before[1]))
	if err != nil {
		t.Fatal(err)
	}
	start := strconv.Itoa(second + 777)
	request := filepath.Join(t.TempDir(), "delete.json")
	writeFile(t, request, `{"version":1,"partitions":[{"topic":"trimmed","partition":0,"offset":`+start+`}]}`)
	contains(t, run(t, "", "kafka-delete-records", "--bootstrap-server", at, "--offset-json-file", request), "partition: trimmed-0\tlow_watermark: "+start)
	for deadline := time.Now().Add(time.Minute); segments()[0] != before[1]; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("segments after the deletion: %q", segments())
		}
	}
	for _, end := range []func() error{broker.Kill, broker.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if seen := dumpFolder(t, folder); seen[".log"] < 2 || seen[".index"] == 0 || seen[".timeindex"] == 0 || seen[".snapshot"] == 0 {
			t.Errorf("files: %v", seen)
		}
		if err := broker.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		contains(t, run(t, "", "kafka-get-offsets", "--bootstrap-server", at, "--topic", "trimmed", "--time", "earliest"), "trimmed:0:"+start)
		contains(t, run(t, "", "kafka-console-consumer", "--bootstrap-server", at, "--topic", "trimmed", "--partition", "0", "--offset", "earliest", "--max-messages", "1",
			"--formatter-property", "print.offset=true", "--formatter-property", "print.value=false"), "Offset:"+start)
		produce("100")
	}
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := os.ReadFile(filepath.Join(broker.DataDir(), "log-start-offset-checkpoint"))
	if err != nil || !strings.Contains(string(checkpoint), "trimmed 0 "+start+"\n") {
		t.Errorf("log-start-offset-checkpoint: %q, %v", checkpoint, err)
	}
}

// cleanedTo is up to which offset the cleaner has come in the first partition of a topic, -1 if it was never there.
func cleanedTo(t *testing.T, broker *launch.Broker, topic string) int {
	t.Helper()
	checkpoint, err := os.ReadFile(filepath.Join(broker.DataDir(), "cleaner-offset-checkpoint"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(checkpoint)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), topic+" 0 "); ok {
			offset, err := strconv.Atoi(text)
			if err != nil {
				t.Fatalf("cleaner-offset-checkpoint: %q", checkpoint)
			}
			return offset
		}
	}
	return -1
}

// tear appends the first half of a batch to the newest segment in a folder.
func tear(t *testing.T, folder string) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no segments in %s: %v", folder, err)
	}
	content, err := os.ReadFile(logs[len(logs)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(logs[len(logs)-1], append(content, content[:100]...), 0o600); err != nil {
		t.Fatal(err)
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

// TestDumpPrintsWhatKafkasToolDoes compares clatter dump with kafka-dump-log on files of either broker, batches, records, markers and
// indexes, line by line.
func TestDumpPrintsWhatKafkasToolDoes(t *testing.T) {
	binary, err := launch.ClatterBinary()
	if err != nil {
		t.Fatal(err)
	}
	broker := brokertest.Start(t, nil)
	at := broker.Addr()
	createTopic(t, at, "compared", "--config", "index.interval.bytes=1024")
	createTopic(t, at, "stamped", "--config", "message.timestamp.type=LogAppendTime")
	for _, topic := range []string{"compared", "stamped"} {
		for _, codec := range []string{"none", "zstd"} {
			contains(t, run(t, "", "kafka-producer-perf-test", "--topic", topic, "--num-records", "300", "--record-size", "50", "--throughput", "-1",
				"--bootstrap-server", at, "--command-property", "compression.type="+codec, "--command-property", "batch.size=1000"), "300 records sent")
		}
		run(t, "k:\u00fcmlaut \u0001\nnothing:\n", "kafka-console-producer", "--topic", topic, "--bootstrap-server", at,
			"--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
	}
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	kafkas := filepath.Join("..", "..", "logstore", "local", "format", "testdata", "kafka-4.4")
	var files []string
	for _, folder := range []string{filepath.Join(broker.DataDir(), "compared-0"), filepath.Join(broker.DataDir(), "stamped-0"), filepath.Join(kafkas, "transactions-0")} {
		found, err := filepath.Glob(filepath.Join(folder, "0*"))
		if err != nil || len(found) < 3 {
			t.Fatalf("%s: %v %v", folder, found, err)
		}
		files = append(files, found...)
	}
	compared := 0
	for _, file := range files {
		file, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, flags := range [][]string{nil, {"--deep-iteration"}, {"--print-data-log"}, {"--print-data-log", "--skip-record-metadata"}, {"--index-sanity-check"}, {"--verify-index-only"}} {
			if isIndex := strings.HasSuffix(file, "index"); isIndex != (len(flags) == 1 && strings.Contains(flags[0], "index")) && flags != nil {
				continue
			}
			want := tool(t, "", "kafka-dump-log", append([]string{"--files", file}, flags...)...).stdout
			got, err := exec.CommandContext(t.Context(), binary, append([]string{"dump", "--files", file}, flags...)...).Output()
			if err != nil {
				t.Errorf("%s %v: %v", file, flags, err)
			}
			if ours := withoutTrailingSpaces(string(got)); ours != withoutTrailingSpaces(want) {
				ours, theirs := firstDifference(ours, withoutTrailingSpaces(want))
				t.Errorf("%s %v:\n%s\nwant\n%s", file, flags, ours, theirs)
			}
			compared += strings.Count(want, "\n")
		}
	}
	t.Logf("%d lines of %d files compared", compared, len(files))
}

// withoutTrailingSpaces takes the spaces off the ends of lines, which the tool runner drops.
func withoutTrailingSpaces(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// TestDumpLogReadsCompactedLogs lets kafka-dump-log check what compaction leaves: gaps, empty batches, batches with a delete horizon.
func TestDumpLogReadsCompactedLogs(t *testing.T) {
	broker := brokertest.Start(t, map[string]string{"log.cleaner.backoff.ms": "100"})
	at := broker.Addr()
	createTopic(t, at, "compacted", "--config", "cleanup.policy=compact", "--config", "segment.ms=300", "--config", "max.compaction.lag.ms=100",
		"--config", "index.interval.bytes=500")
	for round := range 4 {
		var lines strings.Builder
		for i := range 300 {
			fmt.Fprintf(&lines, "key%d:%d %0100d\n", i%20, round, i)
		}
		for _, codec := range []string{"none", "gzip", "lz4"} {
			run(t, lines.String(), "kafka-console-producer", "--bootstrap-server", at, "--topic", "compacted", "--command-property", "compression.type="+codec,
				"--reader-property", "parse.key=true", "--reader-property", "key.separator=:", "--command-property", "batch.size=3000")
		}
	}
	folder := filepath.Join(broker.DataDir(), "compacted-0")
	// Nothing tells those outside of the broker how far its cleaner is but this file, which is looked at again and again.
	for deadline := time.Now().Add(time.Minute); cleanedTo(t, broker, "compacted") < 1800; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("compacted up to offset %d of 3600", cleanedTo(t, broker, "compacted"))
		}
	}
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	records := 0
	for _, file := range files {
		r := tool(t, "", "kafka-dump-log", "--files", file, "--deep-iteration")
		// Offsets have gaps in a compacted log, which the tool tells.
		if r.code != 0 || strings.Contains(r.stdout, "isvalid: false") || strings.Contains(r.stdout, "Exception") {
			t.Errorf("kafka-dump-log %s: exit code %d: %s", filepath.Base(file), r.code, r.stdout[:min(len(r.stdout), 2000)])
		}
		records += strings.Count(r.stdout, "| offset: ")
	}
	if records == 0 || records > 3000 {
		t.Errorf("%d records are left of 3600", records)
	}
	indexes, err := filepath.Glob(filepath.Join(folder, "*.*index"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range indexes {
		switch filepath.Ext(file) {
		case ".index":
			// What is left may be too little for an entry.
			if said := dump(t, file, "--index-sanity-check"); !strings.Contains(said, "passed sanity check") && !strings.Contains(said, "is empty") {
				t.Errorf("kafka-dump-log %s: %s", filepath.Base(file), said)
			}
		case ".timeindex":
			// As with Apache Kafka's cleaner, the greatest timestamp may be that of a batch without records, for which the tool
			// computes -1.
			r := tool(t, "", "kafka-dump-log", "--files", file)
			if said := r.stdout + r.stderr; r.code != 0 || !strings.Contains(said, "Dumping") || strings.Contains(said, "mismatch") && !strings.Contains(said, "log timestamp: -1") {
				t.Errorf("kafka-dump-log %s: exit code %d: %s", filepath.Base(file), r.code, said)
			}
		}
	}
	// Where the cleaner of Apache Kafka would go on.
	checkpoint, err := os.ReadFile(filepath.Join(broker.DataDir(), "cleaner-offset-checkpoint"))
	if err != nil || !strings.Contains(string(checkpoint), "compacted 0 ") {
		t.Errorf("cleaner-offset-checkpoint: %q, %v", checkpoint, err)
	}
}
