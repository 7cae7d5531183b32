// WriteTxnMarkers (key 27), versions 1-2 (KIP-98).
//
// 1 flexible; 2 transaction version of a marker (KIP-1228). Kafka's brokers send it to each other, which isn't needed here; its tools end hanging
// transactions with it (KIP-664).
//
// Knowingly absent: nothing.

package handlers

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// markersAnswer is the answer to one WriteTxnMarkers while it is made.
type markersAnswer struct {
	markers []markerResults
	// left counts the markers that are not decided yet, and one more until all are handed to the logs. Whoever makes it zero closes done.
	left atomic.Int64
	done chan struct{}
}

// markerResults is what became of one marker.
type markerResults struct {
	of         *markersAnswer
	producerID int64
	partitions []txn.TopicPartition // each once
	codes      []wire.ErrorCode     // of each; owned by who writes it until the answer is complete
}

func (a *markersAnswer) release() {
	if a.left.Add(-1) == 0 {
		close(a.done)
	}
}

func (d *Dispatcher) writeTxnMarkers(_ context.Context, req *broker.Request) (broker.Reply, error) {
	r := req.Message.(*kmsg.WriteTxnMarkersRequest)
	a := &markersAnswer{markers: make([]markerResults, len(r.Markers)), done: make(chan struct{})}
	a.left.Store(1)
	if slices.ContainsFunc(r.Markers, isNoMarker) {
		a.refuse(r)
	} else {
		for i := range r.Markers {
			d.writeTxnMarker(a, &a.markers[i], &r.Markers[i])
		}
	}
	a.release()
	ready := func() bool { return a.left.Load() == 0 }
	if ready() {
		return answer(a.response(r))
	}
	return broker.Reply{Ready: ready, Later: func(ctx context.Context) (broker.Reply, error) {
		select {
		case <-a.done:
			return answer(a.response(r))
		case <-ctx.Done():
			return broker.Reply{}, context.Cause(ctx)
		}
	}}, nil
}

// unknownTransactionVersion is what Kafka has where nobody knows the version.
const unknownTransactionVersion = -1

// isNoMarker reports whether no control batch can say this. Kafka's exceptions about it have no code of their own.
func isNoMarker(m kmsg.WriteTxnMarkersRequestMarker) bool {
	return m.ProducerID < 0 || m.ProducerEpoch == record.NoProducerEpoch || m.TransactionVersion == unknownTransactionVersion
}

// refuse answers for all markers that they can't be written.
func (a *markersAnswer) refuse(r *kmsg.WriteTxnMarkersRequest) {
	for i := range r.Markers {
		a.markers[i] = newMarkerResults(&r.Markers[i])
		for j := range a.markers[i].codes {
			a.markers[i].codes[j] = wire.UnknownServerError
		}
	}
}

func newMarkerResults(m *kmsg.WriteTxnMarkersRequestMarker) markerResults {
	results := markerResults{producerID: m.ProducerID}
	seen := map[txn.TopicPartition]struct{}{}
	for _, t := range m.Topics {
		for _, partition := range t.Partitions {
			p := txn.TopicPartition{Topic: t.Topic, Partition: partition}
			if _, again := seen[p]; !again {
				seen[p] = struct{}{}
				results.partitions = append(results.partitions, p)
			}
		}
	}
	results.codes = make([]wire.ErrorCode, len(results.partitions))
	return results
}

// writeTxnMarker writes one marker to its partitions.
func (d *Dispatcher) writeTxnMarker(a *markersAnswer, results *markerResults, m *kmsg.WriteTxnMarkersRequestMarker) {
	*results = newMarkerResults(m)
	results.of = a
	a.left.Add(int64(len(results.partitions)))
	marker := txn.Marker{
		ProducerID: m.ProducerID, ProducerEpoch: m.ProducerEpoch, Commit: m.Committed,
		CoordinatorEpoch: m.CoordinatorEpoch, TransactionVersion: int16(m.TransactionVersion),
	}
	d.deps.Markers.Write(marker, results.partitions, results)
}

// Written implements [txn.MarkerWaiter].
func (r *markerResults) Written(i int, err error) {
	r.codes[i] = markerCode(err)
	r.of.release()
}

// markerCode is the code for what became of a marker. Who sends markers knows nothing of coordinators of groups.
func markerCode(err error) wire.ErrorCode {
	for _, unavailable := range []error{coordinator.ErrLoading, coordinator.ErrNotAvailable, coordinator.ErrClosed, coordinator.ErrLost} {
		if errors.Is(err, unavailable) {
			return wire.NotLeaderOrFollower
		}
	}
	return errorCode(err)
}

// response has one part for each producer, whatever the number of its markers, and one for each partition, about the last marker for it.
func (a *markersAnswer) response(r *kmsg.WriteTxnMarkersRequest) *kmsg.WriteTxnMarkersResponse {
	resp := r.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
	type place struct {
		producerID int64
		topic      string
		partition  int32
	}
	producers := map[int64]int{}
	topics := map[place]int{}
	partitions := map[place]int{}
	for _, m := range a.markers {
		for i, p := range m.partitions {
			at, ok := producers[m.producerID]
			if !ok {
				at = len(resp.Markers)
				producers[m.producerID] = at
				resp.Markers = append(resp.Markers, kmsg.WriteTxnMarkersResponseMarker{ProducerID: m.producerID})
			}
			producer := &resp.Markers[at]
			key := place{producerID: m.producerID, topic: p.Topic}
			if at, ok = topics[key]; !ok {
				at = len(producer.Topics)
				topics[key] = at
				producer.Topics = append(producer.Topics, kmsg.WriteTxnMarkersResponseMarkerTopic{Topic: p.Topic})
			}
			topic := &producer.Topics[at]
			key.partition = p.Partition
			if at, ok = partitions[key]; !ok {
				at = len(topic.Partitions)
				partitions[key] = at
				topic.Partitions = append(topic.Partitions, kmsg.WriteTxnMarkersResponseMarkerTopicPartition{Partition: p.Partition})
			}
			topic.Partitions[at].ErrorCode = int16(m.codes[i])
		}
	}
	return resp
}
