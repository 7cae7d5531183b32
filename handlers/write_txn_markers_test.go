package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

// writeMarkers asks the handler itself.
func (b *testBroker) writeMarkers(req *kmsg.WriteTxnMarkersRequest) *kmsg.WriteTxnMarkersResponse {
	b.t.Helper()
	header := wire.RequestHeader{Key: req.Key(), Version: req.Version}
	message, err := wire.DecodeRequest(header, req.AppendTo(nil))
	if err != nil {
		b.t.Fatal(err)
	}
	reply, err := b.dispatcher.writeTxnMarkers(b.t.Context(), &broker.Request{Header: header, Message: message, Peer: b.peer})
	if err == nil {
		reply, err = b.finish(b.t.Context(), reply)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return decode[*kmsg.WriteTxnMarkersResponse](b, req, reply)
}

// markerRequest ends the transaction of producer 7 in partitions of topic "t".
func markerRequest(version, epoch int16, partitions ...int32) *kmsg.WriteTxnMarkersRequest {
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Version = version
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch = 7, epoch
	m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "t", Partitions: partitions}}
	req.Markers = append(req.Markers, m)
	return req
}

// markerAnswer is what the answer says of a partition of producer 7.
func markerAnswer(t *testing.T, resp *kmsg.WriteTxnMarkersResponse, topic string, partition int32) wire.ErrorCode {
	t.Helper()
	for _, m := range resp.Markers {
		for _, answered := range m.Topics {
			for _, p := range answered.Partitions {
				if m.ProducerID == 7 && answered.Topic == topic && p.Partition == partition {
					return wire.ErrorCode(p.ErrorCode)
				}
			}
		}
	}
	t.Errorf("no answer for partition %d of %q", partition, topic)
	return wire.UnknownServerError
}

func TestWriteTxnMarkersEndsHangingTransactions(t *testing.T) {
	for _, flush := range []string{unset, "9223372036854775807"} {
		for v := int16(1); v <= kmsg.NewPtrWriteTxnMarkersRequest().MaxVersion(); v++ {
			b, _ := withTransactions(t, "log.flush.interval.messages", flush)
			b.produceTxn(11, b.transactional(0, 0, "a"), b.transactional(0, 0, "b"))
			// As kafka-transactions does, for which the coordinator's epoch is that of DescribeProducers.
			req := markerRequest(v, 0, 0, 1, 1)
			req.Markers[0].CoordinatorEpoch = -1
			resp := b.writeMarkers(req)
			for i := range int32(2) {
				wantEqual(t, "partition "+itoa(int(i)), markerAnswer(t, resp, "t", i), wire.None)
				o := b.offsets(i)
				wantEqual(t, "last stable offset", o.LastStableOffset, 2)
				wantEqual(t, "log end offset", o.LogEndOffset, 2)
			}
		}
	}
}

func TestWriteTxnMarkersAnswersPerPartition(t *testing.T) {
	b, _ := withTransactions(t)
	b.createTopic(offsetsTopic, 2)
	b.produceTxn(11, b.transactional(3, 0, "a"))
	req := markerRequest(2, 2, 0, 1, 3, -1)
	req.Markers[0].Topics = append(req.Markers[0].Topics,
		kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: "missing", Partitions: []int32{0}},
		kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: offsetsTopic, Partitions: []int32{0, 2}})
	resp := b.writeMarkers(req)
	wantEqual(t, "producers", len(resp.Markers), 1)
	for _, c := range []struct {
		topic     string
		partition int32
		want      wire.ErrorCode
	}{
		{"t", 0, wire.InvalidProducerEpoch},
		{"t", 1, wire.None},
		{"t", 3, wire.UnknownTopicOrPartition},
		{"t", -1, wire.UnknownTopicOrPartition},
		{"missing", 0, wire.UnknownTopicOrPartition},
		{offsetsTopic, 2, wire.UnknownTopicOrPartition},
	} {
		wantEqual(t, c.topic+"-"+itoa(int(c.partition)), markerAnswer(t, resp, c.topic, c.partition), c.want)
	}
	wantEqual(t, "last stable offset", b.offsets(0).LastStableOffset, 0)
}

func TestWriteTxnMarkersFencesOldCoordinators(t *testing.T) {
	b, _ := withTransactions(t)
	write := func(what string, coordinatorEpoch int32, want wire.ErrorCode) {
		t.Helper()
		req := markerRequest(2, 0, 0)
		req.Markers[0].CoordinatorEpoch = coordinatorEpoch
		wantEqual(t, what, markerAnswer(t, b.writeMarkers(req), "t", 0), want)
	}
	write("first", 5, wire.None)
	write("again", 5, wire.None)
	write("older coordinator", 4, wire.TransactionCoordinatorFenced)
	write("newer coordinator", 6, wire.None)
}

func TestWriteTxnMarkersOfOneProducerShareAnAnswer(t *testing.T) {
	b, _ := withTransactions(t)
	req := markerRequest(2, 1, 0)
	req.Markers = append(req.Markers, markerRequest(2, 0, 0, 1).Markers...)
	other := markerRequest(2, 0, 2).Markers[0]
	other.ProducerID = 8
	req.Markers = append(req.Markers, other, markerRequest(2, 0).Markers[0])
	resp := b.writeMarkers(req)
	wantEqual(t, "producers", len(resp.Markers), 2)
	wantEqual(t, "last marker", markerAnswer(t, resp, "t", 0), wire.InvalidProducerEpoch)
	wantEqual(t, "other partition", markerAnswer(t, resp, "t", 1), wire.None)
	req.Markers = nil
	wantEqual(t, "none at all", len(b.writeMarkers(req).Markers), 0)
}

func TestWriteTxnMarkersRefusesWhatNoMarkerCanSay(t *testing.T) {
	for what, change := range map[string]func(*kmsg.WriteTxnMarkersRequestMarker){
		"producer": func(m *kmsg.WriteTxnMarkersRequestMarker) { m.ProducerID = -1 },
		"epoch":    func(m *kmsg.WriteTxnMarkersRequestMarker) { m.ProducerEpoch = -1 },
		"version":  func(m *kmsg.WriteTxnMarkersRequestMarker) { m.TransactionVersion = -1 },
	} {
		b, _ := withTransactions(t)
		req := markerRequest(2, 0, 0)
		req.Markers = append(req.Markers, markerRequest(2, 0, 1).Markers...)
		change(&req.Markers[0])
		resp := b.writeMarkers(req)
		wantEqual(t, what, markerAnswer(t, resp, "t", 1), wire.UnknownServerError)
		wantEqual(t, what+": log end offset", b.offsets(1).LogEndOffset, 0)
	}
}
