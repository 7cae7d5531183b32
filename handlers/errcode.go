package handlers

import (
	"context"
	"errors"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// sentinelCodes says which code a client is told for each error that has a name. It is a
// list and no map, because errors.Is has to look into each.
var sentinelCodes = []struct {
	err  error
	code wire.ErrorCode
}{
	{logstore.ErrUnknownPartition, wire.UnknownTopicOrPartition},
	{logstore.ErrOffsetOutOfRange, wire.OffsetOutOfRange},
	{logstore.ErrOutOfOrderSequence, wire.OutOfOrderSequenceNumber},
	{logstore.ErrInvalidProducerEpoch, wire.InvalidProducerEpoch},
	{logstore.ErrInvalidTxnState, wire.InvalidTxnState},
	{logstore.ErrCoordinatorFenced, wire.TransactionCoordinatorFenced},
	{logstore.ErrDiskFull, wire.KafkaStorageError},
	{logstore.ErrOffline, wire.KafkaStorageError},
	{logstore.ErrClosed, wire.NotLeaderOrFollower},
	{logstore.ErrLocked, wire.KafkaStorageError},

	{record.ErrEnd, wire.CorruptMessage},
	{record.ErrTruncated, wire.CorruptMessage},
	{record.ErrCorrupt, wire.CorruptMessage},
	{record.ErrInvalidRecord, wire.InvalidRecord},
	{record.ErrUndecodable, wire.InvalidRecord},
	{record.ErrDecompressedTooLarge, wire.MessageTooLarge},
	{record.ErrUnknownCodec, wire.InvalidRecord},
	{record.ErrCompressionLevel, wire.InvalidConfig},
	{record.ErrBatchTooLarge, wire.MessageTooLarge},
	{record.ErrNoRecords, wire.InvalidRecord},
	{record.ErrInvalidMarker, wire.InvalidRecord},

	{catalog.ErrTopicExists, wire.TopicAlreadyExists},
	{catalog.ErrUnknownTopic, wire.UnknownTopicOrPartition},
	{catalog.ErrPartitionCount, wire.InvalidPartitions},
	{catalog.ErrProducerIDsExhausted, wire.CoordinatorNotAvailable},
	{catalog.ErrNoSpace, wire.KafkaStorageError},
	{catalog.ErrFailed, wire.KafkaStorageError},
	{catalog.ErrClosed, wire.NotController},
	{catalog.ErrInUse, wire.KafkaStorageError},
	{catalog.ErrOtherIdentity, wire.InconsistentClusterID},

	{context.Canceled, wire.RequestTimedOut},
	{context.DeadlineExceeded, wire.RequestTimedOut},
}

// errorCode is the one place where an error of Go becomes a code of Kafka's.
//
// Producers are told retriable codes wherever a repetition can help: after UNKNOWN_SERVER_ERROR an
// idempotent producer begins anew and may write twice (KAFKA-14034), so no error that has a name here gets it.
func errorCode(err error) wire.ErrorCode {
	if err == nil {
		return wire.None
	}
	if invalid, ok := errors.AsType[*record.InvalidError](err); ok {
		return recordCode(invalid.Kind) // Before its cause, which says less.
	}
	if _, ok := errors.AsType[*logstore.NotLeaderError](err); ok {
		return wire.NotLeaderOrFollower
	}
	if _, ok := errors.AsType[*logstore.CorruptError](err); ok && !errors.Is(err, logstore.ErrOffline) {
		return wire.CorruptMessage // A batch that is damaged; a log that is offline because of damage says so by its own code.
	}
	if refused, ok := errors.AsType[*config.Error](err); ok {
		return configCode(refused.Kind)
	}
	if _, ok := errors.AsType[*catalog.CollisionError](err); ok {
		return wire.InvalidTopicException
	}
	if _, ok := errors.AsType[*catalog.CorruptError](err); ok {
		return wire.KafkaStorageError
	}
	for _, s := range sentinelCodes {
		if errors.Is(err, s.err) {
			return s.code
		}
	}
	return wire.UnknownServerError
}

// recordCode is the code for a batch that a client may not write.
func recordCode(kind record.Kind) wire.ErrorCode {
	switch kind {
	case record.KindCorrupt:
		return wire.CorruptMessage
	case record.KindInvalidTimestamp:
		return wire.InvalidTimestamp
	case record.KindUnsupportedCodec:
		return wire.UnsupportedCompressionType
	case record.KindTooLarge:
		return wire.MessageTooLarge
	default: // KindInvalidRecord, KindUnreadable
		return wire.InvalidRecord
	}
}

// configCode is the code for a configuration that a client may not have.
func configCode(kind config.Kind) wire.ErrorCode {
	switch kind {
	case config.InvalidConfig:
		return wire.InvalidConfig
	case config.InvalidRequest:
		return wire.InvalidRequest
	case config.InvalidTopic:
		return wire.InvalidTopicException
	default: // UnknownServerError
		return wire.UnknownServerError
	}
}
