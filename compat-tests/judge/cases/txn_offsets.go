package cases

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

func txnOffsetCases(b *book) {
	for _, v := range versions(0, 4) {
		addOffsetsEveryVersion(b, v)
	}
	for _, v := range versions(0, 6) {
		txnCommitEveryVersion(b, v)
		txnCommitMisuse(b, v)
		txnCommitProducers(b, v)
		if v >= 3 {
			txnCommitMembers(b, v)
		}
	}
	for _, v := range versions(1, 10) {
		txnOffsetFetch(b, v)
	}
	txnOffsetsAndOthers(b)
}

// inTxnGroup adds cases, each of which begins with coordinators for x and group g.
func (b *book) inTxnGroup(api string, version int16) func(what string, parts ...any) {
	return func(what string, parts ...any) {
		b.inTxn(api, version)(what, append([]any{ready("g"), topic("t", 2)}, parts...)...)
	}
}

func addOffsetsEveryVersion(b *book, v int16) {
	with := func(what string, parts ...any) {
		b.inTxn("AddOffsetsToTxn", v)(what, append([]any{ready("g")}, parts...)...)
	}
	see := describeTxns(txnID)
	with("one", initialized(), addOffsets(v, owner(1, 0)), endTxn(4, owner(1, 0), true), completed(), see)
	with("again", initialized(), addOffsets(v, owner(1, 0)), addOffsets(v, owner(1, 0)))
	with("empty-group", initialized(), addOffsets(v, owner(1, 0), ""))
	with("unknown-id", addOffsets(v, foreign(4_000_000_000, 0)), see)
	with("empty-id", initialized(), addOffsets(v, owner(1, 0).of("")))
	with("foreign-producer", initialized(), addOffsets(v, foreign(4_000_000_000, 0)), see)
	with("old-epoch", initialized(), initialized(), addOffsets(v, owner(1, 0)), see)
	with("future-epoch", initialized(), addOffsets(v, owner(1, 1)), see)
	with("negative-epoch", initialized(), addOffsets(v, owner(1, -1)))
	with("after-fencing", opened(2), did(initTxn(4)), addOffsets(v, owner(1, 0)))
	with("old-epoch-after-a-transaction-2", opened(2), did(endTxn(5, owner(1, 0), true)), completed(), addOffsets(v, owner(1, 0)), addOffsets(v, owner(1, 1)))
}

// committing prepares a transaction for a commit of offsets in a version: before version 5 the coordinator must be told of the group.
func committing(v int16) []script.Step {
	if v >= 5 {
		return steps(initialized())
	}
	return steps(initialized(), did(addOffsets(3, owner(1, 0))))
}

// ender is the version of EndTxn that clients use who commit offsets in a version.
func ender(v int16) int16 {
	if v >= 5 {
		return 5
	}
	return 4
}

func txnCommitEveryVersion(b *book, v int16) {
	with := b.inTxnGroup("TxnOffsetCommit", v)
	o := owner(1, 0)
	end := func(commit bool) []script.Step { return steps(did(endTxn(ender(v), o, commit)), completed()) }
	with("commit", committing(v), txnCommit(v, o), see(), end(true), see(), describe(5, "~g"), list(5))
	with("abort", committing(v), txnCommit(v, o), see(), end(false), see(), describe(5, "~g"))
	with("two-partitions", committing(v), txnCommit(v, o, offset("t", 1, 9)), end(true), see())
	with("two-topics", topic("u", 1), committing(v), txnCommit(v, o, offset("u", 0, 9)), end(true), offsetsOf(7, nil))
	with("again", committing(v), txnCommit(v, o), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 3 })), end(true), see())
	with("over-an-old-offset", committed(), committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 8 })), see(), end(false), see())
	with("over-an-old-offset-committed", committed(), committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 8 })), see(), end(true), see())
	with("partition-twice", committing(v), txnCommit(v, o, offset("t", 0, 9)), end(true), see())
	with("metadata", committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = new("a note ü") })), end(true), see())
	with("metadata-null", committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = nil })), end(true), see())
	with("metadata-too-long", committing(v), txnCommit(v, o, offset("t", 1, 9), first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Metadata = new(longText(4097)) })), end(true), see())
	with("not-added", initialized(), txnCommit(v, o), listTxns(0), see()) // Which partition a group has depends on its real name.
	with("other-group-than-added", ready("h"), committing(v), txnCommit(v, o, commitGroup("~h")), see())
	with("no-topics", committing(v), txnCommit(v, o, noOffsets), describe(5, "~g"))
	with("no-partitions", committing(v), txnCommit(v, o, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].Partitions = nil }))
	for _, at := range []int64{0, -1, 9223372036854775807} {
		with("offset="+itoa(at), committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = at })), end(true), see())
	}
	if v >= 2 {
		with("leader-epoch=7", committing(v), txnCommit(v, o, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.LeaderEpoch = 7 })), end(true), see())
	}
}

