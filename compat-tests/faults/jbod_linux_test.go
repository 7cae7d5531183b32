package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestFailedDiskGoesOfflineAlone runs a broker on two disks that fail one after the other. The partitions on the first that fails are
// told to be offline, the others go on and new ones go to the disk that is left; with the last one the broker ends with exit code 1 and
// a line. Both disks come back with everything that was acknowledged.
//
// Negative control: what is written to the failed disk must be refused, which is checked before anything else.
func TestFailedDiskGoesOfflineAlone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	disks := []*disk.Mount{ext4(t, 64<<20), ext4(t, 64<<20)}
	dirs := []string{filepath.Join(disks[0].Dir(), "data"), filepath.Join(disks[1].Dir(), "data")}
	broker := brokertest.StartWith(t, launch.Options{Kind: brokertest.Kind(), Overrides: map[string]string{"log.dirs": strings.Join(dirs, ",")}})
	j := jbod{T: t, broker: broker, places: map[int32]string{}, acked: map[int32]int{}}
	const partitions = 6
	j.create(ctx, "spread", partitions)
	for p := range int32(partitions) {
		j.produce(ctx, "spread", p, nil)
	}
	j.locate(ctx, dirs[0], dirs[1])
	failed, left := disks[1], disks[0]
	if err := failed.Cut(); err != nil {
		t.Fatal(err)
	}
	victim := -1
	for p := range int32(partitions) {
		switch {
		case j.places[p] != dirs[1]:
			j.produce(ctx, "spread", p, nil)
		case victim < 0:
			victim = int(p)
			fallthrough
		default:
			j.produce(ctx, "spread", p, kerr.KafkaStorageError)
		}
	}
	if victim < 0 || len(j.places) != partitions {
		t.Fatalf("partitions are at %v", j.places)
	}
	j.offline(ctx, dirs[1])
	j.create(ctx, "later", 4)
	for p := range int32(4) {
		j.produce(ctx, "later", p, nil)
	}
	if err := left.Cut(); err != nil {
		t.Fatal(err)
	}
	j.ends(ctx)
	for _, m := range disks {
		if err := m.PowerOn(); err != nil {
			t.Fatal(err)
		}
	}
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	j.readsBack(ctx)
	j.produce(ctx, "spread", int32(victim), nil)
}

// TestDiskThatIsDeadAtTheStartIsOffline starts a broker one of whose two disks answers nothing but errors. It serves what is on the other one and new
// topics, and what may be on the dead one is told to be offline and takes nothing; when the disk is back, so is everything that was acknowledged.
// The disk with the catalog is one that it can't do without.
//
// Negative control: what may be on the dead disk must be refused, and more partitions than are known to be there.
func TestDiskThatIsDeadAtTheStartIsOffline(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	disks := []*disk.Mount{ext4(t, 64<<20), ext4(t, 64<<20)}
	dirs := []string{filepath.Join(disks[0].Dir(), "data"), filepath.Join(disks[1].Dir(), "data")}
	broker := brokertest.StartWith(t, launch.Options{Kind: brokertest.Kind(), Overrides: map[string]string{"log.dirs": strings.Join(dirs, ",")}})
	j := jbod{T: t, broker: broker, places: map[int32]string{}, acked: map[int32]int{}}
	const partitions = 6
	j.create(ctx, "spread", partitions)
	j.create(ctx, "doomed", partitions)
	for p := range int32(partitions) {
		j.produce(ctx, "spread", p, nil)
	}
	j.locate(ctx, dirs[0], dirs[1])
	for p := range int32(partitions) {
		j.produce(ctx, "doomed", p, nil)
	}
	restart := func(dead *disk.Mount) error {
		if err := broker.Stop(); err != nil {
			t.Logf("stop: %v", err) // a directory that is offline is not closed as whole
		}
		for _, m := range disks {
			if m == dead {
				continue
			}
			if err := m.PowerOn(); err != nil {
				t.Fatal(err)
			}
		}
		if dead != nil {
			if err := dead.Cut(); err != nil {
				t.Fatal(err)
			}
		}
		return broker.Restart(ctx)
	}
	if err := restart(disks[1]); err != nil {
		t.Fatal(err)
	}
	for p := range int32(partitions) {
		if j.places[p] == dirs[1] {
			j.produce(ctx, "spread", p, kerr.KafkaStorageError)
			continue
		}
		j.produce(ctx, "spread", p, nil)
	}
	j.offline(ctx, dirs[1])
	j.create(ctx, "later", 4)
	for p := range int32(4) {
		j.produce(ctx, "later", p, nil)
	}
	client := j.client()
	if _, err := kadm.NewClient(client).DeleteTopics(ctx, "doomed"); err != nil {
		t.Error(err)
	}
	client.Close()
	// The deletion can't be completed, and that must not keep the broker from starting.
	if err := errors.Join(disks[1].PowerOn(), restart(disks[1]), restart(nil)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		if left, err := filepath.Glob(filepath.Join(dir, "doomed-?")); err != nil || len(left) > 0 {
			t.Errorf("folders of a deleted topic: %v, %v", left, err)
		}
	}
	j.readsBack(ctx)
	for p := range int32(partitions) {
		j.produce(ctx, "spread", p, nil)
	}
	if err := restart(disks[0]); err == nil {
		t.Fatal("started without the catalog")
	}
	if err := restart(nil); err != nil {
		t.Fatal(err)
	}
	j.readsBack(ctx)
}

