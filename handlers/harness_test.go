package handlers

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/coordinator/group"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local" //nolint:depguard // Tests run on the real store, on a disk in memory.
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// testBroker is everything behind the sockets: requests go in as bytes and answers come out as bytes, as on a connection.
type testBroker struct {
	t          testing.TB
	dispatcher *Dispatcher
	store      logstore.Store
	config     *config.Config
	catalog    *catalog.Catalog
	peer       *broker.Peer
	clientID   string
	clock      time.Time
	logLevel   slog.LevelVar
}

// newTestBroker starts a broker with these keys, "key", "value", on a disk in memory.
func newTestBroker(tb testing.TB, keys ...string) *testBroker {
	tb.Helper()
	return newTestBrokerOn(tb, vfs.NewMemory(), keys...)
}

// newTestBrokerOn starts a broker on a disk that the test looks at.
func newTestBrokerOn(tb testing.TB, disk vfs.FS, keys ...string) *testBroker {
	tb.Helper()
	return newTestBrokerOnDirs(tb, []vfs.FS{disk}, keys...)
}

// newTestBrokerOnDirs starts a broker with several log directories. Those that the test breaks may show when it closes.
func newTestBrokerOnDirs(tb testing.TB, dirs []vfs.FS, keys ...string) *testBroker {
	tb.Helper()
	values := map[string]string{"node.id": "1", "log.flush.interval.messages": "9223372036854775807"}
	for i := 0; i+1 < len(keys); i += 2 {
		values[keys[i]] = keys[i+1]
		if keys[i+1] == unset {
			delete(values, keys[i])
		}
	}
	static, err := config.FromMap(values)
	if err != nil {
		tb.Fatal(err)
	}
	c := config.New(static)
	store, err := local.Open(tb.Context(), local.Options{Dirs: dirs, NodeID: 1, ClusterID: "cluster"})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil && (len(dirs) == 1 || !errors.Is(err, logstore.ErrOffline)) {
			tb.Error(err)
		}
	})
	var all *Coordinators
	topics, err := catalog.Open(catalog.Options{Config: c, OnChange: func(c catalog.Change) { follow(tb, store, all.Groups, c) }})
	if err != nil {
		tb.Fatal(err)
	}
	all = NewCoordinators(store, topics, c, slog.New(slog.DiscardHandler))
	tb.Cleanup(func() {
		if err := all.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	b := &testBroker{t: tb, store: store, config: c, catalog: topics, clock: time.UnixMilli(1_700_000_000_000)}
	b.peer = &broker.Peer{
		ID:       1,
		Remote:   netip.MustParseAddrPort("192.0.2.7:40000"),
		Local:    netip.MustParseAddrPort("192.0.2.1:9092"),
		Listener: "PLAINTEXT",
	}
	b.dispatcher = New(Deps{
		Store: store, Catalog: b.catalog, Config: c, Coordinators: all,
		Log: slog.New(slog.DiscardHandler), LogLevel: &b.logLevel,
		Now: func() time.Time { return b.clock },
	})
	return b
}

// awaitCoordinator waits until the coordinator of this kind can be asked: it makes its topic and loads all of it. On a busy machine that may
// take longer than a request waits for it.
func (b *testBroker) awaitCoordinator(kind int8) {
	b.t.Helper()
	wantCode(b.t, "coordinator", ask[*kmsg.FindCoordinatorResponse](b, findRequest(3, kind, "x")).ErrorCode, wire.None)
	eventually(b.t, "the end of loading", func() bool {
		code := ask[*kmsg.ListGroupsResponse](b, kmsg.NewPtrListGroupsRequest()).ErrorCode
		if kind == coordinatorOfTransaction {
			code = ask[*kmsg.ListTransactionsResponse](b, kmsg.NewPtrListTransactionsRequest()).ErrorCode
		}
		return code != int16(wire.CoordinatorLoadInProgress)
	})
}

// follow makes the store what the catalog says, as the program does.
func follow(tb testing.TB, store logstore.Store, groups *group.Coordinator, change catalog.Change) {
	tb.Helper()
	for _, t := range append(change.Created, change.Grown...) {
		if err := store.Create(t.Stored()); err != nil {
			tb.Error(err)
		}
	}
	for _, t := range change.Reconfigured {
		if err := store.Configure(t.ID, t.Config); err != nil {
			tb.Error(err)
		}
	}
	for _, t := range change.Deleted {
		if err := store.Delete(context.Background(), t.Stored()); err != nil {
			tb.Error(err)
		}
		groups.TopicsDeleted([]string{t.Name})
	}
}

// unset leaves a key that newTestBroker sets to its default.
const unset = "\x00unset"

// start sends a request through the codec and dispatches it.
func (b *testBroker) start(req kmsg.Request) (broker.Reply, error) {
	b.t.Helper()
	header := wire.RequestHeader{Key: req.Key(), Version: req.GetVersion(), CorrelationID: 7}
	if b.clientID != "" {
		header.ClientID = &b.clientID
	}
	api, ok := wire.APIByKey(req.Key())
	if !ok || !api.Serves(req.GetVersion()) {
		b.t.Fatalf("%s v%d isn't served", wire.APIName(req.Key()), req.GetVersion())
	}
	message, err := wire.DecodeRequest(header, req.AppendTo(nil))
	if err != nil {
		b.t.Fatalf("%s v%d: %v", api.Name, header.Version, err)
	}
	defer wire.Recycle(message)
	return b.dispatcher.Dispatch(b.t.Context(), &broker.Request{Header: header, Message: message, Peer: b.peer})
}

// finish waits for an answer if it has to, and does what is left for when it was sent.
func (b *testBroker) finish(ctx context.Context, reply broker.Reply) (broker.Reply, error) {
	if reply.Sent != nil {
		reply.Sent()
	}
	if reply.Later == nil {
		return reply, nil
	}
	return reply.Later(ctx)
}

// ask sends a request and returns the answer as a client decodes it.
func ask[R kmsg.Response](b *testBroker, req kmsg.Request) R {
	b.t.Helper()
	reply, err := b.start(req)
	if err == nil {
		reply, err = b.finish(b.t.Context(), reply)
	}
	if err != nil {
		b.t.Fatalf("%s v%d: %v", wire.APIName(req.Key()), req.GetVersion(), err)
	}
	return decode[R](b, req, reply)
}

// decode is what a client reads.
func decode[R kmsg.Response](b *testBroker, req kmsg.Request, reply broker.Reply) R {
	b.t.Helper()
	var body []byte
	switch {
	case reply.Message != nil:
		body = reply.Message.AppendTo(nil)
		if reply.Recycle != nil {
			reply.Recycle()
		}
	case reply.Fetch != nil:
		body = fetchBody(b.t, reply.Fetch)
	default:
		b.t.Fatalf("%s v%d has no answer", wire.APIName(req.Key()), req.GetVersion())
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body); err != nil {
		b.t.Fatalf("answer of %s v%d: %v", wire.APIName(req.Key()), req.GetVersion(), err)
	}
	return resp.(R)
}

// fetchBody is a fetch response without size and header.
func fetchBody(tb testing.TB, resp *wire.FetchResponse) []byte {
	tb.Helper()
	frame, err := resp.Encode(nil, 7)
	if err != nil {
		tb.Fatal(err)
	}
	defer frame.Release()
	bytes, err := frame.AppendTo(nil)
	if err != nil {
		tb.Fatal(err)
	}
	if size := binary.BigEndian.Uint32(bytes); int(size) != len(bytes)-wire.FrameSizeLen {
		tb.Fatalf("frame of %d bytes says %d", len(bytes), size)
	}
	header := len(wire.AppendResponseHeader(nil, wire.KeyFetch, resp.Version, 7))
	return bytes[wire.FrameSizeLen+header:]
}

// refused sends a request that must cost the connection.
func (b *testBroker) refused(req kmsg.Request) {
	b.t.Helper()
	if _, err := b.start(req); err == nil {
		b.t.Errorf("%s v%d doesn't end the connection", wire.APIName(req.Key()), req.GetVersion())
	}
}

// createTopic creates a topic with these keys of its own.
func (b *testBroker) createTopic(name string, partitions int32, keys ...string) {
	b.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version = 7
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	for i := 0; i+1 < len(keys); i += 2 {
		t.Configs = append(t.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: keys[i], Value: &keys[i+1]})
	}
	req.Topics = append(req.Topics, t)
	for _, t := range ask[*kmsg.CreateTopicsResponse](b, req).Topics {
		if t.ErrorCode != 0 {
			b.t.Fatalf("topic %s: %s", t.Topic, wire.ErrorCode(t.ErrorCode))
		}
	}
}

