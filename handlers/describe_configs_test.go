package handlers

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Types of resources, short.
const (
	topicResource  = kmsg.ConfigResourceTypeTopic
	brokerResource = kmsg.ConfigResourceTypeBroker
	loggerResource = kmsg.ConfigResourceTypeBrokerLogger
	groupResource  = kmsg.ConfigResourceTypeGroupConfig
	clientResource = kmsg.ConfigResourceTypeClientMetrics
)

// describe asks for the configuration of one resource.
func (b *testBroker) describe(version int16, kind kmsg.ConfigResourceType, name string, keys ...string) kmsg.DescribeConfigsResponseResource {
	b.t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version, req.IncludeSynonyms, req.IncludeDocumentation = version, true, true
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: keys}}
	resp := ask[*kmsg.DescribeConfigsResponse](b, req)
	wantEqual(b.t, "resources", len(resp.Resources), 1)
	return resp.Resources[0]
}

// configValue is the value of one key.
func (b *testBroker) configValue(kind kmsg.ConfigResourceType, name, key string) string {
	b.t.Helper()
	r := b.describe(4, kind, name, key)
	wantCode(b.t, name, r.ErrorCode, wire.None)
	if len(r.Configs) != 1 {
		b.t.Fatalf("%d keys %s of %s", len(r.Configs), key, name)
	}
	return deref(r.Configs[0].Value)
}

// TestRegression37EveryKeyIsDescribed: tools read all keys, with source, type, synonyms and documentation.
func TestRegression37EveryKeyIsDescribed(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1, "retention.ms", "1000")
	for _, v := range versionsOf(t, wire.KeyDescribeConfigs) {
		for _, c := range []struct {
			kind     kmsg.ConfigResourceType
			name     string
			atLeast  int
			key      string
			value    string
			source   kmsg.ConfigSource
			typ      kmsg.ConfigType
			readOnly bool
		}{
			{topicResource, "t", 37, "retention.ms", "1000", kmsg.ConfigSourceDynamicTopicConfig, kmsg.ConfigTypeLong, false},
			{topicResource, "t", 37, "cleanup.policy", "delete", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeList, false},
			{brokerResource, "1", 300, "num.partitions", "1", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeInt, true},
			{brokerResource, "1", 300, "log.retention.hours", "168", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeInt, true},
			{brokerResource, "1", 300, "node.id", "1", kmsg.ConfigSourceStaticBrokerConfig, kmsg.ConfigTypeInt, true},
			{brokerResource, "1", 300, "message.max.bytes", "1048588", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeInt, false},
			{groupResource, "g", 10, "consumer.session.timeout.ms", "45000", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeInt, false},
			{clientResource, "c", 3, "interval.ms", "300000", kmsg.ConfigSourceDefaultConfig, kmsg.ConfigTypeInt, false},
			{loggerResource, "1", 1, "root", "INFO", kmsg.ConfigSourceDynamicBrokerLoggerConfig, kmsg.ConfigTypeUnknown, false},
		} {
			r := b.describe(v, c.kind, c.name)
			wantCode(t, c.name, r.ErrorCode, wire.None)
			if len(r.Configs) < c.atLeast {
				t.Errorf("%d keys of %s", len(r.Configs), c.name)
			}
			i := slices.IndexFunc(r.Configs, func(k kmsg.DescribeConfigsResponseResourceConfig) bool { return k.Name == c.key })
			if i < 0 {
				t.Errorf("no %s", c.key)
				continue
			}
			key := r.Configs[i]
			wantEqual(t, c.key, deref(key.Value), c.value)
			wantEqual(t, c.key+": source", key.Source, c.source)
			wantEqual(t, c.key+": read-only", key.ReadOnly, c.readOnly)
			if v >= 3 {
				wantEqual(t, c.key+": type", key.ConfigType, c.typ)
				if c.kind != loggerResource && deref(key.Documentation) == "" {
					t.Errorf("%s has no documentation", c.key)
				}
			}
		}
	}
}

func TestDescribeConfigsShowsOnlyWhatIsAsked(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	r := b.describe(4, topicResource, "t", "cleanup.policy", "nonsense")
	wantEqual(t, "keys", len(r.Configs), 1)
	wantEqual(t, "key", r.Configs[0].Name, "cleanup.policy")
	if len(r.Configs[0].ConfigSynonyms) == 0 {
		t.Error("no synonyms")
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: topicResource, ResourceName: "t", ConfigNames: []string{"retention.ms"}}}
	key := ask[*kmsg.DescribeConfigsResponse](b, req).Resources[0].Configs[0]
	wantEqual(t, "synonyms, not asked", len(key.ConfigSynonyms), 0)
	wantEqual(t, "documentation, not asked", key.Documentation == nil, true)
}

func TestDescribeConfigsRefuses(t *testing.T) {
	b := newTestBroker(t)
	for _, c := range []struct {
		kind    kmsg.ConfigResourceType
		name    string
		code    wire.ErrorCode
		message string
	}{
		{topicResource, "missing", wire.UnknownTopicOrPartition, ""},
		{topicResource, "a b", wire.InvalidTopicException, "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"},
		{brokerResource, "2", wire.InvalidRequest, "Unexpected broker id, expected 1 or empty string, but received 2"},
		{brokerResource, "x", wire.InvalidRequest, "Broker id must be an integer, but it is: x"},
		{loggerResource, "", wire.InvalidRequest, "Broker id must not be empty"},
		{groupResource, "", wire.InvalidRequest, "Group name must not be empty"},
	} {
		r := b.describe(4, c.kind, c.name)
		wantCode(t, c.name, r.ErrorCode, c.code)
		wantEqual(t, c.name+": message", deref(r.ErrorMessage), c.message)
		wantEqual(t, c.name+": keys", len(r.Configs), 0)
	}
}

func TestDescribeConfigsRefusesAllWithOneOfNoKind(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, kind := range []kmsg.ConfigResourceType{-1, 0, 1, 3, 64, 127} {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Version = 4
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: topicResource, ResourceName: "t"}, {ResourceType: kind, ResourceName: "t"}}
		for _, r := range ask[*kmsg.DescribeConfigsResponse](b, req).Resources {
			wantCode(t, "resource", r.ErrorCode, wire.InvalidRequest)
			wantEqual(t, "message", deref(r.ErrorMessage), wire.InvalidRequest.Message())
		}
	}
}
