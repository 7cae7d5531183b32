package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
)

func newConfig(tb testing.TB, values map[string]string) *config.Config {
	tb.Helper()
	static, err := config.FromMap(values)
	if err != nil {
		tb.Fatal(err)
	}
	return config.New(static)
}

func open(tb testing.TB, options Options) *Catalog {
	tb.Helper()
	if options.Config == nil {
		options.Config = newConfig(tb, nil)
	}
	options.Log = slog.New(slog.DiscardHandler)
	c, err := Open(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		checkImage(tb, c.Image())
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// checkImage checks that the three tables and the lists of an image agree.
func checkImage(tb testing.TB, image *Image) {
	tb.Helper()
	topics := image.Topics()
	if len(topics) != image.Len() || !slices.IsSortedFunc(topics, func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) }) {
		tb.Errorf("%d topics of %d, or not sorted", len(topics), image.Len())
	}
	for _, topic := range topics {
		if image.TopicByName(topic.Name) != topic || image.TopicByID(topic.ID) != topic || topic.Config == nil {
			tb.Errorf("topic %s is not found, or has no configuration", topic.Name)
		}
	}
	byID, unified := 0, 0
	for i := range tableSize {
		byID += len(image.byID.parts[i])
		unified += len(image.byUnified.parts[i])
	}
	withMarks := 0
	for _, topic := range topics {
		if strings.ContainsAny(topic.Name, "._") {
			withMarks++
		}
	}
	if byID != len(topics) || unified != withMarks {
		tb.Errorf("%d topics, %d by ID, %d of %d by unified name", len(topics), byID, unified, withMarks)
	}
}

func file(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), FileName)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// storages are both ways to keep a catalog.
func storages(t *testing.T) map[string]Options {
	t.Helper()
	return map[string]Options{"memory": {}, "file": {Path: file(t)}}
}

func id(tb testing.TB, c *Catalog, name string) logstore.TopicID {
	tb.Helper()
	topic := c.Image().TopicByName(name)
	if topic == nil {
		tb.Fatalf("no topic %s", name)
	}
	return topic.ID
}

func TestCreatedTopicIsThereAtOnce(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			overrides := map[string]string{"retention.ms": "77"}
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"b", 3, overrides}, {"a", 1, nil}, {"__consumer_offsets", 50, nil}}))
			overrides["retention.ms"] = "changed by the caller"
			b := c.Image().TopicByName("b")
			if b == nil || b.Partitions != 3 || b.Overrides["retention.ms"] != "77" || b.Config.RetentionMs != 77 || b.Internal || c.Image().TopicByID(b.ID) != b {
				t.Fatalf("%+v", b)
			}
			if a := c.Image().TopicByName("a"); a.Config != c.Image().TopicByName("__consumer_offsets").Config || a.Overrides != nil {
				t.Errorf("%+v", a)
			}
			if !c.Image().TopicByName("__consumer_offsets").Internal {
				t.Error("not internal")
			}
			var names []string
			for _, topic := range c.Image().Topics() {
				names = append(names, topic.Name)
			}
			if !slices.Equal(names, []string{"__consumer_offsets", "a", "b"}) {
				t.Error(names)
			}
			if c.Image().TopicByName("c") != nil || c.Image().TopicByID(logstore.TopicID{}) != nil {
				t.Error("found what isn't there")
			}
			if stored := b.Stored(); stored.ID != b.ID || stored.Topic != "b" || stored.Partitions != 3 || stored.Config != b.Config {
				t.Errorf("%+v", stored)
			}
		})
	}
}

func TestTopicsSucceedOrFailOnTheirOwn(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a.b", 1, nil}}))
			err := c.CreateTopics(t.Context(), []NewTopic{{"new", 1, nil}, {"a.b", 1, nil}, {"a_b", 1, nil}, {"new", 1, nil}, {"bad name", 1, nil}, {"none", 0, nil}, {"last", 1, nil}})
			var outcomes TopicErrors
			if !errors.As(err, &outcomes) || len(outcomes) != 7 {
				t.Fatal(err)
			}
			var collision *CollisionError
			var name *config.Error
			if outcomes[0] != nil || !errors.Is(outcomes[1], ErrTopicExists) || !errors.As(outcomes[2], &collision) || !errors.Is(outcomes[3], ErrTopicExists) ||
				!errors.As(outcomes[4], &name) || !errors.Is(outcomes[5], ErrPartitionCount) || outcomes[6] != nil {
				t.Error(outcomes)
			}
			if !errors.Is(err, ErrTopicExists) || collision.Error() != "Topic 'a_b' collides with existing topic: a.b" {
				t.Error(err)
			}
			if c.Image().Len() != 3 {
				t.Error(c.Image().Len())
			}
		})
	}
}

