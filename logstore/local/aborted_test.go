package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/producer"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire/record"
)

// abortingLog is a log on a disk in memory whose producers abort half of their transactions.
type abortingLog struct {
	t      *testing.T
	disk   *vfs.Memory
	store  *Store
	topic  logstore.TopicPartitions
	random *rand.Rand
	next   map[int64]int32 // sequence numbers
	open   map[int64]bool
}

const abortingFolder = "t-0"

func newAbortingLog(t *testing.T) *abortingLog {
	t.Helper()
	config := logstoretest.Config()
	config.SegmentBytes = 2000
	a := &abortingLog{
		t: t, disk: vfs.NewMemory(), random: rand.New(rand.NewPCG(logstoretest.Seed(t), 3)),
		topic: logstore.TopicPartitions{ID: logstore.TopicID{7}, Topic: "t", Partitions: 1, Config: config},
		next:  map[int64]int32{}, open: map[int64]bool{},
	}
	a.start()
	return a
}

func (a *abortingLog) start() {
	a.t.Helper()
	a.store = openStore(a.t, a.disk)
	if err := a.store.Create(a.topic); err != nil {
		a.t.Fatal(err)
	}
}

func (a *abortingLog) stop() {
	a.t.Helper()
	if err := a.store.Close(context.Background()); err != nil {
		a.t.Fatal(err)
	}
}

func (a *abortingLog) log() logstore.Partition {
	a.t.Helper()
	p, err := a.store.Partition(a.topic.ID, 0)
	if err != nil {
		a.t.Fatal(err)
	}
	return p
}

