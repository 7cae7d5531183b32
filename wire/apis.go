package wire

import "slices"

// The API keys of Kafka 4.4, whether they are served or not.
const (
	KeyProduce                               int16 = 0
	KeyFetch                                 int16 = 1
	KeyListOffsets                           int16 = 2
	KeyMetadata                              int16 = 3
	KeyLeaderAndISR                          int16 = 4
	KeyStopReplica                           int16 = 5
	KeyUpdateMetadata                        int16 = 6
	KeyControlledShutdown                    int16 = 7
	KeyOffsetCommit                          int16 = 8
	KeyOffsetFetch                           int16 = 9
	KeyFindCoordinator                       int16 = 10
	KeyJoinGroup                             int16 = 11
	KeyHeartbeat                             int16 = 12
	KeyLeaveGroup                            int16 = 13
	KeySyncGroup                             int16 = 14
	KeyDescribeGroups                        int16 = 15
	KeyListGroups                            int16 = 16
	KeySASLHandshake                         int16 = 17
	KeyAPIVersions                           int16 = 18
	KeyCreateTopics                          int16 = 19
	KeyDeleteTopics                          int16 = 20
	KeyDeleteRecords                         int16 = 21
	KeyInitProducerID                        int16 = 22
	KeyOffsetForLeaderEpoch                  int16 = 23
	KeyAddPartitionsToTxn                    int16 = 24
	KeyAddOffsetsToTxn                       int16 = 25
	KeyEndTxn                                int16 = 26
	KeyWriteTxnMarkers                       int16 = 27
	KeyTxnOffsetCommit                       int16 = 28
	KeyDescribeACLs                          int16 = 29
	KeyCreateACLs                            int16 = 30
	KeyDeleteACLs                            int16 = 31
	KeyDescribeConfigs                       int16 = 32
	KeyAlterConfigs                          int16 = 33
	KeyAlterReplicaLogDirs                   int16 = 34
	KeyDescribeLogDirs                       int16 = 35
	KeySASLAuthenticate                      int16 = 36
	KeyCreatePartitions                      int16 = 37
	KeyCreateDelegationToken                 int16 = 38
	KeyRenewDelegationToken                  int16 = 39
	KeyExpireDelegationToken                 int16 = 40
	KeyDescribeDelegationToken               int16 = 41
	KeyDeleteGroups                          int16 = 42
	KeyElectLeaders                          int16 = 43
	KeyIncrementalAlterConfigs               int16 = 44
	KeyAlterPartitionReassignments           int16 = 45
	KeyListPartitionReassignments            int16 = 46
	KeyOffsetDelete                          int16 = 47
	KeyDescribeClientQuotas                  int16 = 48
	KeyAlterClientQuotas                     int16 = 49
	KeyDescribeUserSCRAMCredentials          int16 = 50
	KeyAlterUserSCRAMCredentials             int16 = 51
	KeyVote                                  int16 = 52
	KeyBeginQuorumEpoch                      int16 = 53
	KeyEndQuorumEpoch                        int16 = 54
	KeyDescribeQuorum                        int16 = 55
	KeyAlterPartition                        int16 = 56
	KeyUpdateFeatures                        int16 = 57
	KeyEnvelope                              int16 = 58
	KeyFetchSnapshot                         int16 = 59
	KeyDescribeCluster                       int16 = 60
	KeyDescribeProducers                     int16 = 61
	KeyBrokerRegistration                    int16 = 62
	KeyBrokerHeartbeat                       int16 = 63
	KeyUnregisterBroker                      int16 = 64
	KeyDescribeTransactions                  int16 = 65
	KeyListTransactions                      int16 = 66
	KeyAllocateProducerIDs                   int16 = 67
	KeyConsumerGroupHeartbeat                int16 = 68
	KeyConsumerGroupDescribe                 int16 = 69
	KeyControllerRegistration                int16 = 70
	KeyGetTelemetrySubscriptions             int16 = 71
	KeyPushTelemetry                         int16 = 72
	KeyAssignReplicasToDirs                  int16 = 73
	KeyListConfigResources                   int16 = 74
	KeyDescribeTopicPartitions               int16 = 75
	KeyShareGroupHeartbeat                   int16 = 76
	KeyShareGroupDescribe                    int16 = 77
	KeyShareFetch                            int16 = 78
	KeyShareAcknowledge                      int16 = 79
	KeyAddRaftVoter                          int16 = 80
	KeyRemoveRaftVoter                       int16 = 81
	KeyUpdateRaftVoter                       int16 = 82
	KeyInitializeShareGroupState             int16 = 83
	KeyReadShareGroupState                   int16 = 84
	KeyWriteShareGroupState                  int16 = 85
	KeyDeleteShareGroupState                 int16 = 86
	KeyReadShareGroupStateSummary            int16 = 87
	KeyStreamsGroupHeartbeat                 int16 = 88
	KeyStreamsGroupDescribe                  int16 = 89
	KeyDescribeShareGroupOffsets             int16 = 90
	KeyAlterShareGroupOffsets                int16 = 91
	KeyDeleteShareGroupOffsets               int16 = 92
	KeyStreamsGroupTopologyDescriptionUpdate int16 = 93
	KeyUnregisterController                  int16 = 94
)

