// IncrementalAlterConfigs (key 44), versions 0-1.
//
// 0 KIP-339, levels of loggers (KIP-412); 1 flexible.
//
// Knowingly absent: policies. Of loggers there is one, root.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
)

func (d *Dispatcher) incrementalAlterConfigs(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.IncrementalAlterConfigsRequest)
	resp := r.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	repeated := repeats(len(r.Resources), func(i int) config.Resource {
		return config.Resource{Type: config.ResourceType(r.Resources[i].ResourceType), Name: r.Resources[i].ResourceName}
	})
	for i := range r.Resources {
		rr := &r.Resources[i]
		resource := config.Resource{Type: config.ResourceType(rr.ResourceType), Name: rr.ResourceName}
		refused := repeatedResource
		if !repeated[resource] {
			changes := make([]config.Change, len(rr.Configs))
			for j := range rr.Configs {
				changes[j] = config.Change{Name: rr.Configs[j].Name, Op: config.Op(rr.Configs[j].Op), Value: rr.Configs[j].Value}
			}
			refused = d.alter(ctx, resource, r.ValidateOnly, func(s *config.Snapshot, own map[string]string) (map[string]string, error) {
				return s.Alter(resource, own, changes)
			})
		}
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = rr.ResourceType, rr.ResourceName
		out.ErrorCode, out.ErrorMessage = int16(refused.code), refused.message
		resp.Resources = append(resp.Resources, out)
	}
	return answer(resp)
}
