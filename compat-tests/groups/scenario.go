package groups

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// scenarioLimit bounds one scenario on a busy machine; alone, one takes about a quarter of a minute, most of it the
// session timeout of the member that dies.
const scenarioLimit = 6 * time.Minute

// SessionTimeout is what clients should set, in milliseconds: the shortest that a broker accepts by default.
const SessionTimeout = "6000"

// HeartbeatInterval is what clients should set, in milliseconds.
const HeartbeatInterval = "500"

// Scenario is one group of one client on a broker of its own.
type Scenario struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // It is the test's.
	client  Client
	group   string
	topics  map[string]int32 // Partition counts of the topics that the group consumes.
	Broker  *launch.Broker
	Ledger  *Ledger
	writer  *kgo.Client
	admin   *kadm.Client
	written int // Numbers the values.
	members map[string]*Member
}

// NewScenario starts a broker for a group of the client.
func NewScenario(t *testing.T, c Client) *Scenario {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scenarioLimit)
	t.Cleanup(cancel)
	keys := map[string]string{"group.initial.rebalance.delay.ms": "300", "offsets.topic.num.partitions": "4"}
	if c.Consumer {
		// Members can't choose these in this protocol, and a death should not take 45 seconds.
		keys["group.consumer.min.session.timeout.ms"] = SessionTimeout
		keys["group.consumer.session.timeout.ms"] = SessionTimeout
		keys["group.consumer.min.heartbeat.interval.ms"] = HeartbeatInterval
		keys["group.consumer.heartbeat.interval.ms"] = HeartbeatInterval
	}
	maps.Copy(keys, c.Broker)
	s := &Scenario{
		t: t, ctx: ctx, client: c, group: "group-of-" + strings.ReplaceAll(strings.ToLower(t.Name()), "/", "-"),
		topics: map[string]int32{}, Broker: brokertest.Start(t, keys), Ledger: NewLedger(), members: map[string]*Member{},
	}
	s.writer = brokertest.Client(t, s.Broker.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.GzipCompression())) // The one codec that every client can read without more libraries.
	s.admin = kadm.NewClient(s.writer)
	return s
}

// Topic creates a topic that the group consumes and waits until it answers.
func (s *Scenario) Topic(name string, partitions int32) {
	s.t.Helper()
	if _, err := s.admin.CreateTopic(s.ctx, partitions, 1, nil, name); err != nil {
		s.t.Fatalf("create %s: %v", name, err)
	}
	s.Await("topic "+name, func() error {
		offsets, err := s.admin.ListEndOffsets(s.ctx, name)
		return errors.Join(err, offsets.Error())
	})
	s.topics[name] = partitions
}

// Join starts a member that subscribes to the topic, or pattern.
func (s *Scenario) Join(id, topic string) *Member {
	s.t.Helper()
	return s.JoinWith(s.client, id, topic)
}

// JoinWith is Join with a client other than the scenario's.
func (s *Scenario) JoinWith(c Client, id, topic string) *Member {
	s.t.Helper()
	m := Membership{Addr: s.Broker.Addr(), Group: s.group, Topic: topic, ID: id}
	if c.Options != nil {
		m.Options = c.Options(id)
	}
	member := startMember(s.t, c, m, s.Ledger)
	s.members[id] = member
	return member
}

// Leave closes a member, which leaves the group.
func (s *Scenario) Leave(m *Member) {
	s.t.Helper()
	delete(s.members, m.ID)
	m.Close(s.t)
}

