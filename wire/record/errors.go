package record

import (
	"errors"
	"fmt"
)

var (
	// ErrEnd says that there is no further batch: the input is empty, or a batch length
	// of zero follows, as in the preallocated tail of a segment.
	ErrEnd = errors.New("record: no more batches")
	// ErrTruncated says that the input ends inside a batch. At the end of a log it is a torn write.
	ErrTruncated = errors.New("record: batch is cut short")
	// ErrCorrupt says that the bytes can't be a batch, or are not those that were
	// written. The error is a *CorruptError that tells why.
	ErrCorrupt = errors.New("record: corrupt batch")
	// ErrInvalidRecord says that the payload of a batch is not the records that its header
	// promises: a length beyond its container, a count that does not hold, an endless varint.
	ErrInvalidRecord = errors.New("record: invalid record")
	// ErrUndecodable says that a payload is not what its compression codec says.
	ErrUndecodable = errors.New("record: payload can't be decompressed")
	// ErrDecompressedTooLarge says that a payload would be larger than the caller's limit. It is
	// returned without producing more than the limit.
	ErrDecompressedTooLarge = errors.New("record: decompressed payload is larger than allowed")
	// ErrUnknownCodec says that a codec number or name is none of Kafka's.
	ErrUnknownCodec = errors.New("record: unknown compression codec")
	// ErrCompressionLevel says that a level is outside of what Kafka allows for its codec.
	ErrCompressionLevel = errors.New("record: compression level out of range")
	// ErrBatchTooLarge says that a batch under construction exceeds what its int32 fields can tell.
	ErrBatchTooLarge = errors.New("record: batch is too large")
	// ErrNoRecords says that a batch would be built without any record.
	ErrNoRecords = errors.New("record: batch without records")
	// ErrInvalidMarker says that a control record is no end-of-transaction marker.
	ErrInvalidMarker = errors.New("record: not an end-transaction marker")
)

// CorruptError tells which header field of a batch rules it out. It unwraps to [ErrCorrupt].
type CorruptError struct {
	Field string // name as in the record batch's schema
	Value int64  // what the bytes say
	Want  string // what would have been right
}

// Error names the field, its value and what would have been right.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("%v: %s is %d, want %s", ErrCorrupt, e.Field, e.Value, e.Want)
}

// Unwrap makes errors.Is(err, ErrCorrupt) true.
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// Kind is the class of an [InvalidError], named as Kafka names the matching error code.
// The codes themselves belong to the wire protocol, which this package does not know.
type Kind uint8

// The kinds of invalid batches, with the error code that Apache Kafka 4.4 answers.
const (
	// KindCorrupt: impossible size, unknown magic or wrong CRC: CORRUPT_MESSAGE (2).
	KindCorrupt Kind = iota + 1
	// KindInvalidRecord: a sound batch that a client may not write, or whose records
	// are not what the header says: INVALID_RECORD (87).
	KindInvalidRecord
	// KindInvalidTimestamp: a record's timestamp is out of range: INVALID_TIMESTAMP (32).
	KindInvalidTimestamp
	// KindUnsupportedCodec: zstd before Produce version 7: UNSUPPORTED_COMPRESSION_TYPE (76).
	KindUnsupportedCodec
	// KindTooLarge: larger than max.message.bytes: MESSAGE_TOO_LARGE (10). Also, as no code
	// of Kafka's means it, a payload beyond the decompression limit: a producer that is told
	// so splits the batch, and the halves fit.
	KindTooLarge
	// KindUnreadable: an unknown codec, or a payload that its codec can't read. Kafka
	// answers UNKNOWN_SERVER_ERROR (-1), which tells a producer nothing: INVALID_RECORD is the code that says
	// what it is.
	KindUnreadable
)

// String is the kind in Kafka's words.
func (k Kind) String() string {
	switch k {
	case KindCorrupt:
		return "corrupt message"
	case KindInvalidRecord:
		return "invalid record"
	case KindInvalidTimestamp:
		return "invalid timestamp"
	case KindUnsupportedCodec:
		return "unsupported compression type"
	case KindTooLarge:
		return "message too large"
	case KindUnreadable:
		return "unreadable payload"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// InvalidError says why [Validate] refuses a batch and what a client is told about it.
type InvalidError struct {
	Kind Kind
	// Reason is for the log.
	Reason string
	// Message is the text that Kafka puts beside the error code; empty where Kafka leaves it null.
	Message string
	// Records are the records to blame, by index; empty if the batch as a whole is.
	Records []RecordError
	// WholeRequest is set where Kafka fails every partition of the request with this
	// code and message, because it meets the damage before it looks at partitions.
	WholeRequest bool
	// Err is the cause, if there is a more precise one.
	Err error
}

// RecordError blames one record of a batch (KIP-467).
type RecordError struct { //nolint:revive // Kafka's name for it; Error alone would say less
	BatchIndex int32  // index of the record in its batch
	Message    string // the text that Kafka gives
}

// Error is the kind and the reason.
func (e *InvalidError) Error() string {
	return "record: " + e.Kind.String() + ": " + e.Reason
}

// Unwrap gives the cause.
func (e *InvalidError) Unwrap() error { return e.Err }
