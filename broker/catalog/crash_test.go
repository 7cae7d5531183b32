package catalog

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// crashEnv makes the test binary a process that changes a catalog until it is killed.
const crashEnv = "CATALOG_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		changeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// changeUntilKilled prints each change once it was acknowledged.
func changeUntilKilled(path string) {
	static, err := config.FromMap(nil)
	if err != nil {
		panic(err)
	}
	c, err := Open(Options{Path: path, Config: config.New(static), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Fprintf(os.Stdout, format+"\n", args...)
	}
	ctx := context.Background()
	process := os.Getpid()
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("t-%d-%d-%d", process, w, i)
				if err := c.CreateTopics(ctx, []NewTopic{{name, int32(i%5 + 1), map[string]string{"retention.ms": fmt.Sprint(i)}}}); err != nil {
					panic(err)
				}
				say("created %s", name)
				if i%3 == 0 {
					topic := c.Image().TopicByName(name)
					if err := c.DeleteTopics(ctx, []logstore.TopicID{topic.ID}); err != nil {
						panic(err)
					}
					say("deleted %s", name)
				}
			}
		}()
	}
	for {
		first, _, err := c.AllocateProducerIDs(ctx)
		if err != nil {
			panic(err)
		}
		say("ids %d", first)
	}
}

// TestKilledProcessLosesNothing kills a process in the middle of its work, again and
// again on the same file. What it acknowledged is there; what it deleted isn't.
func TestKilledProcessLosesNothing(t *testing.T) {
	path := file(t)
	there, gone, lastID, acknowledged := map[string]bool{}, map[string]bool{}, int64(-1), 0
	for round := range 6 {
		ctx, kill := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), crashEnv+"="+path)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(stdout)
		for n := 0; lines.Scan(); n++ {
			verb, what, _ := strings.Cut(lines.Text(), " ")
			switch verb {
			case "created":
				there[what] = true
			case "deleted":
				delete(there, what)
				gone[what] = true
			case "ids":
				var first int64
				_, err := fmt.Sscan(what, &first)
				must(t, err)
				if first <= lastID {
					t.Errorf("producer IDs from %d after %d", first, lastID)
				}
				lastID = first
			}
			if acknowledged++; n == 30+20*round {
				kill() // SIGKILL
			}
		}
		kill()
		_ = cmd.Wait() // it was killed
	}
	c := open(t, Options{Path: path})
	deleting := map[string]bool{}
	for _, topic := range c.Image().Deleting() {
		deleting[topic.Name] = true
	}
	for name := range there {
		// A deletion may have been made and not acknowledged before the end.
		if c.Image().TopicByName(name) == nil && !deleting[name] {
			t.Errorf("%s is lost", name)
		}
	}
	for name := range gone {
		if c.Image().TopicByName(name) != nil || !deleting[name] {
			t.Errorf("%s was deleted, and is back or an orphan", name)
		}
	}
	if acknowledged < 300 {
		t.Errorf("only %d changes", acknowledged)
	}
	t.Logf("%d acknowledged changes, %d topics", acknowledged, c.Image().Len())
}

// TestCopyAfterAnyCommitOpens takes the file as it is after each commit, which is what
// a power cut right after the acknowledgement leaves.
func TestCopyAfterAnyCommitOpens(t *testing.T) {
	path, copied := file(t), file(t)
	c := open(t, Options{Path: path})
	for i := range 60 {
		name := fmt.Sprint("t", i)
		must(t, c.CreateTopics(t.Context(), []NewTopic{{name, 1, nil}}))
		if i%2 == 0 {
			must(t, c.DeleteTopics(t.Context(), []logstore.TopicID{id(t, c, name)}))
		}
		content, err := os.ReadFile(path)
		must(t, err)
		got, err := reopen(t, copied, content)
		must(t, err)
		if got != describe(c) {
			t.Fatalf("after %s:\n%s\ninstead of\n%s", name, got, describe(c))
		}
	}
}

func BenchmarkCreateOneByOne(b *testing.B) {
	c := open(b, Options{Path: file(b)})
	for i := 0; b.Loop(); i++ {
		must(b, c.CreateTopics(context.Background(), []NewTopic{{fmt.Sprint("topic-", i), 10, nil}}))
	}
}

// The figure is for 1,000 topics.
func BenchmarkCreate1000Concurrently(b *testing.B) {
	for range b.N {
		c := open(b, Options{Path: file(b)})
		var waiting sync.WaitGroup
		start := time.Now()
		for w := range 64 {
			waiting.Go(func() {
				for i := w; i < 1000; i += 64 {
					must(b, c.CreateTopics(context.Background(), []NewTopic{{fmt.Sprint("topic-", i), 10, nil}}))
				}
			})
		}
		waiting.Wait()
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/1000")
	}
}

func BenchmarkCreate1000InOneRequest(b *testing.B) {
	for range b.N {
		c := open(b, Options{Path: file(b)})
		var topics []NewTopic
		for i := range 1000 {
			topics = append(topics, NewTopic{fmt.Sprint("topic-", i), 10, nil})
		}
		start := time.Now()
		must(b, c.CreateTopics(context.Background(), topics))
		b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms/1000")
	}
}

func BenchmarkOpen1000Topics(b *testing.B) {
	path := file(b)
	c := open(b, Options{Path: path})
	var topics []NewTopic
	for i := range 1000 {
		topics = append(topics, NewTopic{fmt.Sprint("topic-", i), 10, map[string]string{"retention.ms": fmt.Sprint(i)}})
	}
	must(b, c.CreateTopics(context.Background(), topics))
	must(b, c.Close())
	for b.Loop() {
		c, err := Open(Options{Path: path, Config: newConfig(b, nil)})
		must(b, err)
		must(b, c.Close())
	}
}

func BenchmarkOpenNew(b *testing.B) {
	for b.Loop() {
		c, err := Open(Options{Path: file(b), Config: newConfig(b, nil)})
		must(b, err)
		must(b, c.Close())
	}
}

func BenchmarkTopicByName(b *testing.B) {
	c := open(b, Options{})
	var topics []NewTopic
	for i := range 10000 {
		topics = append(topics, NewTopic{fmt.Sprint("topic-", i), 10, nil})
	}
	must(b, c.CreateTopics(context.Background(), topics))
	topic := c.Image().TopicByName("topic-77").ID
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Image().TopicByName("topic-77")
		}
	})
	b.Run("id", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Image().TopicByID(topic)
		}
	})
}
