package faults

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestStartAfterAPowerCutOnAFullDiskGoesOnWithRoom is of bar R7. The disk loses power while the ends of logs are in the journal of commits alone,
// and somebody fills it before the broker comes back. That tells, waits for room, and goes on by itself with all that was acknowledged.
//
// Negative control: a build before that was so ends at the start here.
func TestStartAfterAPowerCutOnAFullDiskGoesOnWithRoom(t *testing.T) {
	const partitions = 16
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	m := ext4(t, 64<<20)
	f := &fullDisk{T: t, mount: m, broker: on(t, m, nil)}
	client, err := kgo.NewClient(kgo.SeedBrokers(f.broker.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DefaultProduceTopic("journaled"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	responses, err := kadm.NewClient(client).CreateTopics(ctx, partitions, 1, nil, "journaled")
	if err = errors.Join(err, responses.Error()); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[int32]int64{}
	produce := func() {
		t.Helper()
		records := make([]*kgo.Record, partitions)
		for i := range records {
			records[i] = &kgo.Record{Partition: int32(i), Value: make([]byte, 3000)}
		}
		if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			acknowledged[r.Partition] = r.Offset + 1
		}
	}
	for range 30 {
		produce()
	}
	stopAll(ctx, t, f.broker.PID())
	if err := m.Cut(); err != nil {
		t.Fatal(err)
	}
	if err := f.broker.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.PowerOn(); err != nil {
		t.Fatal(err)
	}
	f.fillTo(0)
	started := make(chan error, 1)
	go func() { started <- f.broker.Restart(ctx) }()
	if !until(ctx, 30*time.Second, func() bool { return strings.Contains(f.broker.Log(), "start waits for space") }) {
		t.Fatalf("the broker doesn't tell that it waits:\n%s", f.broker.Log())
	}
	f.empty()
	began := time.Now()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > healedWithin {
		t.Errorf("the start went on %s after space returned", took)
	}
	produce()
	for partition, end := range ends(ctx, t, f.broker.Addr(), "journaled") {
		if end != acknowledged[partition] || end != 31 {
			t.Errorf("partition %d ends at %d, acknowledged up to %d", partition, end, acknowledged[partition])
		}
	}
}
