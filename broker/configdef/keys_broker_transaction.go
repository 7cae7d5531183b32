package configdef

// brokerTransactionKeys are the keys of idempotent producers and of transactions
// (TransactionLogConfig, TransactionStateManagerConfig, AddPartitionsToTxnConfig).
var brokerTransactionKeys = []Key{
	{
		Name: "producer.id.expiration.ms", Type: Int, Default: "86400000", Check: AtLeast(1), Dynamic: ClusterWide,
		Honour: Implemented,
		Doc:    "How long a partition remembers an idempotent producer after its last batch, in ms.",
	},
	{
		Name: "producer.id.expiration.check.interval.ms", Type: Int, Default: "600000", Check: AtLeast(1), Internal: true,
		Honour: Implemented,
		Doc:    "How often producers are looked for that a partition may forget, in ms.",
	},
	{
		Name: "transactional.id.expiration.ms", Type: Int, Default: "604800000", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "How long an unused transactional id is kept.",
	},
	{
		Name: "transaction.max.timeout.ms", Type: Int, Default: "900000", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Longest transaction timeout that a producer may ask for.",
	},
	{
		Name: "transaction.two.phase.commit.enable", Type: Boolean, Default: "false",
		Honour: NoEffect, Reason: reasonTwoPhase,
		Doc: "Whether producers may leave the end of a transaction to an outside coordinator.",
	},
	{
		Name: "transaction.abort.timed.out.transaction.cleanup.interval.ms", Type: Int, Default: "10000", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonTimers,
		Doc: "How often transactions that ran out of time are looked for.",
	},
	{
		Name: "transaction.remove.expired.transaction.cleanup.interval.ms", Type: Int, Default: "3600000", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "How often expired transactional ids are looked for.",
	},
	{
		Name: "transaction.partition.verification.enable", Type: Boolean, Default: "true", Dynamic: ClusterWide,
		Doc: "Whether a transactional write is taken only into a partition that was added to the transaction.",
	},
	{
		Name: "transaction.state.log.num.partitions", Type: Int, Default: "50", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Partitions of the topic that keeps transactions. It must not change once the topic exists.",
	},
	{
		Name: "transaction.state.log.replication.factor", Type: Short, Default: "3", Ours: "1", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonReplication,
		Doc: "Replication factor of the topic that keeps transactions.",
	},
	{
		Name: "transaction.state.log.min.isr", Type: Int, Default: "2", Ours: "1", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Value of min.insync.replicas for the topic that keeps transactions.",
	},
	{
		Name: "transaction.state.log.segment.bytes", Type: Int, Default: "104857600", Check: AtLeast(1),
		Honour: Implemented,
		Doc:    "Segment size of the topic that keeps transactions.",
	},
	{
		Name: "transaction.state.log.load.buffer.size", Type: Int, Default: "5242880", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonLoading,
		Doc: "Bytes read at once when transactions are loaded.",
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.ms", Type: Int, Default: "20", Check: AtLeast(1),
		Honour: NoEffect, Reason: reasonWoken,
		Doc: "First wait before Kafka asks the coordinator again whether a partition is in a transaction.",
	},
	{
		Name: "add.partitions.to.txn.retry.backoff.max.ms", Type: Int, Default: "100", Ours: "1000", Check: AtLeast(0),
		Honour: Implemented,
		Doc:    "How long the first request of a transaction waits for the one before it to end, before it must come again.",
	},
}
