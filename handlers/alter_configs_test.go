package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func alterRequest(version int16, kind kmsg.ConfigResourceType, name string, keys ...string) *kmsg.AlterConfigsRequest {
	req := kmsg.NewPtrAlterConfigsRequest()
	req.Version = version
	r := kmsg.AlterConfigsRequestResource{ResourceType: kind, ResourceName: name}
	for i := 0; i+1 < len(keys); i += 2 {
		r.Configs = append(r.Configs, kmsg.AlterConfigsRequestResourceConfig{Name: keys[i], Value: &keys[i+1]})
	}
	req.Resources = append(req.Resources, r)
	return req
}

func TestAlterConfigsReplacesAllKeys(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range versionsOf(t, wire.KeyAlterConfigs) {
		name := "t-" + itoa(int(v))
		b.createTopic(name, 1, "retention.ms", "1000", "retention.bytes", "5")
		wantCode(t, name, ask[*kmsg.AlterConfigsResponse](b, alterRequest(v, topicResource, name, "retention.bytes", "7")).Resources[0].ErrorCode, wire.None)
		wantEqual(t, "retention.ms", b.configValue(topicResource, name, "retention.ms"), "604800000")
		wantEqual(t, "retention.bytes", b.configValue(topicResource, name, "retention.bytes"), "7")
	}
	wantCode(t, "broker", ask[*kmsg.AlterConfigsResponse](b, alterRequest(2, brokerResource, "1", "message.max.bytes", "99")).Resources[0].ErrorCode, wire.None)
	wantEqual(t, "message.max.bytes", b.configValue(brokerResource, "1", "message.max.bytes"), "99")
}

func TestAlterConfigsRefuses(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1, "retention.ms", "1000")
	for _, c := range []struct {
		req     *kmsg.AlterConfigsRequest
		code    wire.ErrorCode
		message string
	}{
		{alterRequest(2, topicResource, "t", "nonsense", "1"), wire.InvalidConfig, "Unknown topic config name: nonsense"},
		{alterRequest(2, topicResource, "missing", "retention.ms", "1"), wire.UnknownTopicOrPartition, "The topic 'missing' does not exist."},
		{alterRequest(2, topicResource, "t", "retention.ms", "1", "retention.ms", "2"), wire.InvalidRequest, "Error due to duplicate config keys"},
		{alterRequest(2, loggerResource, "1", "root", "INFO"), wire.InvalidRequest, "Unknown resource type 8"},
	} {
		r := ask[*kmsg.AlterConfigsResponse](b, c.req).Resources[0]
		wantCode(t, c.message, r.ErrorCode, c.code)
		wantEqual(t, "message", deref(r.ErrorMessage), c.message)
	}
	req := alterRequest(2, topicResource, "t", "retention.ms", "5")
	req.ValidateOnly = true
	wantCode(t, "validate only", ask[*kmsg.AlterConfigsResponse](b, req).Resources[0].ErrorCode, wire.None)
	req.Resources = append(req.Resources, req.Resources[0])
	for _, r := range ask[*kmsg.AlterConfigsResponse](b, req).Resources {
		wantEqual(t, "twice", deref(r.ErrorMessage), "Each resource must appear at most once.")
	}
	wantEqual(t, "retention.ms", b.configValue(topicResource, "t", "retention.ms"), "1000")
}