// Await tries until it works, or until the scenario's time is over, or a member ended that should be there, or members saw
// what they must not see.
func (s *Scenario) Await(what string, try func() error) {
	s.t.Helper()
	begun := time.Now()
	for {
		err := try()
		if err == nil {
			s.t.Logf("%s: after %s", what, time.Since(begun).Round(time.Millisecond))
			return
		}
		for _, m := range s.members {
			if m.Gone() {
				s.t.Fatalf("%s: %v, and %s ended: %s", what, err, m, m.State())
			}
		}
		if wrong := s.Ledger.Wrong(); wrong != nil {
			s.t.Fatalf("%s: %v, and %v", what, err, wrong)
		}
		select {
		case <-s.ctx.Done():
			s.t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Write writes n records to each partition and returns when they are acknowledged.
func (s *Scenario) Write(n int) {
	s.t.Helper()
	failures := make(chan error, n*len(s.partitions()))
	for range n {
		s.writeRound(failures)
	}
	if err := s.writer.Flush(s.ctx); err != nil {
		s.t.Fatalf("write: %v", err)
	}
	close(failures)
	if err := <-failures; err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// writeRound sends a record to each partition.
func (s *Scenario) writeRound(failures chan<- error) {
	for _, p := range s.partitions() {
		s.written++
		value := fmt.Sprintf("value-%d", s.written)
		s.writer.Produce(s.ctx, &kgo.Record{Topic: p.Topic, Partition: p.ID, Value: []byte(value)}, func(r *kgo.Record, err error) {
			if err != nil {
				failures <- err
				return
			}
			s.Ledger.Wrote(p, r.Offset, value)
		})
	}
}

// WriteDuring writes slowly and without an end while do runs.
func (s *Scenario) WriteDuring(do func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan error, 1)
	go func() {
		failures := make(chan error, 1<<20) // Never full: a scenario ends before.
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			s.writeRound(failures)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		err := s.writer.Flush(s.ctx)
		select {
		case failed := <-failures:
			err = errors.Join(err, failed)
		default:
		}
		done <- err
	}()
	finish := func() error { cancel(); return <-done }
	var once bool
	defer func() {
		if !once { // do ended the test
			_ = finish()
		}
	}()
	do()
	once = true
	if err := finish(); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

// partitions are all partitions that the group consumes, in order.
func (s *Scenario) partitions() []Partition {
	var all []Partition
	for _, topic := range slices.Sorted(maps.Keys(s.topics)) {
		for id := range s.topics[topic] {
			all = append(all, Partition{Topic: topic, ID: id})
		}
	}
	return all
}

// AwaitConsumed waits until every written record was seen and every offset is committed.
func (s *Scenario) AwaitConsumed() {
	s.t.Helper()
	s.Await("every record seen and committed", func() error {
		if n := s.Ledger.Unseen(); n > 0 {
			return fmt.Errorf("%w: %d records unseen", ErrBehind, n)
		}
		committed, err := s.Commits()
		if err != nil {
			return err
		}
		if ends := s.Ledger.Ends(); !maps.Equal(committed, ends) {
			return fmt.Errorf("%w: committed %v, ends %v", ErrBehind, committed, ends)
		}
		return nil
	})
	if err := s.Ledger.Check(); err != nil {
		s.t.Fatal(err)
	}
}

// Commits are the group's committed offsets.
func (s *Scenario) Commits() (map[Partition]int64, error) {
	responses, err := s.admin.FetchOffsets(s.ctx, s.group)
	if err := errors.Join(err, responses.Error()); err != nil {
		return nil, fmt.Errorf("fetch offsets: %w", err)
	}
	commits := map[Partition]int64{}
	responses.Each(func(r kadm.OffsetResponse) {
		if r.At >= 0 {
			commits[Partition{Topic: r.Topic, ID: r.Partition}] = r.At
		}
	})
	return commits, nil
}

// CrashBroker kills the broker and starts it again: no acknowledged commit may be gone. Members that lost their session
// meanwhile may see again what they have not committed, until the caller tells the ledger otherwise.
func (s *Scenario) CrashBroker() {
	s.t.Helper()
	before, err := s.Commits()
	if err != nil {
		s.t.Fatal(err)
	}
	if s.client.Rejoins || s.slow() {
		s.Ledger.AllowRepeats(before)
	}
	if err := errors.Join(s.Broker.Kill(), s.Broker.Restart(s.ctx)); err != nil {
		s.t.Fatalf("crash: %v", err)
	}
	var after map[Partition]int64
	s.Await("commits after the crash", func() error {
		after, err = s.Commits()
		return err
	})
	if !maps.Equal(before, after) {
		s.t.Fatalf("committed before the crash: %v, after it: %v", before, after)
	}
}

// slow says that the broker starts for longer than clients keep a session that nobody answers, as Apache Kafka does.
func (s *Scenario) slow() bool { return s.Broker.Kind() != launch.Clatter }
