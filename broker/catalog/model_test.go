package catalog

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

// model is what a catalog should contain, in the plainest form.
type model struct {
	topics   map[string]*Topic
	deleting map[logstore.TopicID]string
	group    map[string]string
	nextID   int64
}

// TestModel makes random changes and reopens at random, and compares with a model. A
// failure prints the seed; CATALOG_SEED repeats it.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("CATALOG_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	for round := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, round))
		options := Options{Path: file(t)}
		c := open(t, options)
		m := &model{topics: map[string]*Topic{}, deleting: map[logstore.TopicID]string{}}
		for step := range 250 {
			if random.IntN(40) == 0 {
				must(t, c.Close())
				c = open(t, options)
			}
			m.step(t, c, random)
			if t.Failed() || step%25 == 0 && !m.check(t, c) {
				t.Fatalf("CATALOG_SEED=%d, round %d, step %d", seed, round, step)
			}
		}
		if !m.check(t, c) {
			t.Fatalf("CATALOG_SEED=%d, round %d", seed, round)
		}
	}
}

// names are few, so that they meet often, and some collide.
func randomName(random *rand.Rand) string {
	return []string{"a", "b", "c", "d", "x.y", "x_y", "x.y.z", "x_y.z", "bad/name", "__consumer_offsets"}[random.IntN(10)]
}

func (m *model) step(t *testing.T, c *Catalog, random *rand.Rand) {
	t.Helper()
	name := randomName(random)
	topic := m.topics[name]
	var topicID logstore.TopicID
	if topic != nil {
		topicID = topic.ID
	}
	switch random.IntN(7) {
	case 0, 1:
		overrides := map[string]string{"retention.ms": fmt.Sprint(random.IntN(100))}
		if random.IntN(2) == 0 {
			overrides = nil
		}
		m.created(t, c, NewTopic{name, int32(random.IntN(4)), overrides})
	case 2:
		err := c.DeleteTopics(t.Context(), []logstore.TopicID{topicID})
		m.expect(t, err, topic == nil, ErrUnknownTopic)
		if topic != nil {
			delete(m.topics, name)
			m.deleting[topicID] = name
		}
	case 3:
		for gone := range m.deleting {
			must(t, c.FinishDelete(t.Context(), gone))
			delete(m.deleting, gone)
			break
		}
	case 4:
		count := int32(random.IntN(8))
		err := c.AddPartitions(t.Context(), topicID, count)
		switch {
		case topic == nil:
			m.expect(t, err, true, ErrUnknownTopic)
		case count <= topic.Partitions:
			m.expect(t, err, true, ErrPartitionCount)
		default:
			m.expect(t, err, false, nil)
			topic.Partitions = count
		}
	case 5:
		overrides := map[string]string{"segment.ms": fmt.Sprint(random.IntN(100) + 1)}
		err := c.SetTopicConfig(t.Context(), topicID, overrides)
		m.expect(t, err, topic == nil, ErrUnknownTopic)
		if topic != nil {
			topic.Overrides = overrides
		}
	case 6:
		first, count, err := c.AllocateProducerIDs(t.Context())
		if err != nil || first != m.nextID {
			t.Errorf("producer IDs from %d, %v; expected %d", first, err, m.nextID)
		}
		m.nextID = first + count
		m.group = map[string]string{"consumer.session.timeout.ms": fmt.Sprint(50000 + random.IntN(3))}
		must(t, c.Alter(t.Context(), config.Resource{Type: config.GroupResource, Name: "g"}, func(*config.Snapshot, map[string]string) (map[string]string, error) {
			return m.group, nil
		}))
	}
}

func (m *model) created(t *testing.T, c *Catalog, n NewTopic) {
	t.Helper()
	err := c.CreateTopics(t.Context(), []NewTopic{n})
	collides := slices.ContainsFunc(slices.Collect(maps.Keys(m.topics)), func(other string) bool {
		return other != n.Name && strings.ReplaceAll(other, ".", "_") == strings.ReplaceAll(n.Name, ".", "_")
	})
	if n.Name == "bad/name" || n.Partitions < 1 || m.topics[n.Name] != nil || collides {
		if err == nil {
			t.Errorf("%+v was created", n)
		}
		return
	}
	if err != nil {
		t.Errorf("%+v: %v", n, err)
		return
	}
	m.topics[n.Name] = &Topic{Name: n.Name, ID: id(t, c, n.Name), Partitions: n.Partitions, Overrides: n.Overrides}
}

func (m *model) expect(t *testing.T, err error, refused bool, want error) {
	t.Helper()
	if refused != (err != nil) || refused && !errors.Is(err, want) {
		t.Errorf("%v, expected %v", err, want)
	}
}

func (m *model) check(t *testing.T, c *Catalog) bool {
	t.Helper()
	image := c.Image()
	checkImage(t, image)
	for name, want := range m.topics {
		got := image.TopicByName(name)
		if got == nil || got.ID != want.ID || got.Partitions != want.Partitions || !maps.Equal(got.Overrides, want.Overrides) {
			t.Errorf("%s: %+v, expected %+v", name, got, want)
		}
	}
	if image.Len() != len(m.topics) || len(image.Deleting()) != len(m.deleting) {
		t.Errorf("%d topics and %d deleted, expected %d and %d", image.Len(), len(image.Deleting()), len(m.topics), len(m.deleting))
	}
	for _, topic := range image.Deleting() {
		if m.deleting[topic.ID] != topic.Name {
			t.Errorf("%s is being deleted", topic.Name)
		}
	}
	if !maps.Equal(image.Overrides(config.Resource{Type: config.GroupResource, Name: "g"}), m.group) {
		t.Error("another group configuration")
	}
	return !t.Failed()
}
