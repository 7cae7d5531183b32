package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/faults/load"
	"github.com/clatterhq/clatter/compat-tests/faults/proxy"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// foreignRate is how many records a second a foreign producer is given. Their answers are lost and held back as in
// TestLostProduceAnswersMakeNoDuplicates, but not sent twice: that only shows how a client meets nonsense.
const foreignRate = 1000

// TestLostAnswersToLibrdkafka is bar R13 for librdkafka.
func TestLostAnswersToLibrdkafka(t *testing.T) {
	if _, err := exec.LookPath("kcat"); err != nil {
		report.Skip(t, "kcat: %v", err)
	}
	loseForeignAnswers(t, func(ctx context.Context, addr string) *exec.Cmd {
		// kcat gives up when every broker that it knows is gone: it knows this one by two names.
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		return exec.CommandContext(ctx, "kcat", "-b", addr+",localhost:"+port, "-P", "-t", "foreign", "-p", "0", "-X", "enable.idempotence=true", "-X", "linger.ms=2",
			"-X", "retry.backoff.ms=20", "-X", "reconnect.backoff.ms=10", "-X", "reconnect.backoff.max.ms=100")
	})
}

// feedNumbers writes 0 to records-1, a line each, at foreignRate. io.EOF is its success.
func feedNumbers(ctx context.Context, w io.Writer, records int) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for next := 0; next < records; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		for range min(foreignRate/100, records-next) {
			if _, err := fmt.Fprintln(w, next); err != nil {
				return err
			}
			next++
		}
	}
	return io.EOF
}

// TestLostAnswersToJava is bar R13 for the Java client.
func TestLostAnswersToJava(t *testing.T) {
	jvm := install.Java(t, "kafka-tools", jars.ToolsPOM)
	loseForeignAnswers(t, func(ctx context.Context, addr string) *exec.Cmd {
		return jvm.Command(ctx, "256m",
			"org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", addr, "--topic", "foreign", "--command-property", "retries=2147483647",
			"--command-property", "linger.ms=2", "--command-property", "retry.backoff.ms=20", "--command-property", "delivery.timeout.ms=60000",
			"--command-property", "reconnect.backoff.ms=10", "--command-property", "reconnect.backoff.max.ms=100")
	})
}

// loseForeignAnswers has a client produce the lines of its standard input, which are the numbers from 0 on in order to the one partition of topic "foreign", and looks for each once
// and in order.
func loseForeignAnswers(t *testing.T, producer func(ctx context.Context, addr string) *exec.Cmd) {
	t.Helper()
	duration := proxyTime(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*duration+2*time.Minute)
	defer cancel()
	p := behindProxy(t, proxy.Faults{LoseShare: 0.1, SlowShare: 0.1, MaxDelay: 50 * time.Millisecond, Seed: 2})
	if err := load.CreateTopic(ctx, load.Settings{Addr: p.Addr(), Topic: "foreign", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	records := int(duration.Seconds()) * foreignRate
	cmd := producer(ctx, p.Addr())
	lines, feed := io.Pipe()
	cmd.Stdin = lines
	go func() { feed.CloseWithError(feedNumbers(ctx, feed, records)) }()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("producer: %v\n%s", err, tailOf(output.String()))
	}
	for line := range strings.Lines(output.String()) {
		if text := strings.ToUpper(line); strings.Contains(text, "OUT_OF_ORDER") || strings.Contains(text, "OUTOFORDER") || strings.Contains(text, "ERROR WHEN SENDING") {
			t.Errorf("the producer was told: %s", line)
		}
	}
	if p.Lost() == 0 {
		t.Error("no answer was lost: nothing was tested")
	}
	t.Logf("%d records, %d answers lost", records, p.Lost())
	expectNumbers(ctx, t, p.Addr(), records)
}

// tailOf is the last lines of an output.
func tailOf(text string) string { return text[max(0, len(text)-2000):] }

// expectNumbers reads the topic to its end.
func expectNumbers(ctx context.Context, t *testing.T, addr string, records int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"foreign": {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	end := ends(ctx, t, addr, "foreign")[0]
	if end != int64(records) {
		t.Errorf("the log ends at %d, want %d", end, records)
	}
	for next := 0; int64(next) < end; {
		fetches := client.PollFetches(ctx)
		if err := errors.Join(fetches.Err(), ctx.Err()); err != nil {
			t.Fatal(err)
		}
		for iter := fetches.RecordIter(); !iter.Done(); next++ {
			if r := iter.Next(); string(r.Value) != strconv.Itoa(next) {
				t.Fatalf("offset %d holds %q, want %d", r.Offset, r.Value, next)
			}
		}
	}
}
