package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func apiVersionsRequest(version int16) *kmsg.ApiVersionsRequest {
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = version
	req.ClientSoftwareName, req.ClientSoftwareVersion = "clatter-test", "1.0"
	return req
}

func TestApiVersionsAnnouncesTheTable(t *testing.T) {
	b := newTestBroker(t)
	for _, v := range versionsOf(t, wire.KeyAPIVersions) {
		resp := ask[*kmsg.ApiVersionsResponse](b, apiVersionsRequest(v))
		wantCode(t, "answer", resp.ErrorCode, wire.None)
		wantEqual(t, "APIs", len(resp.ApiKeys), len(wire.APIs()))
		for i, api := range wire.APIs() {
			got := resp.ApiKeys[i]
			wantEqual(t, api.Name+": key", got.ApiKey, api.Key)
			wantEqual(t, api.Name+": lowest version", got.MinVersion, api.AdvertisedMin)
			wantEqual(t, api.Name+": highest version", got.MaxVersion, api.MaxVersion)
		}
		if v < 3 {
			continue
		}
		wantEqual(t, "supported features", resp.SupportedFeatures[0].Name, "metadata.version")
		f := resp.FinalizedFeatures[0]
		wantEqual(t, "level", f.MinVersionLevel, f.MaxVersionLevel)
		if resp.FinalizedFeaturesEpoch < 0 {
			t.Error("no epoch of the finalized features")
		}
	}
}

// TestRegression3RangesThatOldClientsNeed are the windows in which librdkafka before 2.12 wants the announced ranges, as far
// as the APIs are served.
func TestRegression3RangesThatOldClientsNeed(t *testing.T) {
	b := newTestBroker(t)
	ranges := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, key := range ask[*kmsg.ApiVersionsResponse](b, apiVersionsRequest(0)).ApiKeys {
		ranges[key.ApiKey] = key
	}
	for _, need := range []struct {
		key      int16
		versions []int16
	}{
		{wire.KeyProduce, []int16{0, 2, 3, 7}},
		{wire.KeyFetch, []int16{4, 10}},
		{wire.KeyListOffsets, []int16{1}},
		{wire.KeyMetadata, []int16{0, 3}},
		{wire.KeyInitProducerID, []int16{0}},
	} {
		for _, v := range need.versions {
			if r := ranges[need.key]; v < r.MinVersion || v > r.MaxVersion {
				t.Errorf("%s v%d isn't announced", wire.APIName(need.key), v)
			}
		}
	}
}

// TestRegression6TopicIDsAreReal: who announces versions with topic IDs must tell them.
func TestRegression6TopicIDsAreReal(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	if id := ask[*kmsg.MetadataResponse](b, metadataRequest(10, "t")).Topics[0].TopicID; id == ([16]byte{}) {
		t.Error("no topic ID")
	}
}

func TestRegression2ClientSoftwareIsValidated(t *testing.T) {
	b := newTestBroker(t)
	for name, valid := range map[string]bool{
		"": false, "a": true, "apache-kafka-java": true, "librdkafka": true, "1.2.3": true, "-a": false, "a-": false, "a b": false, "ä": false, "a.": false,
	} {
		for _, v := range []int16{3, 4, 5} {
			want := wire.None
			if !valid {
				want = wire.InvalidRequest
			}
			req := apiVersionsRequest(v)
			req.ClientSoftwareName = name
			wantCode(t, "name "+name, ask[*kmsg.ApiVersionsResponse](b, req).ErrorCode, want)
			req = apiVersionsRequest(v)
			req.ClientSoftwareVersion = name
			wantCode(t, "version "+name, ask[*kmsg.ApiVersionsResponse](b, req).ErrorCode, want)
		}
	}
}

func TestApiVersionsTellsMisroutedClients(t *testing.T) {
	b := newTestBroker(t)
	ours := b.catalog.ClusterID()
	for _, c := range []struct {
		what    string
		cluster *string
		node    int32
		code    wire.ErrorCode
	}{
		{"nothing expected", nil, -1, wire.None},
		{"ours", &ours, 1, wire.None},
		{"no node", &ours, -1, wire.InvalidRequest},
		{"no cluster", nil, 1, wire.InvalidRequest},
		{"another cluster", new("another"), 1, wire.RebootstrapRequired},
		{"another node", &ours, 2, wire.RebootstrapRequired},
	} {
		req := apiVersionsRequest(5)
		req.ClusterID, req.NodeID = c.cluster, c.node
		wantCode(t, c.what, ask[*kmsg.ApiVersionsResponse](b, req).ErrorCode, c.code)
	}
}
