package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// memoryRecords is a RecordSet of bytes.
type memoryRecords struct {
	data     []byte
	released int
}

func (m *memoryRecords) Size() int { return len(m.data) }
func (m *memoryRecords) Release()  { m.released++ }
func (m *memoryRecords) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(m.data)
	return int64(n), err
}

// shortRecords announces more than it writes.
type shortRecords struct{ memoryRecords }

func (s *shortRecords) Size() int { return len(s.data) + 1 }

// hugeRecords announces as much as a response can hold.
type hugeRecords struct{ memoryRecords }

func (*hugeRecords) Size() int { return math.MaxInt32 }

// randomFetchResponse makes a response and the same as kmsg's.
func randomFetchResponse(rng *rand.Rand, version int16) (*FetchResponse, *kmsg.FetchResponse) {
	ours := &FetchResponse{
		Version:        version,
		ThrottleMillis: rng.Int32(),
		ErrorCode:      ErrorCode(rng.IntN(130)),
		SessionID:      rng.Int32(),
	}
	theirs := kmsg.NewPtrFetchResponse()
	theirs.Version, theirs.ThrottleMillis = version, ours.ThrottleMillis
	theirs.ErrorCode, theirs.SessionID = int16(ours.ErrorCode), ours.SessionID
	for range rng.IntN(4) {
		topic := FetchTopic{Topic: string(bytes.Repeat([]byte("t"), rng.IntN(300))), TopicID: [16]byte{byte(rng.Int()), 1}}
		kTopic := kmsg.NewFetchResponseTopic()
		kTopic.Topic, kTopic.TopicID = topic.Topic, topic.TopicID
		for range rng.IntN(4) {
			p, k := randomFetchPartition(rng)
			topic.Partitions = append(topic.Partitions, p)
			kTopic.Partitions = append(kTopic.Partitions, k)
		}
		ours.Topics = append(ours.Topics, topic)
		theirs.Topics = append(theirs.Topics, kTopic)
	}
	for i := range rng.IntN(3) {
		n := NodeEndpoint{NodeID: int32(i), Host: "broker.example", Port: rng.Int32N(65536)}
		if rng.IntN(2) == 0 {
			n.Rack = new("rack-1")
		}
		ours.NodeEndpoints = append(ours.NodeEndpoints, n)
		if version >= 16 { // kmsg writes them in every flexible version
			k := kmsg.NewFetchResponseBroker()
			k.NodeID, k.Host, k.Port, k.Rack = n.NodeID, n.Host, n.Port, n.Rack
			theirs.Brokers = append(theirs.Brokers, k)
		}
	}
	return ours, theirs
}

func randomFetchPartition(rng *rand.Rand) (FetchPartition, kmsg.FetchResponseTopicPartition) {
	p := FetchPartition{
		Partition:        rng.Int32(),
		ErrorCode:        ErrorCode(rng.IntN(130)),
		HighWatermark:    rng.Int64(),
		LastStableOffset: rng.Int64(),
		LogStartOffset:   rng.Int64(),
	}
	k := kmsg.NewFetchResponseTopicPartition()
	k.Partition, k.ErrorCode = p.Partition, int16(p.ErrorCode)
	k.HighWatermark, k.LastStableOffset, k.LogStartOffset = p.HighWatermark, p.LastStableOffset, p.LogStartOffset
	k.RecordBatches = []byte{}
	switch rng.IntN(4) {
	case 0:
		p.Records = &memoryRecords{}
	case 1, 2:
		data := make([]byte, 1+rng.IntN(300))
		p.Records, k.RecordBatches = &memoryRecords{data: data}, data
	}
	if rng.IntN(2) == 0 {
		p.AbortedTransactions = []AbortedTransaction{}
		k.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		for range rng.IntN(3) {
			a := AbortedTransaction{ProducerID: rng.Int64(), FirstOffset: rng.Int64()}
			p.AbortedTransactions = append(p.AbortedTransactions, a)
			ka := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
			ka.ProducerID, ka.FirstOffset = a.ProducerID, a.FirstOffset
			k.AbortedTransactions = append(k.AbortedTransactions, ka)
		}
	}
	if rng.IntN(2) == 0 {
		p.PreferredReadReplica, p.HasPreferredReadReplica = rng.Int32N(5), true
		k.PreferredReadReplica = p.PreferredReadReplica
	}
	if rng.IntN(3) == 0 {
		p.DivergingEpoch = &EpochEnd{Epoch: rng.Int32(), EndOffset: rng.Int64()}
		k.DivergingEpoch.Epoch, k.DivergingEpoch.EndOffset = p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset
	}
	if rng.IntN(3) == 0 {
		p.CurrentLeader = &LeaderAndEpoch{LeaderID: rng.Int32(), LeaderEpoch: rng.Int32()}
		k.CurrentLeader.LeaderID, k.CurrentLeader.LeaderEpoch = p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch
	}
	if rng.IntN(3) == 0 {
		p.SnapshotID = &EpochEnd{Epoch: rng.Int32(), EndOffset: rng.Int64()}
		k.SnapshotID.Epoch, k.SnapshotID.EndOffset = p.SnapshotID.Epoch, p.SnapshotID.EndOffset
	}
	return p, k
}

