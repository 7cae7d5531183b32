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
		supported, finalized := "", ""
		for _, f := range resp.SupportedFeatures {
			supported += f.Name + " "
		}
		for _, f := range resp.FinalizedFeatures {
			finalized += f.Name + " "
			wantEqual(t, "level", f.MinVersionLevel, f.MaxVersionLevel)
		}
		wantEqual(t, "finalized features", finalized, "group.version metadata.version transaction.version ")
		if v < featuresFromZero { // Such a client refuses an answer with a feature that begins at 0 (KAFKA-17492).
			wantEqual(t, "supported features", supported, "metadata.version ")
		} else {
			wantEqual(t, "supported features", supported, "group.version metadata.version transaction.version ")
		}
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
		{wire.KeyListOffsets, []int16{0, 1}},
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

// TestRegression5OldVersionsAreAnswered: clients that pin their versions, as Sarama did before 1.46, ask for these and see nothing but a closed
// connection where they aren't served.
func TestRegression5OldVersionsAreAnswered(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a"))
	for _, v := range []int16{0, 1, 4, 9} {
		wantEqual(t, "topics of Metadata", len(ask[*kmsg.MetadataResponse](b, metadataRequest(v, "t")).Topics), 1)
	}
	wantCode(t, "Produce v3", produceOne(b, b.produceRequest(3, "t", b.batch("a"))).ErrorCode, wire.None)
	wantCode(t, "Fetch v4", fetchOne(b, b.fetchRequest(4, "t", 0, 0)).ErrorCode, wire.None)
}

// TestRegression7TagsOnlyInTheirVersions: a client decodes an answer of version 12 without the fields that later versions tag.
func TestRegression7TagsOnlyInTheirVersions(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	b.produce("t", b.batch("a"))
	for v := int16(12); v < 16; v++ {
		req := b.fetchRequest(v, "t", 0, 0)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = 7 // so that the leader is worth telling
		resp := ask[*kmsg.FetchResponse](b, req)
		wantCode(t, "fetch", resp.Topics[0].Partitions[0].ErrorCode, wire.UnknownLeaderEpoch)
		if len(resp.Brokers) > 0 || resp.UnknownTags.Len() > 0 {
			t.Errorf("v%d tells endpoints, which are of v16", v)
		}
	}
}

// TestRegression10RangesFromWhichVersionsAreGuessed: kafka-python 2.0 takes a broker for as new as these ranges allow.
func TestRegression10RangesFromWhichVersionsAreGuessed(t *testing.T) {
	for key, want := range map[int16]int16{wire.KeyProduce: 8, wire.KeyFetch: 11, wire.KeyListOffsets: 5, wire.KeyDeleteTopics: 4, wire.KeyCreateTopics: 5} {
		if api, ok := wire.APIByKey(key); !ok || !api.Serves(want) {
			t.Errorf("%s v%d isn't served", wire.APIName(key), want)
		}
	}
}
