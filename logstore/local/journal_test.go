package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// journaled is a store of some logs whose commits go into the journal.
type journaled struct {
	*fixture
	disk   *vfs.Injected
	memory *vfs.Memory
	logs   []*logstoretest.Log
	tag    int
}

func newJournaled(t *testing.T, logs int) *journaled {
	t.Helper()
	return newJournaledWithin(t, logs, journalBytes)
}

// newJournaledWithin sets how long the journal gets.
func newJournaledWithin(t *testing.T, logs int, limit int64) *journaled {
	t.Helper()
	j := &journaled{memory: vfs.NewMemory()}
	j.disk = vfs.Inject(j.memory)
	j.fixture = newFixture(t, on(j.disk), int32(logs), logstoretest.Config())
	j.store.dirs[0].syncer.journal.limit = limit // before anything runs that reads it
	for range logs {
		j.logs = append(j.logs, logstoretest.NewLog())
	}
	if err := j.commit(); err != nil { // The files are new: this one is theirs.
		t.Fatal(err)
	}
	return j
}

// commit appends to all logs in one commit and waits for it.
func (j *journaled) commit() error {
	j.t.Helper()
	var last logstore.Ticket
	for i, m := range j.logs {
		j.tag++
		batch := logstoretest.Batch{Size: 30, Tag: j.tag}.Build(j.t)
		ticket, err := j.log(int32(i)).Append(batch, logstore.AppendOptions{Now: 1, DeferCommit: true})
		if err != nil {
			return err
		}
		m.Append(batch)
		last = ticket
	}
	last.Commit.Begin()
	if _, err := last.Wait(context.Background()); err != nil {
		return err
	}
	for _, m := range j.logs {
		m.Acked = len(m.Batches)
	}
	return nil
}

// recovers opens a disk that the logs were on, and compares.
func (j *journaled) recovers(disk vfs.FS) {
	j.t.Helper()
	wantWhole(j.t, "before it is opened", disk)
	j.reopens(disk)
}

// reopens is recovers for a disk that isn't whole.
func (j *journaled) reopens(disk vfs.FS) {
	j.t.Helper()
	s := openStore(j.t, disk)
	defer s.Close(context.Background())
	for i, p := range create(j.t, s, j.topic) {
		j.logs[i].Clone().Recover(j.t, p)
	}
}

// powerCut is the disk with nothing but what was synced, which is one clone of eight.
func (j *journaled) powerCut() *vfs.Memory {
	for seed := uint64(0); ; seed++ {
		random := rand.New(rand.NewPCG(seed, 0))
		if random.Float64(); random.IntN(8) == 0 {
			return j.memory.CrashClone(rand.New(rand.NewPCG(seed, 0)))
		}
	}
}

func (j *journaled) journalSize() int64 {
	j.t.Helper()
	info, err := j.memory.Stat(format.JournalFile)
	if err != nil {
		j.t.Fatal(err)
	}
	return info.Size
}

func TestCommitOfManySmallAppendsIsOneSync(t *testing.T) {
	j := newJournaled(t, 20)
	if err := j.commit(); err != nil { // makes the journal
		t.Fatal(err)
	}
	var names []string
	j.disk.SetRules(&vfs.Rule{Ops: vfs.OpsSync, Before: func(call vfs.Call) error {
		if call.Path != format.OffsetsFile {
			names = append(names, call.Path)
		}
		return nil
	}})
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	j.disk.SetRules()
	if !slices.Equal(names, []string{format.JournalFile}) {
		t.Errorf("synced: %q", names)
	}
	cut := j.powerCut()
	info, err := cut.Stat("t-3/" + fileName(0, logSuffix))
	if end := j.log(3).view.load().highWatermarkAt.pos; err != nil || info.Size >= end {
		t.Errorf("%d of %d bytes were durable without the journal, %v", info.Size, end, err)
	}
	j.recovers(cut)
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	j.close()
	if size := j.journalSize(); size != 0 {
		t.Errorf("journal has %d bytes after a clean stop", size)
	}
	j.recovers(j.powerCut())
}