func TestFetchResponseIsKmsgsByteForByte(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for version := int16(minFetchVersion); version <= maxFetchVersion; version++ {
		for range 200 {
			ours, theirs := randomFetchResponse(rng, version)
			frame, err := ours.Encode([]byte("before"), 99)
			if err != nil {
				t.Fatal(err)
			}
			got, err := frame.AppendTo(nil)
			if err != nil {
				t.Fatal(err)
			}
			if want := AppendResponse(nil, 99, theirs); !bytes.Equal(got, want) {
				t.Fatalf("v%d:\n got %x\nwant %x", version, got, want)
			}
			if frame.Size != int64(len(got)) {
				t.Fatalf("v%d: size %d, %d bytes", version, frame.Size, len(got))
			}
		}
	}
}

// KAFKA-18646: null records, even beside an error, break librdkafka.
func TestRegression12FetchWithoutRecordsSendsEmptyNotNull(t *testing.T) {
	for version := int16(minFetchVersion); version <= maxFetchVersion; version++ {
		r := FetchResponse{Version: version, Topics: []FetchTopic{{
			Topic:      "t",
			Partitions: []FetchPartition{FetchPartitionError(3, OffsetOutOfRange)},
		}}}
		frame, err := r.Encode(nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		body, err := frame.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		got := kmsg.NewFetchResponse()
		got.Version = version
		header := FrameSizeLen + len(AppendResponseHeader(nil, KeyFetch, version, 1))
		if err := got.ReadFrom(body[header:]); err != nil {
			t.Fatal(err)
		}
		p := got.Topics[0].Partitions[0]
		if p.RecordBatches == nil || len(p.RecordBatches) != 0 {
			t.Errorf("v%d: records %v", version, p.RecordBatches)
		}
		if p.ErrorCode != 1 || p.HighWatermark != -1 || p.LastStableOffset != -1 || p.LogStartOffset != -1 || p.PreferredReadReplica != -1 {
			t.Errorf("v%d: %+v", version, p)
		}
		if p.AbortedTransactions != nil {
			t.Errorf("v%d: aborted transactions are not null", version)
		}
	}
}

func TestFetchRecordsAreChunksOfTheirOwn(t *testing.T) {
	a, b, none := &memoryRecords{data: []byte("aaaa")}, &memoryRecords{data: []byte("bb")}, &memoryRecords{}
	r := FetchResponse{Version: 11, Topics: []FetchTopic{{Topic: "t", Partitions: []FetchPartition{
		{Records: a}, {Records: none}, {Records: b},
	}}}}
	frame, err := r.Encode(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	var records []RecordSet
	for _, c := range frame.Chunks {
		if c.Records != nil {
			records = append(records, c.Records)
		} else if len(c.Bytes) == 0 {
			t.Error("an empty chunk")
		}
	}
	if len(records) != 2 || records[0] != RecordSet(a) || records[1] != RecordSet(b) {
		t.Errorf("%v", records)
	}
	if size := binary.BigEndian.Uint32(frame.Chunks[0].Bytes); int64(size) != frame.Size-FrameSizeLen {
		t.Errorf("prefix says %d, the frame has %d bytes", size, frame.Size)
	}
	frame.Release()
	for _, m := range []*memoryRecords{a, b, none} {
		if m.released != 1 {
			t.Errorf("released %d times", m.released)
		}
	}
}

func TestFetchResponseThatIsNotSentReleasesItsRecords(t *testing.T) {
	m := &memoryRecords{data: []byte("x")}
	r := FetchResponse{Topics: []FetchTopic{{Partitions: []FetchPartition{{}, {Records: m}}}}}
	r.Release()
	if m.released != 1 {
		t.Errorf("released %d times", m.released)
	}
}

func TestFetchOfShortRecordsIsAnError(t *testing.T) {
	r := FetchResponse{Version: 12, Topics: []FetchTopic{{Partitions: []FetchPartition{
		{Records: &shortRecords{memoryRecords{data: []byte("abc")}}},
	}}}}
	frame, err := r.Encode(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := frame.WriteTo(io.Discard)
	if !errors.Is(err, ErrShortRecords) || n >= frame.Size {
		t.Errorf("%d of %d bytes, %v", n, frame.Size, err)
	}
}

func TestFetchWriteErrorsAreReturned(t *testing.T) {
	r := FetchResponse{Version: 12, Topics: []FetchTopic{{Partitions: []FetchPartition{
		{Records: &memoryRecords{data: []byte("abc")}},
	}}}}
	frame, err := r.Encode(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	for left := range int(frame.Size) {
		w := &limitedWriter{left: left}
		if n, err := frame.WriteTo(w); !errors.Is(err, io.ErrShortWrite) || n > int64(left) {
			t.Errorf("%d bytes accepted: %d written, %v", left, n, err)
		}
	}
}

// limitedWriter fails once it has taken so many bytes.
type limitedWriter struct{ left int }

func (l *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > l.left {
		n := l.left
		l.left = 0
		return n, io.ErrShortWrite
	}
	l.left -= len(p)
	return len(p), nil
}

func TestFetchResponseBeyondAFrameIsRefused(t *testing.T) {
	r := FetchResponse{Version: 12, Topics: []FetchTopic{{Partitions: []FetchPartition{{Records: &hugeRecords{}}}}}}
	if _, err := r.Encode(nil, 1); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("%v", err)
	}
	for _, version := range []int16{-1, 3, 19} {
		r := FetchResponse{Version: version}
		if _, err := r.Encode(nil, 1); !errors.Is(err, ErrUnsupportedVersion) {
			t.Errorf("v%d: %v", version, err)
		}
	}
}
