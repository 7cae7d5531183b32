package cases

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// Kinds of resources, short.
const (
	onTopic  = kmsg.ConfigResourceTypeTopic
	onBroker = kmsg.ConfigResourceTypeBroker
	onLogger = kmsg.ConfigResourceTypeBrokerLogger
	onClient = kmsg.ConfigResourceTypeClientMetrics
	onGroup  = kmsg.ConfigResourceTypeGroupConfig
)

// describeConfigs asks for keys of one resource; none means all.
func describeConfigs(version int16, kind kmsg.ConfigResourceType, name string, keys ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Version, req.IncludeSynonyms = version, true
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: append([]string(nil), keys...)}}
		return req
	}
}

// alterConfigs replaces the settings of one resource: key=value, or key for a null value.
func alterConfigs(version int16, kind kmsg.ConfigResourceType, name string, settings ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.Version = version
		res := kmsg.AlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
		for _, setting := range settings {
			key, value, hasValue := strings.Cut(setting, "=")
			c := kmsg.AlterConfigsRequestResourceConfig{Name: key}
			if hasValue {
				c.Value = &value
			}
			res.Configs = append(res.Configs, c)
		}
		req.Resources = append(req.Resources, res)
		return req
	}
}

// ops are the names of operations in the texts below.
var ops = map[string]kmsg.IncrementalAlterConfigOp{"set": 0, "delete": 1, "append": 2, "subtract": 3, "op4": 4, "op-1": -1}

// incrementalAlterConfigs changes settings of one resource: "set key=value", "delete key", "append key=value", "subtract key=value".
func incrementalAlterConfigs(version int16, kind kmsg.ConfigResourceType, name string, changes ...string) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		req.Version = version
		res := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
		for _, change := range changes {
			op, setting, _ := strings.Cut(change, " ")
			key, value, hasValue := strings.Cut(setting, "=")
			c := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key, Op: ops[op]}
			if hasValue {
				c.Value = &value
			}
			res.Configs = append(res.Configs, c)
		}
		req.Resources = append(req.Resources, res)
		return req
	}
}

// altered makes changes to the broker (or, with no name, to the defaults of all) that must succeed.
func altered(name string, changes ...string) script.Setup {
	return func(r *script.Run) error {
		resp, err := r.Do(incrementalAlterConfigs(1, onBroker, name, changes...)(r))
		if err != nil {
			return err
		}
		answer, ok := resp.(*kmsg.IncrementalAlterConfigsResponse)
		if !ok || len(answer.Resources) != 1 || answer.Resources[0].ErrorCode != 0 {
			return errAnswer
		}
		return nil
	}
}

// documented asks for documentation too.
func documented(build func(*script.Run) kmsg.Request) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := build(r)
		if d, ok := req.(*kmsg.DescribeConfigsRequest); ok {
			d.IncludeDocumentation = true
		}
		return req
	}
}