func TestLargeAndSingleAppendsAreSyncedThemselves(t *testing.T) {
	j := newJournaled(t, 2)
	logAppend(t, j.log(0), logstoretest.Batch{}.Build(t))
	large := logstoretest.Batch{Size: journalLogBytes}.Build(t)
	if _, err := j.log(0).Append(large, logstore.AppendOptions{DeferCommit: true}); err != nil {
		t.Fatal(err)
	}
	logAppend(t, j.log(1), logstoretest.Batch{}.Build(t))
	if _, err := j.memory.Stat(format.JournalFile); err == nil {
		t.Error("there is a journal")
	}
}

func TestLongJournalBeginsAnew(t *testing.T) {
	j := newJournaledWithin(t, 3, 3000)
	most := int64(0)
	for range 100 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		most = max(most, j.journalSize())
	}
	if most == 0 || most > 3000+1000 {
		t.Errorf("journal grew to %d bytes", most)
	}
	j.recovers(j.powerCut())
}

func TestJournalIsEmptiedAtRest(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 3)
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	if j.journalSize() == 0 {
		t.Fatal("nothing in the journal")
	}
	for deadline := time.Now().Add(30 * time.Second); j.journalSize() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the journal is never emptied")
		}
	}
	j.recovers(j.powerCut())
}

func TestWithoutRoomForJournalSegmentsAreSynced(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpCreate, vfs.OpWrite} {
		j := newJournaled(t, 3)
		j.disk.SetRules(&vfs.Rule{Ops: op, Path: format.JournalFile, Err: syscall.ENOSPC, ShortWrite: 20})
		for range 3 {
			if err := j.commit(); err != nil {
				t.Fatal(err)
			}
		}
		j.recovers(j.powerCut())
		j.disk.SetRules()
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		if j.journalSize() == 0 {
			t.Error("the journal isn't used again when there is room")
		}
		j.recovers(j.powerCut())
	}
}

func TestFailedJournalAcknowledgesNothing(t *testing.T) {
	for _, failing := range []vfs.Op{vfs.OpWrite, vfs.OpSync} {
		j := newJournaled(t, 3)
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		j.disk.SetRules(&vfs.Rule{Ops: failing, Path: format.JournalFile, Err: syscall.EIO})
		acknowledged := make([]int, len(j.logs))
		for i, m := range j.logs {
			acknowledged[i] = len(m.Batches)
		}
		if err := j.commit(); !errors.Is(err, logstore.ErrOffline) {
			t.Fatalf("%v", err)
		}
		j.disk.SetRules()
		if err := j.commit(); !errors.Is(err, logstore.ErrOffline) {
			t.Errorf("after a failure: %v", err)
		}
		// What was refused isn't there, and what was acknowledged before is.
		for i, m := range j.logs {
			m.Cut(acknowledged[i])
		}
		if err := j.store.Close(context.Background()); err == nil {
			t.Error("closed without an error")
		}
		j.recovers(copyDisk(t, j.memory))
	}
}

