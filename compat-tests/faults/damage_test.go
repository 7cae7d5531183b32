package faults

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// damaged is a broker whose data directory is damaged again and again while it is stopped.
type damaged struct {
	*testing.T
	broker *launch.Broker
	whole  string // a copy of the data directory before any damage
	parts  [][]written
	files  []string // of whole, relative
}

// TestFlippedBitsReachNoConsumer is the short form of bar R8: one bit of one file is flipped after a clean stop. The broker starts,
// or says that a file of its own is damaged and touches nothing; a consumer gets no batch that is damaged; every batch but
// the one that was hit can be read, which is answered with CORRUPT_MESSAGE; no segment is deleted or cut; and clatter dump --verify
// finds what can't be read. FAULT_FLIPS sets how many (30 by default, 1000 before a release).
//
// Negative control: a flip in a batch must show as a batch that can't be read, which is counted.
func TestFlippedBitsReachNoConsumer(t *testing.T) {
	flips := brokertest.Setting(t, "FAULT_FLIPS", 30)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(flips)*5*time.Second+time.Minute)
	defer cancel()
	d := newDamaged(ctx, t, (*launch.Broker).Stop)
	random := d.random()
	unreadable, refused := 0, 0
	for range flips {
		// Segments are most of the bytes; every kind of file gets its share.
		name := d.files[random.IntN(len(d.files))]
		info, err := os.Stat(filepath.Join(d.whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() == 0 {
			continue
		}
		at, bit := random.Int64N(info.Size()), random.IntN(8)
		if strings.HasSuffix(name, ".log") && random.IntN(2) == 0 {
			// Half of them in headers, of which the CRC leaves the first 21 bytes out.
			batches := d.batches(name)
			at = batches[random.IntN(len(batches))].begin + random.Int64N(61)
		}
		what := fmt.Sprintf("bit %d of byte %d of %s (%d bytes)", bit, at, name, info.Size())
		d.restore()
		d.edit(name, func(b []byte) []byte { b[at] ^= 1 << bit; return b })
		found := d.verify(ctx)
		if err := d.broker.Restart(ctx); err != nil {
			if strings.HasSuffix(name, ".log") {
				t.Errorf("%s: no start: %v", what, err)
			}
			refused++
			d.keepsSegments(what)
			continue
		}
		hit := d.hit(name, at)
		for p := range d.parts {
			lost := d.read(ctx, what, int32(p))
			unreadable += len(lost)
			if len(lost) > 0 {
				d.told(what, found, name, lost)
			}
			for _, offset := range lost {
				if hit == nil || int32(p) != hit.partition || offset < hit.first || offset > hit.last {
					t.Errorf("%s: offset %d of partition %d can't be read", what, offset, p)
					break
				}
			}
		}
		d.keepsSegments(what)
		if err := d.broker.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d records unreadable in all, %d starts refused", unreadable, refused)
	if unreadable == 0 {
		t.Error("no flip hit a batch: nothing was tested")
	}
}

// told looks for the first and the last offset that can't be read, with the file, in a line for the operator and in what dump --verify found.
func (d *damaged) told(what, found, name string, lost []int64) {
	d.Helper()
	line := fmt.Sprintf("%s byte ", filepath.Join(d.broker.DataDir(), name))
	if offsets := fmt.Sprintf(" offsets %d to %d are lost", lost[0], lost[len(lost)-1]); !strings.Contains(found, line) || !strings.Contains(found, offsets) {
		d.Errorf("%s: no %q with %q in\n%s", what, line, offsets, found)
	}
	log := d.broker.Log()
	for operator := range strings.Lines(log[strings.LastIndex(log, "listening")+1:]) {
		if strings.Contains(operator, "level=ERROR") && strings.Contains(operator, "file="+filepath.Join(d.broker.DataDir(), name)) &&
			strings.Contains(operator, fmt.Sprintf(" offset=%d behind=%d ", lost[0], lost[len(lost)-1]+1)) {
			return
		}
	}
	d.Errorf("%s: no line of the log names file and offsets %d to %d", what, lost[0], lost[len(lost)-1])
}

// TestDamagedJournalLosesNothing is of bars R3 and R8: a bit of the journal of commits is flipped, or its end cut off, after a kill. What it has is in
// the logs as well then, so nothing is lost, and nothing changed but the journal itself; damage with valid commits behind it is told by the log and by
// clatter dump --verify. (What a power cut took from the logs is for the tests of logstore/local.) FAULT_FLIPS and FAULT_CUTS set how many of each.
//
// Negative control: a flip before the last commit must be told, which is counted.
func TestDamagedJournalLosesNothing(t *testing.T) {
	flips, cuts := max(brokertest.Setting(t, "FAULT_FLIPS", 40)/10, 4), max(brokertest.Setting(t, "FAULT_CUTS", 40)/10, 4)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(flips+cuts)*5*time.Second+2*time.Minute)
	defer cancel()
	d := newDamaged(ctx, t, func(*launch.Broker) error { return nil })
	journal := d.killWithJournal(ctx)
	random := d.random()
	told := 0
	for i := range flips + cuts {
		at, bit := random.Int64N(journal), random.IntN(8)
		if i == 0 {
			at %= journal / 4 // which isn't the last commit
		}
		what := fmt.Sprintf("journal of %d bytes cut at %d", journal, at)
		damage := func(b []byte) []byte { return b[:at] }
		if i < flips {
			what = fmt.Sprintf("bit %d of byte %d of the journal of %d bytes", bit, at, journal)
			damage = func(b []byte) []byte { b[at] ^= 1 << bit; return b }
		}
		d.restore()
		d.edit(journalFile, damage)
		found := strings.Contains(d.verify(ctx), journalFile+" byte ")
		before := len(d.broker.Log())
		if err := d.broker.Restart(ctx); err != nil {
			d.Fatalf("%s: no start: %v", what, err)
		}
		if line := strings.Contains(d.broker.Log()[before:], `msg="journal is damaged`); line != found || line && i >= flips {
			d.Errorf("%s: told by the log: %t, by dump --verify: %t", what, line, found)
		} else if line {
			told++
		}
		for p := range d.parts {
			if lost := d.read(ctx, what, int32(p)); len(lost) > 0 {
				d.Errorf("%s: offsets %v of partition %d are lost", what, lost, p)
			}
			if offset, err := d.produce(ctx, int32(p), "after the damage"); err != nil || offset != int64(len(d.parts[p])) {
				d.Errorf("%s: offset %d, %v", what, offset, err)
			}
		}
		d.keepsSegments(what)
		if err := d.broker.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d flips in a journal of %d bytes were told", told, flips, journal)
	if told == 0 {
		t.Error("no flip hit a commit before the last one: nothing was tested")
	}
}

// leastJournal is the size of a journal that has some commits, in bytes.
const leastJournal = 1000

// killWithJournal kills the broker while its journal has commits, and keeps a copy of what it left. It returns how long the journal is.
func (d *damaged) killWithJournal(ctx context.Context) int64 {
	d.Helper()
	for range 20 {
		client := d.client(kgo.NoCompression())
		for range 10 {
			var records []*kgo.Record
			for p := range d.parts {
				value := fmt.Sprintf("journaled %d", len(d.parts[p]))
				records = append(records, &kgo.Record{Partition: int32(p), Value: []byte(value)})
				d.parts[p] = append(d.parts[p], written(value))
			}
			if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
				d.Fatal(err)
			}
		}
		client.Close()
		if err := d.broker.Kill(); err != nil {
			d.Fatal(err)
		}
		// A busy machine may have taken so long that the journal was done with.
		if info, err := os.Stat(filepath.Join(d.broker.DataDir(), journalFile)); err == nil && info.Size() > leastJournal {
			d.keepCopy()
			return info.Size()
		}
		if err := d.broker.Restart(ctx); err != nil {
			d.Fatal(err)
		}
	}
	d.Fatal("there never was anything in the journal")
	return 0
}

// journalFile is the journal of commits in a log directory.
const journalFile = "clatter-journal"

// TestCutSegmentsKeepWhatIsWhole is the short form of bar R3: the end of an active segment is cut off at some byte of its last
// three batches, after a kill as a power cut would, and after a clean stop as nothing should. The broker starts, whole batches
// before the cut can be read, and after a clean stop no offset is given twice. FAULT_CUTS sets how many bytes are tried each (8 by
// default, 2000 before a release).
//
// Negative control: the batches behind the cut must not be readable, which is checked.
func TestCutSegmentsKeepWhatIsWhole(t *testing.T) {
	cuts := brokertest.Setting(t, "FAULT_CUTS", 8)
	for _, test := range []struct {
		name  string
		clean bool
		end   func(*launch.Broker) error
	}{
		{"after a kill", false, (*launch.Broker).Kill},
		{"after a clean stop", true, (*launch.Broker).Stop},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cuts)*5*time.Second+time.Minute)
			defer cancel()
			d := newDamaged(ctx, t, test.end)
			random := d.random()
			name, batches := d.lastSegment(0)
			end := batches[len(batches)-1].end
			begin := batches[len(batches)-3].begin
			places := random.Perm(int(end - begin))
			for _, place := range places[:min(cuts, len(places))] {
				d.cut(ctx, name, batches, begin+int64(place), test.clean)
			}
		})
	}
}