// jbod is a broker with several log directories, and what is known of partitions of its first topic.
type jbod struct {
	*testing.T
	broker *launch.Broker
	places map[int32]string
	acked  map[int32]int
}

func (j *jbod) client(options ...kgo.Opt) *kgo.Client {
	j.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(j.broker.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		j.Fatal(err)
	}
	return client
}

func (j *jbod) create(ctx context.Context, topic string, partitions int32) {
	j.Helper()
	client := j.client()
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		j.Fatal(err)
	}
}

// produce wants one record to be acknowledged or refused with an error. A partition without a leader has nobody to refuse it; what the
// client says of it then is as good.
func (j *jbod) produce(ctx context.Context, topic string, partition int32, want *kerr.Error) {
	j.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := j.client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.DefaultProduceTopic(topic))
	defer client.Close()
	err := client.ProduceSync(ctx, &kgo.Record{Partition: partition, Value: []byte("x")}).FirstErr()
	switch {
	case want == nil && err != nil:
		j.Errorf("%s-%d: %v", topic, partition, err)
	case want != nil && !errors.Is(err, want) && !errors.Is(err, kerr.LeaderNotAvailable):
		j.Errorf("%s-%d: %v, want %v", topic, partition, err, want)
	case err == nil && topic == "spread":
		j.acked[partition]++
	}
}

// locate asks in which directory the partitions of the first topic are; each must have half of them. Others that hold no record yet would
// be told in whichever directory is next.
func (j *jbod) locate(ctx context.Context, dirs ...string) {
	j.Helper()
	client := j.client()
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeAllLogDirs(ctx, nil)
	if err != nil {
		j.Fatal(err)
	}
	described.Each(func(d kadm.DescribedLogDir) {
		for partition := range d.Topics["spread"] {
			j.places[partition] = d.Dir
		}
	})
	counts := map[string]int{}
	for _, dir := range j.places {
		counts[dir]++
	}
	for _, dir := range dirs {
		if counts[dir]*len(dirs) != len(j.places) {
			j.Errorf("partitions are at %v, not evenly", j.places)
		}
	}
}

