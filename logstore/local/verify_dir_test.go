package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/vfs"
)

func verified(t *testing.T, disk vfs.FS, folders ...string) (found []Damage) {
	t.Helper()
	if err := Verify(disk, folders, func(d Damage) { found = append(found, d) }); err != nil {
		t.Fatal(err)
	}
	return found
}

func wantWhole(t *testing.T, what string, disk vfs.FS) {
	t.Helper()
	for _, d := range verified(t, disk) {
		t.Errorf("%s: %s", what, d.String())
	}
}

func TestVerifyFindsNothingInWholeDirectories(t *testing.T) {
	k := kill(t, 40, smallSegments())
	wantWhole(t, "after a kill", k.disk)
	for i := range 30 {
		disk := copyDisk(t, k.disk)
		k.forget(t, disk, len(k.log.Batches)-1)
		last := k.places[len(k.places)-1]
		truncateFile(t, disk, last.file, last.pos+int64(i)*3)
		wantWhole(t, "torn tail that was never durable", disk)
	}
	disk := copyDisk(t, k.disk)
	s, p := k.open(t, disk)
	k.readsBack(t, p)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, "after recovery and a clean stop", disk)
	wantWhole(t, "of Apache Kafka", kafkaDisk(t))
}

func TestVerifyFindsEveryDamagedByteOfABatch(t *testing.T) {
	k := kill(t, 23, smallSegments())
	victim := len(k.log.Batches) - 5
	at, batch := k.places[victim], k.log.Batches[victim]
	for i := range len(batch) {
		if i >= 12 && i < 16 {
			continue // No checksum covers the leader epoch.
		}
		flip(t, k.disk, at.file, at.pos+int64(i), 0x55)
		found := verified(t, k.disk, "t-0")
		flip(t, k.disk, at.file, at.pos+int64(i), 0x55)
		// Entries of the time index may show it besides.
		if len(found) == 0 || found[0].Path != at.file || found[0].Byte != at.pos || found[0].Bytes != int64(len(batch)) ||
			found[0].Offset != batch.BaseOffset() || found[0].NextOffset != batch.NextOffset() {
			t.Fatalf("byte %d: %+v", i, found)
		}
		for _, d := range found[1:] {
			if d.Offset >= 0 {
				t.Fatalf("byte %d: %+v", i, found)
			}
		}
	}
	wantWhole(t, "at last", k.disk)
}

func TestVerifyFindsMissingEnd(t *testing.T) {
	k := kill(t, 23, smallSegments())
	last := k.places[len(k.places)-1]
	truncateFile(t, k.disk, last.file, last.pos)
	found := verified(t, k.disk)
	if len(found) == 0 || !errors.Is(found[0].Err, errEndIsMissing) || found[0].NextOffset != k.log.End() {
		t.Errorf("%+v", found)
	}
}

func TestVerifyLeavesOutWhatWasGivenUp(t *testing.T) {
	k := kill(t, 23, smallSegments())
	at, batch := k.places[0], k.log.Batches[0]
	flip(t, k.disk, at.file, at.pos+50, 0x55)
	s, p := k.open(t, k.disk)
	if found := verified(t, k.disk); len(found) != 1 || found[0].NextOffset != batch.NextOffset() {
		t.Fatalf("damage: %+v", found)
	}
	if _, err := p.DeleteBefore(t.Context(), batch.NextOffset()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, "given up", k.disk)
}

// TestVerifyFindsDamageInEveryKindOfFile flips bits all over a directory. In some places a bit means nothing or something that is
// just as possible; in most it must show, and never with an error.
func TestVerifyFindsDamageInEveryKindOfFile(t *testing.T) {
	k := kill(t, 60, smallSegments())
	s, p := k.open(t, k.disk)
	k.readsBack(t, p)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	flips, shown := map[string]int{}, map[string]int{}
	var files []string
	for _, dir := range []string{"", "t-0"} {
		names, err := k.disk.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if info, _ := k.disk.Stat(path.Join(dir, name)); !info.IsDir && info.Size > 0 {
				files = append(files, path.Join(dir, name))
			}
		}
	}
	for range 20 {
		for _, name := range files {
			info, _ := k.disk.Stat(name)
			at, mask := random.Int64N(info.Size), byte(1)<<random.IntN(8)
			flip(t, k.disk, name, at, mask)
			found := verified(t, k.disk)
			flip(t, k.disk, name, at, mask)
			kind := path.Ext(name)
			if kind == "" {
				kind = name
			}
			flips[kind]++
			if len(found) > 0 {
				shown[kind]++
				if !strings.Contains(found[0].String(), path.Base(found[0].Path)) || strings.Contains(found[0].String(), "\n") {
					t.Errorf("%q", found[0].String())
				}
			}
		}
	}
	t.Logf("flips %v, shown %v", flips, shown)
	for _, kind := range []string{logSuffix, indexSuffix, snapshotSuffix, format.CleanShutdownFile} {
		if shown[kind]*10 < flips[kind]*9 || flips[kind] == 0 {
			t.Errorf("%s: %d of %d flips show", kind, shown[kind], flips[kind])
		}
	}
}
