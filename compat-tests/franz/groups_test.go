package franz

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/txns"
)

// TestMain makes this binary a member of a group or a copier where a scenario starts it as one.
func TestMain(m *testing.M) {
	txns.Main(copier)
	groups.Main(m, member)
}

// member consumes in a group until the context ends, committing what it polled before it polls again.
func member(ctx context.Context, m groups.Membership, report *groups.Reporter) error {
	balancers := map[string]kgo.GroupBalancer{
		"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(), "sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(m.Addr), kgo.ClientID(m.ID), kgo.ConsumerGroup(m.Group), kgo.ConsumeTopics(m.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.HeartbeatInterval(500 * time.Millisecond), kgo.MetadataMinAge(100 * time.Millisecond), kgo.MetadataMaxAge(time.Second),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { report.Gained(p) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { report.Lost(p) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, p map[string][]int32) { report.Lost(p) }),
	}
	if strings.HasPrefix(m.Topic, "^") {
		options = append(options, kgo.ConsumeRegex())
	}
	for key, value := range m.Options {
		switch key {
		case "balancer":
			options = append(options, kgo.Balancers(balancers[value]))
		case "instance":
			options = append(options, kgo.InstanceID(value))
		case "rack":
			options = append(options, kgo.Rack(value))
		case "session":
			timeout, err := time.ParseDuration(value + "ms")
			if err != nil {
				return err
			}
			options = append(options, kgo.SessionTimeout(timeout))
		case "protocol":
			options = append(options, kgo.ServerSideBalancer())
		default:
			return fmt.Errorf("no option %q", key)
		}
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	return consume(ctx, client, report)
}

func consume(ctx context.Context, client *kgo.Client, report *groups.Reporter) error {
	for {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetches.Err(); errors.Is(err, kerr.FencedInstanceID) {
			report.Fenced()
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) { report.Record(r.Topic, r.Partition, r.Offset, r.Value) })
		// What was reported is committed even if it is time to leave.
		if err := client.CommitRecords(context.WithoutCancel(ctx), fetches.Records()...); err == nil {
			fetches.EachPartition(func(p kgo.FetchTopicPartition) {
				if n := len(p.Records); n > 0 {
					report.Committed(p.Topic, p.Partition, p.Records[n-1].Offset+1)
				}
			})
		}
		client.AllowRebalance()
	}
}

// with is the client with the same options for each member.
func with(options map[string]string) groups.Client {
	return groups.Client{Command: groups.Self, Options: func(string) map[string]string { return options }}
}

func TestGroup(t *testing.T) {
	for _, balancer := range []string{"range", "roundrobin", "sticky", "cooperative-sticky"} {
		t.Run(balancer, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, with(map[string]string{"balancer": balancer, "session": groups.SessionTimeout}))
		})
	}
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		groups.Static(t, groups.Client{Command: groups.Self, Options: func(id string) map[string]string {
			return map[string]string{"balancer": "cooperative-sticky", "instance": id[:1]}
		}})
	})
	t.Run("pattern", func(t *testing.T) {
		t.Parallel()
		groups.Pattern(t, with(map[string]string{"balancer": "cooperative-sticky"}))
	})
}
