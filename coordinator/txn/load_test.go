package txn

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// appendRecords writes records as another coordinator, in one batch.
func appendRecords(tb testing.TB, log *testLog, shard int32, version int16, records ...Record) {
	tb.Helper()
	log.Append(tb, shard, func(b *record.Builder) {
		for _, r := range records {
			key, value := formatOf(version).Encode(nil, nil, r)
			b.Append(1, key, value)
		}
	})
}

// TestIdleIDsAreSmallAndLoadFast: 100,000 IDs take at most 1 KiB each, and a second. The limits here are for machines with other work to do.
func TestIdleIDsAreSmallAndLoadFast(t *testing.T) {
	const ids, shards = 100_000, 50
	log := openLog(t, vfs.NewMemory(), shards)
	defer log.Close(t)
	records := make([][]Record, shards)
	for i := range ids {
		r := Record{ID: fmt.Sprintf("some-application-%d", i), Metadata: Metadata{
			ProducerID: int64(i), PreviousProducerID: int64(i), NextProducerID: noProducerID, ProducerEpoch: 7, LastProducerEpoch: 6,
			TimeoutMs: 60_000, State: CompleteCommit, ClientVersion: 2, LastUpdateMs: time.Now().UnixMilli(), StartMs: 1,
		}}
		shard := coordinator.ShardOf(r.ID, shards)
		records[shard] = append(records[shard], r)
	}
	for shard, r := range records {
		appendRecords(t, log, int32(shard), 2, r...)
	}
	before := heap()
	c := start(t, testOptions(log))
	began := time.Now()
	c.Load()
	listed := listAll(t, c)
	took := time.Since(began)
	if listed != ids {
		t.Fatalf("%d ids", listed)
	}
	each := (heap() - before) / ids
	t.Logf("%d bytes each, loaded and listed in %v", each, took)
	if each > 1024 || took > 10*time.Second {
		t.Error("too much")
	}
	runtime.KeepAlive(c)
}

