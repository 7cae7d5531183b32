package group

import "github.com/clatterhq/clatter/wire"

// Kinds of groups, as ListGroups names them (Group.GroupType).
const (
	kindClassic  = "classic"
	kindConsumer = "consumer"
)

// anyGroup is a group of any kind, as far as those care who know offsets and names of groups only (Group).
type anyGroup interface {
	// groupID is the group's name.
	groupID() string
	// kind is one of the constants above.
	kind() string
	// stateName is the state that clients are told.
	stateName() string
	// listedType is the protocol type that ListGroups tells.
	listedType() string
	// isEmpty reports whether nobody is in the group.
	isEmpty() bool
	// subscribedTo reports whether the group reads a topic, as far as that is known.
	subscribedTo(topic string) bool
	// checkCommit is the code for an OffsetCommit or a TxnOffsetCommit of somebody.
	checkCommit(by *committer) wire.ErrorCode
	// checkFetch is the code for an OffsetFetch; who doesn't say that it is a member has no ID, which isn't the same as an empty one, and the
	// epoch -1.
	checkFetch(memberID *string, memberEpoch int32) wire.ErrorCode
	// checkOffsetDelete is the code for an OffsetDelete.
	checkOffsetDelete() wire.ErrorCode
	// checkDelete is the code for a DeleteGroups.
	checkDelete() wire.ErrorCode
	// tombstones delete the group from the log, without its offsets.
	tombstones() []Record
	// expiryBase says from when on the retention of an offset counts; ok is false while none expires (KIP-211).
	expiryBase() (since func(*Commit) int64, ok bool)
	// loaded is called when the group has come from the log: it sets timers.
	loaded(s *Shard)
	// unloaded is called when the shard gives up its state: whoever waits must be answered.
	unloaded()
}

// committer is who commits an offset, as an OffsetCommit has it.
type committer struct {
	memberID   string
	instanceID *string
	// generation is that of a classic member, or the epoch of a member of a consumer group; below 0: neither.
	generation int32
	version    int16 // of the request
	// transactional says that it is a TxnOffsetCommit.
	transactional bool
}