func (a *abortingLog) append(batch []byte, opts logstore.AppendOptions) {
	a.t.Helper()
	opts.Now = time.Now().UnixMilli()
	ticket, err := a.log().Append(batch, opts)
	if err == nil {
		_, err = ticket.Wait(a.t.Context())
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// work appends batches and markers.
func (a *abortingLog) work(n int) {
	a.t.Helper()
	for range n {
		id := 1 + a.random.Int64N(5)
		if a.open[id] && a.random.IntN(3) == 0 {
			m := logstoretest.Marker{ProducerID: id, Aborts: a.random.IntN(2) == 0, Timestamp: time.Now().UnixMilli()}
			a.append(m.Build(a.t), logstore.AppendOptions{Origin: logstore.Coordinator})
			a.open[id] = false
			continue
		}
		b := logstoretest.Batch{
			Records: 1 + a.random.IntN(3), Size: a.random.IntN(50), ProducerID: id, BaseSequence: a.next[id], Transactional: true,
			Timestamp: time.Now().UnixMilli(),
		}
		a.append(b.Build(a.t), logstore.AppendOptions{Verification: logstore.VerificationOff})
		a.next[id] += int32(b.Records)
		a.open[id] = true
	}
}

// goOnWith takes another disk, after a crash in which nothing was lost that matters here.
func (a *abortingLog) goOnWith(disk *vfs.Memory) {
	a.t.Helper()
	a.stop()
	a.disk = disk
	a.start()
}

// files are the names of the log's files with a suffix.
func (a *abortingLog) files(suffix string) (names []string) {
	a.t.Helper()
	all, err := a.disk.List(abortingFolder)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, name := range all {
		if strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (a *abortingLog) content(name string) []byte {
	a.t.Helper()
	content, err := format.ReadAll(a.disk, abortingFolder+"/"+name, 1<<20)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.t.Fatal(err)
	}
	return content
}

// scan are the aborted transactions of each segment, by its base offset, as the whole log tells them.
func (a *abortingLog) scan() map[int64][]producer.AbortedTransaction {
	a.t.Helper()
	var table producer.Table
	aborted := map[int64][]producer.AbortedTransaction{}
	for _, name := range a.files(logSuffix) {
		baseOffset, _, _, _ := format.ParseSegmentName(name)
		aborted[baseOffset] = nil
		for rest := a.content(name); len(rest) > 0; {
			b, err := record.First(rest)
			if err != nil {
				a.t.Fatal(err)
			}
			info, err := producer.InfoOf(b)
			if err != nil {
				a.t.Fatal(err)
			}
			if done, ok := table.Update(info); ok && done.Aborted {
				aborted[baseOffset] = append(aborted[baseOffset], done.Entry())
			}
			rest = rest[len(b):]
		}
	}
	return aborted
}

// isExact compares the transaction indexes on the disk with a scan of the whole log.
func (a *abortingLog) isExact(what string) {
	a.t.Helper()
	total := 0
	for baseOffset, want := range a.scan() {
		got, err := producer.DecodeTxnIndex(a.content(fileName(baseOffset, txnIndexSuffix)), baseOffset)
		if err != nil || !slices.Equal(got, want) {
			a.t.Fatalf("%s: segment at %d has %v, want %v, %v", what, baseOffset, got, want, err)
		}
		total += len(want)
	}
	if total == 0 {
		a.t.Fatalf("%s: nothing was aborted", what)
	}
}

func TestTransactionIndexIsExact(t *testing.T) {
	a := newAbortingLog(t)
	for round := range 12 {
		a.work(60)
		switch round % 4 {
		case 0:
			a.stop()
			a.isExact("clean stop")
			a.start()
		case 1:
			a.goOnWith(a.disk.CrashClone(a.random))
			a.log().Producers()
			a.isExact("crash")
		case 2:
			// A crash, and all that can be rebuilt is gone.
			disk := a.disk.CrashClone(a.random)
			a.stop()
			a.disk = disk
			for _, suffix := range []string{txnIndexSuffix, snapshotSuffix, indexSuffix, timeIndexSuffix} {
				for _, name := range a.files(suffix) {
					if err := disk.Remove(abortingFolder + "/" + name); err != nil {
						t.Fatal(err)
					}
				}
			}
			a.start()
			a.isExact("crash without indexes")
		case 3:
			// A crash with damaged indexes.
			disk := a.disk.CrashClone(a.random)
			a.stop()
			a.disk = disk
			for _, name := range a.files(txnIndexSuffix) {
				flip(t, disk, abortingFolder+"/"+name, 0, 1)
			}
			a.start()
			a.isExact("crash with damaged indexes")
		}
	}
	a.stop()
	a.isExact("end")
}

func TestAbortedTransactionsOutliveAFullDisk(t *testing.T) {
	a := newAbortingLog(t)
	a.work(100)
	disk := a.disk.CrashClone(a.random)
	a.stop()
	a.disk = disk
	for _, suffix := range []string{txnIndexSuffix, snapshotSuffix} {
		for _, name := range a.files(suffix) {
			if err := disk.Remove(abortingFolder + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	var want []logstore.AbortedTransaction
	for _, entries := range a.scan() {
		for _, e := range entries {
			want = append(want, logstore.AbortedTransaction{ProducerID: e.ProducerID, FirstOffset: e.FirstOffset})
		}
	}
	producer.SortAborted(want)
	disk.SetCapacity(1) // recovery has no room for what it rebuilds
	a.start()
	if got := a.read(t); !slices.Equal(got, want) {
		t.Errorf("on a full disk readers are told of %v, want %v", got, want)
	}
	a.stop()
	disk.SetCapacity(0)
	a.start()
	if got := a.read(t); !slices.Equal(got, want) {
		t.Errorf("after the next start readers are told of %v, want %v", got, want)
	}
	a.isExact("after the next start")
	a.stop()
}

// read are all aborted transactions that readers are told of.
func (a *abortingLog) read(t *testing.T) (aborted []logstore.AbortedTransaction) {
	t.Helper()
	p := a.log()
	l, ok := p.(*log)
	if !ok {
		t.Fatalf("partition is a %T", p)
	}
	v, err := l.readable()
	if err != nil {
		t.Fatal(err)
	}
	aborted, err = l.abortedIn(v, 0, v.LogEndOffset)
	if err != nil {
		t.Fatal(err)
	}
	return aborted
}

// TestMemoryHasNoTransactionIndexesOfClosedSegments: what was aborted long ago is read from the files when somebody asks.
func TestMemoryHasNoTransactionIndexesOfClosedSegments(t *testing.T) {
	a := newAbortingLog(t)
	defer a.stop()
	a.work(150)
	l, ok := a.log().(*log)
	if !ok {
		t.Fatalf("partition is a %T", a.log())
	}
	want := a.read(t)
	for range 2 {
		runtime.GC()
		segments := l.view.load().segments
		closed := segments[:len(segments)-1]
		if len(closed) < 3 {
			t.Fatalf("%d closed segments", len(closed))
		}
		for _, s := range closed {
			if entries := s.aborted.load(); entries != nil {
				t.Errorf("segment %d has %d entries in memory", s.baseOffset, len(*entries))
			}
		}
		if got := a.read(t); !slices.Equal(got, want) {
			t.Errorf("readers are told of %v, want %v", got, want)
		}
	}
}

// damageIndexes does something to all transaction indexes of a log that was stopped.
func (a *abortingLog) damageIndexes(damage func(name string)) {
	a.t.Helper()
	names := a.files(txnIndexSuffix)
	if len(names) < 3 {
		a.t.Fatalf("only %d transaction indexes", len(names))
	}
	for _, name := range names {
		damage(abortingFolder + "/" + name)
	}
}

var indexDamages = []struct {
	what   string
	damage func(t *testing.T, disk *vfs.Memory, name string)
}{
	{"gone", func(t *testing.T, disk *vfs.Memory, name string) {
		t.Helper()
		if err := disk.Remove(name); err != nil {
			t.Fatal(err)
		}
	}},
	{"empty", func(t *testing.T, disk *vfs.Memory, name string) { t.Helper(); truncateFile(t, disk, name, 0) }},
	{"short", func(t *testing.T, disk *vfs.Memory, name string) {
		t.Helper()
		info, err := disk.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		truncateFile(t, disk, name, info.Size-producer.TxnIndexEntrySize)
	}},
	{"another producer", func(t *testing.T, disk *vfs.Memory, name string) { t.Helper(); flip(t, disk, name, 9, 0x10) }},
	{"another first offset", func(t *testing.T, disk *vfs.Memory, name string) { t.Helper(); flip(t, disk, name, 17, 1) }},
}

func TestReadersAreToldOfAbortedTransactionsWhateverBecomesOfTheIndex(t *testing.T) {
	for _, d := range indexDamages {
		for _, crashed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/crashed=%t", d.what, crashed), func(t *testing.T) {
				a := newAbortingLog(t)
				a.work(150)
				a.stop()
				a.start()
				a.work(30)
				want := a.read(t)
				if crashed { // What was written since the last stop doesn't matter, nor does the active segment.
					disk := a.disk.CrashClone(a.random)
					a.stop()
					a.disk = disk
				} else {
					a.stop()
				}
				a.damageIndexes(func(name string) { d.damage(t, a.disk, name) })
				a.start()
				if got := a.read(t); !slices.Equal(got, want) {
					t.Errorf("readers are told of %v, want %v", got, want)
				}
				a.stop()
				a.isExact("after the next stop")
				for _, x := range verified(t, a.disk) {
					if strings.HasSuffix(x.Path, txnIndexSuffix) { // A crash leaves other files that nobody has needed yet.
						t.Errorf("after the next stop: %s", x.String())
					}
				}
			})
		}
	}
}

func TestVerifyFindsWrongTransactionIndexes(t *testing.T) {
	for _, d := range indexDamages {
		for _, summed := range []bool{false, true} {
			a := newAbortingLog(t)
			a.work(150)
			a.stop()
			if !summed { // Then the log alone can tell.
				if err := a.disk.Remove(abortingFolder + "/" + format.TxnIndexSumsFile); err != nil {
					t.Fatal(err)
				}
			}
			wantWhole(t, d.what, a.disk)
			want := 0
			a.damageIndexes(func(name string) { d.damage(t, a.disk, name); want++ })
			found := map[string]bool{}
			for _, x := range verified(t, a.disk) {
				if !strings.HasSuffix(x.Path, txnIndexSuffix) || found[x.Path] {
					t.Errorf("%s: %s", d.what, x.String())
				}
				found[x.Path] = true
			}
			// A first offset that is a little too small does no harm if nothing was committed in between.
			if len(found) != want && (summed || d.what != "another first offset" || len(found) == 0) {
				t.Errorf("%s: %d indexes are reported, want %d", d.what, len(found), want)
			}
		}
	}
}

// TestVerifyFindsNothingBesideARunningBroker: the last transaction index is in memory for a while, and what a kill leaves of it is enough.
func TestVerifyFindsNothingBesideARunningBroker(t *testing.T) {
	a := newAbortingLog(t)
	defer a.stop()
	missing := 0
	for range 30 {
		a.work(5)
		disk := copyDisk(t, a.disk)
		wantWhole(t, "running", disk)
		if len(a.written()) < len(a.read(t)) {
			missing++
		}
	}
	if missing == 0 {
		t.Error("the indexes had everything all the time")
	}
	closed := a.files(txnIndexSuffix)[0]
	if err := a.disk.Remove(abortingFolder + "/" + closed); err != nil {
		t.Fatal(err)
	}
	if found := verified(t, a.disk); len(found) != 1 || path.Base(found[0].Path) != closed {
		t.Errorf("without %s: %v", closed, found)
	}
}

// written are the aborted transactions that the files have.
func (a *abortingLog) written() (aborted []producer.AbortedTransaction) {
	a.t.Helper()
	for _, name := range a.files(txnIndexSuffix) {
		base, _, _, _ := format.ParseSegmentName(name)
		entries, err := producer.DecodeTxnIndex(a.content(name), base)
		if err != nil {
			a.t.Fatal(err)
		}
		aborted = append(aborted, entries...)
	}
	return aborted
}

func TestVerifyFindsNothingInCompactedTransactions(t *testing.T) {
	a := newAbortingLog(t)
	a.topic.Config.CleanupPolicy = logstore.CleanupCompact
	if err := a.store.Configure(a.topic.ID, a.topic.Config); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		a.work(200)
		if err := a.log().Maintain(t.Context(), logstore.Compaction); err != nil {
			t.Fatal(err)
		}
		a.read(t)
		a.stop()
		wantWhole(t, "after compaction", a.disk)
		for _, name := range a.files(txnIndexSuffix) {
			if err := a.disk.Remove(abortingFolder + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
		a.start()
		a.read(t)
	}
	a.stop()
	wantWhole(t, "at last", a.disk)
}