// topicID is the ID of a topic that is there.
func (b *testBroker) topicID(name string) [16]byte {
	b.t.Helper()
	t := b.dispatcher.topics().TopicByName(name)
	if t == nil {
		b.t.Fatalf("no topic %s", name)
	}
	return t.ID
}

// batch is a producer's batch of these values, a second before the broker's clock.
func (b *testBroker) batch(values ...string) []byte {
	b.t.Helper()
	return b.batchAt(b.clock.UnixMilli()-1000, nil, values...)
}

// batchAt is a batch whose records have these times; change may set what a producer sets.
func (b *testBroker) batchAt(timestamp int64, change func(*record.Builder), values ...string) []byte {
	b.t.Helper()
	builder := record.NewBuilder()
	if change != nil {
		change(builder)
	}
	for i, v := range values {
		builder.Append(timestamp+int64(i), []byte("key"), []byte(v))
	}
	batch, err := builder.Build(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return batch
}

// produceRequest writes batches to partitions 0, 1, … of a topic with acks=all.
func (b *testBroker) produceRequest(version int16, topic string, batches ...[]byte) *kmsg.ProduceRequest {
	b.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, acksAll, 5000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	if version >= produceTopicIDs {
		if found := b.dispatcher.topics().TopicByName(topic); found != nil {
			t.TopicID = found.ID
		}
	}
	for i, batch := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), batch
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// produce writes batches to partition 0, one request each, and expects no error.
func (b *testBroker) produce(topic string, batches ...[]byte) {
	b.t.Helper()
	for _, batch := range batches {
		resp := ask[*kmsg.ProduceResponse](b, b.produceRequest(9, topic, batch))
		if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
			b.t.Fatalf("produce to %s: %s", topic, wire.ErrorCode(code))
		}
	}
}

