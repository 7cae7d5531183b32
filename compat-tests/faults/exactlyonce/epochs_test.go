package exactlyonce

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// TestMarkerEndsOnlyItsEpoch is anomaly A6 (txn-epoch): a marker of an epoch that has passed must not end what the same producer id has open in a
// later one, nor what others have open.
//
// Negative control: the marker of the present epoch, which ends it.
func TestMarkerEndsOnlyItsEpoch(t *testing.T) {
	t.Parallel()
	const topic = "epochs"
	for version := 1; version <= 2; version++ {
		t.Run([]string{"", "version 1", "version 2"}[version], func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			broker := startBroker(t, nil)
			client := newClient(t, broker.Addr())
			prepare(ctx, t, client, topic, 1, nil)
			begin := func(id, value string) *txnclient.Producer {
				p := txnclient.New(txnclient.Settings{Addr: broker.Addr(), ID: id, Version: version})
				t.Cleanup(p.Close)
				for _, step := range []func() error{
					func() error { return p.Init(ctx) },
					func() error { return p.Send(ctx, partition(topic, 0), txnclient.Record{Value: value}) },
				} {
					if err := step(); err != nil {
						t.Fatal(err)
					}
				}
				return p
			}
			old := begin("shared", "old epoch")
			other := begin("other", "other producer")
			present := begin("shared", "present epoch") // Aborts what the old one has open.
			id, passed := old.ID()
			if now, epoch := present.ID(); now != id || epoch <= passed {
				t.Fatalf("the second producer has %d/%d after %d/%d", now, epoch, id, passed)
			}
			if code := writeMarker(ctx, t, broker.Addr(), topic, id, passed); code != kerr.InvalidProducerEpoch.Code {
				t.Errorf("a marker of epoch %d: %s", passed, txnclient.Name(code))
			}
			if err := old.Commit(ctx); !txnclient.Fenced(err) {
				t.Errorf("the old producer commits: %v", err)
			}
			for _, p := range []*txnclient.Producer{present, other} {
				if err := p.Commit(ctx); err != nil {
					t.Errorf("commit: %v", err)
				}
			}
			awaitRest(ctx, t, client, 30*time.Second, topic)
			var values []string
			for _, r := range readTopic(ctx, t, broker.Addr(), topic, true)[0] {
				values = append(values, r.value)
			}
			if len(values) != 2 || values[0] != "other producer" || values[1] != "present epoch" {
				t.Errorf("committed: %q", values)
			}
			third := begin("third", "ended by hand")
			id, epoch := third.ID()
			if version == 2 {
				epoch++ // Markers of version 2 have the epoch that comes next.
			}
			if code := writeMarker(ctx, t, broker.Addr(), topic, id, epoch); code != 0 {
				t.Errorf("a marker of the present epoch: %s", txnclient.Name(code))
			}
			if n := len(readTopic(ctx, t, broker.Addr(), topic, true)[0]); n != 2 {
				t.Errorf("%d records are there after an abort", n)
			}
		})
	}
}

// writeMarker aborts what a producer has open in partition 0, as an operator can, and returns the partition's code.
func writeMarker(ctx context.Context, t *testing.T, addr, topic string, id int64, epoch int16) int16 {
	t.Helper()
	conn, err := rawconn.Dial(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Version = 1
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch = id, epoch
	marker.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: topic, Partitions: []int32{0}}}
	req.Markers = append(req.Markers, marker)
	answer, err := conn.Do(req, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	resp, ok := answer.(*kmsg.WriteTxnMarkersResponse)
	if !ok || len(resp.Markers) != 1 || len(resp.Markers[0].Topics) != 1 {
		t.Fatalf("markers: %+v", answer)
	}
	return resp.Markers[0].Topics[0].Partitions[0].ErrorCode
}
