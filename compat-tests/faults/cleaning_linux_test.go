package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// TestCleanerLetsTheDataPathBe measures produces (acks=all, 1 KiB) and fetches (48 KiB anywhere) of one topic while another one is compacted, and
// while nothing is, in turn. Memory goes back when a cleaning is done. FAULT_CLEANINGS sets how many cleanings are measured; with 10 or more, on a
// machine that does nothing else, the 99th percentile may be 1.5 times of what it is without (the median of all rounds). One by default, for
// which the memory counts alone.
//
// Negative control: the time without a cleaner is measured twice, before and after; what differs between these is noise.
func TestCleanerLetsTheDataPathBe(t *testing.T) {
	cleanings := brokertest.Setting(t, "FAULT_CLEANINGS", 1)
	// What small maps took is given back by and by only, as other memory is.
	megabytes, slack := 64, int64(24<<20)
	if cleanings > 1 {
		megabytes, slack = 512, 16<<20
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cleanings)*2*time.Minute+time.Minute)
	defer cancel()
	m := newCleaningMeter(ctx, t)
	m.fill(ctx, megabytes/8)
	resident := statusBytes(t, m.broker.PID(), "VmRSS:")
	ratios := map[string][]float64{}
	for round := range cleanings {
		m.fill(ctx, megabytes)
		before := m.measure(ctx, func() { m.idle(ctx) })
		var length time.Duration
		during := m.measure(ctx, func() { length = m.clean(ctx) })
		after := m.measure(ctx, func() { m.idle(ctx) })
		t.Logf("round %d, %s of cleaning; 99th percentile of produces %s, cleaning %s, %s; of fetches %s, cleaning %s, %s", round, length.Round(time.Millisecond),
			before.produce, during.produce, after.produce, before.fetch, during.fetch, after.fetch)
		for name, ratio := range map[string]float64{
			"produce": during.produce.over(before.produce, after.produce), "produce noise": after.produce.over(before.produce),
			"fetch": during.fetch.over(before.fetch, after.fetch), "fetch noise": after.fetch.over(before.fetch),
		} {
			ratios[name] = append(ratios[name], ratio)
		}
	}
	for _, name := range []string{"produce", "produce noise", "fetch", "fetch noise"} {
		all := ratios[name]
		slices.Sort(all)
		median := all[len(all)/2]
		t.Logf("%s: %.2f times (a quarter of the rounds below %.2f, a quarter above %.2f)", name, median, all[len(all)/4], all[len(all)*3/4])
		if cleanings >= 10 && median > 1.5 && !strings.HasSuffix(name, "noise") {
			t.Errorf("%s: %.2f times, want at most 1.5", name, median)
		}
	}
	back := until(ctx, 20*time.Second, func() bool { return statusBytes(t, m.broker.PID(), "VmRSS:") < resident+slack })
	now, most := statusBytes(t, m.broker.PID(), "VmRSS:"), statusBytes(t, m.broker.PID(), "VmHWM:")
	t.Logf("resident: %d MiB before, %d at most, %d at last", resident>>20, most>>20, now>>20)
	if !back {
		t.Errorf("%d MiB are resident after the last cleaning, %d were before the first", now>>20, resident>>20)
	}
}

// latencies are how long requests of one kind took.
type latencies []time.Duration

func (l latencies) percentile99() time.Duration {
	sorted := slices.Sorted(slices.Values(l))
	return sorted[len(sorted)*99/100]
}

// over is how many times the 99th percentile of others, taken together, l has.
func (l latencies) over(others ...latencies) float64 {
	return l.percentile99().Seconds() / slices.Concat(others...).percentile99().Seconds()
}

// String is the 99th percentile.
func (l latencies) String() string { return l.percentile99().Round(10 * time.Microsecond).String() }

// measured are the two kinds of requests.
type measured struct{ produce, fetch latencies }

// cleaningMeter is a broker with a topic that is compacted when asked to, and one that is measured.
type cleaningMeter struct {
	*testing.T
	broker *launch.Broker
	client *kgo.Client
	admin  *kadm.Client
	random *rand.Rand
	// produced and fetched are what is measured. fetchOffset is part of the frame of the latter.
	produced, fetched *probe
	fetchOffset       []byte
}

