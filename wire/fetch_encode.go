package wire

import "encoding/binary"

// The versions of Fetch that have a layout here.
const (
	minFetchVersion = 4
	maxFetchVersion = 18
)

// The tagged fields of a partition and of the response. Source:
// FetchResponse.json of Kafka 4.4.
const (
	fetchTagDivergingEpoch = 0
	fetchTagCurrentLeader  = 1
	fetchTagSnapshotID     = 2
	fetchTagNodeEndpoints  = 0
)

// fetchEncoder lays out one response. Everything but records goes into buf; splits
// remembers where records belong. The chunks are cut at the end, because buf moves as it grows.
type fetchEncoder struct {
	version     int16
	flexible    bool
	buf         []byte
	splits      []fetchSplit
	unsent      []RecordSet
	recordBytes int64
}

// fetchSplit says that records come after so many bytes of the buffer.
type fetchSplit struct {
	at      int
	records RecordSet
}

// chunks cuts the buffer, from start, around the records.
func (e *fetchEncoder) chunks(start int) []FetchChunk {
	chunks := make([]FetchChunk, 0, 2*len(e.splits)+1)
	for _, s := range e.splits {
		chunks = append(chunks, FetchChunk{Bytes: e.buf[start:s.at:s.at]}, FetchChunk{Records: s.records})
		start = s.at
	}
	if start < len(e.buf) { // a classic response ends with the last records
		chunks = append(chunks, FetchChunk{Bytes: e.buf[start:]})
	}
	return chunks
}

func (e *fetchEncoder) int16(v int16) { e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(v)) }
func (e *fetchEncoder) int32(v int32) { e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(v)) }
func (e *fetchEncoder) int64(v int64) { e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(v)) }

// uvarint appends an unsigned varint; only flexible versions have them.
func (e *fetchEncoder) uvarint(v int) { e.buf = appendUvarint(e.buf, uint32(v)) }

// length appends the length of an array or of bytes.
func (e *fetchEncoder) length(n int) {
	if e.flexible {
		e.uvarint(n + 1)
	} else {
		e.int32(int32(n))
	}
}

// text appends a string.
func (e *fetchEncoder) text(s string) {
	if e.flexible {
		e.uvarint(len(s) + 1)
	} else {
		e.int16(int16(len(s)))
	}
	e.buf = append(e.buf, s...)
}

// noTags ends a struct that has no tagged field to tell.
func (e *fetchEncoder) noTags() {
	if e.flexible {
		e.buf = append(e.buf, 0)
	}
}

// response lays out the body.
func (e *fetchEncoder) response(r *FetchResponse) {
	e.splits = make([]fetchSplit, 0, r.recordSets())
	e.int32(r.ThrottleMillis)
	if e.version >= 7 {
		e.int16(int16(r.ErrorCode))
		e.int32(r.SessionID)
	}
	e.length(len(r.Topics))
	for i := range r.Topics {
		e.topic(&r.Topics[i])
	}
	if !e.flexible {
		return
	}
	if e.version < 16 || len(r.NodeEndpoints) == 0 {
		e.noTags()
		return
	}
	e.uvarint(1)
	e.uvarint(fetchTagNodeEndpoints)
	e.sized(func() { e.nodeEndpoints(r.NodeEndpoints) })
}

// topic lays out one topic.
func (e *fetchEncoder) topic(t *FetchTopic) {
	if e.version >= 13 {
		e.buf = append(e.buf, t.TopicID[:]...)
	} else {
		e.text(t.Topic)
	}
	e.length(len(t.Partitions))
	for i := range t.Partitions {
		e.partition(&t.Partitions[i])
	}
	e.noTags()
}

// partition lays out one partition.
func (e *fetchEncoder) partition(p *FetchPartition) {
	e.int32(p.Partition)
	e.int16(int16(p.ErrorCode))
	e.int64(p.HighWatermark)
	e.int64(p.LastStableOffset)
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	e.aborted(p.AbortedTransactions)
	if e.version >= 11 {
		preferred := int32(-1)
		if p.HasPreferredReadReplica {
			preferred = p.PreferredReadReplica
		}
		e.int32(preferred)
	}
	e.records(p.Records)
	if e.flexible {
		e.partitionTags(p)
	}
}

// aborted lays out the aborted transactions; nil is null.
func (e *fetchEncoder) aborted(aborted []AbortedTransaction) {
	if aborted == nil {
		e.length(-1)
		return
	}
	e.length(len(aborted))
	for _, a := range aborted {
		e.int64(a.ProducerID)
		e.int64(a.FirstOffset)
		e.noTags()
	}
}

// records lays out the length of the records and remembers where they belong.
func (e *fetchEncoder) records(records RecordSet) {
	if records == nil {
		e.length(0)
		return
	}
	n := records.Size()
	e.length(n)
	if n == 0 {
		e.unsent = append(e.unsent, records)
		return
	}
	e.recordBytes += int64(n)
	e.splits = append(e.splits, fetchSplit{at: len(e.buf), records: records})
}

// partitionTags lays out the tagged fields of a partition, in the order of their
// numbers. One that holds nothing but its defaults is left out, as Kafka does.
func (e *fetchEncoder) partitionTags(p *FetchPartition) {
	diverging := p.DivergingEpoch != nil && *p.DivergingEpoch != EpochEnd{-1, -1}
	leader := p.CurrentLeader != nil && *p.CurrentLeader != LeaderAndEpoch{-1, -1}
	snapshot := p.SnapshotID != nil && *p.SnapshotID != EpochEnd{-1, -1}
	count := 0
	for _, present := range [...]bool{diverging, leader, snapshot} {
		if present {
			count++
		}
	}
	e.uvarint(count)
	if diverging {
		e.uvarint(fetchTagDivergingEpoch)
		e.sized(func() { e.int32(p.DivergingEpoch.Epoch); e.int64(p.DivergingEpoch.EndOffset); e.noTags() })
	}
	if leader {
		e.uvarint(fetchTagCurrentLeader)
		e.sized(func() { e.int32(p.CurrentLeader.LeaderID); e.int32(p.CurrentLeader.LeaderEpoch); e.noTags() })
	}
	if snapshot { // the one struct with the offset first
		e.uvarint(fetchTagSnapshotID)
		e.sized(func() { e.int64(p.SnapshotID.EndOffset); e.int32(p.SnapshotID.Epoch); e.noTags() })
	}
}

// nodeEndpoints lays out the addresses of leaders.
func (e *fetchEncoder) nodeEndpoints(endpoints []NodeEndpoint) {
	e.length(len(endpoints))
	for i := range endpoints {
		n := &endpoints[i]
		e.int32(n.NodeID)
		e.text(n.Host)
		e.int32(n.Port)
		if n.Rack == nil {
			e.uvarint(0)
		} else {
			e.text(*n.Rack)
		}
		e.noTags()
	}
}

// sized lays out the value of a tagged field behind its size. The value is written
// first and then moved, which suits the few bytes of these.
func (e *fetchEncoder) sized(value func()) {
	at := len(e.buf)
	value()
	n := len(e.buf) - at
	width := uvarintLen(uint32(n))
	for range width {
		e.buf = append(e.buf, 0)
	}
	copy(e.buf[at+width:], e.buf[at:at+n])
	appendUvarint(e.buf[:at], uint32(n))
}
