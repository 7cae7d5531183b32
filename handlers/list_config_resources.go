// ListConfigResources (key 74), versions 0-1.
//
// 0 client metrics only, under the name ListClientMetricsResources (KIP-714); 1 all types of
// resources (KIP-1142).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

// listableResources are the resource types of version 1, in the order in which Kafka lists them.
var listableResources = []kmsg.ConfigResourceType{
	kmsg.ConfigResourceTypeGroupConfig,
	kmsg.ConfigResourceTypeClientMetrics,
	kmsg.ConfigResourceTypeBrokerLogger,
	kmsg.ConfigResourceTypeBroker,
	kmsg.ConfigResourceTypeTopic,
}

func (d *Dispatcher) listConfigResources(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ListConfigResourcesRequest)
	resp := r.ResponseKind().(*kmsg.ListConfigResourcesResponse)
	for _, t := range r.ResourceTypes {
		if !slices.Contains(listableResources, kmsg.ConfigResourceType(t)) {
			resp.ErrorCode = int16(wire.UnsupportedVersion)
			return answer(resp)
		}
	}
	for _, t := range listableResources {
		if r.Version == 0 && t != kmsg.ConfigResourceTypeClientMetrics || len(r.ResourceTypes) > 0 && !slices.Contains(r.ResourceTypes, int8(t)) {
			continue
		}
		for _, name := range d.configResources(t) {
			resource := kmsg.NewListConfigResourcesResponseConfigResource()
			resource.Name, resource.Type = name, int8(t)
			resp.ConfigResources = append(resp.ConfigResources, resource)
		}
	}
	return answer(resp)
}

// configResources are the names of the resources of a type.
func (d *Dispatcher) configResources(t kmsg.ConfigResourceType) (names []string) {
	switch t {
	case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
		names = append(names, strconv.Itoa(int(d.nodeID)))
	case kmsg.ConfigResourceTypeTopic:
		for _, topic := range d.topics().Topics() {
			names = append(names, topic.Name)
		}
	default:
		names = d.topics().Configured(config.ResourceType(t))
	}
	return names
}
