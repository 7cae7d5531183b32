package handlers

import (
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Operations on keys, short.
const (
	opSet      = kmsg.IncrementalAlterConfigOpSet
	opDelete   = kmsg.IncrementalAlterConfigOpDelete
	opAppend   = kmsg.IncrementalAlterConfigOpAppend
	opSubtract = kmsg.IncrementalAlterConfigOpSubtract
)

// incrementalRequest changes one key of one resource.
func incrementalRequest(version int16, kind kmsg.ConfigResourceType, name, key string, op kmsg.IncrementalAlterConfigOp, value string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = version
	change := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: key, Op: op, Value: &value}
	if op == opDelete {
		change.Value = nil
	}
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kind, ResourceName: name, Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{change},
	}}
	return req
}

// alter changes one key and returns what is said of it.
func (b *testBroker) alter(kind kmsg.ConfigResourceType, name, key string, op kmsg.IncrementalAlterConfigOp, value string) kmsg.IncrementalAlterConfigsResponseResource {
	b.t.Helper()
	resp := ask[*kmsg.IncrementalAlterConfigsResponse](b, incrementalRequest(1, kind, name, key, op, value))
	wantEqual(b.t, "resources", len(resp.Resources), 1)
	return resp.Resources[0]
}

func TestRegression40IncrementalAlterConfigsOfTopics(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, c := range []struct {
		what, key string
		op        kmsg.IncrementalAlterConfigOp
		value     string
		want      string
	}{
		{"set", "cleanup.policy", opSet, "compact", "compact"},
		{"append", "cleanup.policy", opAppend, "delete", "compact,delete"},
		{"append again", "cleanup.policy", opAppend, "delete", "compact,delete"},
		{"subtract", "cleanup.policy", opSubtract, "compact", "delete"},
		{"delete", "cleanup.policy", opDelete, "", "delete"},
		{"set a number", "max.message.bytes", opSet, "100", "100"},
	} {
		wantCode(t, c.what, b.alter(topicResource, "t", c.key, c.op, c.value).ErrorCode, wire.None)
		wantEqual(t, c.what, b.configValue(topicResource, "t", c.key), c.want)
	}
	// The change counts at once.
	wantCode(t, "produce", produceOne(b, b.produceRequest(9, "t", b.batch("a long value that doesn't fit into 100 bytes"))).ErrorCode, wire.MessageTooLarge)
}

func TestIncrementalAlterConfigsValidateOnly(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, v := range versionsOf(t, wire.KeyIncrementalAlterConfigs) {
		for _, kind := range []kmsg.ConfigResourceType{topicResource, brokerResource, loggerResource} {
			name, key, value := "1", "message.max.bytes", "5"
			switch kind {
			case topicResource:
				name, key = "t", "max.message.bytes"
			case loggerResource:
				key, value = "root", "WARN"
			default:
			}
			before := b.configValue(kind, name, key)
			req := incrementalRequest(v, kind, name, key, opSet, value)
			req.ValidateOnly = true
			wantCode(t, key, ask[*kmsg.IncrementalAlterConfigsResponse](b, req).Resources[0].ErrorCode, wire.None)
			wantEqual(t, key, b.configValue(kind, name, key), before)
		}
	}
}

func TestIncrementalAlterConfigsOfBrokers(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.createTopic("own", 1, "max.message.bytes", "2000")
	big := b.batch("a value of more than one hundred bytes, together with the header of its batch, which has 61 bytes")
	for _, name := range []string{"", "1"} {
		wantCode(t, "set", b.alter(brokerResource, name, "message.max.bytes", opSet, "100").ErrorCode, wire.None)
		wantEqual(t, "value", b.configValue(brokerResource, "1", "message.max.bytes"), "100")
		wantEqual(t, "topic's value", b.configValue(topicResource, "t", "max.message.bytes"), "100")
		// Topics without a key of their own follow at once.
		wantCode(t, "produce", produceOne(b, b.produceRequest(9, "t", big)).ErrorCode, wire.MessageTooLarge)
		wantCode(t, "produce to a topic with its own", produceOne(b, b.produceRequest(9, "own", big)).ErrorCode, wire.None)
		wantCode(t, "delete", b.alter(brokerResource, name, "message.max.bytes", opDelete, "").ErrorCode, wire.None)
		wantCode(t, "produce again", produceOne(b, b.produceRequest(9, "t", big)).ErrorCode, wire.None)
	}
}

func TestIncrementalAlterConfigsOfLoggers(t *testing.T) {
	b := newTestBroker(t)
	for name, want := range map[string]slog.Level{"TRACE": levelTrace, "DEBUG": slog.LevelDebug, "WARN": slog.LevelWarn, "ERROR": slog.LevelError, "FATAL": levelFatal, "INFO": slog.LevelInfo} {
		wantCode(t, name, b.alter(loggerResource, "1", "root", opSet, name).ErrorCode, wire.None)
		wantEqual(t, name, b.logLevel.Level(), want)
		wantEqual(t, name, b.configValue(loggerResource, "1", "root"), name)
	}
	r := b.alter(loggerResource, "1", "kafka", opSet, "INFO")
	wantCode(t, "unknown logger", r.ErrorCode, wire.InvalidConfig)
	wantEqual(t, "message", deref(r.ErrorMessage), "Logger kafka does not exist!")
}

func TestIncrementalAlterConfigsRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, c := range []struct {
		kind      kmsg.ConfigResourceType
		name, key string
		op        kmsg.IncrementalAlterConfigOp
		value     string
		code      wire.ErrorCode
		message   string
	}{
		{topicResource, "t", "nonsense", opSet, "1", wire.InvalidConfig, "Unknown topic config name: nonsense"},
		{topicResource, "t", "retention.ms", opSet, "soon", wire.InvalidConfig, "Invalid value soon for configuration retention.ms: Not a number of type LONG"},
		{topicResource, "t", "retention.ms", opAppend, "1", wire.InvalidConfig, "Can't APPEND to key retention.ms because its type is not LIST."},
		{topicResource, "t", "remote.storage.enable", opSet, "true", wire.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
		{topicResource, "missing", "retention.ms", opSet, "1", wire.UnknownTopicOrPartition, "The topic 'missing' does not exist."},
		{topicResource, "", "retention.ms", opSet, "1", wire.InvalidRequest, "Default topic resources are not allowed."},
		{brokerResource, "1", "num.partitions", opSet, "2", wire.InvalidRequest, "Cannot update these configs dynamically: [num.partitions]"},
		{brokerResource, "2", "message.max.bytes", opSet, "2", wire.InvalidRequest, "Unexpected broker id, expected 1, but received 2"},
		{kmsg.ConfigResourceType(77), "x", "y", opSet, "z", wire.InvalidRequest, "Unknown resource type 77"},
	} {
		r := b.alter(c.kind, c.name, c.key, c.op, c.value)
		wantCode(t, c.name+" "+c.key, r.ErrorCode, c.code)
		wantEqual(t, c.name+" "+c.key, deref(r.ErrorMessage), c.message)
	}
	req := incrementalRequest(1, topicResource, "t", "retention.ms", opSet, "1")
	req.Resources = append(req.Resources, req.Resources[0])
	resp := ask[*kmsg.IncrementalAlterConfigsResponse](b, req)
	wantEqual(t, "twice: resources", len(resp.Resources), 2)
	for _, r := range resp.Resources {
		wantCode(t, "twice", r.ErrorCode, wire.InvalidRequest)
		wantEqual(t, "twice", deref(r.ErrorMessage), "Each resource must appear at most once.")
	}
}
