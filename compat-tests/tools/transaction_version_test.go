package tools

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

// TestFeaturesLowerTheVersionOfTransactions lowers and raises it with producers of both versions connected, each in a transaction.
func TestFeaturesLowerTheVersionOfTransactions(t *testing.T) {
	x := startTransactions(t, nil)
	producers := []*kgo.Client{x.begin("new"), x.beginOld("old")}
	x.features("2")
	want := len(producers)
	for _, level := range []string{"1", "2"} {
		command := map[string]string{"1": "downgrade", "2": "upgrade"}[level]
		run(t, "", "kafka-features", "--bootstrap-server", x.at, command, "--feature", "transaction.version="+level)
		x.features(level)
		for _, p := range producers {
			x.end(p, kgo.TryCommit) // what was begun before
			x.another(p)
			want++
		}
		producers = append(producers, x.begin("came-at-"+level))
		want++
	}
	for _, p := range producers {
		x.end(p, kgo.TryCommit)
	}
	reader := x.client(kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := 0; n < want; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", n, want, err)
		}
		n += fetches.NumRecords()
	}
	if n := x.unstable(); n != 0 {
		t.Errorf("%d records unstable", n)
	}
}

// features waits until the tool shows a version of transactions.
func (x txnTools) features(level string) {
	x.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		out := run(x.t, "", "kafka-features", "--bootstrap-server", x.at, "describe")
		for line := range strings.Lines(out) {
			if strings.Contains(line, "transaction.version") && strings.Contains(line, "FinalizedVersionLevel: "+level) {
				return
			}
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("transaction.version is not %s:\n%s", level, out)
		}
	}
}

// beginOld is begin by a client of transaction version 1.
func (x txnTools) beginOld(id string) *kgo.Client {
	x.t.Helper()
	client := x.client(kgo.TransactionalID(id), kgo.TransactionTimeout(transactionTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxVersions(kversion.V3_9_0()))
	x.another(client)
	return client
}

// another opens one more transaction, with one record.
func (x txnTools) another(client *kgo.Client) {
	x.t.Helper()
	if err := client.BeginTransaction(); err != nil {
		x.t.Fatal(err)
	}
	if err := client.ProduceSync(x.t.Context(), &kgo.Record{Topic: "orders", Value: []byte("v")}).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
}

// TestTransactionLogIsReadByKafkasFormatter has Kafka's tool read the coordinator's own topic.
func TestTransactionLogIsReadByKafkasFormatter(t *testing.T) {
	x := startTransactions(t, map[string]string{"transaction.state.log.num.partitions": "1"})
	open, done := x.begin("open"), x.begin("done")
	x.end(done, kgo.TryCommit)
	x.becomes([]string{"list"}, "done", "CompleteCommit")
	x.end(open, kgo.TryAbort)
	x.becomes([]string{"list"}, "open", "CompleteAbort")
	// Empty, Ongoing, Prepare and Complete of each.
	out := run(t, "", "kafka-console-consumer", "--bootstrap-server", x.at, "--topic", "__transaction_state", "--from-beginning",
		"--formatter", "org.apache.kafka.tools.consumer.TransactionLogMessageFormatter", "--max-messages", "8", "--timeout-ms", "60000")
	for _, id := range []string{"open", "done"} {
		for _, status := range []int{0, 1, map[string]int{"done": 2, "open": 3}[id], map[string]int{"done": 4, "open": 5}[id]} {
			found := false
			for line := range strings.Lines(out) {
				found = found || strings.Contains(line, `"transactionalId":"`+id+`"`) && strings.Contains(line, fmt.Sprintf(`"transactionStatus":%d`, status))
			}
			if !found {
				t.Errorf("no record of %s in state %d:\n%s", id, status, out)
			}
		}
	}
	contains(t, out, `"topic":"orders","partitionIds":[0]`, `"transactionTimeoutMs":600000`)
}
