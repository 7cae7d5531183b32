package wire

// The codes of Kafka 4.4, named as its Errors enum names them.
const (
	UnknownServerError                     ErrorCode = -1
	None                                   ErrorCode = 0
	OffsetOutOfRange                       ErrorCode = 1
	CorruptMessage                         ErrorCode = 2
	UnknownTopicOrPartition                ErrorCode = 3
	InvalidFetchSize                       ErrorCode = 4
	LeaderNotAvailable                     ErrorCode = 5
	NotLeaderOrFollower                    ErrorCode = 6
	RequestTimedOut                        ErrorCode = 7
	BrokerNotAvailable                     ErrorCode = 8
	ReplicaNotAvailable                    ErrorCode = 9
	MessageTooLarge                        ErrorCode = 10
	StaleControllerEpoch                   ErrorCode = 11
	OffsetMetadataTooLarge                 ErrorCode = 12
	NetworkException                       ErrorCode = 13
	CoordinatorLoadInProgress              ErrorCode = 14
	CoordinatorNotAvailable                ErrorCode = 15
	NotCoordinator                         ErrorCode = 16
	InvalidTopicException                  ErrorCode = 17
	RecordListTooLarge                     ErrorCode = 18
	NotEnoughReplicas                      ErrorCode = 19
	NotEnoughReplicasAfterAppend           ErrorCode = 20
	InvalidRequiredAcks                    ErrorCode = 21
	IllegalGeneration                      ErrorCode = 22
	InconsistentGroupProtocol              ErrorCode = 23
	InvalidGroupID                         ErrorCode = 24
	UnknownMemberID                        ErrorCode = 25
	InvalidSessionTimeout                  ErrorCode = 26
	RebalanceInProgress                    ErrorCode = 27
	InvalidCommitOffsetSize                ErrorCode = 28
	TopicAuthorizationFailed               ErrorCode = 29
	GroupAuthorizationFailed               ErrorCode = 30
	ClusterAuthorizationFailed             ErrorCode = 31
	InvalidTimestamp                       ErrorCode = 32
	UnsupportedSASLMechanism               ErrorCode = 33
	IllegalSASLState                       ErrorCode = 34
	UnsupportedVersion                     ErrorCode = 35
	TopicAlreadyExists                     ErrorCode = 36
	InvalidPartitions                      ErrorCode = 37
	InvalidReplicationFactor               ErrorCode = 38
	InvalidReplicaAssignment               ErrorCode = 39
	InvalidConfig                          ErrorCode = 40
	NotController                          ErrorCode = 41
	InvalidRequest                         ErrorCode = 42
	UnsupportedForMessageFormat            ErrorCode = 43
	PolicyViolation                        ErrorCode = 44
	OutOfOrderSequenceNumber               ErrorCode = 45
	DuplicateSequenceNumber                ErrorCode = 46
	InvalidProducerEpoch                   ErrorCode = 47
	InvalidTxnState                        ErrorCode = 48
	InvalidProducerIDMapping               ErrorCode = 49
	InvalidTransactionTimeout              ErrorCode = 50
	ConcurrentTransactions                 ErrorCode = 51
	TransactionCoordinatorFenced           ErrorCode = 52
	TransactionalIDAuthorizationFailed     ErrorCode = 53
	SecurityDisabled                       ErrorCode = 54
	OperationNotAttempted                  ErrorCode = 55
	KafkaStorageError                      ErrorCode = 56
	LogDirNotFound                         ErrorCode = 57
	SASLAuthenticationFailed               ErrorCode = 58
	UnknownProducerID                      ErrorCode = 59
	ReassignmentInProgress                 ErrorCode = 60
	DelegationTokenAuthDisabled            ErrorCode = 61
	DelegationTokenNotFound                ErrorCode = 62
	DelegationTokenOwnerMismatch           ErrorCode = 63
	DelegationTokenRequestNotAllowed       ErrorCode = 64
	DelegationTokenAuthorizationFailed     ErrorCode = 65
	DelegationTokenExpired                 ErrorCode = 66
	InvalidPrincipalType                   ErrorCode = 67
	NonEmptyGroup                          ErrorCode = 68
	GroupIDNotFound                        ErrorCode = 69
	FetchSessionIDNotFound                 ErrorCode = 70
	InvalidFetchSessionEpoch               ErrorCode = 71
	ListenerNotFound                       ErrorCode = 72
	TopicDeletionDisabled                  ErrorCode = 73
	FencedLeaderEpoch                      ErrorCode = 74
	UnknownLeaderEpoch                     ErrorCode = 75
	UnsupportedCompressionType             ErrorCode = 76
	StaleBrokerEpoch                       ErrorCode = 77
	OffsetNotAvailable                     ErrorCode = 78
	MemberIDRequired                       ErrorCode = 79
	PreferredLeaderNotAvailable            ErrorCode = 80
	GroupMaxSizeReached                    ErrorCode = 81
	FencedInstanceID                       ErrorCode = 82
	EligibleLeadersNotAvailable            ErrorCode = 83
	ElectionNotNeeded                      ErrorCode = 84
	NoReassignmentInProgress               ErrorCode = 85
	GroupSubscribedToTopic                 ErrorCode = 86
	InvalidRecord                          ErrorCode = 87
	UnstableOffsetCommit                   ErrorCode = 88
	ThrottlingQuotaExceeded                ErrorCode = 89
	ProducerFenced                         ErrorCode = 90
	ResourceNotFound                       ErrorCode = 91
	DuplicateResource                      ErrorCode = 92
	UnacceptableCredential                 ErrorCode = 93
	InconsistentVoterSet                   ErrorCode = 94
	InvalidUpdateVersion                   ErrorCode = 95
	FeatureUpdateFailed                    ErrorCode = 96
	PrincipalDeserializationFailure        ErrorCode = 97
	SnapshotNotFound                       ErrorCode = 98
	PositionOutOfRange                     ErrorCode = 99
	UnknownTopicID                         ErrorCode = 100
	DuplicateBrokerRegistration            ErrorCode = 101
	BrokerIDNotRegistered                  ErrorCode = 102
	InconsistentTopicID                    ErrorCode = 103
	InconsistentClusterID                  ErrorCode = 104
	TransactionalIDNotFound                ErrorCode = 105
	FetchSessionTopicIDError               ErrorCode = 106
	IneligibleReplica                      ErrorCode = 107
	NewLeaderElected                       ErrorCode = 108
	OffsetMovedToTieredStorage             ErrorCode = 109
	FencedMemberEpoch                      ErrorCode = 110
	UnreleasedInstanceID                   ErrorCode = 111
	UnsupportedAssignor                    ErrorCode = 112
	StaleMemberEpoch                       ErrorCode = 113
	MismatchedEndpointType                 ErrorCode = 114
	UnsupportedEndpointType                ErrorCode = 115
	UnknownControllerID                    ErrorCode = 116
	UnknownSubscriptionID                  ErrorCode = 117
	TelemetryTooLarge                      ErrorCode = 118
	InvalidRegistration                    ErrorCode = 119
	TransactionAbortable                   ErrorCode = 120
	InvalidRecordState                     ErrorCode = 121
	ShareSessionNotFound                   ErrorCode = 122
	InvalidShareSessionEpoch               ErrorCode = 123
	FencedStateEpoch                       ErrorCode = 124
	InvalidVoterKey                        ErrorCode = 125
	DuplicateVoter                         ErrorCode = 126
	VoterNotFound                          ErrorCode = 127
	InvalidRegularExpression               ErrorCode = 128
	RebootstrapRequired                    ErrorCode = 129
	StreamsInvalidTopology                 ErrorCode = 130
	StreamsInvalidTopologyEpoch            ErrorCode = 131
	StreamsTopologyFenced                  ErrorCode = 132
	ShareSessionLimitReached               ErrorCode = 133
	GroupDeletionFailed                    ErrorCode = 134
	StreamsTopologyDescriptionUpdateFailed ErrorCode = 135
	ControllerIDNotRegistered              ErrorCode = 136
)

