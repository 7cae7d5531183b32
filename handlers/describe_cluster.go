// DescribeCluster (key 60), versions 0-2.
//
// 0 KIP-700; 1 endpoint type (KIP-919); 2 fenced brokers (KIP-1073).
//
// Knowingly absent: other brokers, fenced ones among them.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

// Endpoint types (KIP-919).
const (
	endpointBroker     = 1
	endpointController = 2
)

func (d *Dispatcher) describeCluster(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.DescribeClusterRequest)
	resp := r.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.ControllerID = -1
	resp.EndpointType = endpointBroker
	resp.ClusterAuthorizedOperations = operationsNotAsked
	if refused := checkEndpoint(r); refused.failed() {
		resp.ErrorCode, resp.ErrorMessage = int16(refused.code), refused.message
		return answer(resp)
	}
	address := d.addressFor(req.Peer)
	node := kmsg.NewDescribeClusterResponseBroker()
	node.NodeID, node.Host, node.Port, node.Rack = d.nodeID, address.host, address.port, d.config().Rack
	resp.Brokers = []kmsg.DescribeClusterResponseBroker{node}
	resp.ClusterID = d.clusterID()
	resp.ControllerID = d.nodeID
	if r.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = clusterOperations
	}
	return answer(resp)
}

// checkEndpoint refuses what isn't asked of a broker.
func checkEndpoint(r *kmsg.DescribeClusterRequest) apiError {
	if r.Version == 0 || r.EndpointType == endpointBroker {
		return apiError{}
	}
	if r.EndpointType == endpointController {
		return failure(wire.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
	}
	return failure(wire.UnsupportedEndpointType, "Unsupported endpoint type %d", r.EndpointType)
}