// maxKey is the highest key that Kafka 4.4 defines.
const maxKey = KeyUnregisterController

// API is one row of the table that the server is made of: what is dispatched, what
// ApiVersions announces, how headers and bodies are read.
type API struct {
	// Key is the number of the API on the wire.
	Key int16
	// Name is Kafka's name of it, as in its ApiKeys.
	Name string
	// MinVersion and MaxVersion bound what is served, both included.
	MinVersion, MaxVersion int16
	// AdvertisedMin is the lower bound that ApiVersions tells. It differs from MinVersion
	// for Produce alone: librdkafka before 2.12 takes a broker that does not announce
	// Produce 0 for one that cannot compress (KAFKA-18659).
	AdvertisedMin int16
	// FlexibleFrom is the first version with compact lengths and tagged fields
	// (KIP-482), -1 where there is none.
	FlexibleFrom int16
}

// Flexible says whether a version of this API has compact lengths and tagged fields.
func (a API) Flexible(version int16) bool {
	return a.FlexibleFrom >= 0 && version >= a.FlexibleFrom
}

// Serves says whether a version may be asked for.
func (a API) Serves(version int16) bool {
	return version >= a.MinVersion && version <= a.MaxVersion
}

// APIs is what this broker serves, sorted by key. The slice belongs to the caller.
func APIs() []API { return slices.Clone(servedAPIs) }

// APIByKey finds the served API of a key; false for any other.
func APIByKey(key int16) (API, bool) {
	if key < 0 || key > maxKey || servedByKey[key] == nil {
		return API{}, false
	}
	return *servedByKey[key], true
}

// APIName is Kafka's name of a key, served or not, and "" for a key that Kafka does
// not define. It is for log lines.
func APIName(key int16) string {
	if key < 0 || key > maxKey {
		return ""
	}
	return knownAPIs[key].name
}

// isFlexible says whether a version of any known API, served or not, is flexible.
func isFlexible(key, version int16) bool {
	if key < 0 || key > maxKey {
		return false
	}
	from := knownAPIs[key].flexibleFrom
	return from >= 0 && version >= from
}

// servedAPIs is sorted by key. The ranges are Kafka 4.4's, but for ListOffsets 0 and OffsetCommit 1, without
// which consumers of librdkafka 0.11 neither begin nor commit.
var servedAPIs = []API{
	advertisedFrom(0, served(KeyProduce, 3, 13)),
	served(KeyFetch, 4, 18),
	served(KeyListOffsets, 0, 11),
	served(KeyMetadata, 0, 13),
	served(KeyOffsetCommit, 1, 10),
	served(KeyOffsetFetch, 1, 10),
	served(KeyFindCoordinator, 0, 6),
	served(KeyJoinGroup, 0, 9),
	served(KeyHeartbeat, 0, 4),
	served(KeyLeaveGroup, 0, 5),
	served(KeySyncGroup, 0, 5),
	served(KeyDescribeGroups, 0, 6),
	served(KeyListGroups, 0, 5),
	served(KeyAPIVersions, 0, 5),
	served(KeyCreateTopics, 2, 7),
	served(KeyDeleteTopics, 1, 6),
	served(KeyDeleteRecords, 0, 2),
	served(KeyInitProducerID, 0, 5),
	served(KeyOffsetForLeaderEpoch, 2, 4),
	served(KeyAddPartitionsToTxn, 0, 5),
	served(KeyAddOffsetsToTxn, 0, 4),
	served(KeyEndTxn, 0, 5),
	served(KeyWriteTxnMarkers, 1, 2),
	served(KeyTxnOffsetCommit, 0, 6),
	served(KeyDescribeConfigs, 1, 4),
	served(KeyAlterConfigs, 0, 2),
	served(KeyDescribeLogDirs, 1, 5),
	served(KeyCreatePartitions, 0, 3),
	served(KeyDeleteGroups, 0, 3),
	served(KeyIncrementalAlterConfigs, 0, 1),
	served(KeyOffsetDelete, 0, 0),
	served(KeyDescribeQuorum, 0, 2),
	served(KeyUpdateFeatures, 0, 2),
	served(KeyDescribeCluster, 0, 2),
	served(KeyDescribeProducers, 0, 0),
	served(KeyDescribeTransactions, 0, 0),
	served(KeyListTransactions, 0, 2),
	served(KeyConsumerGroupHeartbeat, 0, 1),
	served(KeyConsumerGroupDescribe, 0, 1),
	served(KeyListConfigResources, 0, 1),
	served(KeyDescribeTopicPartitions, 0, 0),
}

