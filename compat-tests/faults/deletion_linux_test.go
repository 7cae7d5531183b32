package faults

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/faults/disk"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// TestDeletionsSurvivePowerCuts is bar R11: what was deleted and confirmed, records and topics, doesn't come back after a power cut,
// not even under the same name. FAULT_DELETIONS sets how many rounds (5 by default, 200 before a release).
//
// Negative control: a build whose store doesn't sync the folder after it has renamed a partition's folder finds
// the deleted topic's folder again; TestPowerCutWithoutSyncLosesRecords shows that the cut reaches what isn't synced.
func TestDeletionsSurvivePowerCuts(t *testing.T) {
	rounds := brokertest.Setting(t, "FAULT_DELETIONS", 5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*5*time.Second+time.Minute)
	defer cancel()
	m := ext4(t, 512<<20)
	d := &deleter{t: t, m: m, broker: on(t, m, map[string]string{"log.segment.bytes": "1048576"})}
	d.fill(ctx, "trimmed")
	for round := range rounds {
		d.round(ctx, round)
	}
}

// deleter deletes and cuts the power.
type deleter struct {
	t       *testing.T
	m       *disk.Mount
	broker  *launch.Broker
	trimmed int64 // the records of topic "trimmed" before this offset were deleted
}

// perFill is how many records a fill adds to the one partition of a topic.
const perFill = 100

func (d *deleter) fill(ctx context.Context, topic string) {
	d.t.Helper()
	fill(ctx, d.t, d.broker.Addr(), topic, 1, perFill*4096)
}

func (d *deleter) round(ctx context.Context, round int) {
	d.t.Helper()
	gone := fmt.Sprintf("gone-%d", round)
	d.fill(ctx, gone)
	d.fill(ctx, "again")
	d.fill(ctx, "trimmed")
	d.trimmed += perFill - 3
	d.admin(func(admin *kadm.Client) error {
		deleted, err := admin.DeleteTopics(ctx, gone, "again")
		if err = errors.Join(err, deleted.Error()); err != nil {
			return err
		}
		trimmed, err := admin.DeleteRecords(ctx, kadm.Offsets{"trimmed": {0: {Topic: "trimmed", At: d.trimmed}}})
		return errors.Join(err, trimmed.Error())
	})
	if round%2 == 0 { // the same name once more, before the cut or only after it
		d.fill(ctx, "again")
	}
	stopAll(ctx, d.t, d.broker.PID())
	if err := d.m.Cut(); err != nil {
		d.t.Fatal(err)
	}
	powerOn(ctx, d.t, d.m, d.broker)
	if round%2 == 1 {
		d.fill(ctx, "again")
	}
	d.check(ctx, gone)
	d.admin(func(admin *kadm.Client) error { // the next round begins without it
		deleted, err := admin.DeleteTopics(ctx, "again")
		return errors.Join(err, deleted.Error())
	})
}

// check looks for what must not be there.
func (d *deleter) check(ctx context.Context, gone string) {
	d.t.Helper()
	if end := ends(ctx, d.t, d.broker.Addr(), "again")[0]; end != perFill {
		d.t.Errorf("the new topic with a deleted one's name ends at %d, want %d", end, perFill)
	}
	d.admin(func(admin *kadm.Client) error {
		listed, err := admin.ListTopics(ctx)
		if err == nil && listed.Has(gone) {
			d.t.Errorf("topic %s was deleted and is there", gone)
		}
		starts, startErr := admin.ListStartOffsets(ctx, "trimmed")
		if start, _ := starts.Lookup("trimmed", 0); start.Offset < d.trimmed {
			d.t.Errorf("the log begins at %d, records before %d were deleted", start.Offset, d.trimmed)
		}
		return errors.Join(err, startErr, starts.Error())
	})
}

func (d *deleter) admin(do func(*kadm.Client) error) {
	d.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(d.broker.Addr()))
	if err != nil {
		d.t.Fatal(err)
	}
	defer client.Close()
	if err := do(kadm.NewClient(client)); err != nil {
		d.t.Fatal(err)
	}
}
