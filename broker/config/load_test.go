package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write puts a configuration into a file and gives its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.properties")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load must succeed.
func load(t *testing.T, sources Sources) (*Static, *Snapshot) {
	t.Helper()
	static, err := Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	return static, New(static).Current()
}

func fromMap(t *testing.T, values map[string]string) *Config {
	t.Helper()
	static, err := FromMap(values)
	if err != nil {
		t.Fatal(err)
	}
	return New(static)
}

func TestLaterSourcesWin(t *testing.T) {
	path := write(t, "num.partitions=2\nfetch.max.bytes=2000\nmessage.max.bytes=2\nlog.dirs=/a\n")
	_, s := load(t, Sources{
		File:      path,
		Environ:   []string{"KAFKA_NUM_PARTITIONS=3", "KAFKA_FETCH_MAX_BYTES=3000", "HOME=/root"},
		Overrides: []string{"num.partitions=4", "num.partitions=5"},
	})
	if s.NumPartitions != 5 || s.FetchMaxBytes != 3000 || s.TopicConfig(nil).MaxMessageBytes != 2 || !slices.Equal(s.LogDirs, []string{"/a"}) {
		t.Errorf("%+v", s.Broker)
	}
}

func TestNothingConfiguredIsALocalBroker(t *testing.T) {
	static, s := load(t, Sources{})
	if s.NodeID != 1 || !slices.Equal(s.Listeners, []Listener{{"PLAINTEXT", "localhost", 9092}}) || !slices.Equal(s.LogDirs, []string{"./clatter-data"}) {
		t.Errorf("%+v", s.Broker)
	}
	if _, advertised := s.Advertised("PLAINTEXT"); advertised {
		t.Error("something is advertised")
	}
	if len(static.Warnings()) > 0 || len(static.WithoutEffect()) > 0 {
		t.Errorf("%v, %v", static.Warnings(), static.WithoutEffect())
	}
	if s.SocketSendBufferBytes != 0 || s.QueuedMaxRequestBytes != -1 || s.MaxConnections != 10000 || s.LogFormat != "text" || s.LogLevel.String() != "INFO" || s.Rack != nil {
		t.Errorf("%+v", s.Broker)
	}
}