// produceTo writes a batch to any partition and returns the code.
func (b *testBroker) produceTo(topic string, partition int32, batch []byte) int16 {
	b.t.Helper()
	req := b.produceRequest(9, topic, batch)
	req.Topics[0].Partitions[0].Partition = partition
	return ask[*kmsg.ProduceResponse](b, req).Topics[0].Partitions[0].ErrorCode
}

// wantCode compares an error code.
func wantCode(tb testing.TB, what string, got int16, want wire.ErrorCode) {
	tb.Helper()
	if wire.ErrorCode(got) != want {
		tb.Errorf("%s: %s, want %s", what, wire.ErrorCode(got), want)
	}
}

// wantEqual compares anything else.
func wantEqual[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s: %v, want %v", what, got, want)
	}
}

// versionsOf are the versions that are served of an API.
func versionsOf(tb testing.TB, key int16) []int16 {
	tb.Helper()
	api, ok := wire.APIByKey(key)
	if !ok {
		tb.Fatalf("key %d isn't served", key)
	}
	var all []int16
	for v := api.MinVersion; v <= api.MaxVersion; v++ {
		all = append(all, v)
	}
	return all
}

// offsets is where a partition of topic t stands.
func (b *testBroker) offsets(partition int32) logstore.Offsets {
	b.t.Helper()
	log, code := b.dispatcher.partition(b.dispatcher.topics().TopicByName("t"), partition)
	if code != wire.None {
		b.t.Fatalf("partition %d: %s", partition, code)
	}
	return log.Offsets()
}

// deleteBefore deletes records.
func (b *testBroker) deleteBefore(topic string, partition int32, offset int64) {
	b.t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version = 2
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{
		Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}},
	}}
	wantCode(b.t, "delete records", ask[*kmsg.DeleteRecordsResponse](b, req).Topics[0].Partitions[0].ErrorCode, wire.None)
}

// deleteTopic deletes a topic.
func (b *testBroker) deleteTopic(name string) {
	b.t.Helper()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames = 5, []string{name}
	wantCode(b.t, "delete topic", ask[*kmsg.DeleteTopicsResponse](b, req).Topics[0].ErrorCode, wire.None)
}

// compressed is batch in a codec.
func (b *testBroker) compressed(codec record.Codec, values ...string) []byte {
	b.t.Helper()
	batch, err := record.Recompress(b.batch(values...), codec, record.DefaultLevel(codec), 1<<20)
	if err != nil {
		b.t.Fatal(err)
	}
	return batch
}

// deref is the text behind a pointer, "" for null.
func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func itoa(n int) string { return strconv.Itoa(n) }
