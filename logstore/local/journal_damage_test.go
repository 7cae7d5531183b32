package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// TestDamagedJournalIsToldAndGivesNoOffsetTwice is of bar R8: a bit flips in the only copy that there is after a power cut.
func TestDamagedJournalIsToldAndGivesNoOffsetTwice(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 2)
	defer j.close()
	var ends []int64
	for range 3 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.journalSize())
	}
	cut := j.powerCut()
	for at := int64(0); at < ends[2]; at += 7 { // a prime, so that fields of all commits are hit
		disk := copyDisk(t, cut)
		journal := content(t, disk, format.JournalFile)
		journal[at] ^= 0x04
		if err := writeFile(disk, format.JournalFile, journal); err != nil {
			t.Fatal(err)
		}
		inLast := at >= ends[1] // which is the same as a torn one
		told := 0
		if err := Verify(disk, nil, func(d Damage) {
			if d.Path == format.JournalFile {
				told++
			}
		}); err != nil || (told == 0) != inLast {
			t.Fatalf("byte %d: verify tells %d, %v", at, told, err)
		}
		j.reopensDamaged(t, disk, at, ends)
		if !inLast {
			j.reopensDamaged(t, disk, at, ends) // This start has no journal any more.
		}
		names, err := disk.List("")
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, lostSuffix) }) == inLast {
			t.Fatalf("byte %d: %v", at, names)
		}
	}
}

// reopensDamaged opens a disk with a journal that is damaged at a byte.
func (j *journaled) reopensDamaged(t *testing.T, disk *vfs.Memory, at int64, ends []int64) {
	t.Helper()
	s := openStore(t, disk)
	defer s.Close(context.Background())
	if err := s.Create(j.topic); err != nil {
		t.Fatal(err)
	}
	for i, m := range j.logs {
		p, err := s.Partition(j.topic.ID, int32(i))
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := slices.BinarySearch(ends, at+1)
		want := content(t, j.memory, fmt.Sprintf("t-%d/", i)+fileName(0, logSuffix))
		got, _ := readRun(t, p, 0, logstore.ReadUncommitted)
		if len(got) == 0 || !bytes.HasPrefix(want, got) {
			t.Fatalf("byte %d: log %d has %d bytes that are not its first", at, i, len(got))
		}
		batch := logstoretest.Batch{Size: 30, Tag: 1000}.Build(t)
		ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
		if errors.Is(err, logstore.ErrOffline) {
			continue // It knows that it lost its end, maybe from the offsets file.
		}
		if inLast := whole == len(ends)-1; !inLast || err != nil || ticket.Result.BaseOffset < int64(len(m.Batches)-1) {
			t.Fatalf("byte %d: a log that lost its end takes records: %+v, %v", at, ticket.Result, err)
		}
	}
}

// TestJournalWithTwoDamagedCommitsInARow has what follows them put in its place where it fits, and nowhere else.
func TestJournalWithTwoDamagedCommitsInARow(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 3)
	defer j.close()
	var ends []int64
	for i := range 5 {
		logs := j.logs
		if i == 2 || i == 3 {
			j.logs = logs[:2] // The last log has nothing in the commits that will be damaged.
		}
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		j.logs = logs
		ends = append(ends, j.journalSize())
	}
	disk := j.powerCut()
	journal := content(t, disk, format.JournalFile)
	journal[ends[1]+40] ^= 1
	journal[ends[2]+40] ^= 1
	if err := writeFile(disk, format.JournalFile, journal); err != nil {
		t.Fatal(err)
	}
	told := []Damage(nil)
	if err := Verify(disk, nil, func(d Damage) {
		if d.Path == format.JournalFile {
			told = append(told, d)
		}
	}); err != nil || len(told) != 1 || told[0].Byte != ends[1] || told[0].Bytes != ends[3]-ends[1] {
		t.Errorf("verify tells %v, %v; commits end at %d", told, err, ends)
	}
	var logged bytes.Buffer
	o := on(disk)
	o.Log = slog.New(slog.NewTextHandler(&logged, nil))
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if strings.Count(logged.String(), "journal is damaged") != 1 {
		t.Errorf("the damage is not told once:\n%s", &logged)
	}
	for i, p := range create(t, s, j.topic) {
		got, _ := readRun(t, p, 0, logstore.ReadUncommitted)
		want := content(t, j.memory, fmt.Sprintf("t-%d/", i)+fileName(0, logSuffix))
		if damaged := i < 2; damaged != (len(got) < len(want)) || !bytes.HasPrefix(want, got) {
			t.Errorf("log %d has %d of %d bytes", i, len(got), len(want))
		}
		_, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{Now: 1})
		if damaged := i < 2; damaged != errors.Is(err, logstore.ErrOffline) {
			t.Errorf("append to log %d, which lost its end: %v: %v", i, damaged, err)
		}
	}
}

// TestDamagedJournalWithAHoleInASegment: the disk has the size of a segment, and not all of its bytes. Those of a damaged commit are missing, in front of those of the
// next one, so the log has damage below what was durable and no torn end.
func TestDamagedJournalWithAHoleInASegment(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 2)
	defer j.close()
	var ends, sizes []int64
	for range 3 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.journalSize())
		sizes = append(sizes, j.log(0).view.load().highWatermarkAt.pos)
	}
	disk := j.powerCut()
	journal := content(t, disk, format.JournalFile)
	journal[ends[0]+40] ^= 1
	path := "t-0/" + fileName(0, logSuffix)
	segment := content(t, j.memory, path)
	clear(segment[sizes[0]:])
	for name, bytes := range map[string][]byte{format.JournalFile: journal, path: segment} {
		if err := writeFile(disk, name, bytes); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second start without the journal
		s := openStore(t, disk)
		p := create(t, s, j.topic)[0]
		if end := p.Offsets().LogEndOffset; end != 4 {
			t.Errorf("the log ends at %d", end)
		}
		if _, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{Now: 1}); !errors.Is(err, logstore.ErrOffline) {
			t.Errorf("a log that lost batches takes others: %v", err)
		}
		if got, _ := readRun(t, p, 3, logstore.ReadUncommitted); !bytes.Equal(got, content(t, j.memory, path)[sizes[1]:]) {
			t.Errorf("%d bytes behind the hole", len(got))
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