func TestVariablesBecomeKeys(t *testing.T) {
	got := fromEnvironment([]string{
		"KAFKA_LOG_RETENTION_MS=1", "KAFKA_LISTENER_NAME_A__B_SASL_JAAS_CONFIG=x=y", "KAFKA_TC___0=2", "KAFKA_CFG_NUM_PARTITIONS=3", "KAFKA_CFG_LOG_DIRS=/cfg",
		"KAFKA_LOG_DIRS=/plain", "KAFKA_LISTENER_NAME_SECURE_SCRAM-SHA-256_SASL_JAAS_CONFIG=z", "CLUSTER_ID=abc", "KAFKA_LOG4J_ROOT_LOGLEVEL=WARN",
		"KAFKA_HEAP_OPTS=-Xmx1G", "KAFKA_OPTS=x", "KAFKA_JMX_PORT=1", "KAFKA_HOME=/opt", "KAFKA_VERSION=4", "KAFKA_PORT=tcp://10.0.0.1:9092", "KAFKA_LOG4J_LOGGERS=a=b",
		"KAFKA_PORT_9092_TCP_ADDR=10.0.0.1", "KAFKA_SERVICE_HOST=10.0.0.1", "KAFKA_SERVICE_PORT_KAFKA=1", "KAFKA_CREATE_TOPICS=a:1:1", "KAFKA_=x", "KAFKA", "PATH=/bin", "XKAFKA_NUM_PARTITIONS=9",
	})
	want := map[string]string{
		"log.retention.ms": "1", "listener.name.a_b.sasl.jaas.config": "x=y", "tc-0": "2", "num.partitions": "3", "log.dirs": "/plain",
		"listener.name.secure.scram-sha-256.sasl.jaas.config": "z", "clatter.cluster.id": "abc", "clatter.log.level": "warn",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestOwnVariablesGoBeforeTheirAliases(t *testing.T) {
	got := fromEnvironment([]string{"CLUSTER_ID=a", "KAFKA_CLATTER_CLUSTER_ID=b", "KAFKA_LOG4J_ROOT_LOGLEVEL=WARN", "KAFKA_CLATTER_LOG_LEVEL=debug"})
	if !maps.Equal(got, map[string]string{"clatter.cluster.id": "b", "clatter.log.level": "debug"}) {
		t.Errorf("%v", got)
	}
}

// What containers of Testcontainers modules, compose files and CI services are given.
func TestStockConfigurationsStart(t *testing.T) {
	for name, c := range map[string]struct {
		sources   Sources
		listeners []Listener
		told      map[string]Endpoint
	}{
		"server.properties": {
			Sources{File: write(t, "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n"+
				"inter.broker.listener.name=PLAINTEXT\nadvertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n"+
				"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\nnum.network.threads=3\n"+
				"socket.send.buffer.bytes=102400\nlog.dirs=/tmp/kraft-combined-logs\noffsets.topic.replication.factor=1\nlog.retention.hours=168\n")},
			[]Listener{{"PLAINTEXT", "", 9092}},
			map[string]Endpoint{"PLAINTEXT": {"localhost", 9092}},
		},
		"Testcontainers for Java": {
			Sources{Environ: []string{
				"KAFKA_LISTENERS=CONTROLLER://0.0.0.0:9094,PLAINTEXT://0.0.0.0:9092,BROKER://0.0.0.0:9093,TC-0://kafka:19092", "KAFKA_PROCESS_ROLES=broker,controller", "KAFKA_NODE_ID=1",
				"KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://localhost:32768,BROKER://6f1c0a:9093,TC-0://toxiproxy:8666", "KAFKA_INTER_BROKER_LISTENER_NAME=BROKER", "KAFKA_BROKER_ID=1",
				"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TC-0:PLAINTEXT", "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
				"KAFKA_CONTROLLER_QUORUM_VOTERS=1@localhost:9094", "CLUSTER_ID=4L6g3nShT-eMCtK--X86sw", "KAFKA_LOG_FLUSH_INTERVAL_MESSAGES=9223372036854775807",
				"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0", "KAFKA_ZOOKEEPER_CONNECT=localhost:2181", "KAFKA_HEAP_OPTS=-Xmx256m", "KAFKA_REST_BOOTSTRAP_SERVERS=x", "KAFKA_CONFLUENT_SUPPORT_METRICS_ENABLE=false",
			}},
			[]Listener{{"PLAINTEXT", "0.0.0.0", 9092}, {"BROKER", "0.0.0.0", 9093}, {"TC-0", "kafka", 19092}},
			map[string]Endpoint{"PLAINTEXT": {"localhost", 32768}, "BROKER": {"6f1c0a", 9093}, "TC-0": {"toxiproxy", 8666}},
		},
		"a comma too many": {
			Sources{Environ: []string{
				"KAFKA_LISTENERS=PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094,", "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://h:1,BROKER://172.17.0.2:9093,",
				"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=BROKER:PLAINTEXT,PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,",
			}},
			[]Listener{{"PLAINTEXT", "", 9092}, {"BROKER", "", 9093}},
			map[string]Endpoint{"PLAINTEXT": {"h", 1}, "BROKER": {"172.17.0.2", 9093}},
		},
		"no map for the controller": {
			Sources{Overrides: []string{"listeners=PLAINTEXT://:9092,CTRL://:9093", "controller.listener.names=CTRL"}},
			[]Listener{{"PLAINTEXT", "", 9092}},
			nil,
		},
		"two stacks on one port": {
			Sources{Overrides: []string{"listeners=A://127.0.0.1:9092,B://[::1]:9092", "listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT"}},
			[]Listener{{"A", "127.0.0.1", 9092}, {"B", "::1", 9092}},
			nil,
		},
		"any ports, small letters": {
			Sources{Overrides: []string{"listeners=plaintext://h:0, b://:0", "listener.security.protocol.map=plaintext:plaintext,b:PLAINTEXT", "advertised.listeners=Plaintext://:0"}},
			[]Listener{{"PLAINTEXT", "h", 0}, {"B", "", 0}},
			map[string]Endpoint{"PLAINTEXT": {"", 0}},
		},
	} {
		_, s := load(t, c.sources)
		if !slices.Equal(s.Listeners, c.listeners) {
			t.Errorf("%s: listeners %v", name, s.Listeners)
		}
		for _, l := range s.Listeners {
			told, ok := s.Advertised(l.Name)
			if want, expected := c.told[l.Name]; ok != expected || told != want {
				t.Errorf("%s: clients of %s are told %v, %t", name, l.Name, told, ok)
			}
		}
	}
}

func TestBadConfigurationIsOneLineWithKeyValueAndReason(t *testing.T) {
	for override, want := range map[string]string{
		"log.segment.bytes=10":                           "invalid value 10 for log.segment.bytes: Value must be at least 1048576 [1048576,...]",
		"num.partitions=many":                            "invalid value many for num.partitions: Not a number of type INT [1,...]",
		"num.partitions=":                                `invalid value "" for num.partitions: Not a number of type INT [1,...]`,
		"compression.type=brotli":                        "invalid value brotli for compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer [uncompressed, zstd, lz4, snappy, gzip, producer]",
		"log.preallocate=ja":                             "invalid value ja for log.preallocate: Expected value to be either true or false",
		"clatter.log.format=xml":                         "invalid value xml for clatter.log.format: String must be one of: text, json [text, json]",
		"broker.rack=a\nb":                               "", // any text is a rack
		"log.retention.hours=0":                          `invalid value 0 for log.retention.hours: log.retention.ms must be unlimited (-1) or, greater than or equal to 1`,
		"queued.max.request.bytes=1000":                  "invalid value 1000 for queued.max.request.bytes: queued.max.request.bytes must be larger or equal to socket.request.max.bytes",
		"max.connections.per.ip=0":                       "invalid value 0 for max.connections.per.ip: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.",
		"max.connections.per.ip.overrides=example.org:5": "invalid value example.org:5 for max.connections.per.ip.overrides: example.org is no address; names are not looked up",
		"max.connections.per.ip.overrides=127.0.0.1":     "invalid value 127.0.0.1 for max.connections.per.ip.overrides: 127.0.0.1 is not of the form host:count",
		"authorizer.class.name=a.B":                      "invalid value a.B for authorizer.class.name: access control lists are not served yet, and ignoring an authorizer would leave the broker open",
		"remote.log.storage.system.enable=true":          "invalid value true for remote.log.storage.system.enable: there is no tiered storage",
		"create.topic.policy.class.name=a.B":             "invalid value a.B for create.topic.policy.class.name: Java classes can't be loaded",
		"listeners=PLAINTEXT://h":                        "invalid value PLAINTEXT://h for listeners: PLAINTEXT://h is not of the form NAME://host:port",
		"listeners=PLAINTEXT://h:99999":                  "invalid value PLAINTEXT://h:99999 for listeners: the port of PLAINTEXT://h:99999 is above 65535",
		"listeners=PLAINTEXT://h:-1":                     "invalid value PLAINTEXT://h:-1 for listeners: PLAINTEXT://h:-1 is not of the form NAME://host:port",
		"listeners=://h:1":                               "invalid value ://h:1 for listeners: ://h:1 is not of the form NAME://host:port",
		"listeners=PLAINTEXT://a:1,plaintext://b:2":      "invalid value PLAINTEXT://a:1,plaintext://b:2 for listeners: each listener must have a different name",
		"listeners=SSL://:9093":                          "invalid value SSL://:9093 for listeners: listener SSL is SSL, and only PLAINTEXT is served yet",
		"listeners=SASL_PLAINTEXT://:9093":               "invalid value SASL_PLAINTEXT://:9093 for listeners: listener SASL_PLAINTEXT is SASL_PLAINTEXT, and only PLAINTEXT is served yet",
		"listeners=INTERNAL://:9093":                     "invalid value SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT for listener.security.protocol.map: listener INTERNAL of listeners has no security protocol",
		"listeners=CONTROLLER://:9093":                   "invalid value CONTROLLER://:9093 for listeners: there must be a listener for clients; all of these are in controller.listener.names",
		"listeners=,":                                    `invalid value "" for listeners: Configuration 'listeners' must not be empty. Valid values include: any non-empty value`,
		"listener.security.protocol.map=PLAINTEXT":       "invalid value PLAINTEXT for listener.security.protocol.map: PLAINTEXT is not of the form NAME:PROTOCOL",
		"listener.security.protocol.map=PLAINTEXT:TCP":   "invalid value PLAINTEXT:TCP for listener.security.protocol.map: TCP is none of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
		"advertised.listeners=OTHER://h:1":               "invalid value OTHER://h:1 for advertised.listeners: listener OTHER is not one of listeners=PLAINTEXT://localhost:9092",
		"advertised.listeners=PLAINTEXT://0.0.0.0:1":     "invalid value PLAINTEXT://0.0.0.0:1 for advertised.listeners: clients can't connect to 0.0.0.0; advertise an address that they reach, or nothing",
		"advertised.listeners=PLAINTEXT://[::]:1":        "invalid value PLAINTEXT://[::]:1 for advertised.listeners: clients can't connect to ::; advertise an address that they reach, or nothing",
		"process.roles=broker,zookeeper":                 "invalid value broker,zookeeper for process.roles: String must be one of: broker, controller [broker, controller]",
		"listener.name.plaintext.max.connections=x":      "invalid value x for listener.name.plaintext.max.connections: Not a number of type INT [0,...]",
		"nonsense":                     "bad configuration: --override nonsense: expected key=value",
		"=1":                           "bad configuration: --override =1: expected key=value",
		"ssl.keystore.password=secret": "",
		"controller.quorum.voters=localhost:9093":             "invalid value localhost:9093 for controller.quorum.voters: Invalid configuration value for controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`. non-empty list",
		"cordoned.log.dirs=/x":                                "invalid value /x for cordoned.log.dirs: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /x",
		"connection.failed.authentication.delay.ms=2000000":   "invalid value 2000000 for connection.failed.authentication.delay.ms: connection.failed.authentication.delay.ms should always be less than connections.max.idle.ms to prevent failed authentication responses from timing out",
		"log.cleaner.dedupe.buffer.size=1000":                 "invalid value 1000 for log.cleaner.dedupe.buffer.size: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.",
		"max.connections.per.ip.overrides=127.0.0.1:x,::1:10": "invalid value 127.0.0.1:x,::1:10 for max.connections.per.ip.overrides: x is no number of connections",
	} {
		_, err := Load(Sources{Overrides: []string{override}})
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", override, err)
		case want != "" && (err == nil || err.Error() != want):
			t.Errorf("%q: %v", override, err)
		case want != "" && (!errors.Is(err, ErrBadConfig) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q: not one line of a bad configuration: %v", override, err)
		}
	}
}

func TestTwoListenersCantShareAPort(t *testing.T) {
	_, err := Load(Sources{Overrides: []string{"listeners=A://h:1,B://k:1", "listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT"}})
	if err == nil || !strings.HasSuffix(err.Error(), "each listener must have a different port") {
		t.Error(err)
	}
}

func TestNodeAndBrokerIDAreOne(t *testing.T) {
	for _, key := range []string{"node.id=7", "broker.id=7"} {
		static, s := load(t, Sources{Overrides: []string{key}})
		if id, _ := static.Value("broker.id"); s.NodeID != 7 || id != "7" {
			t.Errorf("%s: %d, %s", key, s.NodeID, id)
		}
	}
	if _, err := Load(Sources{Overrides: []string{"node.id=7", "broker.id=8"}}); !errors.Is(err, ErrBadConfig) {
		t.Error(err)
	}
	if _, s := load(t, Sources{Overrides: []string{"node.id=0"}}); s.NodeID != 0 {
		t.Error("node 0 is legal")
	}
}

func TestSecretsStayOutOfErrors(t *testing.T) {
	err := badValue("ssl.keystore.password", "hunter2", "x")
	if strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	if err := badValue("listener.name.a.plain.sasl.jaas.config", "hunter2", "x"); strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestUnknownKeysAreOneWarningEach(t *testing.T) {
	static, _ := load(t, Sources{
		File:      write(t, "log.retension.ms=1\nretention.ms=1\nzookeeper.connect=x\nNum.Partitions=2\nnum.partitions=3\nnum.partitions=4\nsuper.users=User:a\n"),
		Overrides: []string{"inter.broker.protocol.version=3.9", "something.else.altogether=1", "Fetch.Max.Bytes=1"},
	})
	want := []string{
		"line 4: ignored Num.Partitions: unknown key, did you mean num.partitions?",
		"line 6: num.partitions is set again; the last value counts",
		"ignored Fetch.Max.Bytes: unknown key, did you mean fetch.max.bytes?",
		"ignored inter.broker.protocol.version: Apache Kafka 4 doesn't know it any more",
		"ignored log.retension.ms: unknown key, did you mean log.retention.ms?",
		"ignored retention.ms: unknown key, did you mean log.retention.ms?",
		"ignored something.else.altogether: unknown key",
		"ignored super.users: it is no key of the broker",
		"ignored zookeeper.connect: Apache Kafka 4 doesn't know it any more",
	}
	if got := static.Warnings(); !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func TestKeysWithoutEffectAreTold(t *testing.T) {
	static, _ := load(t, Sources{Overrides: []string{"num.io.threads=8", "num.network.threads=5", "ssl.protocol=TLSv1.2", "log.retention.ms=5"}})
	if got := static.WithoutEffect(); !slices.Equal(got, []string{"num.network.threads", "ssl.protocol"}) {
		t.Error(got)
	}
}

func TestUnreadableFileIsNoBadConfiguration(t *testing.T) {
	for _, path := range []string{filepath.Join(t.TempDir(), "missing"), t.TempDir()} {
		_, err := Load(Sources{File: path})
		if err == nil || errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	_, err := Load(Sources{File: filepath.Join(t.TempDir(), "missing")})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestMalformedFileIsABadConfiguration(t *testing.T) {
	_, err := Load(Sources{File: write(t, "a=1\nb=\\u12")})
	if !errors.Is(err, ErrBadConfig) || !strings.Contains(err.Error(), "line 2: malformed") {
		t.Error(err)
	}
}

func TestValuesOfFilesAreNotExpanded(t *testing.T) {
	t.Setenv("SECRET", "expanded")
	static, _ := load(t, Sources{File: write(t, "ssl.key.password=${SECRET}\nbroker.rack=${\n")})
	if v, _ := static.Value("ssl.key.password"); v != "${SECRET}" {
		t.Error(v)
	}
	if v, _ := static.Value("broker.rack"); v != "${" {
		t.Error(v)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		static, err := Load(Sources{Environ: os.Environ(), Overrides: []string{"num.partitions=3"}})
		if err != nil {
			b.Fatal(err)
		}
		New(static)
	}
}