// offline wants one directory to be told as failed, and its partitions to have no leader.
func (j *jbod) offline(ctx context.Context, dir string) {
	j.Helper()
	client := j.client()
	defer client.Close()
	admin := kadm.NewClient(client)
	described, err := admin.DescribeAllLogDirs(ctx, nil)
	if err != nil {
		j.Fatal(err)
	}
	described.Each(func(d kadm.DescribedLogDir) {
		if failed := errors.Is(d.Err, kerr.KafkaStorageError); failed != (d.Dir == dir) {
			j.Errorf("%s: %v", d.Dir, d.Err)
		}
	})
	topics, err := admin.ListTopics(ctx, "spread")
	if err != nil {
		j.Fatal(err)
	}
	topics.EachPartition(func(p kadm.PartitionDetail) {
		gone := j.places[p.Partition] == dir
		if gone != (p.Leader == -1) || gone != (len(p.OfflineReplicas) == 1) || gone != errors.Is(p.Err, kerr.LeaderNotAvailable) {
			j.Errorf("partition %d in %s: %+v", p.Partition, j.places[p.Partition], p)
		}
	})
}

// ends produces to a broker whose last disk has failed, until it ends.
func (j *jbod) ends(ctx context.Context) {
	j.Helper()
	client := j.client(kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.DefaultProduceTopic("later"))
	defer client.Close()
	client.Produce(ctx, &kgo.Record{Partition: 0, Value: []byte("lost")}, func(_ *kgo.Record, err error) {
		if err == nil {
			j.Error("acknowledged by a disk that is gone")
		}
	})
	code, err := j.broker.Await(ctx)
	if err != nil || code != 1 {
		j.Fatalf("exit code %d: %v", code, err)
	}
	lines := strings.Split(strings.TrimSpace(j.broker.Log()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "clatter: the last log directory is offline") {
		j.Errorf("the last line is %q", last)
	}
}

func (j *jbod) readsBack(ctx context.Context) {
	j.Helper()
	client := j.client()
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, "spread")
	if err = errors.Join(err, ends.Error()); err != nil {
		j.Fatal(err)
	}
	got, want := map[int32]int{}, j.acked
	ends.Each(func(o kadm.ListedOffset) { got[o.Partition] = int(o.Offset) })
	if fmt.Sprint(got) != fmt.Sprint(want) {
		j.Errorf("logs end at %v, want %v", got, want)
	}
}

// TestCatalogThatCantBeWrittenIsFinal lets one write or sync of the catalog's file fail. The directory that it is in is offline then, so
// with one directory the broker ends; nothing is acknowledged afterwards, and what was before is there after a new start.
//
// Negative control: the line that tells of the catalog must come, else the failure didn't reach it.
func TestCatalogThatCantBeWrittenIsFinal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	broker := brokertest.Start(t, nil)
	j := jbod{T: t, broker: broker, acked: map[int32]int{}}
	j.create(ctx, "spread", 1)
	j.produce(ctx, "spread", 0, nil)
	for _, calls := range []string{"fdatasync", "pwrite64"} {
		if err := broker.Stop(); err != nil {
			t.Fatal(err)
		}
		wrapper, err := disk.FailingOn(filepath.Join(broker.DataDir(), "clatter-catalog.db"), calls, "EIO", 1)
		needs(t, err)
		broker.SetWrapper(wrapper...)
		before := len(broker.Log())
		if err := broker.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		j.produce(ctx, "spread", 0, nil)
		client := j.client(kgo.RequestRetries(0))
		if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "never-"+calls); err == nil {
			t.Errorf("%s: a topic was made that can't be kept", calls)
		}
		client.Close()
		if code, err := broker.Await(ctx); err != nil || code != 1 {
			t.Fatalf("%s: exit code %d: %v", calls, code, err)
		}
		if log := broker.Log()[before:]; !strings.Contains(log, "the catalog can't be written") || !strings.Contains(log, "clatter: the last log directory is offline") {
			t.Errorf("%s:\n%s", calls, log)
		}
		broker.SetWrapper()
		if err := broker.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		j.readsBack(ctx)
	}
}
