package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

const (
	// pageRange is how much is written back or left out at once; smaller gaps are filled by the kernel, which writes large folios.
	pageRange = 1 << 20
	// pageValue is the size of a record, pageSynced and pageUnsynced how many are written with a sync and without.
	pageValue                = 200 << 10
	pageSynced, pageUnsynced = 5, 40
)

// TestUnorderedPagesAreCutAway is the other half of bar R3: of what the page cache held when the power was cut, some megabytes reached the disk and
// others before them did not. What was synced is there; of the rest a beginning may be, and nothing but that. FAULT_CUTS sets how often (3
// by default, 500 before a release).
//
// Negative control: some rounds must leave whole batches behind a gap, which the broker then keeps in a file that ends in .lost.
func TestUnorderedPagesAreCutAway(t *testing.T) {
	rounds := brokertest.Setting(t, "FAULT_CUTS", 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*10*time.Second+time.Minute)
	defer cancel()
	m := ext4(t, 256<<20)
	p := &pages{T: t, m: m, broker: on(t, m, map[string]string{
		"log.segment.bytes": "104857600", "log.segment.delete.delay.ms": "0", "log.flush.offset.checkpoint.interval.ms": "3600000",
	})}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	p.random = rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		p.round(ctx, fmt.Sprintf("pages-%d", round))
	}
	t.Logf("%d of %d rounds left batches behind a gap, %d records beyond the synced ones survived in all", p.gaps, rounds, p.survived)
	if p.gaps == 0 {
		t.Error("pages reached the disk in order each time: nothing was tested")
	}
}

// pages is a broker on a disk that loses pages.
type pages struct {
	*testing.T
	m              *disk.Mount
	broker         *launch.Broker
	random         *rand.Rand
	gaps, survived int
}

// pageOf is the value of the record at an offset.
func pageOf(topic string, offset int) []byte {
	value := bytes.Repeat([]byte(fmt.Sprintf("%s %d,", topic, offset)), pageValue/16)
	return value[:pageValue/2]
}

func (p *pages) round(ctx context.Context, topic string) {
	p.Helper()
	p.write(ctx, topic)
	stopAll(ctx, p.T, p.broker.PID())
	p.writeBack(filepath.Join(p.m.Dir(), "data", topic+"-0", "00000000000000000000.log"))
	if err := p.m.Cut(); err != nil {
		p.Fatal(err)
	}
	powerOn(ctx, p.T, p.m, p.broker)
	p.check(ctx, topic)
}

// write produces records with a sync each, then others that are left to the page cache.
func (p *pages) write(ctx context.Context, topic string) {
	p.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.broker.Addr()), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		p.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 1, 1, nil, topic); err != nil {
		p.Fatal(err)
	}
	for offset := range pageSynced + pageUnsynced {
		if offset == pageSynced {
			never := neverSync
			altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "flush.messages", Value: &never}}, topic)
			if err = errors.Join(err, altered[0].Err); err != nil {
				p.Fatal(err)
			}
		}
		if err := client.ProduceSync(ctx, kgo.SliceRecord(pageOf(topic, offset))).FirstErr(); err != nil {
			p.Fatal(err)
		}
	}
}

// writeBack has the kernel write some ranges of a file, and what the file system knows of them.
func (p *pages) writeBack(path string) {
	p.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		p.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		p.Fatal(err)
	}
	for at := int64(0); at < info.Size(); at += pageRange {
		if p.random.IntN(2) == 0 {
			continue
		}
		const waitBefore, write, waitAfter = 1, 2, 4 // SYNC_FILE_RANGE_ in linux/fs.h
		if err := syscall.SyncFileRange(int(file.Fd()), at, pageRange, waitBefore|write|waitAfter); err != nil {
			p.Fatal(err)
		}
	}
	// Another file's sync commits the journal, with the new size of this one.
	other, err := os.Create(filepath.Join(p.m.Dir(), "other"))
	if err != nil {
		p.Fatal(err)
	}
	if err := errors.Join(other.Sync(), other.Close()); err != nil {
		p.Fatal(err)
	}
}

// check reads the topic and deletes it.
func (p *pages) check(ctx context.Context, topic string) {
	p.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(p.broker.Addr()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		p.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		p.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	if end.Offset < pageSynced || end.Offset > pageSynced+pageUnsynced {
		p.Fatalf("%s ends at %d; %d records were synced", topic, end.Offset, pageSynced)
	}
	for next := int64(0); next < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			p.Fatalf("%s at %d: %v", topic, next, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != next || !bytes.Equal(r.Value, pageOf(topic, int(r.Offset))) {
				p.Errorf("%s: offset %d where %d should be, or something else in it", topic, r.Offset, next)
			}
			next++
		})
	}
	p.survived += int(end.Offset) - pageSynced
	lost, err := filepath.Glob(filepath.Join(p.m.Dir(), "data", topic+"-0", "*.lost"))
	if err != nil {
		p.Fatal(err)
	}
	if len(lost) > 0 {
		p.gaps++
	}
	if _, err := admin.DeleteTopics(ctx, topic); err != nil {
		p.Fatal(err)
	}
	p.awaitRemoval(ctx, topic)
}

// awaitRemoval waits until a deleted topic has gone: what a power cut leaves of it stays for a minute, and hundreds of them would fill the disk.
func (p *pages) awaitRemoval(ctx context.Context, topic string) {
	p.Helper()
	var left []string
	if !until(ctx, time.Minute, func() bool {
		var err error
		left, err = filepath.Glob(filepath.Join(p.m.Dir(), "data", topic+"-0*"))
		return err != nil || len(left) == 0
	}) {
		p.Fatalf("%v are there still", left)
	}
}