func describeConfigsCases(b *book) {
	api := "DescribeConfigs"
	for _, v := range versions(1, 4) {
		b.add(api, v, "topic-all", topic("t", 1), ask(describeConfigs(v, onTopic, "~t")))
		b.add(api, v, "topic-some", topic("t", 1, "retention.ms=5"), ask(describeConfigs(v, onTopic, "~t", "retention.ms", "segment.bytes")))
		b.add(api, v, "topic-unknown-key", topic("t", 1), ask(describeConfigs(v, onTopic, "~t", "nonsense", "retention.ms")))
		b.add(api, v, "topic-no-keys", topic("t", 1), ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Version = v
			req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: onTopic, ResourceName: "~t", ConfigNames: []string{}}}
			return req
		}))
		b.add(api, v, "topic-without-synonyms", topic("t", 1, "retention.ms=5"), ask(func(_ *script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Version = v
			req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: onTopic, ResourceName: "~t", ConfigNames: []string{"retention.ms", "flush.ms"}}}
			return req
		}))
		b.add(api, v, "topic-missing", ask(describeConfigs(v, onTopic, "~missing")))
		b.add(api, v, "topic-bad-name", ask(describeConfigs(v, onTopic, "a b")))
		b.add(api, v, "topic-empty-name", ask(describeConfigs(v, onTopic, "")))
		b.add(api, v, "broker-some", ask(describeConfigs(v, onBroker, "1", "num.partitions", "node.id", "message.max.bytes", "log.retention.ms", "log.retention.hours", "ssl.keystore.password", "broker.rack")))
		b.add(api, v, "broker-other", ask(describeConfigs(v, onBroker, "7")))
		b.add(api, v, "broker-not-a-number", ask(describeConfigs(v, onBroker, "one")))
		b.in("serial", func() {
			b.add(api, v, "broker-defaults", ask(describeConfigs(v, onBroker, "")))
		})
		b.add(api, v, "group", ask(describeConfigs(v, onGroup, "g")))
		b.add(api, v, "group-empty-name", ask(describeConfigs(v, onGroup, "")))
		b.add(api, v, "client-metrics", ask(describeConfigs(v, onClient, "m")))
		b.add(api, v, "client-metrics-empty-name", ask(describeConfigs(v, onClient, "")))
		for _, kind := range []kmsg.ConfigResourceType{0, 1, 3, 64, 127, -1} {
			b.add(api, v, "resource-type="+itoa(int16(kind)), ask(describeConfigs(v, kind, "x")))
		}
		b.add(api, v, "no-resources", ask(func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Version = v
			return req
		}))
		b.add(api, v, "good-and-bad", topic("t", 1), ask(func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Version = v
			keys := []string{"retention.ms"}
			req.Resources = []kmsg.DescribeConfigsRequestResource{
				{ResourceType: onTopic, ResourceName: "~t", ConfigNames: keys},
				{ResourceType: onTopic, ResourceName: "~missing", ConfigNames: keys},
				{ResourceType: onBroker, ResourceName: "1", ConfigNames: []string{"num.partitions"}},
				{ResourceType: onTopic, ResourceName: "~t", ConfigNames: keys},
			}
			return req
		}))
		b.in("defaults", func() {
			b.add(api, v, "topic-of-changed-broker", topic("t", 1, "segment.bytes=3000000"), ask(describeConfigs(v, onTopic, "~t")))
		})
	}
	b.add(api, 4, "topic-documented", topic("t", 1), ask(documented(describeConfigs(4, onTopic, "~t"))))
	b.add(api, 3, "topic-documented", topic("t", 1), ask(documented(describeConfigs(3, onTopic, "~t", "retention.ms"))))
	b.add(api, 4, "group-documented", ask(documented(describeConfigs(4, onGroup, "g"))))
	b.add(api, 4, "client-metrics-documented", ask(documented(describeConfigs(4, onClient, "m"))))
	b.add(api, 4, "logger-other-broker", ask(describeConfigs(4, onLogger, "7", "root")))
	b.add(api, 4, "logger-empty-name", ask(describeConfigs(4, onLogger, "", "root")))
	b.in("serial", func() {
		b.add(api, 1, "broker-all", ask(describeConfigs(1, onBroker, "1")))
		b.add(api, 4, "broker-all", ask(documented(describeConfigs(4, onBroker, "1"))))
		b.add(api, 4, "broker-dynamic", altered("1", "set message.max.bytes=2000000"), altered("", "set message.max.bytes=3000000", "set log.retention.ms=86400000"), topic("t", 1),
			ask(describeConfigs(4, onBroker, "1", "message.max.bytes", "log.retention.ms", "log.retention.hours")), ask(describeConfigs(4, onBroker, "")),
			ask(describeConfigs(4, onTopic, "~t", "max.message.bytes", "retention.ms")),
			altered("1", "delete message.max.bytes"), altered("", "delete message.max.bytes", "delete log.retention.ms"))
	})
}

