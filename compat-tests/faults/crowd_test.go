package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// Limits of bars R19 and R33. They hold for the full forms, on a machine that has nothing else to do; the short form proves
// that nothing is lost, however long that takes. How soon everybody consumes is a matter of the logs that are recovered: one for each member.
const (
	stableLimit     = 5 * time.Second
	restartLimit    = time.Second
	consumesLimit   = 10 * time.Second
	consumesMembers = 500
)

// crowdTopic has as many partitions as the crowd has members.
const crowdTopic = "crowd"

// crowd is one group of many members, each with a connection and little else.
type crowd struct {
	addr    string
	joins   func(*crowdMember) error // joins, or joins again
	beats   func(*crowdMember) error // sends a heartbeat
	settled chan struct{}
	members []*crowdMember

	once   sync.Once
	mu     sync.Mutex
	synced map[int32]int // members by the generation in which they have an assignment
}

// crowdMember belongs to one goroutine at a time.
type crowdMember struct {
	crowd      *crowd
	conn       *rawconn.Conn
	name       string
	id         string
	generation int32 // or member epoch
	entered    int32 // the last one that was noted
	partitions []int32
}

// TestCrowdSurvivesAKill is bars R19 and R33: a group of many members becomes stable, the broker is killed, and everybody goes on with the
// same assignment, in the same generation, from what was committed. FAULT_MEMBERS sets how many (100 by default; 500 and 2,000 before a release,
// with the limits of the bars).
//
// Negative controls: controls/R19.patch leaves members out of the record of their classic group, controls/R33.patch changes their epochs when
// a consumer group is loaded.
func TestCrowdSurvivesAKill(t *testing.T) {
	members, strict := brokertest.Setting(t, "FAULT_MEMBERS", 100), os.Getenv("FAULT_MEMBERS") != ""
	for name, c := range map[string]*crowd{
		"classic":  {joins: (*crowdMember).joinClassic, beats: (*crowdMember).beatClassic},
		"consumer": {joins: (*crowdMember).joinConsumer, beats: (*crowdMember).joinConsumer},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			broker := brokertest.Start(t, map[string]string{
				"group.initial.rebalance.delay.ms": "0", "group.max.size": "5000", "group.consumer.max.size": "5000",
			})
			fillCrowdTopic(ctx, t, broker, members)
			c.form(ctx, t, broker, members)
			stable := c.settle(ctx, t)
			c.all(t, (*crowdMember).commit)
			c.check(t)
			restart, consumes := c.survive(ctx, t, broker)
			c.check(t)
			t.Logf("%d members: stable after %s, coordinator restarted within %s, all consume after %s", members,
				stable.Round(time.Millisecond), restart.Round(time.Millisecond), consumes.Round(time.Millisecond))
			if strict && (stable > stableLimit || restart > restartLimit || members <= consumesMembers && consumes > consumesLimit) {
				t.Errorf("the limits are %s, %s, and with %d members %s", stableLimit, restartLimit, consumesMembers, consumesLimit)
			}
		})
	}
}

// fillCrowdTopic puts a record into each partition.
func fillCrowdTopic(ctx context.Context, t *testing.T, broker *launch.Broker, partitions int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(crowdTopic),
		kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = crowdTopic, int32(partitions), 1
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, client)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create topic: %+v, %v", resp, err)
	}
	records := make([]*kgo.Record, partitions)
	for p := range records {
		records[p] = &kgo.Record{Partition: int32(p), Value: []byte(strconv.Itoa(p))}
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// form connects the members.
func (c *crowd) form(ctx context.Context, t *testing.T, broker *launch.Broker, members int) {
	t.Helper()
	c.addr, c.settled, c.synced = broker.Addr(), make(chan struct{}), map[int32]int{}
	for i := range members {
		c.members = append(c.members, &crowdMember{crowd: c, name: fmt.Sprintf("member-%04d", i)})
	}
	c.connect(ctx, t)
	t.Cleanup(c.disconnect)
	var find kmsg.Response
	for {
		var err error
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.CoordinatorKey = crowdTopic
		if find, err = c.members[0].conn.Do(req, time.Minute); err != nil {
			t.Fatal(err)
		}
		if find.(*kmsg.FindCoordinatorResponse).ErrorCode == 0 {
			return
		}
		wait(ctx, t, 100*time.Millisecond) // Kafka makes its topic first.
	}
}

func (c *crowd) connect(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, m := range c.members {
		var err error
		if m.conn, err = rawconn.Dial(ctx, c.addr); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *crowd) disconnect() {
	for _, m := range c.members {
		m.conn.Close()
	}
}

// all has every member do something at once.
func (c *crowd) all(t *testing.T, do func(*crowdMember) error) {
	t.Helper()
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Go(func() {
			if err := do(m); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// settle has all members join, and waits until they are in one generation.
func (c *crowd) settle(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	c.all(t, func(m *crowdMember) error { return m.settle(ctx) })
	return time.Since(began)
}

func (m *crowdMember) settle(ctx context.Context) error {
	joined := false
	for {
		act := m.crowd.beats
		if !joined {
			act = m.crowd.joins
		}
		err := act(m)
		switch {
		case errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.MemberIDRequired):
			joined = false
			continue
		case err != nil:
			return err
		}
		joined = true
		if m.generation != m.entered && len(m.partitions) == 1 {
			m.crowd.enter(m)
		}
		select {
		case <-m.crowd.settled:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// enter notes that a member has its share in a generation.
func (c *crowd) enter(m *crowdMember) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m.entered = m.generation
	c.synced[m.generation]++
	if c.synced[m.generation] == len(c.members) {
		c.once.Do(func() { close(c.settled) })
	}
}

// survive kills the broker under the crowd. It returns how long the coordinator took to answer the first member of a broker that had
// recovered its logs, and how long it took from the start of the broker until all members had gone on.
func (c *crowd) survive(ctx context.Context, t *testing.T, broker *launch.Broker) (restart, consumes time.Duration) {
	t.Helper()
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	c.disconnect()
	began := time.Now()
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	recovered := time.Now()
	c.connect(ctx, t)
	if err := c.members[0].goOn(); err != nil {
		t.Fatal(err)
	}
	restart = time.Since(recovered)
	c.all(t, (*crowdMember).goOn)
	c.all(t, (*crowdMember).consume)
	consumes = time.Since(began)
	return restart, consumes
}

// goOn sends the first heartbeat to a coordinator that has started again.
func (m *crowdMember) goOn() error {
	before := m.generation
	for {
		err := m.crowd.beats(m)
		switch {
		case err == nil && m.generation == before:
			return nil
		case errors.Is(err, kerr.CoordinatorLoadInProgress), errors.Is(err, kerr.NotCoordinator), errors.Is(err, kerr.CoordinatorNotAvailable):
			time.Sleep(10 * time.Millisecond) // As clients do.
		case err == nil:
			return fmt.Errorf("generation %d became %d", before, m.generation)
		default:
			return err
		}
	}
}

// check wants every partition to have one owner, and every member a partition.
func (c *crowd) check(t *testing.T) {
	t.Helper()
	owners := map[int32]string{}
	for _, m := range c.members {
		if len(m.partitions) != 1 {
			t.Errorf("%s has partitions %v", m.name, m.partitions)
		}
		for _, p := range m.partitions {
			if other, owned := owners[p]; owned {
				t.Errorf("%s and %s have partition %d", other, m.name, p)
			}
			owners[p] = m.name
		}
	}
	if len(owners) != len(c.members) {
		t.Errorf("%d of %d partitions have an owner", len(owners), len(c.members))
	}
}
