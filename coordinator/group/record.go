package group

// Record is one change of state: an [OffsetRecord], a [MetadataRecord], or one of those of consumer groups in record_consumer.go.
type Record interface{ record() }

// OffsetRecord is the offset that a group has committed for a partition (OffsetCommitKey, OffsetCommitValue).
type OffsetRecord struct {
	Group     string
	Topic     string
	Partition int32
	Commit    *Commit // nil: the offset is deleted
}

// Commit is a committed offset.
type Commit struct {
	Offset      int64  // next to be read
	LeaderEpoch int32  // of the record before it; -1: unknown (KIP-320)
	seen        int32  // [uptime] when it came into the state; not in the record
	Metadata    string // the client's own
	// CommitTimestamp is the wall clock at the commit in ms.
	CommitTimestamp int64
	// ExpireTimestamp is when the offset expires in ms, -1 if it follows the retention of the group (KIP-211). Only
	// OffsetCommit versions 2 to 4 could give a retention, which a commit with a time of its own still honours.
	ExpireTimestamp int64
	TopicID         [16]byte // zero if the client knows no IDs (KIP-848)
}

// MetadataRecord is a classic group after a rebalance (GroupMetadataKey, GroupMetadataValue).
type MetadataRecord struct {
	Group    string
	Metadata *Metadata // nil: the group is deleted
}

// Metadata is what outlives a restart of a classic group.
type Metadata struct {
	ProtocolType string
	Generation   int32
	Protocol     *string // nil while the group is empty
	Leader       *string // nil while the group is empty
	// CurrentStateTimestamp is when the group came into its state in ms, -1 if unknown (KIP-211).
	CurrentStateTimestamp int64
	Members               []Member
}

// Member is one member of a classic group.
type Member struct {
	ID                 string
	InstanceID         *string // nil: a dynamic member (KIP-345)
	ClientID           string
	ClientHost         string
	RebalanceTimeoutMs int32 // -1: as the session timeout
	SessionTimeoutMs   int32
	Subscription       []byte // of the group's protocol; opaque
	Assignment         []byte // from the leader; opaque
}

func (*OffsetRecord) record()   {}
func (*MetadataRecord) record() {}
