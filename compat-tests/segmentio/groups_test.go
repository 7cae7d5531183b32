package segmentio

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/clatterhq/clatter/compat-tests/groups"
)

// TestMain makes this binary a group member where a scenario starts it as one.
func TestMain(m *testing.M) { groups.Main(m, member) }

// member consumes in a group until the context ends.
func member(ctx context.Context, m groups.Membership, report *groups.Reporter) error {
	balancers := map[string]kafka.GroupBalancer{"range": kafka.RangeGroupBalancer{}, "roundrobin": kafka.RoundRobinGroupBalancer{}}
	logger := kafka.LoggerFunc(func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) })
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{m.Addr}, GroupID: m.Group, GroupTopics: []string{m.Topic}, Dialer: &kafka.Dialer{ClientID: m.ID, Timeout: 10 * time.Second},
		GroupBalancers: []kafka.GroupBalancer{balancers[m.Options["balancer"]]}, SessionTimeout: 6 * time.Second, HeartbeatInterval: 500 * time.Millisecond,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 200 * time.Millisecond, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond,
		ErrorLogger: logger,
	})
	defer reader.Close()
	for {
		message, err := reader.FetchMessage(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			fmt.Fprintln(os.Stderr, "fetch:", err) // It tries again when it is asked again.
			continue
		}
		report.Record(message.Topic, int32(message.Partition), message.Offset, message.Value)
		if err := reader.CommitMessages(context.WithoutCancel(ctx), message); err != nil {
			fmt.Fprintln(os.Stderr, "commit:", err)
			continue
		}
		report.Committed(message.Topic, int32(message.Partition), message.Offset+1)
	}
}

func TestGroup(t *testing.T) {
	for _, balancer := range []string{"range", "roundrobin"} {
		t.Run(balancer, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, groups.Client{
				Command: groups.Self,
				Options: func(string) map[string]string { return map[string]string{"balancer": balancer} },
				Rejoins: true, // A heartbeat that finds no broker ends its generation.
				Repeats: true, // A commit that meets a rebalance is lost, and its record comes again.
			})
		})
	}
}
