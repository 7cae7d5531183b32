package tools

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

// transactionTimeout is that of transactions which stay open while tools run: longer than tools take on a busy machine.
const transactionTimeout = 10 * time.Minute

// txnTools is a broker with the topic orders and the tool for transactions.
type txnTools struct {
	groupTools
	admin *kadm.Client
}

func startTransactions(t *testing.T, overrides map[string]string) txnTools {
	t.Helper()
	g := groupTools{t: t, at: brokertest.Start(t, overrides).Addr()}
	createTopic(t, g.at, "orders", "--partitions", "2")
	return txnTools{g, kadm.NewClient(g.client())}
}

// tool runs kafka-transactions, which must succeed, and returns the rows of what it prints, each with its columns.
func (x txnTools) tool(args ...string) [][]string {
	x.t.Helper()
	var rows [][]string
	for line := range strings.Lines(run(x.t, "", "kafka-transactions", append([]string{"--bootstrap-server", x.at}, args...)...)) {
		if columns := strings.Fields(line); len(columns) > 0 {
			rows = append(rows, columns)
		}
	}
	return rows
}

// row is the first row that has a word in one of its columns.
func row(t *testing.T, rows [][]string, word string) []string {
	t.Helper()
	for _, r := range rows {
		if slices.Contains(r, word) {
			return r
		}
	}
	t.Fatalf("no %q in %v", word, rows)
	return nil
}

