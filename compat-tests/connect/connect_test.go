package connect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/program"
)

const (
	timeLimit = 4 * time.Minute
	batch     = 500 // Lines that are written at once.
)

// worker is one process of Connect, which is started again where it was killed.
type worker struct {
	t          *testing.T
	ctx        context.Context //nolint:containedctx // It is the test's.
	java       *install.JVM
	properties string
	url        string
	process    *program.Program
}

func newWorker(ctx context.Context, t *testing.T, addr string) *worker {
	t.Helper()
	home := t.TempDir()
	w := &worker{t: t, ctx: ctx, java: install.Java(t, "kafka-connect", jars.ConnectPOM), properties: filepath.Join(home, "worker.properties"), url: "http://" + brokertest.FreeAddr(t)}
	lines := []string{
		"bootstrap.servers=" + addr, "group.id=connect-cluster", "listeners=" + w.url, "plugin.discovery=only_scan",
		"key.converter=org.apache.kafka.connect.storage.StringConverter", "value.converter=org.apache.kafka.connect.storage.StringConverter",
		"config.storage.topic=connect-configs", "offset.storage.topic=connect-offsets", "status.storage.topic=connect-status",
		"config.storage.replication.factor=1", "offset.storage.replication.factor=1", "status.storage.replication.factor=1", "offset.storage.partitions=2",
		"exactly.once.source.support=enabled", "offset.flush.interval.ms=500", "session.timeout.ms=6000", "heartbeat.interval.ms=500",
		"scheduled.rebalance.max.delay.ms=0", "reconnect.backoff.max.ms=200",
	}
	if err := os.WriteFile(w.properties, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// told are the loggers of a worker that say what it found in its topics, what it went on from and what it committed: without them nobody could
// explain a line that comes again.
var told = map[string]string{
	"connect.util.KafkaBasedLog": "trace", "connect.file": "debug", "connect.runtime.ExactlyOnceWorkerSourceTask": "debug",
	"clients.producer.internals.TransactionManager": "info",
}

func (w *worker) start() {
	w.t.Helper()
	const logger = "-Dorg.slf4j.simpleLogger."
	args := []string{logger + "defaultLogLevel=warn", logger + "showDateTime=true", logger + "dateTimeFormat=HH:mm:ss.SSS"}
	for name, level := range told {
		args = append(args, logger+"log.org.apache.kafka."+name+"="+level)
	}
	args = append(args, "org.apache.kafka.connect.cli.ConnectDistributed", w.properties)
	w.process = program.Start(w.t, "worker", w.java.Command(context.WithoutCancel(w.t.Context()), "384m", args...), nil)
}

// configure puts a connector, again and again until the worker is ready for it.
func (w *worker) configure(name string, config map[string]string) {
	w.t.Helper()
	body, err := json.Marshal(config)
	if err != nil {
		w.t.Fatal(err)
	}
	begun := time.Now()
	for last := ""; ; {
		req, err := http.NewRequestWithContext(w.ctx, http.MethodPut, w.url+"/connectors/"+name+"/config", bytes.NewReader(body))
		if err != nil {
			w.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			last = resp.Status
			resp.Body.Close()
			if resp.StatusCode < 300 {
				w.t.Logf("configured after %s", time.Since(begun).Round(time.Millisecond))
				return
			}
		}
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("connector: %v, %s", err, last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// file is the file that is read, and what came of it.
type file struct {
	t       *testing.T
	path    string
	written int
	seen    int
	addr    string
	reader  *kgo.Client
}

// write appends lines.
func (f *file) write() {
	f.t.Helper()
	out, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	var text strings.Builder
	for range batch {
		fmt.Fprintf(&text, "line-%d\n", f.written)
		f.written++
	}
	_, err = out.WriteString(text.String())
	if err := errors.Join(err, out.Close()); err != nil {
		f.t.Fatal(err)
	}
}

// read reads the topic until it has so many lines, which must come in order and once.
func (f *file) read(ctx context.Context, what string, n int) {
	f.t.Helper()
	begun := time.Now()
	for f.seen < n {
		fetches := f.reader.PollFetches(ctx)
		if ctx.Err() != nil {
			f.t.Fatalf("%s: %d lines of %d", what, f.seen, n)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if want := "line-" + strconv.Itoa(f.seen); string(r.Value) != want {
				f.t.Errorf("%s: %q at offset %d, want %q", what, r.Value, r.Offset, want)
				f.explain(ctx)
				f.t.FailNow()
			}
			f.seen++
		})
	}
	f.t.Logf("%s: %d lines after %s", what, f.seen, time.Since(begun).Round(time.Millisecond))
}

// explain logs what there is of the connector's offsets and of the transactions in both topics, for somebody who wants to know who lost them.
func (f *file) explain(ctx context.Context) {
	f.t.Helper()
	reader := brokertest.Client(f.t, f.addr, kgo.ConsumeTopics("connect-offsets", "file-lines"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.KeepControlRecords())
	ends, err := kadm.NewClient(reader).ListEndOffsets(ctx, "connect-offsets", "file-lines")
	if err != nil {
		f.t.Fatal(err)
	}
	stable, err := kadm.NewClient(reader).ListCommittedOffsets(ctx, "connect-offsets", "file-lines")
	if err != nil {
		f.t.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) {
		last, _ := stable.Lookup(o.Topic, o.Partition)
		f.t.Logf("%s-%d ends at %d, stable before %d", o.Topic, o.Partition, o.Offset, last.Offset)
		left += o.Offset
	})
	type origin struct {
		id    int64
		epoch int16
	}
	var last origin // of the lines
	for left > 0 && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			left--
			from := origin{r.ProducerID, r.ProducerEpoch}
			if r.Topic == "connect-offsets" || r.Attrs.IsControl() || from != last {
				f.t.Logf("%s-%d, offset %d, producer %d epoch %d, control %v, %s: %q = %q", r.Topic, r.Partition, r.Offset, r.ProducerID, r.ProducerEpoch,
					r.Attrs.IsControl(), r.Timestamp.Format(time.StampMilli), r.Key, r.Value)
			}
			if r.Topic == "file-lines" {
				last = from
			}
		})
	}
}

func TestExactlyOnceSource(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	broker := brokertest.Start(t, map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "4", "transaction.state.log.num.partitions": "4", "num.partitions": "1"})
	w := newWorker(ctx, t, broker.Addr())
	reader := brokertest.Client(t, broker.Addr(), kgo.ConsumeTopics("file-lines"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.AllowAutoTopicCreation())
	f := &file{t: t, path: filepath.Join(t.TempDir(), "lines"), addr: broker.Addr(), reader: reader}
	f.write()
	w.start()
	w.configure("lines", map[string]string{
		"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "tasks.max": "1", "file": f.path, "topic": "file-lines",
		"exactly.once.support": "required", "transaction.boundary": "poll",
	})
	f.read(ctx, "at first", f.written)

	f.write() // The connector looks once a second: the worker dies before, while or after it copies this.
	w.process.Kill()
	f.write()
	w.start()
	f.read(ctx, "after the worker was killed", f.written)

	f.write()
	if err := errors.Join(broker.Kill(), broker.Restart(ctx)); err != nil {
		t.Fatal(err)
	}
	f.write()
	f.read(ctx, "after the broker was killed", f.written)
}