// cut cuts a segment of partition 0 at a byte and starts the broker on it.
func (d *damaged) cut(ctx context.Context, name string, batches []batchPlace, at int64, clean bool) {
	d.Helper()
	what := fmt.Sprintf("%s cut at %d of %d", name, at, batches[len(batches)-1].end)
	d.restore()
	d.edit(name, func(b []byte) []byte { return b[:at] })
	if err := d.broker.Restart(ctx); err != nil {
		d.Fatalf("%s: no start: %v", what, err)
	}
	whole := batches[0].first
	for _, b := range batches {
		if b.end <= at {
			whole = b.last + 1
		}
	}
	for p := range d.parts {
		lost := d.read(ctx, what, int32(p))
		switch {
		case p != 0 && len(lost) > 0, p == 0 && len(lost) > 0 && lost[0] < whole:
			d.Errorf("%s: offset %d of partition %d can't be read", what, lost[0], p)
		case p == 0 && len(lost) != len(d.parts[0])-int(whole):
			d.Errorf("%s: %d records behind the cut are lost, want %d", what, len(lost), len(d.parts[0])-int(whole))
		}
	}
	// Whether the partition takes records is its affair; where it was stopped cleanly it knows how far it was.
	if offset, err := d.produce(ctx, 0, "after the cut"); err == nil && clean && offset < int64(len(d.parts[0])) {
		d.Errorf("%s: offset %d, which was acknowledged before, is given again", what, offset)
	}
	if _, err := d.produce(ctx, 1, "after the cut"); err != nil {
		d.Errorf("%s: the other partition: %v", what, err)
	}
	if err := d.broker.Kill(); err != nil {
		d.Fatal(err)
	}
}