// TestJournalIsNotPutOverAnotherProgramsBatches has an Apache Kafka open the directory after a power cut. It knows no journal, cuts what
// isn't in the segments, and goes on.
func TestJournalIsNotPutOverAnotherProgramsBatches(t *testing.T) {
	for name, clean := range map[string]bool{"stopped cleanly": true, "killed": false} {
		t.Run(name, func(t *testing.T) {
			j := newJournaled(t, 2)
			if err := j.store.dirs[0].flushOffsets(); err != nil {
				t.Fatal(err)
			}
			if err := j.commit(); err != nil {
				t.Fatal(err)
			}
			disk := j.powerCut()
			path := "t-0/" + fileName(0, logSuffix)
			theirs := logstoretest.Batch{Size: 500, Tag: 99}.Build(t)
			theirs.SetBaseOffset(1)
			theirs.SetPartitionLeaderEpoch(3)
			want := append(content(t, disk, path), theirs...)
			if err := writeFile(disk, path, want); err != nil {
				t.Fatal(err)
			}
			if clean {
				if err := writeFile(disk, kafkaCleanFile, []byte(`{"version":0}`)); err != nil {
					t.Fatal(err)
				}
			}
			s := openStore(t, disk)
			defer s.Close(context.Background())
			p := create(t, s, j.topic)[0]
			got, _ := readRun(t, p, 0, logstore.ReadUncommitted)
			if !slices.Equal(got, want) {
				t.Errorf("%d bytes, want %d", len(got), len(want))
			}
			if info, err := disk.Stat(format.JournalFile); err != nil || info.Size != 0 {
				t.Errorf("journal: %+v, %v", info, err)
			}
		})
	}
}

func TestJournalOfDeletedTopicIsForgotten(t *testing.T) {
	j := newJournaled(t, 2)
	for range 3 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.store.Delete(context.Background(), j.topic); err != nil {
		t.Fatal(err)
	}
	j.topic.ID = logstore.TopicID{7}
	if err := j.store.Create(j.topic); err != nil {
		t.Fatal(err)
	}
	j.logs = []*logstoretest.Log{logstoretest.NewLog(), logstoretest.NewLog()}
	for range 5 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		j.recovers(j.powerCut())
	}
}

// TestJournalOutlivesPartitionMetadata: what was acknowledged doesn't depend on a file that can be made anew.
func TestJournalOutlivesPartitionMetadata(t *testing.T) {
	for what, damage := range map[string]func(disk *vfs.Memory, path string){
		"damaged": func(disk *vfs.Memory, path string) { truncateFile(t, disk, path, 5) },
		"gone": func(disk *vfs.Memory, path string) {
			if err := disk.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			j := newJournaled(t, 4)
			defer j.close()
			for range 2 {
				if err := j.commit(); err != nil {
					t.Fatal(err)
				}
			}
			cut := j.powerCut()
			damage(cut, "t-3/"+format.PartitionMetadataFile)
			j.reopens(cut)
		})
	}
}

// TestTornJournalKeepsCommitsBefore is of bar R3: a power cut in the middle of a commit leaves some of its sectors, or its beginning.
func TestTornJournalKeepsCommitsBefore(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 3)
	defer j.close()
	var ends []int64
	var first *vfs.Memory
	for range 4 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.journalSize())
		if first == nil {
			first = j.powerCut() // whose offsets file knows of no later commit
		}
	}
	whole := content(t, j.powerCut(), format.JournalFile)
	for at := ends[0]; at <= ends[3]; at += 3 {
		torn := bytes.Clone(whole[:at])
		kept, _ := slices.BinarySearch(ends, at+1) // that many commits are whole
		j.recoversCommits(t, copyDisk(t, first), torn, 1+kept)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		torn := bytes.Clone(whole)
		from := ends[2] + random.Int64N(ends[3]-ends[2])
		clear(torn[from:min(from+1+random.Int64N(64), ends[3])])
		if bytes.Equal(torn, whole) {
			continue
		}
		j.recoversCommits(t, copyDisk(t, first), torn, 4)
	}
}

// recoversCommits opens what a power cut left, with another journal, which has so many commits of all logs, the first one of the logs themselves included.
func (j *journaled) recoversCommits(t *testing.T, disk vfs.FS, journal []byte, commits int) {
	t.Helper()
	if err := writeFile(disk, format.JournalFile, journal); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, disk)
	defer s.Close(context.Background())
	if err := s.Create(j.topic); err != nil {
		t.Fatal(err)
	}
	for i := range j.logs {
		p, err := s.Partition(j.topic.ID, int32(i))
		if err != nil {
			t.Fatal(err)
		}
		if offsets := p.Offsets(); offsets.LogEndOffset != int64(commits) {
			t.Errorf("journal of %d bytes: log %d ends at %d, want %d", len(journal), i, offsets.LogEndOffset, commits)
		}
	}
}