func TestNamesThatDifferInMarksOnlyCollide(t *testing.T) {
	c := open(t, Options{})
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a.b_c", 1, nil}, {"plain", 1, nil}}))
	for name, free := range map[string]bool{"a_b.c": false, "a.b.c": false, "a_b_c": false, "a.b_c": false, "a-b-c": true, "a.b": true, "plain": false, "pl.ain": true, "": false} {
		if err := c.Image().CheckName(name); (err == nil) != free {
			t.Errorf("%q: %v", name, err)
		}
	}
	must(t, c.DeleteTopics(t.Context(), []logstore.TopicID{id(t, c, "a.b_c")}))
	if err := c.Image().CheckName("a_b_c"); err != nil {
		t.Error(err)
	}
}

func TestIDsAreKafkasKindOfUUID(t *testing.T) {
	c := open(t, Options{})
	for i := range 500 {
		must(t, c.CreateTopics(t.Context(), []NewTopic{{fmt.Sprint("t", i), 1, nil}}))
	}
	for _, topic := range c.Image().Topics() {
		if topic.ID[6]>>4 != 4 || topic.ID[8]>>6 != 2 || strings.HasPrefix(uuidText(topic.ID), "-") {
			t.Errorf("%x", topic.ID)
		}
	}
	if len(c.ClusterID()) != 22 {
		t.Error(c.ClusterID())
	}
}

func TestPartitionsOnlyGrow(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 2, map[string]string{"segment.ms": "5"}}}))
			before := c.Image().TopicByName("a")
			must(t, c.AddPartitions(t.Context(), before.ID, 5))
			after := c.Image().TopicByName("a")
			if after.Partitions != 5 || after.Config != before.Config || before.Partitions != 2 {
				t.Errorf("%+v", after)
			}
			for _, count := range []int32{5, 4, 0, -1} {
				if err := c.AddPartitions(t.Context(), before.ID, count); !errors.Is(err, ErrPartitionCount) {
					t.Errorf("%d: %v", count, err)
				}
			}
			if err := c.AddPartitions(t.Context(), logstore.TopicID{1}, 9); !errors.Is(err, ErrUnknownTopic) {
				t.Error(err)
			}
		})
	}
}

func TestDeletedTopicIsRememberedUntilItsFilesAreGone(t *testing.T) {
	options := Options{Path: file(t)}
	c := open(t, options)
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 2, map[string]string{"file.delete.delay.ms": "9"}}, {"b", 1, nil}}))
	old := id(t, c, "a")
	must(t, c.DeleteTopics(t.Context(), []logstore.TopicID{old}))
	if c.Image().TopicByName("a") != nil || c.Image().TopicByID(old) != nil || c.Image().Len() != 1 {
		t.Error("still there")
	}
	// The name is free at once.
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
	if id(t, c, "a") == old {
		t.Error("the same topic again")
	}
	err := c.DeleteTopics(t.Context(), []logstore.TopicID{old, id(t, c, "b")})
	var outcomes TopicErrors
	if !errors.As(err, &outcomes) || !errors.Is(outcomes[0], ErrUnknownTopic) || outcomes[1] != nil {
		t.Error(err)
	}
	must(t, c.Close())

	c = open(t, options)
	deleting := c.Image().Deleting()
	if len(deleting) != 2 || !slices.ContainsFunc(deleting, func(topic *Topic) bool {
		return topic.ID == old && topic.Name == "a" && topic.Partitions == 2 && topic.Config.FileDeleteDelayMs == 9
	}) {
		t.Fatalf("%+v", deleting)
	}
	must(t, c.FinishDelete(t.Context(), old, logstore.TopicID{9}))
	must(t, c.Close())

	c = open(t, options)
	if deleting := c.Image().Deleting(); len(deleting) != 1 || deleting[0].Name != "b" {
		t.Errorf("%+v", deleting)
	}
}

func TestTopicConfigIsReplacedAndInForce(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, map[string]string{"segment.ms": "5", "retention.ms": "6"}}}))
			topic := id(t, c, "a")
			must(t, c.SetTopicConfig(t.Context(), topic, map[string]string{"retention.ms": "7", "max.decompressed.message.bytes": "88"}))
			a := c.Image().TopicByName("a")
			if a.Config.RetentionMs != 7 || a.Config.SegmentMs != 604800000 || len(a.Overrides) != 2 || a.MaxDecompressedBytes != 88 {
				t.Errorf("%+v %+v", a, a.Config)
			}
			must(t, c.SetTopicConfig(t.Context(), topic, nil))
			if a := c.Image().TopicByName("a"); a.Overrides != nil || a.Config.RetentionMs != 604800000 || a.MaxDecompressedBytes != 0 {
				t.Errorf("%+v", a)
			}
			if err := c.SetTopicConfig(t.Context(), logstore.TopicID{1}, nil); !errors.Is(err, ErrUnknownTopic) {
				t.Error(err)
			}
		})
	}
}

