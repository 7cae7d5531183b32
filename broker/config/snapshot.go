package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/clatterhq/clatter/broker/configdef"
	"github.com/clatterhq/clatter/logstore"
)

// Snapshot is everything that is configured at one moment. It never changes.
type Snapshot struct {
	Broker

	static         *Static
	dynamicBroker  map[string]string // set for this broker while it runs
	dynamicDefault map[string]string // set for all brokers while they run
	values         *values
	topicDefault   *logstore.Config // of a topic without keys of its own
}

// Broker is what counts for the broker itself, typed, one field per key that the
// server or a handler reads. Names are those of the keys.
type Broker struct {
	NodeID    int32
	Rack      *string // nil where there is none
	ClusterID string  // clatter.cluster.id; "" leaves it to the catalog

	// Listeners are the addresses to open, without those of the controller.
	Listeners []Listener
	// advertised is by listener name.
	advertised map[string]Endpoint

	LogDirs []string // at least one

	NumPartitions            int32
	DefaultReplicationFactor int32
	AutoCreateTopicsEnable   bool
	DeleteTopicEnable        bool
	MinInsyncReplicas        int32 // of topics that set none

	FetchMaxBytes                        int32
	MaxIncrementalFetchSessionCacheSlots int32
	MaxRequestPartitionSizeLimit         int32
	ProducerIDExpirationMs               int32
	ProducerIDExpirationCheckIntervalMs  int32
	TransactionPartitionVerification     bool
	LogRetentionCheckIntervalMs          int64
	ProduceVerifyCompressed              bool

	Cleaner Cleaner

	SocketRequestMaxBytes    int32
	SocketSendBufferBytes    int32 // 0 unless set: the kernel sizes it
	SocketReceiveBufferBytes int32 // 0 unless set: the kernel sizes it
	QueuedMaxRequestBytes    int64 // 0 or less: the server's own default
	ConnectionsMaxIdleMs     int64 // negative: for ever

	// Limits of connections; math.MaxInt32 is none. MaxConnectionsPerIPOverrides goes
	// before MaxConnectionsPerIP.
	MaxConnections               int32
	MaxConnectionsPerIP          int32
	MaxConnectionsPerIPOverrides map[netip.Addr]int
	MaxConnectionCreationRate    int32

	Groups         Groups
	ConsumerGroups ConsumerGroups
	Transactions   Transactions

	LogFormat string // text or json
	LogLevel  slog.Level
}

// Cleaner is how compaction works: the keys log.cleaner.* that topics don't override. Sizes are in bytes, of
// all threads together.
type Cleaner struct {
	Enable            bool
	Threads           int32 // 0: none
	DedupeBufferSize  int64
	BufferLoadFactor  float64
	IOBufferSize      int32
	MaxBytesPerSecond float64
	BackoffMs         int64
}

func readCleaner(v *values) Cleaner {
	return Cleaner{
		Enable:            get[bool](v, "log.cleaner.enable"),
		Threads:           get[int32](v, "log.cleaner.threads"),
		DedupeBufferSize:  get[int64](v, "log.cleaner.dedupe.buffer.size"),
		BufferLoadFactor:  get[float64](v, "log.cleaner.io.buffer.load.factor"),
		IOBufferSize:      get[int32](v, "log.cleaner.io.buffer.size"),
		MaxBytesPerSecond: get[float64](v, "log.cleaner.io.max.bytes.per.second"),
		BackoffMs:         get[int64](v, "log.cleaner.backoff.ms"),
	}
}

// Advertised is the address that clients of a listener are told; ok is false where
// nothing is advertised and a client is told the address that it connected to.
func (b *Broker) Advertised(listener string) (e Endpoint, ok bool) {
	e, ok = b.advertised[listener]
	return e, ok
}

// newSnapshot computes what counts and checks the rules between keys. Values have
// been parsed one by one before.
// The error is a [*BadValueError].
func newSnapshot(static *Static, dynamicDefault, dynamicBroker map[string]string) (*Snapshot, error) {
	v := mergeValues(static.values, dynamicDefault, dynamicBroker)
	if err := checkRules(v); err != nil {
		return nil, err
	}
	listeners, err := readListeners(v)
	if err != nil {
		return nil, err
	}
	perIP, err := readPerIP(v)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{static: static, dynamicDefault: dynamicDefault, dynamicBroker: dynamicBroker, values: v}
	s.Broker = readBroker(v)
	s.Listeners, s.advertised, s.MaxConnectionsPerIPOverrides = listeners.open, listeners.advertised, perIP
	s.topicDefault = defaultTopicConfig(v)
	return s, nil
}