func listAll(tb testing.TB, c *Coordinator) int {
	tb.Helper()
	for {
		resp := c.ListTransactions(tb.Context(), kmsg.NewPtrListTransactionsRequest())
		if resp.ErrorCode != int16(wire.CoordinatorLoadInProgress) {
			return len(resp.TransactionStates)
		}
		time.Sleep(time.Millisecond)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestEveryPrefixOfTheLogIsCarriedOn: wherever a log ends, the coordinator that loads it ends what was decided, and the producer that repeats
// its last request gets the answer that it would have got.
func TestEveryPrefixOfTheLogIsCarriedOn(t *testing.T) {
	life := lifeOfAProducer(t)
	for n := range len(life.records) + 1 {
		log := openLog(t, vfs.NewMemory(), 1)
		if n > 0 {
			appendRecords(t, log, 0, 2, life.records[:n]...)
		}
		o := testOptions(log)
		markers := &testMarkers{}
		o.Markers = markers
		ids := &testIDs{}
		ids.last.Store(1000)
		o.ProducerIDs = ids
		c := New(o)
		c.Load()
		state := awaitEnd(t, c)
		if n > 0 {
			last := life.records[n-1].Metadata
			wantMarkers := int64(0)
			if last.State.prepared() {
				wantMarkers = int64(last.Partitions.count())
			}
			if got := markers.count.Load(); got != wantMarkers {
				t.Errorf("%d records: %d markers after %s, want %d", n, got, last.State, wantMarkers)
			}
			if last.State == PrepareCommit && state != "CompleteCommit" || last.State == PrepareAbort && state != "CompleteAbort" {
				t.Errorf("%d records: %s became %s", n, last.State, state)
			}
		}
		for _, step := range life.steps {
			if step.after == n && !step.repeat(t, c) {
				t.Errorf("%d records: the repeated %s has another answer", n, step.what)
			}
		}
		stop(t, c)
		log.Close(t)
	}
}

// awaitEnd waits until the transaction of tx has ended, and returns the state.
func awaitEnd(tb testing.TB, c *Coordinator) string {
	tb.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{"tx"}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		switch d := c.DescribeTransactions(tb.Context(), req).TransactionStates[0]; d.State {
		case "PrepareCommit", "PrepareAbort":
		default:
			if d.ErrorCode != int16(wire.CoordinatorLoadInProgress) {
				return d.State
			}
		}
	}
	tb.Fatal("it doesn't end")
	return ""
}

// life is what a producer did, and what the coordinator wrote for it.
type life struct {
	records []Record
	steps   []lifeStep
}

// lifeStep is a request after which the log had so many records, and which may be repeated.
type lifeStep struct {
	what   string
	after  int
	repeat func(tb testing.TB, c *Coordinator) bool
}

// lifeOfAProducer begins with the last epochs of a producer ID, and ends with a new one.
func lifeOfAProducer(t *testing.T) *life {
	t.Helper()
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	first := newMetadata(500)
	first.State, first.ProducerEpoch, first.TimeoutMs = CompleteCommit, math.MaxInt16-5, 60_000
	appendRecords(t, log, 0, 2, Record{ID: "tx", Metadata: first})
	c := New(testOptions(log))
	defer stop(t, c)
	awaitEnd(t, c)
	p, err := log.Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{}
	from := int64(0)
	did := func(what string, repeat func(tb testing.TB, c *Coordinator) bool) {
		awaitEnd(t, c)
		l.records = append(l.records, recordsFrom(t, p, &from)...)
		l.steps = append(l.steps, lifeStep{what, len(l.records), repeat})
		if what == "end" {
			// Its answer left when the Prepare record was durable, one record before.
			l.steps = append(l.steps, lifeStep{what, len(l.records) - 1, repeat})
		}
	}
	producerID, epoch := int64(-1), int16(-1)
	initialize := func() {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionalID, req.TransactionTimeoutMillis = 5, new("tx"), 60_000
		req.ProducerID, req.ProducerEpoch = producerID, epoch
		resp := c.InitProducerID(t.Context(), req)
		wantNone(t, resp.ErrorCode)
		id, next := resp.ProducerID, resp.ProducerEpoch
		repeats := epoch != -1 // Else the question is another one: it comes from a new producer.
		producerID, epoch = id, next
		did("init", func(tb testing.TB, c *Coordinator) bool {
			tb.Helper()
			resp := c.InitProducerID(tb.Context(), req)
			return !repeats && resp.ErrorCode == 0 || resp.ErrorCode == 0 && resp.ProducerID == id && resp.ProducerEpoch == next
		})
	}
	add := func() {
		id, e := producerID, epoch
		wantNone(t, int16(c.Verify(t.Context(), "tx", id, e, []TopicPartition{{"t", 0}, {"t", 1}}, true)[0]))
		did("add", func(tb testing.TB, c *Coordinator) bool {
			tb.Helper()
			return c.Verify(tb.Context(), "tx", id, e, []TopicPartition{{"t", 0}, {"t", 1}}, true)[0] == wire.None
		})
	}
	end := func(commit bool) {
		req := kmsg.NewPtrEndTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 5, "tx", producerID, epoch, commit
		resp := c.EndTxn(t.Context(), req)
		wantNone(t, resp.ErrorCode)
		producerID, epoch = resp.ProducerID, resp.ProducerEpoch
		did("end", func(tb testing.TB, c *Coordinator) bool {
			tb.Helper()
			again := c.EndTxn(tb.Context(), req)
			return again.ErrorCode == 0 && again.ProducerID == resp.ProducerID && again.ProducerEpoch == resp.ProducerEpoch
		})
	}
	initialize()
	add()
	end(true)
	add()
	end(false)
	initialize() // recovers
	add()
	end(true) // epochs are used up
	add()
	end(true)
	if producerID == 500 {
		t.Fatalf("still %d/%d", producerID, epoch)
	}
	return l
}

func wantNone(tb testing.TB, code int16) {
	tb.Helper()
	if code != 0 {
		tb.Fatal(wire.ErrorCode(code))
	}
}

// TestUnreadableRecordsAreSkipped: the others count.
func TestUnreadableRecordsAreSkipped(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	good, _ := formatOf(2).Encode(nil, nil, Record{ID: "tx", Forgotten: true})
	_, value := formatOf(2).Encode(nil, nil, Record{ID: "tx", Metadata: begunMetadata(5, -1, 1000, 1)})
	log.Append(t, 0, func(b *record.Builder) {
		b.Append(1, []byte{0, 9}, value)
		b.Append(1, good, []byte{0, 7})
		b.Append(1, good, value)
		b.Append(1, nil, value)
	})
	c := start(t, testOptions(log))
	if state := awaitEnd(t, c); state != "Empty" || c.Skipped() != 3 {
		t.Errorf("%s, %d skipped", state, c.Skipped())
	}
}

// TestWithoutItsTopicThereIsNoCoordinator: FindCoordinator makes the topic.
func TestWithoutItsTopicThereIsNoCoordinator(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	log.Count = 0
	c := start(t, testOptions(log))
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis = 2, new("tx"), 1000
	if code := wire.ErrorCode(c.InitProducerID(t.Context(), req).ErrorCode); code != wire.NotCoordinator {
		t.Error(code)
	}
	list := c.ListTransactions(t.Context(), kmsg.NewPtrListTransactionsRequest())
	if list.ErrorCode != 0 || len(list.TransactionStates) > 0 {
		t.Errorf("%+v", list)
	}
}

func TestClosedCoordinatorRefuses(t *testing.T) {
	log := openLog(t, vfs.NewMemory(), 1)
	defer log.Close(t)
	c := New(testOptions(log))
	stop(t, c)
	stop(t, c) // Once more is no harm.
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID = 5, "tx"
	if code := wire.ErrorCode(c.EndTxn(t.Context(), req).ErrorCode); code != wire.NotCoordinator {
		t.Error(code)
	}
	if code := wire.ErrorCode(c.ListTransactions(t.Context(), kmsg.NewPtrListTransactionsRequest()).ErrorCode); code != wire.CoordinatorNotAvailable {
		t.Error(code)
	}
}

// TestExpiryOnAFullDiskWaitsForTheNextLook: IDs that can't be deleted are left alone until the next look, and nobody is told that they are gone.
func TestExpiryOnAFullDiskWaitsForTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := openLog(t, vfs.NewMemory(), 1)
		defer log.Close(t)
		var disk coordinatortest.Disk
		var lines bytes.Buffer
		log.Wrap = disk.Wrap
		const ids = maxExpired + 1
		records := make([]Record, ids)
		for i := range records {
			records[i] = Record{ID: fmt.Sprint("id-", i), Metadata: begunMetadata(int64(i), -1, 60_000, time.Now().UnixMilli())}
		}
		appendRecords(t, log, 0, 2, records...)
		o := testOptions(log)
		o.Log = slog.New(slog.NewTextHandler(&lines, nil))
		c := New(o)
		defer stop(t, c)
		wantEqual := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
		}
		wantEqual("ids", listAll(t, c), ids)
		disk.Full.Store(true)
		time.Sleep(7*24*time.Hour + 150*time.Minute)
		wantEqual("kept", listAll(t, c), ids)
		if n := disk.Refused.Load(); n < 2 || n > 4 {
			t.Errorf("%d appends to a full disk", n)
		}
		wantEqual("bytes of lines", lines.Len(), 0)
		disk.Full.Store(false)
		time.Sleep(time.Hour)
		wantEqual("left", listAll(t, c), 0)
		wantEqual("lines about it", strings.Count(lines.String(), "expired transactional ids deleted"), 2)
	})
}