func TestVersionRisesWithTopicsAndPartitionsOnly(t *testing.T) {
	c := open(t, Options{})
	version := c.Image().Version()
	rises := func(what string, want bool, err error) {
		t.Helper()
		must(t, err)
		if now := c.Image().Version(); now > version != want {
			t.Errorf("%s: from %d to %d", what, version, now)
		}
		version = c.Image().Version()
	}
	rises("created", true, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
	a := id(t, c, "a")
	rises("grown", true, c.AddPartitions(t.Context(), a, 2))
	rises("configured", false, c.SetTopicConfig(t.Context(), a, map[string]string{"retention.ms": "7"}))
	rises("deleted", true, c.DeleteTopics(t.Context(), []logstore.TopicID{a}))
	rises("files deleted", false, c.FinishDelete(t.Context(), a))
}

func TestBrokerConfigReachesTopicsThatDontSetTheKey(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			var changes []Change
			options.OnChange = func(change Change) { changes = append(changes, change) }
			options.Config = newConfig(t, nil)
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"own", 1, map[string]string{"retention.ms": "5"}}, {"none", 1, nil}, {"other", 1, map[string]string{"segment.ms": "5"}}}))
			changes = nil
			must(t, c.SetBrokerConfig(t.Context(), config.AllBrokers, map[string]string{"log.retention.ms": "9", "max.connections": "3"}))
			for name, want := range map[string]int64{"own": 5, "none": 9, "other": 9} {
				if got := c.Image().TopicByName(name).Config.RetentionMs; got != want {
					t.Errorf("%s: %d", name, got)
				}
			}
			if options.Config.Current().MaxConnections != 3 {
				t.Error("not in force")
			}
			if len(changes) != 1 || len(changes[0].Reconfigured) != 2 {
				t.Errorf("%+v", changes)
			}
			must(t, c.SetBrokerConfig(t.Context(), config.ThisBroker, map[string]string{"log.retention.ms": "10"}))
			if got := c.Image().TopicByName("none").Config.RetentionMs; got != 10 {
				t.Error(got)
			}
			must(t, c.SetBrokerConfig(t.Context(), config.ThisBroker, nil))
			if got := c.Image().TopicByName("none").Config.RetentionMs; got != 9 {
				t.Error(got)
			}
		})
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	options := Options{Path: file(t), Config: newConfig(t, map[string]string{"node.id": "7"})}
	c := open(t, options)
	if !c.Created() {
		t.Error("not created")
	}
	group, metrics := config.Resource{Type: config.GroupResource, Name: "g"}, config.Resource{Type: config.ClientMetricsResource, Name: "m"}
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 2, map[string]string{"retention.ms": "5"}}, {"b.c", 1, nil}}))
	must(t, c.SetBrokerConfig(t.Context(), config.AllBrokers, map[string]string{"log.segment.bytes": "2000000", "min.insync.replicas": "1"}))
	must(t, c.SetBrokerConfig(t.Context(), config.ThisBroker, map[string]string{"max.connections": "5"}))
	for r, overrides := range map[config.Resource]map[string]string{group: {"consumer.session.timeout.ms": "50000"}, metrics: {"interval.ms": "1000"}} {
		must(t, c.Alter(t.Context(), r, func(*config.Snapshot, map[string]string) (map[string]string, error) { return overrides, nil }))
	}
	cluster, topics := c.ClusterID(), c.Image().Topics()
	must(t, c.Close())

	options.Config = newConfig(t, map[string]string{"node.id": "7"})
	c = open(t, options)
	if c.Created() || c.ClusterID() != cluster || options.Config.Current().MaxConnections != 5 {
		t.Error("another catalog")
	}
	for _, want := range topics {
		got := c.Image().TopicByID(want.ID)
		if got == nil || got.Name != want.Name || got.Partitions != want.Partitions || !maps.Equal(got.Overrides, want.Overrides) || *got.Config != *want.Config || got.Config.SegmentBytes != 2000000 {
			t.Errorf("%+v", got)
		}
	}
	if c.Image().Overrides(group)["consumer.session.timeout.ms"] != "50000" || c.Image().Overrides(metrics)["interval.ms"] != "1000" {
		t.Error("configurations are gone")
	}
	if !slices.Equal(c.Image().Configured(config.GroupResource), []string{"g"}) || !slices.Equal(c.Image().Configured(config.BrokerResource), []string{"", "7"}) {
		t.Error(c.Image().Configured(config.GroupResource), c.Image().Configured(config.BrokerResource))
	}
	must(t, c.Alter(t.Context(), group, func(*config.Snapshot, map[string]string) (map[string]string, error) { return nil, nil }))
	if len(c.Image().Configured(config.GroupResource)) != 0 {
		t.Error("an empty configuration is kept")
	}
}

