package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// RecordSet is a run of whole record batches where they lie, in a file or in memory.
type RecordSet interface {
	// Size is in bytes, and does not change.
	Size() int
	// WriteTo writes all of it: Size bytes, or an error.
	WriteTo(w io.Writer) (int64, error)
	// Release gives back what the records lie in; exactly once, after the last WriteTo.
	Release()
}

// FetchResponse is the answer of Fetch, the one message that is not kmsg's: records
// stay where they are until they are written to the socket, so they are not copied
// into a buffer first.
//
// Fields that a version does not have are left out of it, so a handler fills in what
// it knows for every version.
type FetchResponse struct {
	// Version is the request's, 4 to 18.
	Version        int16
	ThrottleMillis int32
	// ErrorCode is that of the fetch session as a whole. v7+
	ErrorCode ErrorCode
	// SessionID is 0 where there is no session. v7+
	SessionID int32
	Topics    []FetchTopic
	// NodeEndpoints tells where the leaders live that partitions name as their
	// CurrentLeader. v16+
	NodeEndpoints []NodeEndpoint
}

// FetchTopic is one topic of a [FetchResponse].
type FetchTopic struct {
	Topic      string   // v4-12
	TopicID    [16]byte // v13+
	Partitions []FetchPartition
}

// FetchPartition is one partition of a [FetchResponse]. [FetchPartitionError] makes
// one that carries nothing but a code.
type FetchPartition struct {
	Partition        int32
	ErrorCode        ErrorCode
	HighWatermark    int64
	LastStableOffset int64 // -1 if unknown
	LogStartOffset   int64 // -1 if unknown; v5+
	// DivergingEpoch tells a follower where its log departs from the leader's. v12+
	DivergingEpoch *EpochEnd
	// CurrentLeader tells where to go instead (KIP-951, KIP-320). v12+
	CurrentLeader *LeaderAndEpoch
	// SnapshotID tells a follower of the metadata log to fetch a snapshot. v12+
	SnapshotID *EpochEnd
	// AbortedTransactions is nil for read_uncommitted, which goes out as null, and
	// sorted by first offset.
	AbortedTransactions []AbortedTransaction
	// PreferredReadReplica counts only together with HasPreferredReadReplica, because
	// 0 is a broker. v11+
	PreferredReadReplica    int32
	HasPreferredReadReplica bool
	// Records is nil where there are none. They go out as zero bytes, never as null,
	// which librdkafka cannot read (KAFKA-18646).
	Records RecordSet
}

// EpochEnd is a leader epoch and the offset at which it ends.
type EpochEnd struct {
	Epoch     int32
	EndOffset int64
}

// LeaderAndEpoch is the leader of a partition, both -1 where it is not known.
type LeaderAndEpoch struct {
	LeaderID    int32
	LeaderEpoch int32
}

// AbortedTransaction tells a read_committed consumer whose records to leave out.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// NodeEndpoint is the address of a broker.
type NodeEndpoint struct {
	NodeID int32
	Host   string
	Port   int32
	Rack   *string
}

// FetchPartitionError is a partition that answers with a code: no records, no offsets.
func FetchPartitionError(partition int32, code ErrorCode) FetchPartition {
	return FetchPartition{
		Partition:        partition,
		ErrorCode:        code,
		HighWatermark:    -1,
		LastStableOffset: -1,
		LogStartOffset:   -1,
	}
}

// Release gives back the records of every partition, for a response that is not
// sent. [FetchFrame.Release] does the same for one that is encoded; one of the two is called.
func (r *FetchResponse) Release() {
	for t := range r.Topics {
		for p := range r.Topics[t].Partitions {
			if records := r.Topics[t].Partitions[p].Records; records != nil {
				records.Release()
			}
		}
	}
}

// recordSets counts the partitions that have records.
func (r *FetchResponse) recordSets() int {
	n := 0
	for t := range r.Topics {
		for p := range r.Topics[t].Partitions {
			if r.Topics[t].Partitions[p].Records != nil {
				n++
			}
		}
	}
	return n
}

// FetchChunk is a piece of a frame: bytes, or a set of records.
type FetchChunk struct {
	Bytes   []byte    // if Records is nil
	Records RecordSet // never empty
}

// FetchFrame is an encoded [FetchResponse]: chunks in the order of the wire. It owns
// the record sets of the response until Release.
type FetchFrame struct {
	Chunks []FetchChunk
	// Size is that of the whole frame, its size prefix included.
	Size int64

	unsent []RecordSet // empty ones, which are no chunk and are released all the same
}

// Encode lays the response out as a frame, size prefix and header included. Bytes
// are appended to dst, of which the chunks are slices, so dst must stay untouched
// until the frame is sent; its old content is not part of the frame.
//
// An error means that the response exceeds what a frame can hold, or that the version
// is none of 4 to 18; the records still belong to the response then.
func (r *FetchResponse) Encode(dst []byte, correlationID int32) (FetchFrame, error) {
	if r.Version < minFetchVersion || r.Version > maxFetchVersion {
		return FetchFrame{}, fmt.Errorf("%w: %s v%d", ErrUnsupportedVersion, APIName(KeyFetch), r.Version)
	}
	e := fetchEncoder{
		version:  r.Version,
		flexible: isFlexible(KeyFetch, r.Version),
		buf:      dst,
	}
	start := len(dst)
	e.buf = append(e.buf, 0, 0, 0, 0)
	e.buf = AppendResponseHeader(e.buf, KeyFetch, r.Version, correlationID)
	e.response(r)
	size := int64(len(e.buf)-start) + e.recordBytes
	if size-FrameSizeLen > math.MaxInt32 {
		return FetchFrame{}, fmt.Errorf("%w: fetch response of %d bytes", ErrFrameTooLarge, size)
	}
	binary.BigEndian.PutUint32(e.buf[start:], uint32(size-FrameSizeLen))
	return FetchFrame{Chunks: e.chunks(start), Size: size, unsent: e.unsent}, nil
}

// WriteTo writes the frame chunk by chunk. If a set of records turns out shorter than
// announced the error is [ErrShortRecords], and the peer must be cut off like after any other.
func (f *FetchFrame) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for _, c := range f.Chunks {
		if c.Records == nil {
			n, err := w.Write(c.Bytes)
			written += int64(n)
			if err != nil {
				return written, err
			}
			continue
		}
		n, err := c.Records.WriteTo(w)
		written += n
		if err != nil {
			return written, err
		}
		if n != int64(c.Records.Size()) {
			return written, fmt.Errorf("%w: %d of %d bytes", ErrShortRecords, n, c.Records.Size())
		}
	}
	return written, nil
}

// AppendTo appends the whole frame, records copied. For a small answer one write of
// one buffer costs less than a write per chunk.
func (f *FetchFrame) AppendTo(dst []byte) ([]byte, error) {
	w := appender{buf: dst}
	_, err := f.WriteTo(&w)
	return w.buf, err
}

// Release gives back the records, sent or not. It is called exactly once.
func (f *FetchFrame) Release() {
	for _, c := range f.Chunks {
		if c.Records != nil {
			c.Records.Release()
		}
	}
	for _, records := range f.unsent {
		records.Release()
	}
}

// appender is a writer into a slice.
type appender struct{ buf []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.buf = append(a.buf, p...)
	return len(p), nil
}
