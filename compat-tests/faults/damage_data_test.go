package faults

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// damageTopic is the topic of tests that damage files.
const damageTopic = "damaged"

// written is the value of one record; its offset is its index.
type written string

// batchPlace is where a batch lies in its segment and what offsets it has.
type batchPlace struct {
	partition   int32
	begin, end  int64
	first, last int64
}

// fill writes batches of every codec to two partitions, more than a segment each.
func (d *damaged) fill(ctx context.Context) {
	d.Helper()
	client := d.client(kgo.NoCompression())
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 2, 1, nil, damageTopic); err != nil {
		d.Fatal(err)
	}
	d.parts = make([][]written, 2)
	for _, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.SnappyCompression(), kgo.GzipCompression(), kgo.NoCompression(),
	} {
		d.fillWith(ctx, codec)
	}
}

func (d *damaged) fillWith(ctx context.Context, codec kgo.CompressionCodec) {
	d.Helper()
	client := d.client(codec)
	defer client.Close()
	for batch := range 32 {
		p := int32(batch % 2)
		var records []*kgo.Record
		for range 10 {
			value := make([]byte, 1500+rand.IntN(2000))
			for i := range value {
				value[i] = byte(rand.IntN(64))
			}
			records = append(records, &kgo.Record{Partition: p, Value: value})
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			d.Fatal(err)
		}
		for _, r := range records {
			if r.Offset != int64(len(d.parts[p])) {
				d.Fatalf("offset %d, want %d", r.Offset, len(d.parts[p]))
			}
			d.parts[p] = append(d.parts[p], written(r.Value))
		}
	}
}

func (d *damaged) client(codec kgo.CompressionCodec, options ...kgo.Opt) *kgo.Client {
	d.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(d.broker.Addr()), kgo.DefaultProduceTopic(damageTopic), kgo.ProducerLinger(20 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec),
	}, options...)...)
	if err != nil {
		d.Fatal(err)
	}
	return client
}

// produce appends one record and returns its offset.
func (d *damaged) produce(ctx context.Context, partition int32, value string) (int64, error) {
	d.Helper()
	// The first answer counts: a partition that is damaged refuses with an error that clients repeat.
	client := d.client(kgo.NoCompression(), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0))
	defer client.Close()
	record := &kgo.Record{Partition: partition, Value: []byte(value)}
	err := client.ProduceSync(ctx, record).FirstErr()
	return record.Offset, err
}

// read reads a partition offset by offset around what can't be read, which it returns. A value that wasn't written fails the test.
func (d *damaged) read(ctx context.Context, what string, partition int32) (lost []int64) {
	d.Helper()
	c, err := rawconn.Dial(ctx, d.broker.Addr())
	if err != nil {
		d.Fatal(err)
	}
	defer c.Close()
	end := int64(len(d.parts[partition]))
	for next := int64(0); next < end; {
		fetched := d.fetch(c, partition, next)
		before := next
		for _, r := range fetched.Records {
			switch {
			case r.Offset >= end:
				d.Errorf("%s: partition %d has a record at offset %d, behind its end", what, partition, r.Offset)
			case string(r.Value) != string(d.parts[partition][r.Offset]):
				d.Errorf("%s: partition %d has something else at offset %d", what, partition, r.Offset)
			}
			if r.Offset > next {
				d.Errorf("%s: partition %d: offsets %d to %d are passed over in silence", what, partition, next, r.Offset-1)
			}
			next = max(next, r.Offset+1)
		}
		if next == before {
			switch {
			case errors.Is(fetched.Err, kerr.CorruptMessage), fetched.Err == nil && fetched.HighWatermark == next: // damage, or the end
			case errors.Is(fetched.Err, kerr.OffsetOutOfRange): // behind a cut
			default: // Silence, or a checksum that doesn't match: what is damaged isn't for a consumer to find.
				d.Errorf("%s: partition %d offset %d: %v", what, partition, next, fetched.Err)
			}
			lost = append(lost, next)
			next++
		}
	}
	return lost
}

// fetch asks for the batches from an offset on, once.
func (d *damaged) fetch(c *rawconn.Conn, partition int32, offset int64) kgo.FetchPartition {
	d.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version = 11
	req.MinBytes, req.MaxBytes = 1, 8<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = damageTopic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := c.Do(req, 10*time.Second)
	if err != nil {
		d.Fatal(err)
	}
	got := resp.(*kmsg.FetchResponse)
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
		d.Fatalf("fetch: %+v", got)
	}
	fetched, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: damageTopic, Partition: partition, Offset: offset},
		&got.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return fetched
}

// hit is the batch that a byte of a file belongs to; nil if it is not of a segment.
func (d *damaged) hit(name string, at int64) *batchPlace {
	d.Helper()
	if !strings.HasSuffix(name, ".log") {
		return nil
	}
	for _, b := range d.batches(name) {
		if at >= b.begin && at < b.end {
			return &b
		}
	}
	return nil
}

// batches are those of a whole segment, by the lengths and offsets that their headers tell.
func (d *damaged) batches(name string) (found []batchPlace) {
	d.Helper()
	content, err := os.ReadFile(filepath.Join(d.whole, name))
	if err != nil {
		d.Fatal(err)
	}
	var partition int32
	if _, err := fmt.Sscanf(filepath.Dir(name), damageTopic+"-%d", &partition); err != nil {
		d.Fatal(err)
	}
	for at := 0; at < len(content); {
		header := content[at:]
		size := 12 + int(binary.BigEndian.Uint32(header[8:]))
		base := int64(binary.BigEndian.Uint64(header))
		found = append(found, batchPlace{
			partition: partition, begin: int64(at), end: int64(at + size),
			first: base, last: base + int64(binary.BigEndian.Uint32(header[23:])),
		})
		at += size
	}
	return found
}

// lastSegment is the active segment of a partition, with its batches.
func (d *damaged) lastSegment(partition int32) (name string, batches []batchPlace) {
	d.Helper()
	for _, file := range d.files {
		if strings.HasPrefix(file, fmt.Sprintf("%s-%d/", damageTopic, partition)) && strings.HasSuffix(file, ".log") {
			name = file
		}
	}
	if batches = d.batches(name); len(batches) < 3 {
		d.Fatalf("%s has %d batches", name, len(batches))
	}
	return name, batches
}

// verify runs clatter dump --verify on the data directory. It returns what it prints; an exit code that doesn't fit is an error.
func (d *damaged) verify(ctx context.Context) string {
	d.Helper()
	binary, err := launch.ClatterBinary()
	if err != nil {
		d.Fatal(err)
	}
	out, err := exec.CommandContext(ctx, binary, "dump", "--verify", d.broker.DataDir()).CombinedOutput()
	if (err == nil) != (len(out) == 0) {
		d.Errorf("dump --verify: %v\n%s", err, out)
	}
	return string(out)
}