// A new cluster of Kafka stores the value that its first controller was started with.
func TestNewCatalogStoresMinInsyncReplicas(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			options.Config = newConfig(t, map[string]string{"min.insync.replicas": "2"})
			c := open(t, options)
			if got := c.Image().Overrides(config.Resource{Type: config.BrokerResource}); !maps.Equal(got, map[string]string{"min.insync.replicas": "2"}) {
				t.Error(got)
			}
			if options.Config.Current().MinInsyncReplicas != 2 {
				t.Error("not in force")
			}
		})
	}
}

func TestAlterSeesWhatIsThereAndLosesNothing(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
			r := config.Resource{Type: config.TopicResource, Name: "a"}
			done := make(chan error)
			for i := range 50 {
				go func() {
					item := fmt.Sprintf("%d:1", i)
					done <- c.Alter(context.Background(), r, func(s *config.Snapshot, current map[string]string) (map[string]string, error) {
						return s.Alter(r, current, []config.Change{{Name: "leader.replication.throttled.replicas", Op: config.Append, Value: &item}})
					})
				}()
			}
			for range 50 {
				must(t, <-done)
			}
			if got := strings.Split(c.Image().TopicByName("a").Overrides["leader.replication.throttled.replicas"], ","); len(got) != 50 {
				t.Errorf("%d of 50", len(got))
			}
		})
	}
}

// Kafka judges the values before it looks whether the topic exists.
func TestAlterOfAnUnknownTopicIsJudgedFirst(t *testing.T) {
	c := open(t, Options{})
	r := config.Resource{Type: config.TopicResource, Name: "none"}
	good, bad := "5", "x"
	alter := func(value *string) error {
		return c.Alter(t.Context(), r, func(s *config.Snapshot, current map[string]string) (map[string]string, error) {
			return s.Alter(r, current, []config.Change{{Name: "retention.ms", Value: value}})
		})
	}
	var refused *config.Error
	if err := alter(&bad); !errors.As(err, &refused) {
		t.Error(err)
	}
	if err := alter(&good); !errors.Is(err, ErrUnknownTopic) {
		t.Error(err)
	}
}

func TestProducerIDsAreNeverHandedOutTwice(t *testing.T) {
	options := Options{Path: file(t)}
	var next int64
	for range 5 {
		c := open(t, options)
		for range 3 {
			first, count, err := c.AllocateProducerIDs(t.Context())
			must(t, err)
			if first < next || count != 1000 {
				t.Fatalf("%d, %d after %d", first, count, next)
			}
			next = first + count
		}
		must(t, c.Close())
	}
	if next != 15000 {
		t.Error(next)
	}
}

func TestProducerIDsEnd(t *testing.T) {
	c := open(t, Options{})
	c.nextProducerID = 1<<63 - 1500
	if _, _, err := c.AllocateProducerIDs(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.AllocateProducerIDs(t.Context()); !errors.Is(err, ErrProducerIDsExhausted) {
		t.Error(err)
	}
}

func TestOthersFileIsRefused(t *testing.T) {
	path := file(t)
	c := open(t, Options{Path: path, Config: newConfig(t, map[string]string{"clatter.cluster.id": "mine"})})
	if c.ClusterID() != "mine" {
		t.Error(c.ClusterID())
	}
	must(t, c.Close())
	for _, values := range []map[string]string{{"node.id": "2"}, {"clatter.cluster.id": "other"}} {
		if _, err := Open(Options{Path: path, Config: newConfig(t, values)}); !errors.Is(err, ErrOtherIdentity) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", values, err)
		}
	}
	for _, values := range []map[string]string{nil, {"clatter.cluster.id": "mine"}} {
		c, err := Open(Options{Path: path, Config: newConfig(t, values)})
		must(t, err)
		must(t, c.Close())
	}
}

