package streams

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/program"
)

const (
	partitionCount = 2
	timeLimit      = 6 * time.Minute
	batch          = 40 // Lines, and pairs, of one round.
)

// words are those of which lines are made.
var words = []string{"jackdaw", "rook", "crow", "magpie", "jay"}

// application is one process of the program, which is started again where it was killed.
type application struct {
	t           *testing.T
	java        *install.JVM
	state, addr string
	process     *program.Program
}

func compile(t *testing.T) *application {
	t.Helper()
	java := install.Java(t, "kafka-streams", jars.StreamsPOM)
	java.Compile(t, t.TempDir(), "src/WordsAndPairs.java")
	return &application{t: t, java: java, state: t.TempDir()}
}

func (a *application) start() {
	a.t.Helper()
	a.process = program.Start(a.t, "application", a.java.Command(context.WithoutCancel(a.t.Context()), "256m",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "WordsAndPairs", a.addr, a.state), nil)
}

// run is the application with what goes in and what must come out.
type run struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // It is the test's.
	broker *launch.Broker
	writer *kgo.Client
	reader *kgo.Client
	lines  int
	pairs  int
	want   map[string]int // Word counts.
	counts map[string]int // Last count that was read, by word.
	joined map[string]bool
}

func startRun(ctx context.Context, t *testing.T) *run {
	t.Helper()
	r := &run{t: t, ctx: ctx, want: map[string]int{}, counts: map[string]int{}, joined: map[string]bool{}}
	r.broker = brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4", "transaction.state.log.num.partitions": "4"})
	r.writer = brokertest.Client(t, r.broker.Addr())
	admin := kadm.NewClient(r.writer)
	for _, topic := range []string{"lines", "left", "right", "counts", "pairs"} {
		if _, err := admin.CreateTopic(ctx, partitionCount, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	r.reader = brokertest.Client(t, r.broker.Addr(), kgo.ConsumeTopics("counts", "pairs"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	return r
}

// write writes lines and both halves of pairs.
func (r *run) write() {
	r.t.Helper()
	var records []*kgo.Record
	for range batch {
		var line []string
		for i, word := range words {
			if r.lines%(i+1) == 0 {
				line = append(line, word)
				r.want[word]++
			}
		}
		key := []byte(strconv.Itoa(r.lines))
		records = append(records, &kgo.Record{Topic: "lines", Key: key, Value: []byte(strings.Join(line, " "))},
			&kgo.Record{Topic: "left", Key: key, Value: []byte("l" + string(key))}, &kgo.Record{Topic: "right", Key: key, Value: []byte("r" + string(key))})
		r.lines++
		r.pairs++
	}
	if err := r.writer.ProduceSync(r.ctx, records...).FirstErr(); err != nil {
		r.t.Fatal(err)
	}
}

// read reads until at least so many pairs and the counts of so many lines are there, which is everything where part is 1.
func (r *run) read(what string, part float64) {
	r.t.Helper()
	begun := time.Now()
	total := 0
	for _, n := range r.want {
		total += n
	}
	for {
		sum := 0
		for _, n := range r.counts {
			sum += n
		}
		if float64(sum) >= part*float64(total) && float64(len(r.joined)) >= part*float64(r.pairs) {
			r.t.Logf("%s: %d counts and %d pairs after %s", what, sum, len(r.joined), time.Since(begun).Round(time.Millisecond))
			return
		}
		fetches := r.reader.PollFetches(r.ctx)
		if r.ctx.Err() != nil {
			r.t.Fatalf("%s: %d of %d counts, %d of %d pairs", what, sum, total, len(r.joined), r.pairs)
		}
		fetches.EachRecord(r.check)
	}
}

// check takes one record of the output: each word is counted 1, 2, 3 …, each pair comes once.
func (r *run) check(record *kgo.Record) {
	r.t.Helper()
	key, value := string(record.Key), string(record.Value)
	if record.Topic == "pairs" {
		if r.joined[key] || value != "l"+key+"+r"+key {
			r.t.Fatalf("pair %s is %q, seen before: %t", key, value, r.joined[key])
		}
		r.joined[key] = true
		return
	}
	if want := strconv.Itoa(r.counts[key] + 1); value != want {
		r.t.Fatalf("%q was counted %s, want %s (offset %d)", key, value, want, record.Offset)
	}
	r.counts[key]++
}

func TestExactlyOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	a := compile(t)
	r := startRun(ctx, t)
	a.addr = r.broker.Addr()
	a.start()
	r.write()
	r.read("at first", 1)

	r.write()
	r.read("before the application is killed", 0.6)
	a.process.Kill()
	r.write()
	a.start()
	r.read("after the application was killed", 1)

	r.write()
	r.read("before the broker is killed", 0.9)
	if err := errors.Join(r.broker.Kill(), r.broker.Restart(ctx)); err != nil {
		t.Fatal(err)
	}
	r.write()
	r.read("after the broker was killed", 1)
	a.process.Close(t, nil)
	if code := a.process.State().ExitCode(); code != 0 {
		t.Errorf("application: exit code %d", code)
	}
	if !maps.Equal(r.counts, r.want) {
		t.Errorf("counted %v, want %v", r.counts, r.want)
	}
	t.Logf("%d lines, %d pairs", r.lines, r.pairs)
}
