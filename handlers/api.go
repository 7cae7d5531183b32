package handlers

import (
	"context"
	"fmt"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/wire"
)

// handler answers the requests of one API.
type handler func(*Dispatcher, context.Context, *broker.Request) (broker.Reply, error)

// served is one row of the table: an API and who answers it.
type served struct {
	api    wire.API
	handle handler
}

// table is the server: what is dispatched and what ApiVersions announces. It is sorted by key. A test
// makes sure that it holds exactly what the wire protocol serves, and that each row has a file and a test.
var table = []served{
	serve(wire.KeyProduce, (*Dispatcher).produce),
	serve(wire.KeyFetch, (*Dispatcher).fetch),
	serve(wire.KeyListOffsets, (*Dispatcher).listOffsets),
	serve(wire.KeyMetadata, (*Dispatcher).metadata),
	serve(wire.KeyOffsetCommit, (*Dispatcher).offsetCommit),
	serve(wire.KeyOffsetFetch, (*Dispatcher).offsetFetch),
	serve(wire.KeyFindCoordinator, (*Dispatcher).findCoordinator),
	serve(wire.KeyJoinGroup, (*Dispatcher).joinGroup),
	serve(wire.KeyHeartbeat, (*Dispatcher).heartbeat),
	serve(wire.KeyLeaveGroup, (*Dispatcher).leaveGroup),
	serve(wire.KeySyncGroup, (*Dispatcher).syncGroup),
	serve(wire.KeyDescribeGroups, (*Dispatcher).describeGroups),
	serve(wire.KeyListGroups, (*Dispatcher).listGroups),
	serve(wire.KeyAPIVersions, (*Dispatcher).apiVersions),
	serve(wire.KeyCreateTopics, (*Dispatcher).createTopics),
	serve(wire.KeyDeleteTopics, (*Dispatcher).deleteTopics),
	serve(wire.KeyDeleteRecords, (*Dispatcher).deleteRecords),
	serve(wire.KeyInitProducerID, (*Dispatcher).initProducerID),
	serve(wire.KeyOffsetForLeaderEpoch, (*Dispatcher).offsetForLeaderEpoch),
	serve(wire.KeyAddPartitionsToTxn, (*Dispatcher).addPartitionsToTxn),
	serve(wire.KeyAddOffsetsToTxn, (*Dispatcher).addOffsetsToTxn),
	serve(wire.KeyEndTxn, (*Dispatcher).endTxn),
	serve(wire.KeyWriteTxnMarkers, (*Dispatcher).writeTxnMarkers),
	serve(wire.KeyTxnOffsetCommit, (*Dispatcher).txnOffsetCommit),
	serve(wire.KeyDescribeConfigs, (*Dispatcher).describeConfigs),
	serve(wire.KeyAlterConfigs, (*Dispatcher).alterConfigs),
	serve(wire.KeyDescribeLogDirs, (*Dispatcher).describeLogDirs),
	serve(wire.KeyCreatePartitions, (*Dispatcher).createPartitions),
	serve(wire.KeyDeleteGroups, (*Dispatcher).deleteGroups),
	serve(wire.KeyIncrementalAlterConfigs, (*Dispatcher).incrementalAlterConfigs),
	serve(wire.KeyOffsetDelete, (*Dispatcher).offsetDelete),
	serve(wire.KeyDescribeQuorum, (*Dispatcher).describeQuorum),
	serve(wire.KeyUpdateFeatures, (*Dispatcher).updateFeatures),
	serve(wire.KeyDescribeCluster, (*Dispatcher).describeCluster),
	serve(wire.KeyDescribeProducers, (*Dispatcher).describeProducers),
	serve(wire.KeyDescribeTransactions, (*Dispatcher).describeTransactions),
	serve(wire.KeyListTransactions, (*Dispatcher).listTransactions),
	serve(wire.KeyConsumerGroupHeartbeat, (*Dispatcher).consumerGroupHeartbeat),
	serve(wire.KeyConsumerGroupDescribe, (*Dispatcher).consumerGroupDescribe),
	serve(wire.KeyListConfigResources, (*Dispatcher).listConfigResources),
	serve(wire.KeyDescribeTopicPartitions, (*Dispatcher).describeTopicPartitions),
}

func serve(key int16, h handler) served {
	api, _ := wire.APIByKey(key)
	return served{api: api, handle: h}
}

// byKey finds handlers without a search; it has a place for every key up to the last.
func byKey() []handler {
	handlers := make([]handler, table[len(table)-1].api.Key+1)
	for _, s := range table {
		handlers[s.api.Key] = s.handle
	}
	return handlers
}

// Dispatch implements [broker.Dispatcher].
func (d *Dispatcher) Dispatch(ctx context.Context, req *broker.Request) (broker.Reply, error) {
	key := req.Header.Key
	if key < 0 || int(key) >= len(d.handlers) || d.handlers[key] == nil {
		return broker.Reply{}, fmt.Errorf("%w: key %d", wire.ErrAPINotServed, key)
	}
	return d.handlers[key](d, ctx, req)
}