// measuredRecords is how many records of the measured topic are fetched.
const measuredRecords = 10_000

func newCleaningMeter(ctx context.Context, t *testing.T) *cleaningMeter {
	t.Helper()
	broker := brokertest.Start(t, map[string]string{"log.cleaner.backoff.ms": "50", "log.segment.delete.delay.ms": "100"})
	client := brokertest.Client(t, broker.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	m := &cleaningMeter{T: t, broker: broker, client: client, admin: kadm.NewClient(client), random: rand.New(rand.NewPCG(1, 1))}
	// 9223372036854775807 leaves the filling to the page cache. Nothing is filthy enough until clean says so.
	configs := map[string]*string{
		"cleanup.policy": new("compact"), "min.cleanable.dirty.ratio": new("1.0"), "segment.bytes": new("33554432"), "flush.messages": new(neverSync),
	}
	_, err := m.admin.CreateTopic(ctx, 1, 1, configs, "cleaned")
	if _, err1 := m.admin.CreateTopic(ctx, 1, 1, nil, "measured"); errors.Join(err, err1) != nil {
		t.Fatal(err, err1)
	}
	for range measuredRecords / 16 { // A batch is answered whole, so it must be small.
		m.produceTo(ctx, "measured", 16, func(int) []byte { return nil })
	}
	m.newProbes(ctx)
	return m
}

// fill makes so many megabytes to compact, of which half a record for each stays.
func (m *cleaningMeter) fill(ctx context.Context, megabytes int) {
	m.Helper()
	for range megabytes {
		m.produceTo(ctx, "cleaned", 1024, func(int) []byte {
			return binary.BigEndian.AppendUint64(nil, m.random.Uint64N(uint64(megabytes)*512))
		})
	}
	unix.Sync() // or the system would write all of that while something is measured
}

// produceTo produces records of 1 KiB and waits for them.
func (m *cleaningMeter) produceTo(ctx context.Context, topic string, records int, key func(i int) []byte) {
	m.Helper()
	batch := make([]*kgo.Record, records)
	for i := range batch {
		value := make([]byte, 1000)
		for j := 0; j < len(value); j += 8 {
			binary.BigEndian.PutUint64(value[j:], m.random.Uint64())
		}
		batch[i] = &kgo.Record{Topic: topic, Key: key(i), Value: value}
	}
	if err := m.client.ProduceSync(ctx, batch...).FirstErr(); err != nil {
		m.Fatal(err)
	}
}

// clean has the topic compacted, waits until that is done, and says how long it took.
func (m *cleaningMeter) clean(ctx context.Context) time.Duration {
	m.Helper()
	before, began := m.cleanings(), time.Now()
	m.setRatio(ctx, "0.01")
	if !until(ctx, 2*time.Minute, func() bool { return m.cleanings() > before }) {
		m.Fatal("nothing is compacted")
	}
	took := time.Since(began)
	m.setRatio(ctx, "1.0")
	return took
}

// idle waits for as long as half a cleaning takes about, and does what clean does.
func (m *cleaningMeter) idle(ctx context.Context) {
	m.setRatio(ctx, "1.0")
	until(ctx, 3*time.Second, func() bool { return m.cleanings() < 0 })
	m.setRatio(ctx, "1.0")
}

// cleanings is how many there were so far.
func (m *cleaningMeter) cleanings() int {
	return strings.Count(m.broker.Log(), `msg="compacted a log" topic=cleaned`)
}

func (m *cleaningMeter) setRatio(ctx context.Context, ratio string) {
	m.Helper()
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "min.cleanable.dirty.ratio", Value: &ratio}}
	if responses, err := m.admin.AlterTopicConfigs(ctx, change, "cleaned"); err != nil || responses[0].Err != nil {
		m.Fatal(responses, err)
	}
}