// servedByKey finds a row of servedAPIs by its key.
var servedByKey = func() (index [maxKey + 1]*API) {
	for i := range servedAPIs {
		index[servedAPIs[i].Key] = &servedAPIs[i]
	}
	return index
}()

// served makes a row that is announced as it is served.
func served(key, minVersion, maxVersion int16) API {
	return API{
		Key:           key,
		Name:          knownAPIs[key].name,
		MinVersion:    minVersion,
		MaxVersion:    maxVersion,
		AdvertisedMin: minVersion,
		FlexibleFrom:  knownAPIs[key].flexibleFrom,
	}
}

// advertisedFrom changes the lower bound that is announced.
func advertisedFrom(version int16, a API) API {
	a.AdvertisedMin = version
	return a
}

// knownAPI is what log lines and headers need to know of any API.
type knownAPI struct {
	name         string
	flexibleFrom int16
}

// knownAPIs holds every key. Keys 4 to 7 ended with Kafka 4.0.
var knownAPIs = [maxKey + 1]knownAPI{
	KeyProduce:                               {"Produce", 9},
	KeyFetch:                                 {"Fetch", 12},
	KeyListOffsets:                           {"ListOffsets", 6},
	KeyMetadata:                              {"Metadata", 9},
	KeyLeaderAndISR:                          {"LeaderAndIsr", 4},
	KeyStopReplica:                           {"StopReplica", 2},
	KeyUpdateMetadata:                        {"UpdateMetadata", 6},
	KeyControlledShutdown:                    {"ControlledShutdown", 3},
	KeyOffsetCommit:                          {"OffsetCommit", 8},
	KeyOffsetFetch:                           {"OffsetFetch", 6},
	KeyFindCoordinator:                       {"FindCoordinator", 3},
	KeyJoinGroup:                             {"JoinGroup", 6},
	KeyHeartbeat:                             {"Heartbeat", 4},
	KeyLeaveGroup:                            {"LeaveGroup", 4},
	KeySyncGroup:                             {"SyncGroup", 4},
	KeyDescribeGroups:                        {"DescribeGroups", 5},
	KeyListGroups:                            {"ListGroups", 3},
	KeySASLHandshake:                         {"SaslHandshake", -1},
	KeyAPIVersions:                           {"ApiVersions", 3},
	KeyCreateTopics:                          {"CreateTopics", 5},
	KeyDeleteTopics:                          {"DeleteTopics", 4},
	KeyDeleteRecords:                         {"DeleteRecords", 2},
	KeyInitProducerID:                        {"InitProducerId", 2},
	KeyOffsetForLeaderEpoch:                  {"OffsetForLeaderEpoch", 4},
	KeyAddPartitionsToTxn:                    {"AddPartitionsToTxn", 3},
	KeyAddOffsetsToTxn:                       {"AddOffsetsToTxn", 3},
	KeyEndTxn:                                {"EndTxn", 3},
	KeyWriteTxnMarkers:                       {"WriteTxnMarkers", 1},
	KeyTxnOffsetCommit:                       {"TxnOffsetCommit", 3},
	KeyDescribeACLs:                          {"DescribeAcls", 2},
	KeyCreateACLs:                            {"CreateAcls", 2},
	KeyDeleteACLs:                            {"DeleteAcls", 2},
	KeyDescribeConfigs:                       {"DescribeConfigs", 4},
	KeyAlterConfigs:                          {"AlterConfigs", 2},
	KeyAlterReplicaLogDirs:                   {"AlterReplicaLogDirs", 2},
	KeyDescribeLogDirs:                       {"DescribeLogDirs", 2},
	KeySASLAuthenticate:                      {"SaslAuthenticate", 2},
	KeyCreatePartitions:                      {"CreatePartitions", 2},
	KeyCreateDelegationToken:                 {"CreateDelegationToken", 2},
	KeyRenewDelegationToken:                  {"RenewDelegationToken", 2},
	KeyExpireDelegationToken:                 {"ExpireDelegationToken", 2},
	KeyDescribeDelegationToken:               {"DescribeDelegationToken", 2},
	KeyDeleteGroups:                          {"DeleteGroups", 2},
	KeyElectLeaders:                          {"ElectLeaders", 2},
	KeyIncrementalAlterConfigs:               {"IncrementalAlterConfigs", 1},
	KeyAlterPartitionReassignments:           {"AlterPartitionReassignments", 0},
	KeyListPartitionReassignments:            {"ListPartitionReassignments", 0},
	KeyOffsetDelete:                          {"OffsetDelete", -1},
	KeyDescribeClientQuotas:                  {"DescribeClientQuotas", 1},
	KeyAlterClientQuotas:                     {"AlterClientQuotas", 1},
	KeyDescribeUserSCRAMCredentials:          {"DescribeUserScramCredentials", 0},
	KeyAlterUserSCRAMCredentials:             {"AlterUserScramCredentials", 0},
	KeyVote:                                  {"Vote", 0},
	KeyBeginQuorumEpoch:                      {"BeginQuorumEpoch", 1},
	KeyEndQuorumEpoch:                        {"EndQuorumEpoch", 1},
	KeyDescribeQuorum:                        {"DescribeQuorum", 0},
	KeyAlterPartition:                        {"AlterPartition", 0},
	KeyUpdateFeatures:                        {"UpdateFeatures", 0},
	KeyEnvelope:                              {"Envelope", 0},
	KeyFetchSnapshot:                         {"FetchSnapshot", 0},
	KeyDescribeCluster:                       {"DescribeCluster", 0},
	KeyDescribeProducers:                     {"DescribeProducers", 0},
	KeyBrokerRegistration:                    {"BrokerRegistration", 0},
	KeyBrokerHeartbeat:                       {"BrokerHeartbeat", 0},
	KeyUnregisterBroker:                      {"UnregisterBroker", 0},
	KeyDescribeTransactions:                  {"DescribeTransactions", 0},
	KeyListTransactions:                      {"ListTransactions", 0},
	KeyAllocateProducerIDs:                   {"AllocateProducerIds", 0},
	KeyConsumerGroupHeartbeat:                {"ConsumerGroupHeartbeat", 0},
	KeyConsumerGroupDescribe:                 {"ConsumerGroupDescribe", 0},
	KeyControllerRegistration:                {"ControllerRegistration", 0},
	KeyGetTelemetrySubscriptions:             {"GetTelemetrySubscriptions", 0},
	KeyPushTelemetry:                         {"PushTelemetry", 0},
	KeyAssignReplicasToDirs:                  {"AssignReplicasToDirs", 0},
	KeyListConfigResources:                   {"ListConfigResources", 0},
	KeyDescribeTopicPartitions:               {"DescribeTopicPartitions", 0},
	KeyShareGroupHeartbeat:                   {"ShareGroupHeartbeat", 0},
	KeyShareGroupDescribe:                    {"ShareGroupDescribe", 0},
	KeyShareFetch:                            {"ShareFetch", 0},
	KeyShareAcknowledge:                      {"ShareAcknowledge", 0},
	KeyAddRaftVoter:                          {"AddRaftVoter", 0},
	KeyRemoveRaftVoter:                       {"RemoveRaftVoter", 0},
	KeyUpdateRaftVoter:                       {"UpdateRaftVoter", 0},
	KeyInitializeShareGroupState:             {"InitializeShareGroupState", 0},
	KeyReadShareGroupState:                   {"ReadShareGroupState", 0},
	KeyWriteShareGroupState:                  {"WriteShareGroupState", 0},
	KeyDeleteShareGroupState:                 {"DeleteShareGroupState", 0},
	KeyReadShareGroupStateSummary:            {"ReadShareGroupStateSummary", 0},
	KeyStreamsGroupHeartbeat:                 {"StreamsGroupHeartbeat", 0},
	KeyStreamsGroupDescribe:                  {"StreamsGroupDescribe", 0},
	KeyDescribeShareGroupOffsets:             {"DescribeShareGroupOffsets", 0},
	KeyAlterShareGroupOffsets:                {"AlterShareGroupOffsets", 0},
	KeyDeleteShareGroupOffsets:               {"DeleteShareGroupOffsets", 0},
	KeyStreamsGroupTopologyDescriptionUpdate: {"StreamsGroupTopologyDescriptionUpdate", 0},
	KeyUnregisterController:                  {"UnregisterController", 0},
}
