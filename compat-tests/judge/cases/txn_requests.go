package cases

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// txnTimeout is the time limit of transactions, in milliseconds: no conversation lasts so long.
const txnTimeout = 60_000

// txnID is the transactional id of most cases, a logical name.
const txnID = "~x"

// txnOwner is who a request says it comes from.
type txnOwner struct {
	id     string // Transactional id.
	number int    // The producer id is the n-th that the case was given.
	raw    int64  // Instead of number, where number is 0.
	epoch  int16
}

// owner is the owner of transactional id x: the n-th producer id that the case was given, at an epoch.
func owner(number int, epoch int16) txnOwner {
	return txnOwner{id: txnID, number: number, epoch: epoch}
}

// foreign is an owner of x with a producer id that nobody was given.
func foreign(id int64, epoch int16) txnOwner { return txnOwner{id: txnID, raw: id, epoch: epoch} }

// of changes the transactional id.
func (o txnOwner) of(id string) txnOwner {
	o.id = id
	return o
}

func (o txnOwner) producerID(r *script.Run) int64 {
	if o.number > 0 {
		return r.Symbols.Producer(o.number)
	}
	return o.raw
}

type initOption func(r *script.Run, req *kmsg.InitProducerIDRequest)

// initRequest asks for the producer id of x.
func initRequest(v int16, options ...initOption) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionalID, req.TransactionTimeoutMillis = v, new(txnID), txnTimeout
		req.ProducerID, req.ProducerEpoch = -1, -1
		for _, o := range options {
			o(r, req)
		}
		return req
	}
}

func initTxn(v int16, options ...initOption) script.Ask { return ask(initRequest(v, options...)) }

// initAs names the producer id and epoch that the client had, as clients do after some errors.
func initAs(o txnOwner) initOption {
	return func(r *script.Run, req *kmsg.InitProducerIDRequest) {
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = &o.id, o.producerID(r), o.epoch
	}
}

func initID(id string) initOption {
	return func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionalID = &id }
}

func initTimeout(ms int32) initOption {
	return func(_ *script.Run, req *kmsg.InitProducerIDRequest) { req.TransactionTimeoutMillis = ms }
}

// addPartitions adds partitions to a transaction, in the form of clients (versions 0 to 3) or of brokers (4 and later).
func addPartitions(v int16, o txnOwner, topics partitions) script.Ask {
	return ask(addPartitionsRequest(v, false, o, topics))
}

// verifyPartitions asks, as brokers do, whether partitions are part of a transaction.
func verifyPartitions(v int16, o txnOwner, topics partitions) script.Ask {
	return ask(addPartitionsRequest(v, true, o, topics))
}

func addPartitionsRequest(v int16, verifyOnly bool, o txnOwner, topics partitions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		req.Version = v
		if v >= 4 {
			req.Transactions = append(req.Transactions, txnWith(r, verifyOnly, o, topics))
			return req
		}
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = o.id, o.producerID(r), o.epoch
		for _, t := range topicNames(topics) {
			req.Topics = append(req.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: "~" + t, Partitions: topics[t]})
		}
		return req
	}
}

func txnWith(r *script.Run, verifyOnly bool, o txnOwner, topics partitions) kmsg.AddPartitionsToTxnRequestTransaction {
	txn := kmsg.NewAddPartitionsToTxnRequestTransaction()
	txn.TransactionalID, txn.ProducerID, txn.ProducerEpoch, txn.VerifyOnly = o.id, o.producerID(r), o.epoch, verifyOnly
	for _, t := range topicNames(topics) {
		txn.Topics = append(txn.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: "~" + t, Partitions: topics[t]})
	}
	return txn
}

// alsoTransaction adds another transaction to a request of version 4 or later.
func alsoTransaction(build func(r *script.Run) kmsg.Request, verifyOnly bool, o txnOwner, topics partitions) func(r *script.Run) kmsg.Request {
	return func(r *script.Run) kmsg.Request {
		req := build(r)
		if add, ok := req.(*kmsg.AddPartitionsToTxnRequest); ok {
			add.Transactions = append(add.Transactions, txnWith(r, verifyOnly, o, topics))
		}
		return req
	}
}

// addOffsets adds the offsets of group g to a transaction.
func addOffsets(v int16, o txnOwner, groups ...string) script.Ask {
	return ask(func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = v, o.id, o.producerID(r), o.epoch, "~g"
		for _, g := range groups {
			req.Group = g
		}
		return req
	})
}