// measure produces and fetches every two milliseconds as long as something goes on. Neither takes memory from the heap, so that the collector
// of this process, which shares processors with the broker, isn't measured with it.
func (m *cleaningMeter) measure(ctx context.Context, something func()) measured {
	m.Helper()
	runtime.GC()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 2)
	probe := func(request func() error) chan latencies {
		result := make(chan latencies, 1)
		took := make(latencies, 0, 1<<16)
		go func() {
			tick := time.NewTicker(2 * time.Millisecond)
			defer tick.Stop()
			for ctx.Err() == nil {
				began := time.Now()
				if err := request(); err != nil {
					failed <- err
					break
				}
				took = append(took, time.Since(began))
				<-tick.C
			}
			result <- took
		}()
		return result
	}
	produced, fetched := probe(m.produced.do), probe(func() error {
		binary.BigEndian.PutUint64(m.fetchOffset, m.random.Uint64N(measuredRecords))
		return m.fetched.do()
	})
	something()
	cancel()
	l := measured{produce: <-produced, fetch: <-fetched}
	select {
	case err := <-failed:
		m.Fatal(err)
	default:
	}
	return l
}

// probe repeats one request on a connection of its own.
type probe struct {
	conn   net.Conn
	frame  []byte
	answer []byte
	// errorAt is where the answer has the error code of the partition.
	errorAt int
}

func (m *cleaningMeter) newProbe(ctx context.Context, req kmsg.Request, errorAt int) *probe {
	m.Helper()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", m.broker.Addr())
	if err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() { _ = conn.Close() })
	frame := rawconn.Frame(req, 1, nil)
	frame = append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	return &probe{conn: conn, frame: frame, answer: make([]byte, 1<<20), errorAt: errorAt}
}

func (p *probe) do() error {
	if err := p.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := p.conn.Write(p.frame); err != nil {
		return err
	}
	if _, err := io.ReadFull(p.conn, p.answer[:4]); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(p.answer))
	if size < p.errorAt+2 || size > len(p.answer) {
		return fmt.Errorf("an answer of %d bytes", size)
	}
	if _, err := io.ReadFull(p.conn, p.answer[:size]); err != nil {
		return err
	}
	return kerr.ErrorForCode(int16(binary.BigEndian.Uint16(p.answer[p.errorAt:])))
}

// newProbes makes the two requests: a produce of 1 KiB with acks=all, and a fetch of 64 KiB from somewhere, whose offset is in fetchOffset.
func (m *cleaningMeter) newProbes(ctx context.Context) {
	m.Helper()
	const topic = "measured"
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 8, -1, 60_000
	to, part := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	to.Topic, part.Records = topic, oneRecord(1000)
	to.Partitions = append(to.Partitions, part)
	produce.Topics = append(produce.Topics, to)
	m.produced = m.newProbe(ctx, produce, 4+4+2+len(topic)+4+4)

	fetch := kmsg.NewPtrFetchRequest()
	from, place := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	from.Topic, place.FetchOffset, place.PartitionMaxBytes = topic, 0x5ca1ab1e, 64<<10
	from.Partitions = append(from.Partitions, place)
	fetch.Version, fetch.Topics, fetch.MaxBytes, fetch.MinBytes = 11, append(fetch.Topics, from), 64<<10, 1
	m.fetched = m.newProbe(ctx, fetch, 4+4+2+4+4+2+len(topic)+4+4)
	at := bytes.Index(m.fetched.frame, binary.BigEndian.AppendUint64(nil, uint64(place.FetchOffset)))
	m.fetchOffset = m.fetched.frame[at : at+8]
}

// oneRecord is a batch of one record with a value of so many bytes.
func oneRecord(size int) []byte {
	r := kmsg.Record{Value: make([]byte, size)}
	r.Length = int32(len(r.AppendTo(nil)) - 1) // without the length, which is 0 here and takes a byte
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 1,
		FirstTimestamp: time.Now().UnixMilli(), MaxTimestamp: time.Now().UnixMilli(), Records: r.AppendTo(nil),
	}
	encoded := b.AppendTo(nil)
	binary.BigEndian.PutUint32(encoded[8:], uint32(len(encoded)-12))
	binary.BigEndian.PutUint32(encoded[17:], crc32.Checksum(encoded[21:], crc32.MakeTable(crc32.Castagnoli)))
	return encoded
}