// begin opens a transaction that wrote a record to partition 0.
func (x txnTools) begin(id string) *kgo.Client {
	x.t.Helper()
	client := x.client(kgo.TransactionalID(id), kgo.TransactionTimeout(transactionTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := client.BeginTransaction(); err != nil {
		x.t.Fatal(err)
	}
	if err := client.ProduceSync(x.t.Context(), &kgo.Record{Topic: "orders", Value: []byte("v")}).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
	return client
}

func (x txnTools) end(client *kgo.Client, how kgo.TransactionEndTry) {
	x.t.Helper()
	if err := client.EndTransaction(x.t.Context(), how); err != nil {
		x.t.Fatal(err)
	}
}

// unstable is how many records of partition 0 are behind the last stable offset.
func (x txnTools) unstable() int64 {
	x.t.Helper()
	stable, err := x.admin.ListCommittedOffsets(x.t.Context(), "orders")
	if err != nil {
		x.t.Fatal(err)
	}
	ends, err := x.admin.ListEndOffsets(x.t.Context(), "orders")
	if err != nil {
		x.t.Fatal(err)
	}
	return ends["orders"][0].Offset - stable["orders"][0].Offset
}

// becomes tries until the tool prints a row with all of these words.
func (x txnTools) becomes(args []string, words ...string) {
	x.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		rows := x.tool(args...)
		for _, r := range rows {
			if line := strings.Join(r, " "); containsAll(line, words) {
				return
			}
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("no row with %v in %v", words, rows)
		}
	}
}

func containsAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func TestTransactionsListAndDescribe(t *testing.T) {
	x := startTransactions(t, nil)
	open, done := x.begin("open"), x.begin("done")
	x.end(done, kgo.TryCommit)
	x.becomes([]string{"list"}, "open", "Ongoing")
	x.becomes([]string{"list"}, "done", "CompleteCommit")
	// --duration-filter and --transactional-id-pattern are passed on to the broker.
	if rows := x.tool("list", "--duration-filter", "3600000"); len(rows) != 1 {
		t.Errorf("transactions of an hour: %v", rows)
	}
	if rows := x.tool("list", "--transactional-id-pattern", "op.*"); len(rows) != 2 || rows[1][0] != "open" {
		t.Errorf("transactions op.*: %v", rows)
	}
	described := row(t, x.tool("describe", "--transactional-id", "open"), "open")
	if text := strings.Join(described, " "); !containsAll(text, []string{"Ongoing", "orders-0", "600000"}) {
		t.Errorf("describe: %s", text)
	}
	producers := x.tool("describe-producers", "--topic", "orders", "--partition", "0")
	if len(producers) != 3 {
		t.Fatalf("producers: %v", producers)
	}
	x.end(open, kgo.TryAbort)
	x.becomes([]string{"describe", "--transactional-id", "open"}, "CompleteAbort")
	if r := tool(t, "", "kafka-transactions", "--bootstrap-server", x.at, "describe", "--transactional-id", "nobody"); r.code == 0 || !strings.Contains(r.stdout+r.stderr, "nobody") {
		t.Errorf("describe nobody: exit code %d, %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestTransactionsForceTerminate(t *testing.T) {
	x := startTransactions(t, nil)
	open := x.begin("open")
	x.tool("forceTerminateTransaction", "--transactionalId", "open")
	deadline := time.Now().Add(time.Minute)
	for x.unstable() != 0 {
		if time.Now().After(deadline) {
			t.Fatal("the transaction is still open")
		}
	}
	err := open.EndTransaction(t.Context(), kgo.TryCommit)
	if err == nil {
		t.Error("the terminated producer committed")
	}
}

// TestTransactionsFindAndAbortHanging lets a partition believe in a transaction that no coordinator knows, which takes a broker
// that does not verify.
func TestTransactionsFindAndAbortHanging(t *testing.T) {
	x := startTransactions(t, map[string]string{"transaction.partition.verification.enable": "false"})
	if rows := x.tool("find-hanging", "--topic", "orders"); len(rows) != 1 {
		t.Errorf("hanging before there is one: %v", rows)
	}
	x.hang()
	if n := x.unstable(); n == 0 {
		t.Fatal("nothing hangs")
	}
	rows := x.tool("find-hanging", "--topic", "orders", "--max-transaction-timeout", "1")
	found := row(t, rows, "orders")
	if len(rows) != 2 || found[1] != "0" {
		t.Fatalf("hanging: %v", rows)
	}
	x.tool("abort", "--topic", "orders", "--partition", "0", "--start-offset", "0")
	if n := x.unstable(); n != 0 {
		t.Errorf("%d records still unstable", n)
	}
	if rows := x.tool("find-hanging", "--topic", "orders", "--max-transaction-timeout", "1"); len(rows) != 1 {
		t.Errorf("hanging after the abort: %v", rows)
	}
}

// hang writes a record of a transaction that was never begun, with a time long ago.
func (x txnTools) hang() {
	x.t.Helper()
	client := x.client()
	init := kmsg.NewPtrInitProducerIDRequest()
	init.TransactionalID, init.TransactionTimeoutMillis = new("hanging"), 60_000
	var given *kmsg.InitProducerIDResponse
	for given == nil || given.ErrorCode == kerr.ConcurrentTransactions.Code || given.ErrorCode == kerr.CoordinatorNotAvailable.Code || given.ErrorCode == kerr.NotCoordinator.Code {
		var err error
		if given, err = init.RequestWith(x.t.Context(), client); err != nil {
			x.t.Fatal(err)
		}
	}
	produce := kmsg.NewPtrProduceRequest()
	produce.TransactionID, produce.Acks, produce.TimeoutMillis = new("hanging"), -1, 10_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "orders"
	topic.Partitions = []kmsg.ProduceRequestTopicPartition{{Records: transactionalBatch(given.ProducerID, given.ProducerEpoch, time.Now().Add(-time.Hour))}}
	produce.Topics = append(produce.Topics, topic)
	old := brokertest.Client(x.t, x.at, kgo.MaxVersions(kversion.V3_9_0()))
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	answer, err := old.Broker(1).Request(ctx, produce)
	if err != nil {
		x.t.Fatal(err)
	}
	if resp, ok := answer.(*kmsg.ProduceResponse); !ok || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		x.t.Fatalf("produce: %+v", answer)
	}
}

// transactionalBatch is a batch of one record at a time.
func transactionalBatch(producerID int64, epoch int16, at time.Time) []byte {
	record := kmsg.Record{Value: []byte("v")}
	body := record.AppendTo(nil)[1:]
	batch := kmsg.RecordBatch{
		Magic: 2, Attributes: 0x10, FirstTimestamp: at.UnixMilli(), MaxTimestamp: at.UnixMilli(), ProducerID: producerID, ProducerEpoch: epoch, NumRecords: 1,
		Records: append(binary.AppendVarint(nil, int64(len(body))), body...),
	}
	raw := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[8:], uint32(len(raw)-12))
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

var perfPattern = regexp.MustCompile(`(?m)^(\d+) records sent`)

func TestTransactionalProducerPerf(t *testing.T) {
	x := startTransactions(t, nil)
	const count = 5000
	out := run(t, "", "kafka-producer-perf-test", "--topic", "orders", "--num-records", fmt.Sprint(count), "--record-size", "100", "--throughput", "-1",
		"--bootstrap-server", x.at, "--transactional-id", "perf", "--transaction-duration-ms", "50")
	all := perfPattern.FindAllStringSubmatch(out, -1)
	if len(all) == 0 || all[len(all)-1][1] != fmt.Sprint(count) {
		t.Errorf("perf: %s", out)
	}
	x.becomes([]string{"list"}, "perf", "CompleteCommit")
	reader := x.client(kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; n < count; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", n, err)
		}
		n += fetches.NumRecords()
	}
}