// newDamaged fills a broker, ends it and keeps a copy of what it left.
func newDamaged(ctx context.Context, t *testing.T, end func(*launch.Broker) error) *damaged {
	t.Helper()
	d := &damaged{T: t, broker: brokertest.Start(t, map[string]string{"log.segment.bytes": "1048576", "log.index.interval.bytes": "4096"})}
	d.fill(ctx)
	if err := end(d.broker); err != nil {
		t.Fatal(err)
	}
	d.keepCopy()
	return d
}

// keepCopy keeps a copy of the data directory.
func (d *damaged) keepCopy() {
	d.Helper()
	d.whole, d.files = filepath.Join(d.TempDir(), "whole"), nil
	if err := os.CopyFS(d.whole, os.DirFS(d.broker.DataDir())); err != nil {
		d.Fatal(err)
	}
	err := filepath.WalkDir(d.whole, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			name, _ := filepath.Rel(d.whole, path)
			d.files = append(d.files, name)
		}
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
	slices.Sort(d.files)
}

func (d *damaged) random() *rand.Rand {
	d.Helper()
	seed := uint64(time.Now().UnixNano())
	d.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// restore brings the data directory back to what the broker left.
func (d *damaged) restore() {
	d.Helper()
	if err := os.RemoveAll(d.broker.DataDir()); err != nil {
		d.Fatal(err)
	}
	if err := os.CopyFS(d.broker.DataDir(), os.DirFS(d.whole)); err != nil {
		d.Fatal(err)
	}
}

// edit damages one file.
func (d *damaged) edit(name string, damage func([]byte) []byte) {
	d.Helper()
	path := filepath.Join(d.broker.DataDir(), name)
	content, err := os.ReadFile(path)
	if err != nil {
		d.Fatal(err)
	}
	if err := os.WriteFile(path, damage(content), 0o600); err != nil {
		d.Fatal(err)
	}
}

// keepsSegments looks for every segment that was there, and for all of its bytes.
func (d *damaged) keepsSegments(what string) {
	d.Helper()
	for _, name := range d.files {
		if !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, ".db") {
			continue
		}
		before, err := os.Stat(filepath.Join(d.whole, name))
		if err != nil {
			d.Fatal(err)
		}
		after, err := os.Stat(filepath.Join(d.broker.DataDir(), name))
		if err != nil {
			d.Errorf("%s: %v", what, err)
			continue
		}
		if after.Size() < before.Size() {
			d.Errorf("%s: %s is cut from %d to %d bytes", what, name, before.Size(), after.Size())
		}
	}
}
