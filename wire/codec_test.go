package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAppendResponseIsAWholeFrame(t *testing.T) {
	for _, version := range []int16{0, 2, 3, 5} {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		resp.ErrorCode = int16(UnsupportedVersion)
		before := []byte("an answer before this one")
		got := AppendResponse(bytes.Clone(before), 0x0a0b0c0d, resp)
		frame, ok := bytes.CutPrefix(got, before)
		if !ok {
			t.Fatalf("v%d: what was there is changed", version)
		}
		if size := binary.BigEndian.Uint32(frame); int(size) != len(frame)-FrameSizeLen {
			t.Errorf("v%d: size %d of %d", version, size, len(frame)-FrameSizeLen)
		}
		want := append([]byte{0x0a, 0x0b, 0x0c, 0x0d}, resp.AppendTo(nil)...)
		if !bytes.Equal(frame[FrameSizeLen:], want) {
			t.Errorf("v%d: %x, want %x", version, frame[FrameSizeLen:], want)
		}
	}
}

func TestFlexibleResponseHasTagsInItsHeader(t *testing.T) {
	resp := kmsg.NewPtrMetadataResponse()
	resp.Version = 9
	frame := AppendResponse(nil, 1, resp)
	if !bytes.Equal(frame[FrameSizeLen:], append([]byte{0, 0, 0, 1, 0}, resp.AppendTo(nil)...)) {
		t.Errorf("%x", frame)
	}
}

// The broker uses a frame's buffer again: what it keeps of a request must not change.
func TestDecodedStringsAreCopiesAndBytesAlias(t *testing.T) {
	req := kmsg.NewPtrProduceRequest()
	req.Version = 9
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "orders"
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Records = []byte("records")
	topic.Partitions = append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	req.TransactionID = new("tx")
	body := req.AppendTo(nil)
	got, err := DecodeRequest(RequestHeader{Key: KeyProduce, Version: 9}, body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	produce := got.(*kmsg.ProduceRequest)
	if produce.Topics[0].Topic != "orders" || *produce.TransactionID != "tx" {
		t.Error("strings alias the body")
	}
	if !bytes.Equal(produce.Topics[0].Partitions[0].Records, make([]byte, 7)) {
		t.Error("records were copied")
	}
}

func TestNothingIsLeftOfARecycledRequest(t *testing.T) {
	full := kmsg.NewPtrProduceRequest()
	full.Version, full.TransactionID, full.Acks, full.TimeoutMillis = 12, new("tx"), -1, 5
	for _, name := range []string{"orders", "payments"} {
		topic := kmsg.ProduceRequestTopic{Topic: name, TopicID: [16]byte{1}}
		topic.Partitions = append(topic.Partitions, kmsg.ProduceRequestTopicPartition{Partition: 3, Records: []byte("records")})
		full.Topics = append(full.Topics, topic)
	}
	once := kmsg.NewPtrProduceRequest()
	once.Version, once.Acks = 2, 1
	once.Topics = append(once.Topics, kmsg.ProduceRequestTopic{Topic: "one"})
	again := kmsg.NewPtrProduceRequest()
	again.Version, again.Acks = 13, 1
	wantFresh(t, full, once, full, again, once)
}

func TestNothingIsLeftOfARecycledOffsetCommit(t *testing.T) {
	full := kmsg.NewPtrOffsetCommitRequest()
	full.Version, full.Group, full.Generation, full.MemberID, full.InstanceID = 9, "group", 3, "member", new("instance")
	for _, name := range []string{"orders", "payments"} {
		topic := kmsg.OffsetCommitRequestTopic{Topic: name}
		topic.Partitions = append(topic.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: 3, Offset: 4, LeaderEpoch: 5, Metadata: new("text")})
		full.Topics = append(full.Topics, topic)
	}
	once := kmsg.NewPtrOffsetCommitRequest()
	once.Version, once.RetentionTimeMillis = 2, 7
	once.Topics = append(once.Topics, kmsg.OffsetCommitRequestTopic{Topic: "one"})
	again := kmsg.NewPtrOffsetCommitRequest()
	again.Version = 10
	byID := kmsg.NewPtrOffsetCommitRequest()
	byID.Version, byID.Topics = 10, []kmsg.OffsetCommitRequestTopic{{TopicID: [16]byte{1}}}
	wantFresh(t, full, once, byID, full, again, once)
}

func TestNothingIsLeftOfARecycledHeartbeat(t *testing.T) {
	full := kmsg.NewPtrHeartbeatRequest()
	full.Version, full.Group, full.Generation, full.MemberID, full.InstanceID = 4, "group", 3, "member", new("instance")
	old := kmsg.NewPtrHeartbeatRequest()
	old.Version, old.Group = 0, "other"
	wantFresh(t, full, old, full)
}

// wantFresh wants requests that are decoded one after the other to be what they are by themselves.
func wantFresh(t *testing.T, requests ...kmsg.Request) {
	t.Helper()
	for _, req := range requests {
		body := req.AppendTo(nil)
		want := kmsg.RequestForKey(req.Key())
		want.SetVersion(req.GetVersion())
		if err := want.ReadFrom(body); err != nil {
			t.Fatal(err)
		}
		got, err := DecodeRequest(RequestHeader{Key: req.Key(), Version: req.GetVersion()}, body)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(emptyAsNil(got), emptyAsNil(want)) {
			t.Errorf("v%d: %+v, want %+v", req.GetVersion(), got, want)
		}
		Recycle(got)
	}
}

// emptyAsNil is a request in which a list of no topics is nil.
func emptyAsNil(req kmsg.Request) kmsg.Request {
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.Topics = append([]kmsg.ProduceRequestTopic(nil), r.Topics...)
	case *kmsg.OffsetCommitRequest:
		r.Topics = append([]kmsg.OffsetCommitRequestTopic(nil), r.Topics...)
	}
	return req
}

func TestDecodeRequestSetsTheVersion(t *testing.T) {
	req, err := DecodeRequest(RequestHeader{Key: KeyMetadata, Version: 4}, []byte{0xff, 0xff, 0xff, 0xff, 1})
	if err != nil || req.GetVersion() != 4 {
		t.Fatalf("%v, %v", req, err)
	}
	if topics := req.(*kmsg.MetadataRequest).Topics; topics != nil {
		t.Errorf("null topics, which ask for all, are %v", topics)
	}
	req, err = DecodeRequest(RequestHeader{Key: KeyMetadata, Version: 4}, []byte{0, 0, 0, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	if topics := req.(*kmsg.MetadataRequest).Topics; topics == nil {
		t.Error("no topics, which ask for none, are null")
	}
}

func TestDecodeRequestRefusesWhatItDoesNotKnow(t *testing.T) {
	for h, want := range map[RequestHeader]error{
		{Key: 95}:                            ErrUnknownAPI,
		{Key: -1}:                            ErrUnknownAPI,
		{Key: KeyMetadata, Version: 14}:      ErrUnsupportedVersion,
		{Key: KeyMetadata, Version: -1}:      ErrUnsupportedVersion,
		{Key: KeyMetadata, Version: 12}:      ErrMalformed,
		{Key: KeyAPIVersions, Version: 3}:    ErrMalformed,
		{Key: KeyAPIVersions, Version: 1000}: ErrUnsupportedVersion,
	} {
		if req, err := DecodeRequest(h, nil); !errors.Is(err, want) || req != nil {
			t.Errorf("%s v%d: %v, %v", APIName(h.Key), h.Version, req, err)
		}
	}
}
