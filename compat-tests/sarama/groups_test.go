package sarama

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/txns"
)

// TestMain makes this binary a member of a group or a copier where a scenario starts it as one.
func TestMain(m *testing.M) {
	txns.Main(copier)
	groups.Main(m, member)
}

// member consumes in a group until the context ends.
func member(ctx context.Context, m groups.Membership, report *groups.Reporter) error {
	config := sarama.NewConfig()
	config.ClientID = m.ID
	config.Version = sarama.MaxVersion
	config.Metadata.RefreshFrequency = time.Second
	config.Metadata.Retry.Max = 100
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Group.Session.Timeout = 6 * time.Second
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Group.Rebalance.Retry.Backoff = 200 * time.Millisecond
	config.Consumer.Group.InstanceId = m.Options["instance"]
	strategies := map[string]sarama.BalanceStrategy{
		"range": sarama.NewBalanceStrategyRange(), "roundrobin": sarama.NewBalanceStrategyRoundRobin(), "sticky": sarama.NewBalanceStrategySticky(),
		"cooperative-sticky": sarama.NewBalanceStrategyCooperativeSticky(),
	}
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[m.Options["strategy"]]}
	group, err := sarama.NewConsumerGroup([]string{m.Addr}, m.Group, config)
	if err != nil {
		return err
	}
	defer group.Close()
	go func() {
		for err := range group.Errors() {
			fmt.Fprintln(os.Stderr, "error:", err)
		}
	}()
	for ctx.Err() == nil {
		err := group.Consume(ctx, []string{m.Topic}, handler{report})
		if errors.Is(err, sarama.ErrFencedInstancedId) {
			report.Fenced()
			return err
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "consume:", err)
			select { // Sarama leaves it to its users to try again.
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// handler reports what a session hands over and commits it.
type handler struct{ report *groups.Reporter }

func (h handler) Setup(s sarama.ConsumerGroupSession) error {
	h.report.Gained(s.Claims())
	return nil
}

func (h handler) Cleanup(s sarama.ConsumerGroupSession) error {
	h.report.Lost(s.Claims())
	return nil
}

func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	defer s.Commit() // What is marked when the session ends.
	for {
		select {
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			h.report.Record(message.Topic, message.Partition, message.Offset, message.Value)
			s.MarkMessage(message, "")
			if len(claim.Messages()) == 0 { // Whatever is there goes into one commit.
				s.Commit()
			}
		case <-s.Context().Done():
			return nil
		}
	}
}

func TestGroup(t *testing.T) {
	for _, strategy := range []string{"range", "roundrobin", "sticky", "cooperative-sticky"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			groups.Share(t, groups.Client{
				Command: groups.Self,
				Options: func(string) map[string]string { return map[string]string{"strategy": strategy} },
				Rejoins: true, // A heartbeat that finds no broker ends its session.
			})
		})
	}
}