func txnCommitMisuse(b *book, v int16) {
	with := b.inTxnGroup("TxnOffsetCommit", v)
	o := owner(1, 0)
	with("unknown-topic", committing(v), txnCommit(v, o, offset("missing", 0, 1)), see())
	with("only-unknown-topic", committing(v), txnCommit(v, o, noOffsets, offset("missing", 0, 1)), describe(5, "~g"))
	with("unknown-partition", committing(v), txnCommit(v, o, offset("t", 2, 1)), see())
	with("negative-partition", committing(v), txnCommit(v, o, offset("t", -1, 1)), see())
	with("empty-group", committing(v), txnCommit(v, o, commitGroup("")))
	if v < 6 {
		with("topic-without-name", committing(v), txnCommit(v, o, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].Topic = "" }))
	} else {
		with("zero-id", committing(v), txnCommit(v, o, func(_ *script.Run, req *kmsg.OffsetCommitRequest) { req.Topics[0].TopicID = [16]byte{} }))
	}
}

// txnCommitProducers is about the wrong producer or the wrong time.
func txnCommitProducers(b *book, v int16) {
	with := b.inTxnGroup("TxnOffsetCommit", v)
	o := owner(1, 0)
	with("unknown-id", initialized(), txnCommit(v, o.of("~nobody")), see())
	with("empty-id", initialized(), txnCommit(v, o.of("")), see())
	with("foreign-producer", committing(v), txnCommit(v, foreign(4_000_000_000, 0)), see())
	with("negative-producer", committing(v), txnCommit(v, foreign(-1, -1)), see())
	with("id-of-another", committing(v), initialized(initID("~y")), txnCommit(v, owner(2, 0)), see())
	with("old-epoch", initialized(), initialized(), did(addOffsets(3, owner(1, 1))), txnCommit(v, o), see())
	with("old-epoch-after-a-commit", initialized(), initialized(), did(addOffsets(3, owner(1, 1))), did(txnCommit(3, owner(1, 1))), txnCommit(v, o), see())
	with("future-epoch", committing(v), txnCommit(v, owner(1, 1)), see())
	with("after-fencing", committing(v), did(txnCommit(v, o)), did(initTxn(4)), completed(), txnCommit(v, o), see())
	with("after-the-end", committing(v), did(txnCommit(v, o)), did(endTxn(ender(v), o, true)), completed(), txnCommit(v, o), see())
	with("after-the-end-with-the-new-epoch", committing(v), did(txnCommit(v, o)), did(endTxn(5, o, true)), completed(), later(txnCommit(v, owner(1, 1), offset("t", 1, 9))), listTxns(0), see())
	with("after-the-end-without-commit", initialized(), did(addOffsets(3, o)), did(endTxn(4, o, true)), completed(), txnCommit(v, o), see())
}

func txnCommitMembers(b *book, v int16) {
	with := b.inTxnGroup("TxnOffsetCommit", v)
	o := owner(1, 0)
	with("member", committing(v), stable("a"), txnCommit(v, o, commitMember("@a", 1)), did(endTxn(ender(v), o, true)), completed(), see())
	with("old-generation", committing(v), stable("a", "b"), txnCommit(v, o, commitMember("@a", 1)), see())
	with("future-generation", committing(v), stable("a"), txnCommit(v, o, commitMember("@a", 2)))
	with("generation-without-member", committing(v), stable("a"), txnCommit(v, o, commitMember("", 1)))
	with("member-without-generation", committing(v), stable("a"), txnCommit(v, o, commitMember("@a", -1)))
	with("unknown-member", committing(v), stable("a"), txnCommit(v, o, commitMember("nobody", 1)))
	with("nobody-into-a-group-with-members", committing(v), stable("a"), txnCommit(v, o), see())
	with("generation-of-unknown-group", committing(v), txnCommit(v, o, commitMember("nobody", 1)), see())
	with("member-of-unknown-group", committing(v), txnCommit(v, o, commitMember("nobody", -1)), see())
	with("static", committing(v), static("a", "s"), txnCommit(v, o, commitMember("@s", 1), commitInstance("s")))
	with("static-fenced", committing(v), static("a", "s"), txnCommit(v, o, commitMember("nobody", 1), commitInstance("s")))
	with("static-unknown-name", committing(v), static("a", "s"), txnCommit(v, o, commitMember("@s", 1), commitInstance("other")))
	with("during-a-rebalance", committing(v), preparing(), txnCommit(v, o, commitMember("@a", 2)))
	with("before-the-sync", committing(v), completing(), txnCommit(v, o, commitMember("@a", 3)), txnCommit(v, o, commitMember("@a", 2)))
	with("after-the-group-was-left", committing(v), stable("a"), left("a"), txnCommit(v, o, commitMember("@a", 1)), txnCommit(v, o))
}

