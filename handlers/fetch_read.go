package handlers

import (
	"errors"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// fetchTarget is one partition of one fetch: what the client asks, where it lies, and
// what was read. It is owned by the goroutine that runs the fetch.
type fetchTarget struct {
	key       partitionKey
	topic     string             // name, "" if the ID is unknown
	id        logstore.TopicID   // of the topic that is read; the zero ID if there is none
	log       logstore.Partition // nil if there is nothing to read; err says why
	session   *sessionPartition  // nil outside of a session
	unknown   bool               // refused before any read: told after all others, as Kafka does
	watched   bool
	diverging bool

	maxBytes           int32
	currentLeaderEpoch int32 // -1: not checked (KIP-320)
	lastFetchedEpoch   int32 // -1: not checked (KIP-595)
	fetchOffset        int64

	err              wire.ErrorCode
	leader           leader
	highWatermark    int64
	lastStableOffset int64
	logStartOffset   int64
	divergingEpoch   int32
	divergingEnd     int64
	fetched          logstore.Fetched
	counted          int // of fetch.counted
}

// leader is who leads a partition, as the tags CurrentLeader of Produce v10 and
// Fetch v16 tell it (KIP-951).
type leader struct {
	id    int32
	epoch int32
}

// noLeader is the default of those tags: nothing is told.
var noLeader = leader{id: -1, epoch: -1}

// size is what was read, in bytes.
func (t *fetchTarget) size() int {
	if t.fetched.Records == nil {
		return 0
	}
	return t.fetched.Records.Size()
}

// release gives the files back that the records of t lie in.
func (t *fetchTarget) release() {
	if t.fetched.Records != nil {
		t.fetched.Records.Release()
	}
	t.fetched = logstore.Fetched{}
}

// fail answers t with code alone: offsets are unknown, as in Kafka's answers.
func (t *fetchTarget) fail(code wire.ErrorCode) {
	t.err = code
	t.highWatermark, t.lastStableOffset, t.logStartOffset = -1, -1, -1
}

// failWith answers t with the code of a store's error.
func (t *fetchTarget) failWith(err error) {
	t.fail(errorCode(err))
	if notLeader, ok := errors.AsType[*logstore.NotLeaderError](err); ok {
		t.leader = leader{id: notLeader.Leader, epoch: notLeader.LeaderEpoch}
	}
}

// read reads t anew: at most limit bytes, but at least one batch if atLeast1 is set.
// What was read before is released.
func (t *fetchTarget) read(isolation logstore.Isolation, limit int, atLeast1, replica bool) {
	t.release()
	t.diverging, t.err = false, wire.None
	offsets := t.log.Offsets()
	if code := t.checkEpoch(offsets.LeaderEpoch); code != wire.None {
		t.fail(code)
		t.leader.epoch = offsets.LeaderEpoch
		t.fetched.Offsets = offsets
		return
	}
	if replica {
		// Nobody replicates from this broker, so nobody is a replica of it.
		t.fail(t.notReplica())
		t.leader.epoch = offsets.LeaderEpoch
		t.fetched.Offsets = offsets
		return
	}
	t.tellOffsets(offsets)
	if t.lastFetchedEpoch >= 0 && t.checkDivergence(offsets) {
		return
	}
	if t.fetchOffset >= offsets.End(isolation) && t.fetchOffset <= offsets.LogEndOffset {
		// Nothing that this reader may see yet. A reader of committed records may stand beyond
		// the last stable offset: it waits, and isn't told that it is out of range.
		t.fetched.Offsets = offsets
		return
	}
	limit = min(int(t.maxBytes), limit)
	if limit < 0 {
		t.fail(wire.UnknownServerError) // Kafka has no better code for it.
		t.fetched.Offsets = offsets
		return
	}
	fetched, err := t.log.Read(t.fetchOffset, logstore.ReadOptions{
		MaxBytes:  limit,
		AtLeast1:  atLeast1,
		Isolation: isolation,
	})
	if err != nil {
		t.failWith(err)
		t.fetched.Offsets = fetched.Offsets
		return
	}
	t.fetched = fetched
	t.tellOffsets(fetched.Offsets)
}

func (t *fetchTarget) tellOffsets(o logstore.Offsets) {
	t.highWatermark = o.HighWatermark
	t.lastStableOffset = o.LastStableOffset
	t.logStartOffset = o.LogStartOffset
}

// checkEpoch fences a client whose metadata is older or newer than this broker's (KIP-320). Unlike in other requests
// every negative epoch is none.
func (t *fetchTarget) checkEpoch(leaderEpoch int32) wire.ErrorCode {
	return checkLeaderEpoch(max(t.currentLeaderEpoch, -1), leaderEpoch)
}

// notReplica is Kafka's code for a replica that the partition doesn't have.
func (t *fetchTarget) notReplica() wire.ErrorCode {
	if t.currentLeaderEpoch >= 0 {
		return wire.UnknownLeaderEpoch
	}
	return wire.NotLeaderOrFollower
}

// checkDivergence tells the client where its log and this one part, by the epoch of
// the last record that it has (KIP-595). It reports true if the answer to t stands.
func (t *fetchTarget) checkDivergence(offsets logstore.Offsets) bool {
	epoch, end := t.log.EpochEnd(t.lastFetchedEpoch)
	switch {
	case epoch < 0 || end < 0, t.fetchOffset < offsets.LogStartOffset:
		t.fail(wire.OffsetOutOfRange)
		t.fetched.Offsets = offsets
		return true
	case epoch < t.lastFetchedEpoch || end < t.fetchOffset:
		t.diverging, t.divergingEpoch, t.divergingEnd = true, epoch, end
		t.fetched.Offsets = offsets
		return true
	}
	return false
}