// txnCommit commits within a transaction what [commit] commits with the same options.
func txnCommit(v int16, o txnOwner, options ...commitOption) script.Ask {
	const olderBy = 4 // Each version has what a version of OffsetCommit has; both have the IDs of topics in the last one.
	plain := commitRequest(v+olderBy, options...)
	return ask(func(r *script.Run) kmsg.Request {
		req, same := kmsg.NewPtrTxnOffsetCommitRequest(), plain(r).(*kmsg.OffsetCommitRequest)
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = v, o.id, o.producerID(r), o.epoch
		req.Group, req.MemberID, req.Generation, req.InstanceID = same.Group, same.MemberID, same.Generation, same.InstanceID
		for i := range same.Topics {
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic, t.TopicID = same.Topics[i].Topic, same.Topics[i].TopicID
			for _, p := range same.Topics[i].Partitions {
				q := kmsg.NewTxnOffsetCommitRequestTopicPartition()
				q.Partition, q.Offset, q.LeaderEpoch, q.Metadata = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata
				t.Partitions = append(t.Partitions, q)
			}
			req.Topics = append(req.Topics, t)
		}
		return req
	})
}

func endTxn(v int16, o txnOwner, commit bool) script.Ask {
	return ask(func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrEndTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = v, o.id, o.producerID(r), o.epoch, commit
		return req
	})
}

// marker is one of a WriteTxnMarkers request.
type marker struct {
	owner            txnOwner
	commit           bool
	coordinatorEpoch int32
	txnVersion       int8
	topics           partitions
}

func writeMarkers(v int16, markers ...marker) script.Ask {
	return ask(func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrWriteTxnMarkersRequest()
		req.Version = v
		for _, m := range markers {
			out := kmsg.NewWriteTxnMarkersRequestMarker()
			out.ProducerID, out.ProducerEpoch, out.Committed = m.owner.producerID(r), m.owner.epoch, m.commit
			out.CoordinatorEpoch, out.TransactionVersion = m.coordinatorEpoch, m.txnVersion
			for _, t := range topicNames(m.topics) {
				out.Topics = append(out.Topics, kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: "~" + t, Partitions: m.topics[t]})
			}
			req.Markers = append(req.Markers, out)
		}
		return req
	})
}

func describeTxns(ids ...string) script.Ask {
	return ask(func(*script.Run) kmsg.Request {
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = slices.Clone(ids) // Names are replaced in place.
		return req
	})
}

type listTxnOption func(r *script.Run, req *kmsg.ListTransactionsRequest)

func listTxns(v int16, options ...listTxnOption) script.Ask {
	return ask(func(r *script.Run) kmsg.Request {
		req := kmsg.NewPtrListTransactionsRequest()
		req.Version, req.DurationFilterMillis = v, -1
		for _, o := range options {
			o(r, req)
		}
		return req
	})
}

func txnStates(names ...string) listTxnOption {
	return func(_ *script.Run, req *kmsg.ListTransactionsRequest) { req.StateFilters = slices.Clone(names) }
}

func txnProducers(owners ...txnOwner) listTxnOption {
	return func(r *script.Run, req *kmsg.ListTransactionsRequest) {
		for _, o := range owners {
			req.ProducerIDFilters = append(req.ProducerIDFilters, o.producerID(r))
		}
	}
}

func txnLongerThan(ms int64) listTxnOption {
	return func(_ *script.Run, req *kmsg.ListTransactionsRequest) { req.DurationFilterMillis = ms }
}

func txnPattern(pattern string) listTxnOption {
	return func(_ *script.Run, req *kmsg.ListTransactionsRequest) { req.TransactionalIDPattern = &pattern }
}

// transactional is the attribute of a batch that belongs to a transaction.
const transactional = 0x10

// txnBatch makes a good batch of a transaction.
func txnBatch(o txnOwner, sequence int32, vs ...string) batch {
	return batch{records: values(vs...), attributes: transactional, producer: &producer{number: o.number, id: o.raw, epoch: o.epoch, sequence: sequence}}
}

// txnProduce writes to partition 0 of topic t within a transaction. From version 12 on that makes the partition part of it.
func txnProduce(v int16, o txnOwner, sequence int32, vs ...string) script.Ask {
	return txnProduceTo(v, o, "t", 0, txnBatch(o, sequence, vs...))
}

func txnProduceTo(v int16, o txnOwner, topic string, partition int32, b batch, options ...produceOptions) script.Ask {
	return ask(produceTo(v, topic, partition, b, append([]produceOptions{func(_ *script.Run, req *kmsg.ProduceRequest) {
		req.TransactionID = &o.id
	}}, options...)...))
}

func committedOnly(_ *script.Run, req *kmsg.FetchRequest) { req.IsolationLevel = 1 }

// fetchedCommitted notes what those see of partition 0 of topic t who read only what was committed; fetched, all there is.
func fetchedCommitted() script.Ask { return on(9, ask(fetch(12, "t", 0, 0, committedOnly))) }