// txnOffsetFetch looks at offsets while a transaction is about to change them.
func txnOffsetFetch(b *book, v int16) {
	with := func(what string, parts ...any) { b.inTxnGroup("OffsetFetch", v)("txn/"+what, parts...) }
	pending := steps(committed(), committing(5), did(txnCommit(5, owner(1, 0), first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 8 }))))
	some := partitions{"t": {0, 1}}
	with("pending", pending, offsetsOf(v, some))
	if v >= 2 {
		with("pending-all", pending, offsetsOf(v, nil))
	}
	if v < 7 {
		return
	}
	with("pending-stable", pending, offsetsOf(v, some, requireStable), offsetsOf(v, nil, requireStable))
	with("committed-stable", pending, did(endTxn(5, owner(1, 0), true)), completed(), offsetsOf(v, some, requireStable))
	with("aborted-stable", pending, did(endTxn(5, owner(1, 0), false)), completed(), offsetsOf(v, some, requireStable))
	with("pending-without-an-old-offset", committing(5), did(txnCommit(5, owner(1, 0))), offsetsOf(v, some), offsetsOf(v, some, requireStable), offsetsOf(v, nil), offsetsOf(v, nil, requireStable))
	with("pending-in-another-group", ready("h"), pending, offsetsOf(v, some, requireStable, fetchGroup("~h")))
	with("pending-of-two-producers", pending, initialized(initID("~y")), did(txnCommit(5, owner(2, 0).of("~y"))), did(endTxn(5, owner(1, 0), true)), completed(), offsetsOf(v, some, requireStable),
		did(endTxn(5, owner(2, 0).of("~y"), true)), txnIs("~y", "CompleteCommit"), offsetsOf(v, some, requireStable))
}

// txnOffsetsAndOthers is about what else touches offsets that a transaction is about to change.
func txnOffsetsAndOthers(b *book) {
	o := owner(1, 0)
	pending := steps(committing(5), did(txnCommit(5, o)))
	end := func(commit bool) []script.Step { return steps(did(endTxn(5, o, commit)), completed()) }
	b.inTxnGroup("OffsetCommit", 8)("txn/over-a-pending-offset", pending, commit(8, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 7 })), see(), end(true), see())
	b.inTxnGroup("OffsetCommit", 8)("txn/over-a-pending-offset-that-is-dropped", pending, commit(8, first(func(p *kmsg.OffsetCommitRequestTopicPartition) { p.Offset = 7 })), end(false), see())
	b.inTxnGroup("OffsetDelete", 0)("txn/pending", committed(), pending, offsetDelete("~g", partitions{"~t": {0}}), see(), end(true), see())
	b.inTxnGroup("DeleteGroups", 2)("txn/pending", committed(), pending, deleteGroups(2, "~g"), see(), end(true), see(), describe(5, "~g"))
	b.inTxnGroup("DeleteGroups", 2)("txn/pending-only", pending, deleteGroups(2, "~g"), describe(5, "~g"), end(true), see(), describe(5, "~g"))
	b.inTxnGroup("DescribeGroups", 6)("txn/pending-only", pending, describe(6, "~g"), list(5), end(false), describe(6, "~g"), list(5))
	b.inTxnGroup("TxnOffsetCommit", 5)("with-records", initialized(), did(txnProduce(12, o, 0, "a")), txnCommit(5, o), listTxns(0), end(true), see(), fetchedCommitted())
	b.inTxnGroup("TxnOffsetCommit", 5)("two-groups", ready("h"), committing(5), txnCommit(5, o), txnCommit(5, o, commitGroup("~h")), end(true), see(), offsetsOf(7, partitions{"t": {0}}, fetchGroup("~h")))
	b.inTxnGroup("TxnOffsetCommit", 5)("topic-deleted-before-the-end", topic("u", 1), committing(5), txnCommit(5, o, offset("u", 0, 9)), deleted("u"), gone("u"), end(true), see())
	b.inTxn("TxnOffsetCommit", 5)("consumer-group", consumers("a"), initialized(), txnCommit(5, o, commitMember("member-a", 2)), txnCommit(5, o, commitMember("member-a", 1)), txnCommit(5, o, commitMember("member-a", 3)), txnCommit(5, o, commitMember("nobody", 2)), txnCommit(5, o), end(true), see())
}
