// DescribeConfigs (key 32), versions 1-4.
//
// 1 sources and synonyms (KIP-226); 2 throttled clients wait by themselves; 3 types and
// documentation (KIP-569); 4 flexible.
//
// Knowingly absent: nothing. A group or client metrics subscription that nobody has configured has defaults.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

func (d *Dispatcher) describeConfigs(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeConfigsRequest)
	resp := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
	resp.Resources = make([]kmsg.DescribeConfigsResponseResource, 0, len(r.Resources))
	if !describable(r) {
		refused := plain(wire.InvalidRequest)
		for i := range r.Resources {
			resp.Resources = append(resp.Resources, refusedResource(&r.Resources[i], refused))
		}
		return answer(resp)
	}
	for i := range r.Resources {
		resp.Resources = append(resp.Resources, d.describeResource(r, &r.Resources[i]))
	}
	return answer(resp)
}

// describeResource describes one topic, broker or whatever else has a configuration.
func (d *Dispatcher) describeResource(r *kmsg.DescribeConfigsRequest, rr *kmsg.DescribeConfigsRequestResource) kmsg.DescribeConfigsResponseResource {
	entries, refused := d.configEntries(config.Resource{Type: config.ResourceType(rr.ResourceType), Name: rr.ResourceName}, rr.ConfigNames)
	out := refusedResource(rr, refused)
	if refused.failed() {
		return out
	}
	out.Configs = make([]kmsg.DescribeConfigsResponseResourceConfig, 0, len(entries))
	for i := range entries {
		out.Configs = append(out.Configs, describedConfig(r, &entries[i]))
	}
	return out
}

// refusedResource is the answer on a resource without its keys. Where there is no text, Kafka tells an empty one.
func refusedResource(rr *kmsg.DescribeConfigsRequestResource, refused apiError) kmsg.DescribeConfigsResponseResource {
	out := kmsg.NewDescribeConfigsResponseResource()
	out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
	out.ErrorCode, out.ErrorMessage = int16(refused.code), refused.message
	if out.ErrorMessage == nil {
		out.ErrorMessage = new("")
	}
	return out
}

// describable reports whether everything that a request names is of a kind that has a configuration.
func describable(r *kmsg.DescribeConfigsRequest) bool {
	for i := range r.Resources {
		switch config.ResourceType(r.Resources[i].ResourceType) {
		case config.TopicResource, config.BrokerResource, config.BrokerLoggerResource, config.ClientMetricsResource, config.GroupResource:
		default:
			return false
		}
	}
	return true
}

// configEntries lists the keys of a resource.
func (d *Dispatcher) configEntries(resource config.Resource, names []string) ([]config.Entry, apiError) {
	own, code := d.ownConfigs(resource)
	if code != wire.None && config.ValidateTopicName(resource.Name) == nil {
		return nil, bare(code)
	}
	entries, err := d.config().Describe(resource, own, names)
	return entries, refusal(err)
}

// ownConfigs are the keys that a resource has of its own, as they were set.
func (d *Dispatcher) ownConfigs(resource config.Resource) (map[string]string, wire.ErrorCode) {
	switch resource.Type {
	case config.TopicResource:
		if t := d.topics().TopicByName(resource.Name); t != nil {
			return t.Overrides, wire.None
		}
		return nil, wire.UnknownTopicOrPartition
	case config.BrokerLoggerResource:
		return d.loggers.levels(), wire.None
	default:
		return d.topics().Overrides(resource), wire.None
	}
}

// describedConfig is a key as the request wants it.
func describedConfig(r *kmsg.DescribeConfigsRequest, e *config.Entry) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value = e.Name, e.Value
	out.ReadOnly, out.IsSensitive = e.ReadOnly, e.Sensitive
	out.Source = kmsg.ConfigSource(e.Source)
	out.IsDefault = e.Source == config.FromDefault
	out.ConfigType = kmsg.ConfigType(e.Type)
	if r.IncludeDocumentation {
		out.Documentation = e.Documentation
	}
	if r.IncludeSynonyms {
		for i := range e.Synonyms {
			s := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
			s.Name, s.Value, s.Source = e.Synonyms[i].Name, e.Synonyms[i].Value, kmsg.ConfigSource(e.Synonyms[i].Source)
			out.ConfigSynonyms = append(out.ConfigSynonyms, s)
		}
	}
	return out
}
