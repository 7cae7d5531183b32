package configdef

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// fact is one line of testdata/kafka-4.4-configs.tsv: what a running Kafka 4.4.0
// answered to DescribeConfigs.
type fact struct {
	resource, name, typ, value, source string
	readOnly, sensitive                bool
	synonyms                           []string // name=value(source)
}

func facts(t *testing.T) []fact {
	t.Helper()
	f, err := os.Open("testdata/kafka-4.4-configs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []fact
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		c := strings.Split(lines.Text(), "\t")
		if len(c) != 8 {
			t.Fatalf("line of %d columns: %q", len(c), lines.Text())
		}
		all = append(all, fact{
			resource: c[0], name: c[1], typ: c[2], value: c[3], source: c[4],
			readOnly: c[5] == "readonly=true", sensitive: c[6] == "sensitive=true", synonyms: strings.Fields(c[7]),
		})
	}
	if len(all) != 350+37+21+3 {
		t.Fatalf("%d facts", len(all))
	}
	return all
}

func tableOf(resource string) *Table {
	return map[string]*Table{"broker": Broker, "topic": Topic, "group": Group, "client-metrics": ClientMetrics}[resource]
}

// kafkaDefault takes the default out of a fact; ok is false where the broker was
// started with another value and the default can't be seen.
func kafkaDefault(f fact) (value string, ok bool) {
	if f.source == "DEFAULT_CONFIG" {
		if f.value == "null" {
			return Null, true
		}
		return f.value, true
	}
	for _, s := range f.synonyms {
		if rest, found := strings.CutPrefix(s, f.name+"="); found {
			if value, found := strings.CutSuffix(rest, "(DEFAULT_CONFIG)"); found {
				return value, true
			}
		}
	}
	return "", false
}

func TestTablesAgreeWithWhatKafkaSaysOfItself(t *testing.T) {
	for _, f := range facts(t) {
		key := tableOf(f.resource).Lookup(f.name)
		if key == nil {
			t.Errorf("%s %s: missing", f.resource, f.name)
			continue
		}
		if key.Internal {
			t.Errorf("%s %s: internal, but Kafka lists it", f.resource, f.name)
		}
		if key.Type.String() != f.typ {
			t.Errorf("%s %s: type %s, Kafka says %s", f.resource, f.name, key.Type, f.typ)
		}
		if key.Sensitive() != f.sensitive {
			t.Errorf("%s %s: sensitive %t", f.resource, f.name, key.Sensitive())
		}
		if readOnly := f.resource == "broker" && key.Dynamic == ReadOnly; readOnly != f.readOnly {
			t.Errorf("%s %s: read-only %t", f.resource, f.name, readOnly)
		}
		// streams.assignor.name is null in Kafka's table and shown as the broker's assignor.
		if want, ok := kafkaDefault(f); ok && key.Default != want && f.name != "streams.assignor.name" {
			t.Errorf("%s %s: default %q, Kafka's is %q", f.resource, f.name, key.Default, want)
		}
	}
}

func TestListedKeysAreExactlyKafkas(t *testing.T) {
	listed := map[string][]string{}
	for _, f := range facts(t) {
		listed[f.resource] = append(listed[f.resource], f.name)
	}
	for resource, names := range listed {
		for _, key := range tableOf(resource).Keys() {
			if !key.Internal && !slices.Contains(names, key.Name) {
				t.Errorf("%s %s is listed here and not in Kafka", resource, key.Name)
			}
		}
	}
}

