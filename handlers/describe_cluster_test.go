package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestRegression42DescribeCluster(t *testing.T) {
	b := newTestBroker(t, "broker.rack", "r1")
	for _, v := range versionsOf(t, wire.KeyDescribeCluster) {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.EndpointType = v, endpointBroker
		resp := ask[*kmsg.DescribeClusterResponse](b, req)
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		wantEqual(t, "cluster ID", resp.ClusterID, b.catalog.ClusterID())
		wantEqual(t, "controller", resp.ControllerID, 1)
		wantEqual(t, "brokers", len(resp.Brokers), 1)
		wantEqual(t, "host", resp.Brokers[0].Host, "192.0.2.1")
		wantEqual(t, "rack", deref(resp.Brokers[0].Rack), "r1")
		wantEqual(t, "operations, not asked", resp.ClusterAuthorizedOperations, operationsNotAsked)
		req.IncludeClusterAuthorizedOperations = true
		wantEqual(t, "operations", ask[*kmsg.DescribeClusterResponse](b, req).ClusterAuthorizedOperations, 8096)
	}
	for endpoint, want := range map[int8]wire.ErrorCode{2: wire.MismatchedEndpointType, 0: wire.UnsupportedEndpointType, 9: wire.UnsupportedEndpointType} {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.Version, req.EndpointType = 1, endpoint
		resp := ask[*kmsg.DescribeClusterResponse](b, req)
		wantCode(t, "endpoint type", resp.ErrorCode, want)
		wantEqual(t, "brokers", len(resp.Brokers), 0)
	}
}