func alterConfigsCases(b *book) {
	api := "AlterConfigs"
	for _, v := range versions(0, 2) {
		see := ask(describeConfigs(4, onTopic, "~t", "retention.ms", "segment.bytes"))
		with := func(what string, steps ...script.Step) {
			b.add(api, v, what, append([]script.Step{topic("t", 1, "segment.bytes=2000000")}, steps...)...)
		}
		with("replaces-all", ask(alterConfigs(v, onTopic, "~t", "retention.ms=5")), barrier(), see)
		with("nothing-left", ask(alterConfigs(v, onTopic, "~t")), barrier(), see)
		with("validate-only", ask(validateOnly(alterConfigs(v, onTopic, "~t", "retention.ms=5"))), barrier(), see)
		with("unknown-key", ask(alterConfigs(v, onTopic, "~t", "nonsense=5")), barrier(), see)
		with("bad-value", ask(alterConfigs(v, onTopic, "~t", "retention.ms=soon")))
		with("null-value", ask(alterConfigs(v, onTopic, "~t", "retention.ms")))
		with("key-twice", ask(alterConfigs(v, onTopic, "~t", "retention.ms=5", "retention.ms=6")), barrier(), see)
		with("missing-topic", ask(alterConfigs(v, onTopic, "~missing", "retention.ms=5")))
		with("bad-topic-name", ask(alterConfigs(v, onTopic, "a b", "retention.ms=5")))
		with("empty-topic-name", ask(alterConfigs(v, onTopic, "", "retention.ms=5")))
		with("other-broker", ask(alterConfigs(v, onBroker, "7", "message.max.bytes=5")))
		with("broker-read-only-key", ask(alterConfigs(v, onBroker, "1", "num.partitions=5")))
		with("broker-not-a-number", ask(alterConfigs(v, onBroker, "one", "message.max.bytes=5")))
		with("logger", ask(alterConfigs(v, onLogger, "1", "kafka.server=DEBUG")))
		with("unknown-resource-type", ask(alterConfigs(v, 99, "x", "a=b")))
		with("resource-type-0", ask(alterConfigs(v, 0, "x", "a=b")))
		with("remote-storage", ask(alterConfigs(v, onTopic, "~t", "remote.storage.enable=true")))
		with("resource-twice", ask(func(*script.Run) kmsg.Request {
			req := kmsg.NewPtrAlterConfigsRequest()
			req.Version = v
			type configs = []kmsg.AlterConfigsRequestResourceConfig
			req.Resources = []kmsg.AlterConfigsRequestResource{
				{ResourceType: onTopic, ResourceName: "~t", Configs: configs{{Name: "retention.ms", Value: new("5")}}}, {ResourceType: onTopic, ResourceName: "~t", Configs: configs{{Name: "retention.ms", Value: new("6")}}},
			}
			return req
		}), barrier(), see)
		b.in("serial", func() {
			b.add(api, v, "broker", ask(alterConfigs(v, onBroker, "1", "message.max.bytes=1500000")), barrier(), ask(describeConfigs(4, onBroker, "1", "message.max.bytes")),
				ask(alterConfigs(v, onBroker, "1")), barrier(), ask(describeConfigs(4, onBroker, "1", "message.max.bytes")))
		})
	}
}

func listConfigResources(version int16, types ...int8) func(r *script.Run) kmsg.Request {
	return func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.Version, req.ResourceTypes = version, append([]int8(nil), types...)
		return req
	}
}

func listConfigResourcesCases(b *book) {
	api := "ListConfigResources"
	b.in("serial", func() {
		b.add(api, 0, "none", topic("t", 1), ask(listConfigResources(0)))
		b.add(api, 0, "one", ask(incrementalAlterConfigs(1, onClient, "m", "set interval.ms=1000")), barrier(), ask(listConfigResources(0)), ask(listConfigResources(1, 16)),
			ask(incrementalAlterConfigs(1, onClient, "m", "delete interval.ms")), barrier(), ask(listConfigResources(0)))
		b.add(api, 1, "all", topic("t", 1), topic("u", 1, "retention.ms=5"), ask(listConfigResources(1)))
		b.add(api, 1, "topics", topic("t", 1), ask(listConfigResources(1, 2)))
		b.add(api, 1, "brokers", ask(listConfigResources(1, 4)))
		b.add(api, 1, "loggers", ask(listConfigResources(1, 8)))
		b.add(api, 1, "client-metrics", ask(listConfigResources(1, 16)))
		b.add(api, 1, "groups", ask(listConfigResources(1, 32)))
		b.add(api, 1, "topics-and-brokers", topic("t", 1), ask(listConfigResources(1, 2, 4)))
		b.add(api, 1, "unknown-type", ask(listConfigResources(1, 64)))
		b.add(api, 1, "type-0", ask(listConfigResources(1, 0)))
		b.add(api, 1, "negative-type", ask(listConfigResources(1, -1)))
		b.add(api, 1, "known-and-unknown-type", ask(listConfigResources(1, 4, 99)))
		b.add(api, 1, "type-twice", ask(listConfigResources(1, 4, 4)))
	})
}