// The lines are what the validators of Kafka 4.4.0's ConfigDefs say of themselves.
func TestChecksAreKafkas(t *testing.T) {
	text, err := os.ReadFile("testdata/kafka-4.4-validators.tsv")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(text)) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		want[c[0]+" "+c[1]] = c[2]
	}
	for _, resource := range []string{"broker", "topic", "group", "client-metrics"} {
		for _, key := range tableOf(resource).Keys() {
			name, got := resource+" "+key.Name, ""
			if key.Check != nil {
				got = key.Check.String()
			}
			// Kafka checks these three rates and our own keys elsewhere.
			if got != want[name] && !strings.HasSuffix(name, ".throttled.rate") && !strings.HasSuffix(name, ".io.max.bytes.per.second") && !strings.HasPrefix(key.Name, "clatter.") {
				t.Errorf("%s: check %q, Kafka's is %q", name, got, want[name])
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the tables: %v", want)
	}
}

// Kafka shows as first synonym of a topic's or group's key the first broker key that
// stands behind it.
func TestFirstSynonymIsKafkas(t *testing.T) {
	for _, f := range facts(t) {
		if f.resource != "topic" && f.resource != "group" || len(f.synonyms) == 0 {
			continue
		}
		name, _, _ := strings.Cut(f.synonyms[0], "=")
		if name == f.name && len(tableOf(f.resource).Lookup(f.name).Synonyms) == 0 {
			continue // a group key without a broker key shows its own default
		}
		synonyms := tableOf(f.resource).Lookup(f.name).Synonyms
		if len(synonyms) == 0 || synonyms[0].Name != name {
			t.Errorf("%s %s: synonyms %v, Kafka's first is %s", f.resource, f.name, synonyms, name)
		}
	}
}

func TestSynonymsNameBrokerKeysAndConvert(t *testing.T) {
	for _, table := range []*Table{Broker, Topic, Group} {
		for _, key := range table.Keys() {
			for i, s := range key.Synonyms {
				target := Broker.Lookup(s.Name)
				if target == nil {
					t.Errorf("%s: synonym %s is no broker key", key.Name, s.Name)
					continue
				}
				if i > 0 && s.Factor == 0 && !strings.HasSuffix(s.Name, ".interval.ms") {
					t.Errorf("%s: synonym %s has no factor", key.Name, s.Name)
				}
			}
		}
	}
	want := []Synonym{{Name: "log.retention.ms"}, {Name: "log.retention.minutes", Factor: 60_000}, {Name: "log.retention.hours", Factor: 3_600_000}}
	if got := Topic.Lookup("retention.ms").Synonyms; !slices.Equal(got, want) {
		t.Errorf("retention.ms: %v", got)
	}
}

// defaultsOf are the defaults of a key that are values: Kafka's and ours.
func defaultsOf(key *Key) []string {
	var values []string
	if key.Default != Null {
		values = append(values, key.Default)
	}
	if key.Ours != "" {
		values = append(values, key.Ours)
	}
	return values
}

func TestEveryDefaultIsValid(t *testing.T) {
	for _, table := range []*Table{Broker, Topic, Group, ClientMetrics} {
		for _, key := range table.Keys() {
			for _, value := range defaultsOf(key) {
				parsed, err := key.Parse(value)
				if err != nil {
					t.Errorf("default of %s: %v", key.Name, err)
				} else if Format(parsed) != value {
					t.Errorf("default of %s is written %q and printed %q", key.Name, value, Format(parsed))
				}
			}
		}
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range []*Table{Broker, Topic, Group, ClientMetrics} {
		clear(seen)
		for _, key := range table.Keys() {
			if seen[key.Name] {
				t.Errorf("%s stands in the table twice", key.Name)
			}
			seen[key.Name] = true
			if !strings.HasSuffix(key.Doc, ".") || !unicode.IsUpper(rune(key.Doc[0])) {
				t.Errorf("%s: documentation is no sentence: %q", key.Name, key.Doc)
			}
			if (key.Honour == Implemented) != (key.Reason == "") {
				t.Errorf("%s: honour %d with reason %q", key.Name, key.Honour, key.Reason)
			}
		}
	}
}

// README lists these; a change here is a change there.
func TestDefaultsThatDifferFromKafka(t *testing.T) {
	want := map[string]string{
		"broker.id": "1", "node.id": "1", "process.roles": "broker,controller", "controller.listener.names": "CONTROLLER",
		"listeners": "PLAINTEXT://localhost:9092", "log.dir": "./clatter-data", "max.connections": "10000", "group.max.size": "5000",
		"add.partitions.to.txn.retry.backoff.max.ms": "1000",
		"offsets.topic.replication.factor":           "1", "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
		"share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
	}
	for _, table := range []*Table{Broker, Topic, Group, ClientMetrics} {
		for _, key := range table.Keys() {
			if key.Ours != want[key.Name] {
				t.Errorf("%s: our default is %q", key.Name, key.Ours)
			}
			delete(want, key.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not in the table: %v", want)
	}
}

func TestListenerKeyTakesPrefixAndMechanismOff(t *testing.T) {
	for name, want := range map[string]string{
		"listener.name.external.ssl.keystore.location":           "ssl.keystore.location",
		"listener.name.external.plain.sasl.jaas.config":          "sasl.jaas.config",
		"listener.name.external.scram-sha-256.sasl.jaas.config":  "sasl.jaas.config",
		"listener.name.external.connections.max.reauth.ms":       "connections.max.reauth.ms",
		"listener.name.external.plain.connections.max.reauth.ms": "connections.max.reauth.ms",
		"listener.name.external.no.such.key":                     "no.such.key",
	} {
		if base, ok := ListenerKey(name); !ok || base != want {
			t.Errorf("%s: %q, %t", name, base, ok)
		}
	}
	for _, name := range []string{"ssl.keystore.location", "listener.name.", "listener.name.external", "listener.names.a.b"} {
		if base, ok := ListenerKey(name); ok {
			t.Errorf("%s is taken for a listener's key %q", name, base)
		}
	}
	if LookupBroker("listener.name.a.ssl.keystore.password") != Broker.Lookup("ssl.keystore.password") {
		t.Error("a listener's key isn't found")
	}
	if LookupBroker("listener.name.a.no.such.key") != nil || LookupBroker("no.such.key") != nil {
		t.Error("an unknown key is found")
	}
}

func TestEffectiveDefaultPrefersOurs(t *testing.T) {
	if v, ok := Broker.Lookup("node.id").EffectiveDefault(); v != "1" || !ok {
		t.Errorf("node.id: %q, %t", v, ok)
	}
	if v, ok := Broker.Lookup("num.partitions").EffectiveDefault(); v != "1" || !ok {
		t.Errorf("num.partitions: %q, %t", v, ok)
	}
	if _, ok := Broker.Lookup("log.retention.ms").EffectiveDefault(); ok {
		t.Error("log.retention.ms has a default")
	}
}
