package local

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// copyDisk is the disk as a new process finds it after a kill: nothing is lost that was written.
func copyDisk(t *testing.T, from vfs.FS) *vfs.Memory {
	t.Helper()
	to := vfs.NewMemory()
	var walk func(dir string)
	walk = func(dir string) {
		names, err := from.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			name = path.Join(dir, name)
			info, err := from.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir {
				if err := to.MkdirAll(name); err != nil {
					t.Fatal(err)
				}
				walk(name)
				continue
			}
			p, err := format.ReadAll(from, name, 1<<40)
			if err == nil {
				err = writeFile(to, name, p)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	walk("")
	return to
}

// killed is a log directory after a kill -9 with one partition, t-0, and what is in it.
type killed struct {
	disk  *vfs.Memory
	topic logstore.TopicPartitions
	log   *logstoretest.Log
	// places are the segment and the position of each batch.
	places []place
}

type place struct {
	file string
	pos  int64
}

// kill fills a partition with batches, all of them durable and known to be, and kills the store.
func kill(t *testing.T, batches int, config *logstore.Config) *killed {
	t.Helper()
	k := &killed{log: logstoretest.NewLog(), topic: logstore.TopicPartitions{
		ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: config,
	}}
	disk := vfs.NewMemory()
	s := openStore(t, disk)
	defer s.Close(context.Background())
	p := create(t, s, k.topic)[0]
	now := time.Now().UnixMilli()
	for i := range batches {
		b := logstoretest.Batch{Records: 1 + i%3, Size: 40 + 37*i%300, Tag: i, Timestamp: now + 10*int64(i), Codec: record.Codec(i % 5)}
		if i%2 == 0 {
			b.ProducerID, b.BaseSequence = 9, k.log.NextSequence(9)
		}
		batch := b.Build(t)
		logAppendInPlace(t, p, batch)
		k.log.Append(batch)
		v := p.(*log).view.load()
		active := v.segments[len(v.segments)-1]
		k.places = append(k.places, place{"t-0/" + fileName(active.baseOffset, logSuffix), active.size - int64(len(batch))})
	}
	k.log.Acked = batches
	if err := s.dirs[0].flushOffsets(); err != nil {
		t.Fatal(err)
	}
	k.disk = copyDisk(t, disk)
	return k
}

func logAppendInPlace(t *testing.T, p logstore.Partition, batch []byte) {
	t.Helper()
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
	if err == nil {
		_, err = ticket.Wait(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// open opens a disk that came of this one.
func (k *killed) open(t *testing.T, disk vfs.FS) (*Store, logstore.Partition) {
	t.Helper()
	s := openStore(t, disk)
	p := create(t, s, k.topic)[0]
	return s, p
}

// forget makes the durable end that the offsets file knows that of batch i.
func (k *killed) forget(t *testing.T, disk *vfs.Memory, i int) {
	t.Helper()
	d := &logDir{fs: disk, store: &Store{options: newSettings(Options{})}}
	d.offsets.dir = d
	slots, err := d.offsets.load()
	if err != nil || len(slots) != 1 {
		t.Fatal(slots, err)
	}
	slots[0].DurableEnd = k.log.Batches[i].BaseOffset()
	if err := errors.Join(d.offsets.write(slots[0].slot, slots[0].Kept), d.offsets.close()); err != nil {
		t.Fatal(err)
	}
}

func smallSegments() *logstore.Config {
	config := logstoretest.Config()
	config.SegmentBytes, config.IndexIntervalBytes = 3000, 500
	return config
}

// readsBack compares every batch that can be read with the one that was written, and returns the indexes of those
// that can't.
func (k *killed) readsBack(t *testing.T, p logstore.Partition) (lost []int) {
	t.Helper()
	for i, b := range k.log.Batches {
		fetched, err := p.Read(b.BaseOffset(), logstore.ReadOptions{MaxBytes: 1, AtLeast1: true})
		if err != nil || fetched.Records == nil {
			lost = append(lost, i)
			continue
		}
		var got bytes.Buffer
		if _, err := fetched.Records.WriteTo(&got); err != nil {
			t.Fatal(err)
		}
		fetched.Records.Release()
		if !bytes.Equal(got.Bytes(), b) {
			// A reader finds out by the CRC; and must not be told that these are other offsets.
			if read, err := record.First(got.Bytes()); err != nil || read.VerifyCRC() == nil {
				t.Fatalf("read at %d returned a wrong batch with a right checksum", b.BaseOffset())
			}
			lost = append(lost, i)
		}
	}
	return lost
}

// TestCutAnywhereKeepsWholeBatches cuts the active segment at every byte of the last three batches.
func TestCutAnywhereKeepsWholeBatches(t *testing.T) {
	t.Parallel()
	k := kill(t, 23, smallSegments())
	last := len(k.log.Batches)
	first := last - 3
	if k.places[first].file != k.places[last-1].file {
		t.Fatal("the last three batches are not in one segment")
	}
	file := k.places[first].file
	end := k.places[last-1].pos + int64(len(k.log.Batches[last-1]))
	for cut := k.places[first].pos; cut < end; cut++ {
		disk := copyDisk(t, k.disk)
		k.forget(t, disk, first)
		truncateFile(t, disk, file, cut)
		s, p := k.open(t, disk)
		m := k.log.Clone()
		m.Acked = first
		m.Recover(t, p)
		whole := first
		for whole < last && k.places[whole].pos+int64(len(k.log.Batches[whole])) <= cut {
			whole++
		}
		if got := len(m.Batches); got != whole {
			t.Fatalf("cut at %d: %d batches are left, want %d", cut, got, whole)
		}
		next := logstoretest.Batch{Tag: 1}.Build(t)
		logAppendInPlace(t, p, next)
		m.Append(next)
		m.Check(t, p, 1000)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if names := lostFiles(t, disk); len(names) > 0 {
			t.Fatalf("cut at %d: a torn tail was set aside: %v", cut, names)
		}
	}
}

func truncateFile(t *testing.T, disk vfs.FS, name string, size int64) {
	t.Helper()
	f, err := disk.Open(name)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func lostFiles(t *testing.T, disk vfs.FS) (lost []string) {
	t.Helper()
	names, err := disk.List("t-0")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, lostSuffix) {
			lost = append(lost, name)
		}
	}
	return lost
}

func flip(t *testing.T, disk vfs.FS, name string, at int64, mask byte) {
	t.Helper()
	f, err := disk.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= mask
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageBelowDurableEndIsNeverCut flips each byte of a batch in the middle of what is durable.
func TestDamageBelowDurableEndIsNeverCut(t *testing.T) {
	k := kill(t, 23, smallSegments())
	victim := len(k.log.Batches) - 2
	at := k.places[victim]
	size := int64(len(k.log.Batches[victim]))
	for i := range size {
		disk := copyDisk(t, k.disk)
		k.forget(t, disk, victim+1) // so that recovery looks at it
		flip(t, disk, at.file, at.pos+i, 0x55)
		before, _ := disk.Stat(at.file)
		s, p := k.open(t, disk)
		if i >= 12 && i < 16 {
			// The leader epoch is the one field that neither a checksum nor what is around it tells.
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		lost := k.readsBack(t, p)
		if len(lost) != 1 || lost[0] != victim {
			t.Fatalf("byte %d: batches %v are lost, want only %d", i, lost, victim)
		}
		k.heals(t, p, victim)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if after, _ := disk.Stat(at.file); after.Size < before.Size || len(lostFiles(t, disk)) > 0 {
			t.Fatalf("byte %d: the segment was cut from %d to %d bytes", i, before.Size, after.Size)
		}
	}
}

// heals checks that a damaged log takes no appends until what is damaged has been given up.
func (k *killed) heals(t *testing.T, p logstore.Partition, victim int) {
	t.Helper()
	var corrupt *logstore.CorruptError
	if _, err := p.Read(k.log.Batches[victim].BaseOffset(), logstore.ReadOptions{MaxBytes: 1, AtLeast1: true}); !errors.As(err, &corrupt) {
		t.Fatalf("read of the damaged batch: %v", err)
	}
	if _, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
		t.Fatalf("append to a damaged log: %v", err)
	}
	if _, err := p.DeleteBefore(context.Background(), k.log.Batches[victim].NextOffset()); err != nil {
		t.Fatal(err)
	}
	end := p.Offsets().LogEndOffset
	if got := logAppend(t, p, logstoretest.Batch{}.Build(t)); got.BaseOffset != end || end != k.log.End() {
		t.Fatalf("append after the damage was given up: %+v, log ended at %d", got, end)
	}
}

// TestMissingEndIsDamage cuts off batches that were durable.
func TestMissingEndIsDamage(t *testing.T) {
	k := kill(t, 23, smallSegments())
	for _, left := range []int{20, 22} {
		disk := copyDisk(t, k.disk)
		truncateFile(t, disk, k.places[left].file, k.places[left].pos+7)
		s, p := k.open(t, disk)
		if got := p.Offsets().HighWatermark; got != k.log.Batches[left].BaseOffset() && got != k.log.End() {
			t.Errorf("%d batches left: log ends at %d", left, got)
		}
		for i := range left {
			if fetched, err := p.Read(k.log.Batches[i].BaseOffset(), logstore.ReadOptions{MaxBytes: 1, AtLeast1: true}); err != nil {
				t.Fatalf("batch %d: %v", i, err)
			} else {
				fetched.Records.Release()
			}
		}
		if _, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOffline) {
			t.Fatalf("append: %v", err)
		}
		if start, err := p.DeleteBefore(context.Background(), -1); err != nil || start != k.log.End() {
			t.Fatalf("delete everything: %d, %v", start, err)
		}
		if r := logAppend(t, p, logstoretest.Batch{}.Build(t)); r.BaseOffset != k.log.End() {
			t.Errorf("append: %+v, want offset %d", r, k.log.End())
		}
		for range 2 {
			if err := s.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			s, p = k.open(t, disk)
			if o := p.Offsets(); o.LogStartOffset != k.log.End() || o.LogEndOffset != k.log.End()+1 {
				t.Errorf("after a restart: %+v", o)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnorderedTailIsSetAside loses a batch that was not durable, and not the one behind it.
func TestUnorderedTailIsSetAside(t *testing.T) {
	k := kill(t, 23, smallSegments())
	victim := 21
	disk := copyDisk(t, k.disk)
	k.forget(t, disk, victim)
	at := k.places[victim]
	for i := range k.log.Batches[victim] {
		flip(t, disk, at.file, at.pos+int64(i), k.log.Batches[victim][i]) // zeros
	}
	s, p := k.open(t, disk)
	m := k.log.Clone()
	m.Acked = victim
	m.Recover(t, p)
	logAppend(t, p, logstoretest.Batch{}.Build(t))
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	lost := lostFiles(t, disk)
	if len(lost) != 1 {
		t.Fatalf("files set aside: %v", lost)
	}
	if kept := content(t, disk, "t-0/"+lost[0]); !bytes.Contains(kept, k.log.Batches[victim+1]) {
		t.Error("the batch behind the gap is not in the file that was set aside")
	}
}

// TestRandomBitFlips flips one bit anywhere in the directory, after a kill or a clean stop: it is found out or harmless, costs
// at most the batch that was hit, and no segment is shortened.
func TestRandomBitFlips(t *testing.T) {
	t.Parallel()
	seed := logstoretest.Seed(t)
	k := kill(t, 60, smallSegments())
	stopped := copyDisk(t, k.disk)
	s, p := k.open(t, stopped)
	k.readsBack(t, p)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, dir := range []string{"", "t-0"} {
		names, err := stopped.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if name = path.Join(dir, name); name != ".lock" && name != "t-0" {
				files = append(files, name)
			}
		}
	}
	rounds := 1500
	if raceDetector {
		rounds = 150
	}
	for i := range rounds {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		from := k.disk
		if i%2 == 0 {
			from = stopped
		}
		disk := copyDisk(t, from)
		name := files[random.IntN(len(files))]
		info, err := disk.Stat(name)
		if err != nil || info.Size == 0 {
			continue
		}
		at := random.Int64N(info.Size)
		flip(t, disk, name, at, 1<<random.IntN(8))
		k.survivesFlip(t, disk, name, at)
	}
}

// TestFlippedBaseAndLength flips every bit of every base offset, which no checksum covers, and of every length, after a kill and after a
// clean stop. The last batch of the log has none behind it that would contradict its offset; a length may lead to the
// begin of a later batch. FAULT_FLIPS makes the log longer (24 batches in some segments by default, else 60).
func TestFlippedBaseAndLength(t *testing.T) {
	t.Parallel()
	batches := 24
	if os.Getenv("FAULT_FLIPS") != "" {
		batches = 60
	}
	k := kill(t, batches, smallSegments())
	stopped := copyDisk(t, k.disk)
	s, p := k.open(t, stopped)
	k.readsBack(t, p)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	const size = 12 // bytes of both fields
	bits := 8 * size
	if raceDetector {
		bits = size
	}
	for _, place := range k.places {
		for bit := range bits {
			for _, from := range []*vfs.Memory{k.disk, stopped} {
				disk := copyDisk(t, from)
				at := place.pos + int64(bit%size)
				flip(t, disk, place.file, at, 1<<(bit/size))
				k.survivesFlip(t, disk, place.file, at)
			}
		}
	}
}

func (k *killed) survivesFlip(t *testing.T, disk *vfs.Memory, name string, at int64) {
	t.Helper()
	s, err := Open(context.Background(), Options{Dirs: []vfs.FS{disk}, NodeID: 1, ClusterID: "test", Log: testLog(t)})
	if err != nil {
		if name == format.MetaPropertiesFile || name == format.OffsetsFile {
			return // refused, with nothing changed
		}
		t.Fatalf("byte %d of %s: %v", at, name, err)
	}
	defer s.Close(context.Background())
	p := create(t, s, k.topic)[0]
	hit := -1
	for i, x := range k.places {
		if x.file == name && at >= x.pos && at < x.pos+int64(len(k.log.Batches[i])) {
			hit = i
			if within := at - x.pos; within >= 12 && within < 16 {
				return // the leader epoch, see above
			}
		}
	}
	lost := k.readsBack(t, p)
	if len(lost) > 1 || (len(lost) == 1 && lost[0] != hit) {
		// The header of the next batch can't be found from the one that was hit before somebody searches for it.
		t.Fatalf("byte %d of %s, which is batch %d: batches %v are lost", at, name, hit, lost)
	}
	last := len(k.log.Batches) - 1
	for i, target := range []int{5, last / 2, last} {
		b := k.log.Batches[target]
		got, ok, err := p.OffsetForTime(b.BaseTimestamp(), logstore.ReadUncommitted)
		if hit < 0 && (err != nil || !ok || got.Offset != b.BaseOffset()) {
			t.Fatalf("byte %d of %s: search %d for %d found %+v, %v, %v, want offset %d", at, name, i, b.BaseTimestamp(), got, ok, err, b.BaseOffset())
		}
	}
	for _, x := range k.places {
		if info, err := disk.Stat(x.file); err != nil || info.Size < x.pos {
			t.Fatalf("byte %d of %s: %s has %d bytes: %v", at, name, x.file, info.Size, err)
		}
	}
}

// TestOddBaseOffsetIsTold flips a bit of a base offset, which no checksum covers, after a clean stop: the read that looks for the batch
// fails, and the operator is told once where, as for every other damage.
func TestOddBaseOffsetIsTold(t *testing.T) {
	memory := vfs.NewMemory()
	topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
	first := openStore(t, memory)
	p := create(t, first, topic)[0]
	for range 3 {
		logAppend(t, p, logstoretest.Batch{Records: 10}.Build(t))
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	flip(t, memory, "t-0/00000000000000000000.log", 1, 1<<5)
	var logged bytes.Buffer
	s, err := Open(t.Context(), Options{Dirs: []vfs.FS{memory}, NodeID: 1, ClusterID: "test", Log: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	if err := s.Create(topic); err != nil {
		t.Fatal(err)
	}
	if p, err = s.Partition(topic.ID, 0); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{0, 5, 0} {
		var corrupt *logstore.CorruptError
		if _, err := p.Read(offset, logstore.ReadOptions{MaxBytes: 1, AtLeast1: true}); !errors.As(err, &corrupt) {
			t.Errorf("read at offset %d: %v", offset, err)
		}
	}
	if fetched, err := p.Read(10, logstore.ReadOptions{MaxBytes: 1, AtLeast1: true}); err != nil {
		t.Errorf("read behind it: %v", err)
	} else {
		fetched.Records.Release()
	}
	if strings.Count(logged.String(), "level=ERROR") != 1 || !strings.Contains(logged.String(), " offset=0 behind=10 ") {
		t.Errorf("the operator was told:\n%s", &logged)
	}
}

// TestLeaderEpochsNeverFall kills a broker over and over, sometimes takes everything away that can be rebuilt, and never appends anything: batches then know
// nothing of the epochs that recoveries gave out.
func TestLeaderEpochsNeverFall(t *testing.T) {
	k := kill(t, 3, smallSegments())
	disk, last := k.disk, int32(-1)
	for round := range 12 {
		if round%3 == 2 {
			for _, name := range []string{format.OffsetsFile, "t-0/" + format.LeaderEpochFile} {
				if err := disk.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
		}
		s, p := k.open(t, disk)
		k.readsBack(t, p)
		if epoch := p.Offsets().LeaderEpoch; epoch <= last {
			t.Fatalf("start %d has epoch %d, there was %d", round, epoch, last)
		}
		last = p.Offsets().LeaderEpoch
		disk = copyDisk(t, disk)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
