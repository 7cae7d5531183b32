package configdef

import (
	"errors"
	"math"
	"reflect"
	"testing"
)

func TestParseTypeFollowsKafka(t *testing.T) {
	for _, c := range []struct {
		typ  Type
		raw  string
		want any
	}{
		{Boolean, " TRUE\t", true},
		{Boolean, "False", false},
		{Int, "+5", int32(5)},
		{Int, " -2147483648 ", int32(math.MinInt32)},
		{Short, "32767", int16(32767)},
		{Long, "9223372036854775807", int64(math.MaxInt64)},
		{Double, "1", 1.0},
		{Double, ".5f", 0.5},
		{Double, "5D", 5.0},
		{Double, "1e400", math.Inf(1)},
		{Double, "-Infinity", math.Inf(-1)},
		{Double, "1e-400", 0.0},
		{Double, "0x1p3", 8.0},
		{String, "\x00 a b \n", "a b"},
		{Password, " secret ", "secret"},
		{Class, "org.example.Some", "org.example.Some"},
		{List, "", []string{}},
		{List, "  ", []string{}},
		{List, "a , b,c", []string{"a", "b", "c"}},
		{List, "a,", []string{"a", ""}},
		{List, ",", []string{"", ""}},
	} {
		got, err := ParseType("k", c.raw, c.typ)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: %#v, %v; want %#v", c.typ, c.raw, got, err, c.want)
		}
	}
}

func TestParseTypeRefusesInKafkasWords(t *testing.T) {
	for _, c := range []struct {
		typ       Type
		raw, want string
	}{
		{Boolean, "yes", "Invalid value yes for configuration k: Expected value to be either true or false"},
		{Int, " x ", "Invalid value  x  for configuration k: Not a number of type INT"},
		{Int, "2147483648", "Invalid value 2147483648 for configuration k: Not a number of type INT"},
		{Int, "1_000", "Invalid value 1_000 for configuration k: Not a number of type INT"},
		{Int, "0x10", "Invalid value 0x10 for configuration k: Not a number of type INT"},
		{Short, "32768", "Invalid value 32768 for configuration k: Not a number of type SHORT"},
		{Long, "", "Invalid value  for configuration k: Not a number of type LONG"},
		{Double, "1_0", "Invalid value 1_0 for configuration k: Not a number of type DOUBLE"},
		{Double, "inf", "Invalid value inf for configuration k: Not a number of type DOUBLE"},
		{Double, "nan", "Invalid value nan for configuration k: Not a number of type DOUBLE"},
		{Double, "+-Infinity", "Invalid value +-Infinity for configuration k: Not a number of type DOUBLE"},
		{Double, "", "Invalid value  for configuration k: Not a number of type DOUBLE"},
		{Double, "0x10", "Invalid value 0x10 for configuration k: Not a number of type DOUBLE"},
	} {
		got, err := ParseType("k", c.raw, c.typ)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s %q: %v, %v; want %s", c.typ, c.raw, got, err, c.want)
		}
	}
}