// TestReplayWritesWhatIsThereAlready: the system's memory may have bytes that the disk hasn't, because their write failed. They count as clean,
// so only another write brings them there.
func TestReplayWritesWhatIsThereAlready(t *testing.T) {
	t.Parallel()
	j := newJournaled(t, 3)
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	j.disk.SetRules(&vfs.Rule{Ops: vfs.OpSync, Path: "*/" + fileName(0, logSuffix), Err: syscall.EIO})
	if err := j.store.dirs[0].syncer.forget(); err == nil {
		t.Fatal("a failed sync of the segments counts")
	}
	if err := j.store.Close(context.Background()); err == nil {
		t.Fatal("closed without an error")
	}
	written := map[string]bool{}
	disk := vfs.Inject(copyDisk(t, j.memory), &vfs.Rule{Ops: vfs.OpWrite, Before: func(call vfs.Call) error {
		written[call.Path] = true
		return nil
	}})
	j.reopens(disk)
	for i := range j.logs {
		if path := fmt.Sprintf("t-%d/", i) + fileName(0, logSuffix); !written[path] {
			t.Errorf("%s is not written: %v", path, written)
		}
	}
}

// FuzzJournalReplay gives a start a journal of any content beside a log that is whole: it never panics, never refuses the directory, and
// makes no files.
func FuzzJournalReplay(f *testing.F) {
	batch := logstoretest.Batch{Size: 30}.Build(f)
	for _, folder := range []string{"t-0", "t-1", "../t-0", "t-0/../t-0"} {
		for _, position := range []int64{0, int64(len(batch)), 1 << 40} {
			e := format.JournalEntry{TopicID: logstore.TopicID{1}, Folder: folder, Position: position}
			p, room := format.AppendJournalEntry(format.BeginJournalCommit(nil), &e, len(batch))
			copy(room, batch)
			f.Add(p[len(format.BeginJournalCommit(nil)):], false)
			f.Add(p[len(format.BeginJournalCommit(nil)):], true)
		}
	}
	f.Fuzz(func(t *testing.T, entries []byte, twice bool) {
		memory := vfs.NewMemory()
		s := openStore(t, memory)
		topic := logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: logstoretest.Config()}
		p := create(t, s, topic)[0]
		kept := logstoretest.Batch{Size: 30}.Build(t)
		logAppendInPlace(t, p, kept)
		if err := s.dirs[0].flushOffsets(); err != nil {
			t.Fatal(err)
		}
		disk := copyDisk(t, memory)
		if err := s.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		commit := append(format.BeginJournalCommit(nil), entries...)
		format.SealJournalCommit(commit, 1, 1)
		if twice {
			commit = append(commit, commit...)
		}
		if err := writeFile(disk, format.JournalFile, commit); err != nil {
			t.Fatal(err)
		}
		reopened, err := Open(context.Background(), on(disk))
		if err != nil {
			t.Fatal(err)
		}
		defer reopened.Close(context.Background())
		if err := reopened.Create(topic); err != nil {
			t.Fatal(err)
		}
		if names, err := disk.List(""); err != nil || len(names) > 8 {
			t.Errorf("%q, %v", names, err)
		}
	})
}

// A busy journal begins anew several times a second, for hours.
func TestJournalThatFillsUpSetsOneTimer(t *testing.T) {
	j := newJournaledWithin(t, 2, 1)
	queued := func() int {
		j.store.timers.mu.Lock()
		defer j.store.timers.mu.Unlock()
		return len(j.store.timers.mu.queue)
	}
	if err := j.commit(); err != nil {
		t.Fatal(err)
	}
	const commits = 50
	before := queued()
	for range commits {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if after := queued(); after > before+commits/2 {
		t.Errorf("%d timers after %d commits, %d before", after, commits, before)
	}
}