// errorInfo describes one code. Where Kafka's handlers put a code's default text
// into an answer (the ErrorMessage fields of the admin and coordinator APIs) the
// text is part of what clients see, and is the same here. The other texts appear
// in our own logs only.
type errorInfo struct {
	name      string
	message   string
	retriable bool
}

// errorTable holds code c at index c+1, because the lowest code is -1.
var errorTable = [...]errorInfo{
	UnknownServerError + 1:                     {"UNKNOWN_SERVER_ERROR", "The server experienced an unexpected error when processing the request.", false},
	None + 1:                                   {"NONE", "NONE", false},
	OffsetOutOfRange + 1:                       {"OFFSET_OUT_OF_RANGE", "The requested offset is not within the range of offsets maintained by the server.", false},
	CorruptMessage + 1:                         {"CORRUPT_MESSAGE", "This message has failed its CRC checksum, exceeds the valid size, has a null key for a compacted topic, or is otherwise corrupt.", true},
	UnknownTopicOrPartition + 1:                {"UNKNOWN_TOPIC_OR_PARTITION", "This server does not host this topic-partition.", true},
	InvalidFetchSize + 1:                       {"INVALID_FETCH_SIZE", "The fetch asks for an unusable number of bytes.", false},
	LeaderNotAvailable + 1:                     {"LEADER_NOT_AVAILABLE", "There is no leader for this topic-partition as we are in the middle of a leadership election.", true},
	NotLeaderOrFollower + 1:                    {"NOT_LEADER_OR_FOLLOWER", "For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition.", true},
	RequestTimedOut + 1:                        {"REQUEST_TIMED_OUT", "The request timed out.", true},
	BrokerNotAvailable + 1:                     {"BROKER_NOT_AVAILABLE", "No such broker is up.", false},
	ReplicaNotAvailable + 1:                    {"REPLICA_NOT_AVAILABLE", "The replica is not available for the requested topic-partition. Produce/Fetch requests and other requests intended only for the leader or follower return NOT_LEADER_OR_FOLLOWER if the broker is not a replica of the topic-partition.", true},
	MessageTooLarge + 1:                        {"MESSAGE_TOO_LARGE", "The request included a message larger than the max message size the server will accept.", false},
	StaleControllerEpoch + 1:                   {"STALE_CONTROLLER_EPOCH", "Another broker has become the controller.", false},
	OffsetMetadataTooLarge + 1:                 {"OFFSET_METADATA_TOO_LARGE", "The metadata beside a committed offset is too long.", false},
	NetworkException + 1:                       {"NETWORK_EXCEPTION", "The connection ended before the answer came.", true},
	CoordinatorLoadInProgress + 1:              {"COORDINATOR_LOAD_IN_PROGRESS", "The coordinator is loading and hence can't process requests.", true},
	CoordinatorNotAvailable + 1:                {"COORDINATOR_NOT_AVAILABLE", "The coordinator is not available.", true},
	NotCoordinator + 1:                         {"NOT_COORDINATOR", "This is not the correct coordinator.", true},
	InvalidTopicException + 1:                  {"INVALID_TOPIC_EXCEPTION", "The request attempted to perform an operation on an invalid topic.", false},
	RecordListTooLarge + 1:                     {"RECORD_LIST_TOO_LARGE", "A batch is larger than a log segment may become.", false},
	NotEnoughReplicas + 1:                      {"NOT_ENOUGH_REPLICAS", "Too few replicas are in sync to accept the write.", true},
	NotEnoughReplicasAfterAppend + 1:           {"NOT_ENOUGH_REPLICAS_AFTER_APPEND", "The write is in the log, on fewer in-sync replicas than asked for.", true},
	InvalidRequiredAcks + 1:                    {"INVALID_REQUIRED_ACKS", "The acks of a produce request are none of -1, 0 and 1.", false},
	IllegalGeneration + 1:                      {"ILLEGAL_GENERATION", "The generation is not the group's current one.", false},
	InconsistentGroupProtocol + 1:              {"INCONSISTENT_GROUP_PROTOCOL", "The member shares no protocol with the group.", false},
	InvalidGroupID + 1:                         {"INVALID_GROUP_ID", "The group id is invalid.", false},
	UnknownMemberID + 1:                        {"UNKNOWN_MEMBER_ID", "The coordinator is not aware of this member.", false},
	InvalidSessionTimeout + 1:                  {"INVALID_SESSION_TIMEOUT", "The session timeout is outside the range that the broker allows.", false},
	RebalanceInProgress + 1:                    {"REBALANCE_IN_PROGRESS", "The group is rebalancing; the member has to join again.", false},
	InvalidCommitOffsetSize + 1:                {"INVALID_COMMIT_OFFSET_SIZE", "The commit is larger than an offset record may be.", false},
	TopicAuthorizationFailed + 1:               {"TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed.", false},
	GroupAuthorizationFailed + 1:               {"GROUP_AUTHORIZATION_FAILED", "Group authorization failed.", false},
	ClusterAuthorizationFailed + 1:             {"CLUSTER_AUTHORIZATION_FAILED", "Cluster authorization failed.", false},
	InvalidTimestamp + 1:                       {"INVALID_TIMESTAMP", "The timestamp of the message is out of acceptable range.", false},
	UnsupportedSASLMechanism + 1:               {"UNSUPPORTED_SASL_MECHANISM", "The broker does not support the requested SASL mechanism.", false},
	IllegalSASLState + 1:                       {"ILLEGAL_SASL_STATE", "Request is not valid given the current SASL state.", false},
	UnsupportedVersion + 1:                     {"UNSUPPORTED_VERSION", "The version of API is not supported.", false},
	TopicAlreadyExists + 1:                     {"TOPIC_ALREADY_EXISTS", "Topic with this name already exists.", false},
	InvalidPartitions + 1:                      {"INVALID_PARTITIONS", "Number of partitions is below 1.", false},
	InvalidReplicationFactor + 1:               {"INVALID_REPLICATION_FACTOR", "Replication factor is below 1 or larger than the number of available brokers.", false},
	InvalidReplicaAssignment + 1:               {"INVALID_REPLICA_ASSIGNMENT", "Replica assignment is invalid.", false},
	InvalidConfig + 1:                          {"INVALID_CONFIG", "Configuration is invalid.", false},
	NotController + 1:                          {"NOT_CONTROLLER", "This is not the correct controller for this cluster.", true},
	InvalidRequest + 1:                         {"INVALID_REQUEST", "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details.", false},
	UnsupportedForMessageFormat + 1:            {"UNSUPPORTED_FOR_MESSAGE_FORMAT", "The log's message format is too old for this request.", false},
	PolicyViolation + 1:                        {"POLICY_VIOLATION", "Request parameters do not satisfy the configured policy.", false},
	OutOfOrderSequenceNumber + 1:               {"OUT_OF_ORDER_SEQUENCE_NUMBER", "A sequence number does not follow the last one of its producer.", false},
	DuplicateSequenceNumber + 1:                {"DUPLICATE_SEQUENCE_NUMBER", "This sequence number was written before.", false},
	InvalidProducerEpoch + 1:                   {"INVALID_PRODUCER_EPOCH", "The producer epoch is older than the one in use.", false},
	InvalidTxnState + 1:                        {"INVALID_TXN_STATE", "The transaction is in no state that allows this.", false},
	InvalidProducerIDMapping + 1:               {"INVALID_PRODUCER_ID_MAPPING", "The producer ID does not belong to this transactional ID.", false},
	InvalidTransactionTimeout + 1:              {"INVALID_TRANSACTION_TIMEOUT", "The transaction timeout exceeds transaction.max.timeout.ms.", false},
	ConcurrentTransactions + 1:                 {"CONCURRENT_TRANSACTIONS", "Another change to the same transaction is not finished.", true},
	TransactionCoordinatorFenced + 1:           {"TRANSACTION_COORDINATOR_FENCED", "The marker comes from a coordinator that has been replaced.", false},
	TransactionalIDAuthorizationFailed + 1:     {"TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "Transactional Id authorization failed.", false},
	SecurityDisabled + 1:                       {"SECURITY_DISABLED", "Security features are disabled.", false},
	OperationNotAttempted + 1:                  {"OPERATION_NOT_ATTEMPTED", "The broker did not attempt to execute this operation. This may happen for batched RPCs where some operations in the batch failed, causing the broker to respond without trying the rest.", false},
	KafkaStorageError + 1:                      {"KAFKA_STORAGE_ERROR", "Disk error when trying to access log file on the disk.", true},
	LogDirNotFound + 1:                         {"LOG_DIR_NOT_FOUND", "The user-specified log directory is not found in the broker config.", false},
	SASLAuthenticationFailed + 1:               {"SASL_AUTHENTICATION_FAILED", "SASL Authentication failed.", false},
	UnknownProducerID + 1:                      {"UNKNOWN_PRODUCER_ID", "The broker keeps no state of this producer.", false},
	ReassignmentInProgress + 1:                 {"REASSIGNMENT_IN_PROGRESS", "A partition reassignment is in progress.", false},
	DelegationTokenAuthDisabled + 1:            {"DELEGATION_TOKEN_AUTH_DISABLED", "Delegation Token feature is not enabled.", false},
	DelegationTokenNotFound + 1:                {"DELEGATION_TOKEN_NOT_FOUND", "Delegation Token is not found on server.", false},
	DelegationTokenOwnerMismatch + 1:           {"DELEGATION_TOKEN_OWNER_MISMATCH", "The principal neither owns nor may renew the token.", false},
	DelegationTokenRequestNotAllowed + 1:       {"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", "Delegation tokens cannot be asked for over this kind of connection.", false},
	DelegationTokenAuthorizationFailed + 1:     {"DELEGATION_TOKEN_AUTHORIZATION_FAILED", "Delegation Token authorization failed.", false},
	DelegationTokenExpired + 1:                 {"DELEGATION_TOKEN_EXPIRED", "Delegation Token is expired.", false},
	InvalidPrincipalType + 1:                   {"INVALID_PRINCIPAL_TYPE", "The principal type is not one that is supported.", false},
	NonEmptyGroup + 1:                          {"NON_EMPTY_GROUP", "The group is not empty.", false},
	GroupIDNotFound + 1:                        {"GROUP_ID_NOT_FOUND", "The group id does not exist.", false},
	FetchSessionIDNotFound + 1:                 {"FETCH_SESSION_ID_NOT_FOUND", "There is no such fetch session.", true},
	InvalidFetchSessionEpoch + 1:               {"INVALID_FETCH_SESSION_EPOCH", "The fetch session has a different epoch.", true},
	ListenerNotFound + 1:                       {"LISTENER_NOT_FOUND", "The leader does not have the listener that the request came in by.", true},
	TopicDeletionDisabled + 1:                  {"TOPIC_DELETION_DISABLED", "Topic deletion is disabled.", false},
	FencedLeaderEpoch + 1:                      {"FENCED_LEADER_EPOCH", "The leader epoch in the request is older than the epoch on the broker.", true},
	UnknownLeaderEpoch + 1:                     {"UNKNOWN_LEADER_EPOCH", "The leader epoch in the request is newer than the epoch on the broker.", true},
	UnsupportedCompressionType + 1:             {"UNSUPPORTED_COMPRESSION_TYPE", "The request version cannot carry this compression type.", false},
	StaleBrokerEpoch + 1:                       {"STALE_BROKER_EPOCH", "The broker epoch is no longer the current one.", false},
	OffsetNotAvailable + 1:                     {"OFFSET_NOT_AVAILABLE", "A new leader's high watermark is not known yet.", true},
	MemberIDRequired + 1:                       {"MEMBER_ID_REQUIRED", "The member has to join again with the ID that it is given.", false},
	PreferredLeaderNotAvailable + 1:            {"PREFERRED_LEADER_NOT_AVAILABLE", "The preferred leader was not available.", true},
	GroupMaxSizeReached + 1:                    {"GROUP_MAX_SIZE_REACHED", "The group has reached its maximum size.", false},
	FencedInstanceID + 1:                       {"FENCED_INSTANCE_ID", "Another member took over this group.instance.id.", false},
	EligibleLeadersNotAvailable + 1:            {"ELIGIBLE_LEADERS_NOT_AVAILABLE", "Eligible topic partition leaders are not available.", true},
	ElectionNotNeeded + 1:                      {"ELECTION_NOT_NEEDED", "Leader election not needed for topic partition.", true},
	NoReassignmentInProgress + 1:               {"NO_REASSIGNMENT_IN_PROGRESS", "No partition reassignment is in progress.", false},
	GroupSubscribedToTopic + 1:                 {"GROUP_SUBSCRIBED_TO_TOPIC", "The group still consumes the topic whose offsets are to be deleted.", false},
	InvalidRecord + 1:                          {"INVALID_RECORD", "This record has failed the validation on broker and hence will be rejected.", false},
	UnstableOffsetCommit + 1:                   {"UNSTABLE_OFFSET_COMMIT", "An open transaction has offsets pending for the partition.", true},
	ThrottlingQuotaExceeded + 1:                {"THROTTLING_QUOTA_EXCEEDED", "The throttling quota has been exceeded.", true},
	ProducerFenced + 1:                         {"PRODUCER_FENCED", "A newer producer uses the same transactional ID.", false},
	ResourceNotFound + 1:                       {"RESOURCE_NOT_FOUND", "A request illegally referred to a resource that does not exist.", false},
	DuplicateResource + 1:                      {"DUPLICATE_RESOURCE", "A request illegally referred to the same resource twice.", false},
	UnacceptableCredential + 1:                 {"UNACCEPTABLE_CREDENTIAL", "Requested credential would not meet criteria for acceptability.", false},
	InconsistentVoterSet + 1:                   {"INCONSISTENT_VOTER_SET", "Indicates that the either the sender or recipient of a voter-only request is not one of the expected voters.", false},
	InvalidUpdateVersion + 1:                   {"INVALID_UPDATE_VERSION", "The given update version was invalid.", false},
	FeatureUpdateFailed + 1:                    {"FEATURE_UPDATE_FAILED", "Unable to update finalized features due to an unexpected server error.", false},
	PrincipalDeserializationFailure + 1:        {"PRINCIPAL_DESERIALIZATION_FAILURE", "The principal of a forwarded request cannot be read.", false},
	SnapshotNotFound + 1:                       {"SNAPSHOT_NOT_FOUND", "There is no such snapshot.", false},
	PositionOutOfRange + 1:                     {"POSITION_OUT_OF_RANGE", "The position lies outside the snapshot.", false},
	UnknownTopicID + 1:                         {"UNKNOWN_TOPIC_ID", "This server does not host this topic ID.", true},
	DuplicateBrokerRegistration + 1:            {"DUPLICATE_BROKER_REGISTRATION", "This broker ID is already in use.", false},
	BrokerIDNotRegistered + 1:                  {"BROKER_ID_NOT_REGISTERED", "The given broker ID was not registered.", false},
	InconsistentTopicID + 1:                    {"INCONSISTENT_TOPIC_ID", "The log's topic ID did not match the topic ID in the request.", true},
	InconsistentClusterID + 1:                  {"INCONSISTENT_CLUSTER_ID", "The clusterId in the request does not match that found on the server.", false},
	TransactionalIDNotFound + 1:                {"TRANSACTIONAL_ID_NOT_FOUND", "The transactionalId could not be found.", false},
	FetchSessionTopicIDError + 1:               {"FETCH_SESSION_TOPIC_ID_ERROR", "A fetch session mixes topic names and topic IDs.", true},
	IneligibleReplica + 1:                      {"INELIGIBLE_REPLICA", "The new in-sync replica set holds a replica that may not join it.", false},
	NewLeaderElected + 1:                       {"NEW_LEADER_ELECTED", "The change was made, and the partition has a new leader.", false},
	OffsetMovedToTieredStorage + 1:             {"OFFSET_MOVED_TO_TIERED_STORAGE", "The offset has been moved to remote storage.", false},
	FencedMemberEpoch + 1:                      {"FENCED_MEMBER_EPOCH", "The member epoch is fenced by the group coordinator. The member must abandon all its partitions and rejoin.", false},
	UnreleasedInstanceID + 1:                   {"UNRELEASED_INSTANCE_ID", "The instance ID is still used by another member in the consumer group. That member must leave first.", false},
	UnsupportedAssignor + 1:                    {"UNSUPPORTED_ASSIGNOR", "The assignor or its version range is not supported by the consumer group.", false},
	StaleMemberEpoch + 1:                       {"STALE_MEMBER_EPOCH", "The member epoch is stale. The member must retry after receiving its updated member epoch via the ConsumerGroupHeartbeat API.", false},
	MismatchedEndpointType + 1:                 {"MISMATCHED_ENDPOINT_TYPE", "The request was sent to an endpoint of the wrong type.", false},
	UnsupportedEndpointType + 1:                {"UNSUPPORTED_ENDPOINT_TYPE", "This endpoint type is not supported yet.", false},
	UnknownControllerID + 1:                    {"UNKNOWN_CONTROLLER_ID", "This controller ID is not known.", false},
	UnknownSubscriptionID + 1:                  {"UNKNOWN_SUBSCRIPTION_ID", "The telemetry subscription is unknown or outdated.", false},
	TelemetryTooLarge + 1:                      {"TELEMETRY_TOO_LARGE", "The telemetry is larger than the broker accepts.", false},
	InvalidRegistration + 1:                    {"INVALID_REGISTRATION", "The controller has considered the broker registration to be invalid.", false},
	TransactionAbortable + 1:                   {"TRANSACTION_ABORTABLE", "The server encountered an error with the transaction. The client can abort the transaction to continue using this transactional ID.", false},
	InvalidRecordState + 1:                     {"INVALID_RECORD_STATE", "The record state is invalid. The acknowledgement of delivery could not be completed.", false},
	ShareSessionNotFound + 1:                   {"SHARE_SESSION_NOT_FOUND", "The share session was not found.", true},
	InvalidShareSessionEpoch + 1:               {"INVALID_SHARE_SESSION_EPOCH", "The share session epoch is invalid.", true},
	FencedStateEpoch + 1:                       {"FENCED_STATE_EPOCH", "The coordinator rejected the request because the state epoch did not match.", false},
	InvalidVoterKey + 1:                        {"INVALID_VOTER_KEY", "The voter key doesn't match the receiving replica's key.", false},
	DuplicateVoter + 1:                         {"DUPLICATE_VOTER", "The voter is already part of the set of voters.", false},
	VoterNotFound + 1:                          {"VOTER_NOT_FOUND", "The voter is not part of the set of voters.", false},
	InvalidRegularExpression + 1:               {"INVALID_REGULAR_EXPRESSION", "The regular expression is not valid.", false},
	RebootstrapRequired + 1:                    {"REBOOTSTRAP_REQUIRED", "Client metadata is stale. The client should rebootstrap to obtain new metadata.", false},
	StreamsInvalidTopology + 1:                 {"STREAMS_INVALID_TOPOLOGY", "The supplied topology is invalid.", false},
	StreamsInvalidTopologyEpoch + 1:            {"STREAMS_INVALID_TOPOLOGY_EPOCH", "The supplied topology epoch is invalid.", false},
	StreamsTopologyFenced + 1:                  {"STREAMS_TOPOLOGY_FENCED", "The supplied topology epoch is outdated.", false},
	ShareSessionLimitReached + 1:               {"SHARE_SESSION_LIMIT_REACHED", "The limit of share sessions has been reached.", true},
	GroupDeletionFailed + 1:                    {"GROUP_DELETION_FAILED", "DeleteGroups could not complete; see the error message on the per-group result for details.", false},
	StreamsTopologyDescriptionUpdateFailed + 1: {"STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", "The broker could not process the topology description update; see the error message for details.", false},
	ControllerIDNotRegistered + 1:              {"CONTROLLER_ID_NOT_REGISTERED", "The given controller ID was not registered.", false},
}