func TestFormatPrintsAsJava(t *testing.T) {
	for want, value := range map[string]any{
		"true": true, "-3": int16(-3), "7": int32(7), "9223372036854775807": int64(math.MaxInt64), "a": "a", "a,b": []string{"a", "b"}, "": []string{},
		"0.5": 0.5, "1.0": 1.0, "0.0": 0.0, "0.001": 0.001, "1.0E-4": 0.0001, "1.0E7": 1e7, "9999999.0": 9999999.0,
		"1.7976931348623157E308": math.MaxFloat64, "-1.5": -1.5, "NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1), "1.2345E10": 1.2345e10,
	} {
		if got := Format(value); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

func TestChecksRefuseInKafkasWords(t *testing.T) {
	for _, c := range []struct {
		table           *Table
		key, value, why string
	}{
		{Topic, "segment.bytes", "10", "Invalid value 10 for configuration segment.bytes: Value must be at least 1048576"},
		{Topic, "min.cleanable.dirty.ratio", "2", "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
		{Topic, "compression.type", "LZ4", "Invalid value LZ4 for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer"},
		{Topic, "compression.gzip.level", "0", "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{Topic, "cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."},
		{Topic, "cleanup.policy", "delete,x", "Invalid value x for configuration cleanup.policy: String must be one of: compact, delete"},
		{Broker, "listeners", "", "Configuration 'listeners' must not be empty. Valid values include: any non-empty value"},
		{Broker, "process.roles", " ", "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]"},
		{Broker, "group.consumer.migration.policy", "x", "Invalid value x for configuration group.consumer.migration.policy: String must be one of (case insensitive): DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL"},
		{Broker, "remote.log.storage.manager.impl.prefix", "", "Invalid value  for configuration remote.log.storage.manager.impl.prefix: String must be non-empty"},
		{Broker, "controller.quorum.voters", "1@", "Failed to parse host name from entry 1@ for the configuration controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`."},
		{Broker, "controller.quorum.voters", "localhost:9093", "Invalid configuration value for controller.quorum.voters. Each entry should be in the form `{id}@{host}:{port}`."},
		{Broker, "controller.quorum.bootstrap.servers", "x", `Failed to parse host name from x for the configuration controller.quorum.bootstrap.servers. Each entry should be in the form "{host}:{port}"`},
	} {
		_, err := c.table.Lookup(c.key).Parse(c.value)
		var refused *ValueError
		if !errors.As(err, &refused) || err.Error() != c.why {
			t.Errorf("%s=%s: %v", c.key, c.value, err)
		}
	}
}

func TestChecksAccept(t *testing.T) {
	for _, c := range []struct {
		table      *Table
		key, value string
	}{
		{Broker, "controller.quorum.voters", "1@localhost:9093,2@[::1]:9093,3@a-b.example:1"},
		{Broker, "controller.quorum.bootstrap.servers", "localhost:9093"},
		{Broker, "group.consumer.migration.policy", "Upgrade"},
		{Broker, "clatter.log.level", "WARN"},
		{Topic, "min.cleanable.dirty.ratio", "NaN"},
		{Topic, "leader.replication.throttled.replicas", "*"},
		{Topic, "leader.replication.throttled.replicas", "0:1,,1:1"},
		{Topic, "internal.segment.bytes", "-1"},
		{Group, "share.auto.offset.reset", "by_duration:P1DT2H3M4.5S"},
	} {
		if _, err := c.table.Lookup(c.key).Parse(c.value); err != nil {
			t.Errorf("%s=%s: %v", c.key, c.value, err)
		}
	}
}

func TestAutoOffsetResetTakesJavaDurationsOnly(t *testing.T) {
	check := AutoOffsetReset{}
	for _, valid := range []string{"latest", "earliest", "by_duration:PT1H", "by_duration:pt1m", "by_duration:P1D", "by_duration:PT0S", "by_duration:PT1.5S", "by_duration:PT+1H"} {
		if err := check.Validate("k", valid); err != nil {
			t.Errorf("%s: %v", valid, err)
		}
	}
	for _, invalid := range []string{"", "LATEST", "none", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:P1DT", "by_duration:-PT1H", "by_duration:PT-1H", "by_duration:P1Y", "by_duration:1H"} {
		if err := check.Validate("k", invalid); err == nil {
			t.Errorf("%s is accepted", invalid)
		}
	}
}

func TestListKeepsFirstOfDuplicates(t *testing.T) {
	value, err := Topic.Lookup("cleanup.policy").Parse("delete,compact,delete")
	if err != nil || Format(value) != "delete,compact" {
		t.Errorf("%v, %v", value, err)
	}
	// Kafka's check of replicas is no list check: nothing is dropped.
	value, err = Topic.Lookup("leader.replication.throttled.replicas").Parse("0:1,0:1")
	if err != nil || Format(value) != "0:1,0:1" {
		t.Errorf("%v, %v", value, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "1", "true", "a,b", "*", "1@h:1", "by_duration:PT1H", "0x1p3d", "1e999", "[::1]:9", "::", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, table := range []*Table{Broker, Topic, Group, ClientMetrics} {
			for _, key := range table.Keys() {
				value, err := key.Parse(raw)
				if err != nil {
					continue
				}
				// What was accepted is accepted again in the form in which it is shown.
				again, err := key.Parse(Format(value))
				if err != nil || Format(again) != Format(value) {
					t.Fatalf("%s=%q is shown as %q and then %v, %v", key.Name, raw, Format(value), again, err)
				}
			}
		}
	})
}
