package config

// Transactions is what is configured about transactions (TransactionLogConfig, TransactionStateManagerConfig and
// AddPartitionsToTxnConfig in Kafka).
type Transactions struct {
	// StateTopicPartitions, StateTopicSegmentBytes and StateTopicMinISR are for __transaction_state when it is created.
	StateTopicPartitions   int32
	StateTopicSegmentBytes int32
	StateTopicMinISR       int32

	MaxTimeoutMs            int32 // of a transaction
	IDExpirationMs          int32 // of a transactional ID that nobody uses
	RemoveExpiredIntervalMs int32 // between looks for such IDs
	// RetryBackoffMaxMs is how long the first request of a transaction waits for the one before it.
	RetryBackoffMaxMs int32
}

func readTransactions(v *values) Transactions {
	return Transactions{
		StateTopicPartitions:   get[int32](v, "transaction.state.log.num.partitions"),
		StateTopicSegmentBytes: get[int32](v, "transaction.state.log.segment.bytes"),
		StateTopicMinISR:       get[int32](v, "transaction.state.log.min.isr"),

		MaxTimeoutMs:            get[int32](v, "transaction.max.timeout.ms"),
		IDExpirationMs:          get[int32](v, "transactional.id.expiration.ms"),
		RemoveExpiredIntervalMs: get[int32](v, "transaction.remove.expired.transaction.cleanup.interval.ms"),
		RetryBackoffMaxMs:       get[int32](v, "add.partitions.to.txn.retry.backoff.max.ms"),
	}
}
