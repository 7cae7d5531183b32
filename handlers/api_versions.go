// ApiVersions (key 18), versions 0-5.
//
// 0 KIP-35; 1 throttle time; 2 throttled clients wait by themselves; 3 flexible, software name
// and version of the client (KIP-511), features (KIP-584); 4 features whose lowest level is 0
// (KIP-1022); 5 cluster ID and node ID that the client expects (KIP-1242).
//
// An unsupported version is answered before a request gets here (KIP-511). Knowingly
// absent: the features of share and streams groups, which aren't served
// yet, and kraft.version, as there is no quorum. A client takes a feature that is missing
// for one that isn't there, and keeps to what every Kafka can do.

package handlers

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/wire"
)

// feature is one line of what ApiVersions says of features.
type feature struct {
	name      string
	min, max  int16
	finalized int16 // level in force unless another one was set; 0 is none
	// settable says that clients may set another level.
	settable bool
}

// level is the level in force.
func (f *feature) level(set catalog.Features) int16 {
	if level, ok := set.Level(f.name); ok && level >= f.min && level <= f.max {
		return level
	}
	return f.finalized
}

// transactionFeature says how transactions end (KIP-890).
var transactionFeature = feature{name: "transaction.version", min: 0, max: 2, finalized: 2, settable: true}

// features is sorted by name. metadata.version has no log of metadata behind it here: it tells
// which release's protocol is spoken, which is what clients read from it (33 is 4.4-IV2).
var features = []feature{
	{name: "group.version", min: 0, max: 1, finalized: 1}, // the consumer protocol of groups (KIP-848)
	{name: "metadata.version", min: 7, max: 33, finalized: 33},
	transactionFeature,
}

// finalizedFeaturesEpoch must grow with every release that changes features: a client that
// goes on through an upgrade ignores what comes with the epoch that it has seen. What clients change is added to it.
const finalizedFeaturesEpoch = 3

// featuresFromZero is the first version in which a feature may begin at level 0: older
// clients refuse the whole answer (KAFKA-17492).
const featuresFromZero = 4

func (d *Dispatcher) apiVersions(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.ApiVersionsRequest)
	resp := r.ResponseKind().(*kmsg.ApiVersionsResponse)
	resp.FinalizedFeaturesEpoch = -1
	resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{}
	if r.Version >= 3 && (!validSoftware(r.ClientSoftwareName) || !validSoftware(r.ClientSoftwareVersion)) {
		resp.ErrorCode = int16(wire.InvalidRequest)
		return answer(resp)
	}
	if code := d.checkExpected(r); code != wire.None {
		resp.ErrorCode = int16(code)
		return answer(resp)
	}
	resp.ApiKeys = d.apiKeys
	set := d.topics().Features()
	resp.FinalizedFeaturesEpoch = finalizedFeaturesEpoch + set.Changes
	for i := range features {
		f := &features[i]
		if f.min > 0 || r.Version >= featuresFromZero {
			supported := kmsg.NewApiVersionsResponseSupportedFeature()
			supported.Name, supported.MinVersion, supported.MaxVersion = f.name, f.min, f.max
			resp.SupportedFeatures = append(resp.SupportedFeatures, supported)
		}
		if level := f.level(set); level > 0 {
			finalized := kmsg.NewApiVersionsResponseFinalizedFeature()
			finalized.Name, finalized.MinVersionLevel, finalized.MaxVersionLevel = f.name, level, level
			resp.FinalizedFeatures = append(resp.FinalizedFeatures, finalized)
		}
	}
	return answer(resp)
}

// checkExpected compares what the client expects of this broker, which is both IDs or none of them.
func (d *Dispatcher) checkExpected(r *kmsg.ApiVersionsRequest) wire.ErrorCode {
	switch {
	case (r.ClusterID != nil) != (r.NodeID != -1):
		return wire.InvalidRequest
	case r.ClusterID != nil && (*r.ClusterID != d.clusterID() || r.NodeID != d.nodeID):
		return wire.RebootstrapRequired
	}
	return wire.None
}

// advertisedAPIs is what ApiVersions tells of the table.
func advertisedAPIs() []kmsg.ApiVersionsResponseApiKey {
	keys := make([]kmsg.ApiVersionsResponseApiKey, 0, len(table))
	for _, a := range table {
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MinVersion, key.MaxVersion = a.api.Key, a.api.AdvertisedMin, a.api.MaxVersion
		keys = append(keys, key)
	}
	return keys
}

// validSoftware reports whether s may be the name or version of a client's software:
// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? (KIP-511).
func validSoftware(s string) bool {
	if s == "" || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