func TestFileInUseIsRefused(t *testing.T) {
	path := file(t)
	open(t, Options{Path: path})
	if _, err := Open(Options{Path: path, Config: newConfig(t, nil)}); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
}

func TestUnusableDirectoryIsOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", FileName)
	if _, err := Open(Options{Path: path, Config: newConfig(t, nil)}); err == nil || strings.Contains(err.Error(), "\n") || !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestLeftoversOfACutShortCreationDontMatter(t *testing.T) {
	path := file(t)
	must(t, os.WriteFile(path+".new", []byte("half a catalog"), 0o600))
	c := open(t, Options{Path: path})
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestClosedCatalogRefusesChangesAndCanBeRead(t *testing.T) {
	for name, options := range storages(t) {
		t.Run(name, func(t *testing.T) {
			c := open(t, options)
			must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}}))
			must(t, c.Close())
			must(t, c.Close())
			if err := c.CreateTopics(t.Context(), []NewTopic{{"b", 1, nil}}); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			if _, _, err := c.AllocateProducerIDs(t.Context()); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			if c.Image().TopicByName("a") == nil {
				t.Error("can't be read")
			}
		})
	}
}

func TestDoneContextChangesNothing(t *testing.T) {
	c := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.CreateTopics(ctx, []NewTopic{{"a", 1, nil}}); !errors.Is(err, context.Canceled) || c.Image().Len() != 0 {
		t.Error(err)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	c := open(t, Options{})
	var topics []NewTopic
	for i := range 1000 {
		topics = append(topics, NewTopic{fmt.Sprintf("topic.%d", i), 10, nil})
	}
	must(t, c.CreateTopics(t.Context(), topics))
	image := c.Image()
	image.Topics()
	name, topic := "topic.77", id(t, c, "topic.77")
	if n := testing.AllocsPerRun(100, func() {
		if c.Image().TopicByName(name) == nil || c.Image().TopicByID(topic) == nil || len(c.Image().Topics()) != 1000 {
			t.Error("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOnChangeComesBeforeTheImageAndInOrder(t *testing.T) {
	var c *Catalog
	var seen []string
	c = open(t, Options{OnChange: func(change Change) {
		for _, topic := range change.Created {
			if c.Image().TopicByName(topic.Name) != nil {
				t.Error("visible before it was told")
			}
			seen = append(seen, "+"+topic.Name)
		}
		for _, topic := range change.Grown {
			seen = append(seen, fmt.Sprint(topic.Name, topic.Partitions))
		}
		for _, topic := range change.Reconfigured {
			seen = append(seen, fmt.Sprint(topic.Name, "=", topic.Config.SegmentMs))
		}
		for _, topic := range change.Deleted {
			seen = append(seen, "-"+topic.Name)
		}
	}})
	must(t, c.CreateTopics(t.Context(), []NewTopic{{"a", 1, nil}, {"b", 1, nil}}))
	must(t, c.AddPartitions(t.Context(), id(t, c, "a"), 4))
	must(t, c.SetTopicConfig(t.Context(), id(t, c, "a"), map[string]string{"segment.ms": "5"}))
	must(t, c.SetTopicConfig(t.Context(), id(t, c, "a"), map[string]string{"segment.ms": "5"})) // no change
	must(t, c.DeleteTopics(t.Context(), []logstore.TopicID{id(t, c, "b")}))
	if !slices.Equal(seen, []string{"+a", "+b", "a4", "a=5", "-b"}) {
		t.Error(seen)
	}
}

func TestAdoptedTopicsKeepTheirIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	c := open(t, Options{Path: path})
	id := logstore.TopicID{1, 2, 3}
	err := c.AdoptTopics(t.Context(), []AdoptedTopic{
		{NewTopic{"a", 2, nil}, id}, {NewTopic{"b", 1, nil}, id}, {NewTopic{"c", 1, nil}, logstore.TopicID{}},
	})
	var outcomes TopicErrors
	if !errors.As(err, &outcomes) || outcomes[0] != nil || !errors.Is(outcomes[1], ErrTopicExists) || outcomes[2] != nil {
		t.Errorf("%v", err)
	}
	must(t, c.SkipProducerIDs(t.Context(), 5000))
	must(t, c.SkipProducerIDs(t.Context(), 3000))
	must(t, c.Close())
	c = open(t, Options{Path: path})
	if got := c.Image().TopicByName("a"); got == nil || got.ID != id || got.Partitions != 2 {
		t.Errorf("%+v", got)
	}
	if first, _, err := c.AllocateProducerIDs(t.Context()); err != nil || first != 5000 {
		t.Errorf("producer IDs from %d: %v", first, err)
	}
}
