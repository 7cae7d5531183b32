package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestListConfigResources(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, c := range []struct {
		version int16
		types   []int8
		want    int
		code    wire.ErrorCode
	}{
		{0, nil, 0, wire.None},
		{1, nil, 3, wire.None},
		{1, []int8{2}, 1, wire.None},
		{1, []int8{4, 8}, 2, wire.None},
		{1, []int8{16, 32}, 0, wire.None},
		{1, []int8{2, 3}, 0, wire.UnsupportedVersion},
	} {
		req := kmsg.NewPtrListConfigResourcesRequest()
		req.Version, req.ResourceTypes = c.version, c.types
		resp := ask[*kmsg.ListConfigResourcesResponse](b, req)
		wantCode(t, "answer", resp.ErrorCode, c.code)
		wantEqual(t, "resources", len(resp.ConfigResources), c.want)
	}
}
