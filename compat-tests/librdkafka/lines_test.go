package librdkafka

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/program"
)

// uncompressible is what old versions say of a batch of a few bytes, which a slow machine makes of what is to be one of hundreds: their zlib can't compress it.
var uncompressible = regexp.MustCompile(`(?m)^.*Failed to finish gzip compression.*: sending uncompressed\n`)

// TestLines produces with each codec and with each kind of acknowledgement; what was produced is read back as it was, by another client and by
// the library itself.
func TestLines(t *testing.T) {
	const count = 3_000
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "line-%d-%x\n", i, i*i*i)
	}
	for _, version := range versions {
		for _, codec := range []string{"none", "gzip", "snappy", "lz4"} {
			t.Run(version+"/"+codec, func(t *testing.T) {
				t.Parallel()
				broker := brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
				createTopic(t, broker.Addr())
				acks := map[string]string{"none": "0", "gzip": "1"}[codec]
				if acks == "" {
					acks = "all"
				}
				cmd := command(t, version, "lines.py", broker.Addr(), "lines", "compression.codec="+codec, "request.required.acks="+acks,
					"batch.num.messages=500", "queue.buffering.max.ms=100")
				cmd.Stdin = strings.NewReader(text.String())
				said, err := cmd.CombinedOutput()
				if err != nil || uncompressible.ReplaceAllString(string(said), "") != version+"\n" {
					t.Fatalf("%v: %s", err, said)
				}
				if got := read(t, broker.Addr(), count); got != text.String() {
					t.Error("another client reads something else")
				}
				refusedByKafka(t)
				if got := readBack(t, version, broker.Addr(), count); got != text.String() {
					t.Error("the library reads something else")
				}
			})
		}
	}
}

func createTopic(t *testing.T, addr string) {
	t.Helper()
	admin, err := kadm.NewOptClient(kgo.SeedBrokers(addr))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.CreateTopic(t.Context(), 1, 1, nil, "lines"); err != nil {
		t.Fatal(err)
	}
}

// read reads the topic lines with franz-go.
func read(t *testing.T, addr string, count int) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics("lines"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var text strings.Builder
	for n := 0; n < count; {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", n, err)
		}
		n += fetches.NumRecords()
		fetches.EachRecord(func(r *kgo.Record) { text.Write(append(r.Value, '\n')) })
	}
	return text.String()
}

// readBack reads the topic lines with a member of a group.
func readBack(t *testing.T, version, addr string, count int) string {
	t.Helper()
	var text strings.Builder // Of the goroutine that reads, until all is closed.
	all := make(chan struct{})
	reader := program.Start(t, "reader", command(t, version, "member.py", addr, "readers", "lines", "reader"), func(line string) bool {
		e := groups.ParseEvent(line)
		if e.Kind == groups.Record {
			text.WriteString(e.Value + "\n")
			if count--; count == 0 {
				close(all)
			}
		}
		return e.Kind != groups.Other
	})
	select {
	case <-all:
	case <-reader.Exited():
		t.Fatalf("the reader ended: %s", reader.State())
	case <-time.After(time.Minute):
		t.Fatalf("the reader misses records")
	}
	reader.Close(t, nil)
	return text.String()
}
