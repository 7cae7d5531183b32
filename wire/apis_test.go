package wire

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAPIsAreSortedAndUnique(t *testing.T) {
	apis := APIs()
	if !slices.IsSortedFunc(apis, func(a, b API) int { return int(a.Key) - int(b.Key) }) {
		t.Error("not sorted by key")
	}
	seen := make(map[int16]bool)
	for _, api := range apis {
		if seen[api.Key] {
			t.Errorf("%s twice", api.Name)
		}
		seen[api.Key] = true
		if got, ok := APIByKey(api.Key); !ok || got != api {
			t.Errorf("APIByKey(%d) is %+v, the table says %+v", api.Key, got, api)
		}
	}
}

func TestServedVersionsAreDecodable(t *testing.T) {
	for _, api := range APIs() {
		if limit := kmsg.RequestForKey(api.Key).MaxVersion(); api.MaxVersion > limit {
			t.Errorf("%s: serves v%d, kmsg knows v%d", api.Name, api.MaxVersion, limit)
		}
		if api.MinVersion < 0 || api.MinVersion > api.MaxVersion || api.AdvertisedMin > api.MinVersion {
			t.Errorf("%s: %+v", api.Name, api)
		}
	}
}

func TestFlexibleVersionsAreKmsgs(t *testing.T) {
	for key, version := range everyRequest() {
		if want, got := newRequest(key, version).IsFlexible(), isFlexible(key, version); got != want {
			t.Errorf("%s v%d: flexible %t, by kmsg %t", APIName(key), version, got, want)
		}
	}
	for _, api := range APIs() {
		for version := api.MinVersion; version <= api.MaxVersion; version++ {
			if api.Flexible(version) != isFlexible(api.Key, version) {
				t.Errorf("%s v%d", api.Name, version)
			}
		}
	}
}

// The ranges are what Apache Kafka 4.4 announced when it was asked, but for ListOffsets and OffsetCommit, which begin
// with 1 and 2 there.
// TestRegression4ServedVersionsAreKafkas: clients that don't negotiate, and those that guess a version from the ranges (regressions 5 and
// 10), depend on the lowest versions as much as on the highest.
func TestRegression4ServedVersionsAreKafkas(t *testing.T) {
	announced := map[int16][2]int16{
		KeyProduce: {0, 13}, KeyFetch: {4, 18}, KeyListOffsets: {0, 11}, KeyMetadata: {0, 13}, KeyAPIVersions: {0, 5},
		KeyOffsetCommit: {1, 10}, KeyOffsetFetch: {1, 10}, KeyFindCoordinator: {0, 6}, KeyJoinGroup: {0, 9}, KeyHeartbeat: {0, 4},
		KeyLeaveGroup: {0, 5}, KeySyncGroup: {0, 5}, KeyDescribeGroups: {0, 6}, KeyListGroups: {0, 5}, KeyDeleteGroups: {0, 3}, KeyOffsetDelete: {0, 0},
		KeyConsumerGroupHeartbeat: {0, 1}, KeyConsumerGroupDescribe: {0, 1},
		KeyCreateTopics: {2, 7}, KeyDeleteTopics: {1, 6}, KeyDeleteRecords: {0, 2}, KeyInitProducerID: {0, 5},
		KeyOffsetForLeaderEpoch: {2, 4}, KeyDescribeConfigs: {1, 4}, KeyAlterConfigs: {0, 2}, KeyDescribeLogDirs: {1, 5},
		KeyCreatePartitions: {0, 3}, KeyIncrementalAlterConfigs: {0, 1}, KeyDescribeQuorum: {0, 2},
		KeyDescribeCluster: {0, 2}, KeyDescribeProducers: {0, 0}, KeyListConfigResources: {0, 1},
		KeyDescribeTopicPartitions: {0, 0},
		KeyAddPartitionsToTxn:      {0, 5}, KeyAddOffsetsToTxn: {0, 4}, KeyEndTxn: {0, 5}, KeyWriteTxnMarkers: {1, 2}, KeyTxnOffsetCommit: {0, 6},
		KeyDescribeTransactions: {0, 0}, KeyListTransactions: {0, 2}, KeyUpdateFeatures: {0, 2},
	}
	for _, api := range APIs() {
		want, ok := announced[api.Key]
		if !ok {
			t.Errorf("%s is served and not in this test", api.Name)
		}
		if got := [2]int16{api.AdvertisedMin, api.MaxVersion}; got != want {
			t.Errorf("%s: announces %v, Kafka %v", api.Name, got, want)
		}
	}
	if len(APIs()) != len(announced) {
		t.Errorf("%d APIs, want %d", len(APIs()), len(announced))
	}
}

// librdkafka before 2.12 compresses only for a broker that announces Produce 0, which
// Kafka rejects all the same.
func TestRegression3ProduceIsAnnouncedFromZeroAndServedFromThree(t *testing.T) {
	api, ok := APIByKey(KeyProduce)
	if !ok || api.AdvertisedMin != 0 || api.MinVersion != 3 || api.Serves(2) || !api.Serves(3) || api.Serves(14) {
		t.Errorf("%+v", api)
	}
}

func TestUnknownKeysAreNotServed(t *testing.T) {
	for _, key := range []int16{-32768, -1, KeyLeaderAndISR, KeyVote, maxKey + 1, 32767} {
		if api, ok := APIByKey(key); ok {
			t.Errorf("%d: %+v", key, api)
		}
	}
	if APIName(-1) != "" || APIName(maxKey+1) != "" || APIName(KeyVote) != "Vote" {
		t.Error("names of keys that are not served")
	}
}

func TestAPIsBelongToTheCaller(t *testing.T) {
	APIs()[0].MaxVersion = 99
	if api, _ := APIByKey(KeyProduce); api.MaxVersion == 99 {
		t.Error("the table was changed from outside")
	}
}