// readBroker reads the keys that stand for themselves.
func readBroker(v *values) Broker {
	b := Broker{
		NodeID:    get[int32](v, nodeIDKey),
		ClusterID: get[string](v, clusterIDKey),
		LogDirs:   logDirs(v),

		NumPartitions:            get[int32](v, "num.partitions"),
		DefaultReplicationFactor: get[int32](v, "default.replication.factor"),
		AutoCreateTopicsEnable:   get[bool](v, "auto.create.topics.enable"),
		DeleteTopicEnable:        get[bool](v, "delete.topic.enable"),
		MinInsyncReplicas:        get[int32](v, minIsrKey),

		FetchMaxBytes:                        get[int32](v, "fetch.max.bytes"),
		MaxIncrementalFetchSessionCacheSlots: get[int32](v, "max.incremental.fetch.session.cache.slots"),
		MaxRequestPartitionSizeLimit:         get[int32](v, "max.request.partition.size.limit"),
		ProducerIDExpirationMs:               get[int32](v, "producer.id.expiration.ms"),
		ProducerIDExpirationCheckIntervalMs:  get[int32](v, "producer.id.expiration.check.interval.ms"),
		TransactionPartitionVerification:     get[bool](v, "transaction.partition.verification.enable"),
		LogRetentionCheckIntervalMs:          get[int64](v, "log.retention.check.interval.ms"),
		ProduceVerifyCompressed:              get[bool](v, "clatter.produce.verify.compressed"),

		Cleaner: readCleaner(v),

		SocketRequestMaxBytes:    get[int32](v, "socket.request.max.bytes"),
		SocketSendBufferBytes:    ifSet(v, "socket.send.buffer.bytes"),
		SocketReceiveBufferBytes: ifSet(v, "socket.receive.buffer.bytes"),
		QueuedMaxRequestBytes:    get[int64](v, "queued.max.request.bytes"),
		ConnectionsMaxIdleMs:     get[int64](v, "connections.max.idle.ms"),

		MaxConnections:            get[int32](v, "max.connections"),
		MaxConnectionsPerIP:       get[int32](v, "max.connections.per.ip"),
		MaxConnectionCreationRate: get[int32](v, "max.connection.creation.rate"),

		Groups:         readGroups(v),
		Transactions:   readTransactions(v),
		ConsumerGroups: readConsumerGroups(v),

		LogFormat: get[string](v, "clatter.log.format"),
		LogLevel:  slogLevel(get[string](v, logLevelKey)),
	}
	if v.raw("broker.rack") != nil {
		rack := get[string](v, "broker.rack")
		b.Rack = &rack
	}
	return b
}

// logDirs are the directories of log.dirs, else of log.dir.
func logDirs(v *values) []string {
	if dirs := get[[]string](v, "log.dirs"); len(dirs) > 0 {
		return dirs
	}
	return get[[]string](v, "log.dir")
}

// ifSet is for sizes whose default the kernel chooses better than Kafka's constants,
// which switch its tuning off.
func ifSet(v *values, name string) int32 {
	if v.raw(name) == nil {
		return 0
	}
	return max(0, get[int32](v, name))
}

func slogLevel(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return level
}

const perIPKey = "max.connections.per.ip.overrides"

// readPerIP reads max.connections.per.ip.overrides. Addresses stand for themselves and
// localhost for its two; other names are refused, because a look-up would make the
// limit depend on the moment of the start.
func readPerIP(v *values) (map[netip.Addr]int, error) {
	overrides := make(map[netip.Addr]int)
	for item := range strings.SplitSeq(get[string](v, perIPKey), ",") {
		if item = configdef.Trim(item); item == "" {
			continue
		}
		colon := strings.LastIndexByte(item, ':')
		if colon < 0 {
			bad := badValue(perIPKey, v.shown(perIPKey), item+" is not of the form host:count")
			bad.kafka = fmt.Sprintf("Error parsing configuration property '%s': begin 0, end -1, length %d", perIPKey, len(item))
			return nil, bad
		}
		host, limit := configdef.Trim(item[:colon]), configdef.Trim(item[colon+1:])
		count, err := strconv.ParseInt(limit, 10, 32)
		if err != nil || count < 0 {
			bad := badValue(perIPKey, v.shown(perIPKey), limit+" is no number of connections")
			bad.kafka = `For input string: "` + limit + `"`
			return nil, bad
		}
		addrs, err := literalAddresses(host)
		if err != nil {
			return nil, badValue(perIPKey, v.shown(perIPKey), host+" is no address; names are not looked up")
		}
		for _, addr := range addrs {
			overrides[addr] = int(count)
		}
	}
	return overrides, nil
}

func literalAddresses(host string) ([]netip.Addr, error) {
	if strings.EqualFold(host, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return nil, &net.ParseError{Type: "IP address", Text: host}
	}
	return []netip.Addr{addr.Unmap()}, nil
}
