// AlterConfigs (key 33), versions 0-2.
//
// 0 KIP-133; 1 throttled clients wait by themselves; 2 flexible. Old and third-party clients use it: Kafka's own
// have IncrementalAlterConfigs.
//
// Knowingly absent: policies.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
)

func (d *Dispatcher) alterConfigs(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.AlterConfigsRequest)
	resp := r.ResponseKind().(*kmsg.AlterConfigsResponse)
	repeated := repeats(len(r.Resources), func(i int) config.Resource {
		return config.Resource{Type: config.ResourceType(r.Resources[i].ResourceType), Name: r.Resources[i].ResourceName}
	})
	for i := range r.Resources {
		rr := &r.Resources[i]
		resource := config.Resource{Type: config.ResourceType(rr.ResourceType), Name: rr.ResourceName}
		refused := repeatedResource
		if !repeated[resource] {
			settings := make([]config.Setting, len(rr.Configs))
			for j := range rr.Configs {
				settings[j] = config.Setting{Name: rr.Configs[j].Name, Value: rr.Configs[j].Value}
			}
			refused = d.alter(ctx, resource, r.ValidateOnly, func(s *config.Snapshot, own map[string]string) (map[string]string, error) {
				return s.Replace(resource, own, settings)
			})
		}
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
		out.ErrorCode, out.ErrorMessage = int16(refused.code), refused.message
		resp.Resources = append(resp.Resources, out)
	}
	return answer(resp)
}
