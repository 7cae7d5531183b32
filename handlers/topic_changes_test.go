package handlers

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// A change that has no time is refused, as Kafka's controller does it, and nothing happens.
func TestChangesWithoutTimeAreRefused(t *testing.T) {
	b := newTestBroker(t)
	b.createTopic("t", 1)
	for _, timeout := range []int32{0, -1} {
		create := createRequest(7, wantedTopic("new", 1, 1))
		create.TimeoutMillis = timeout
		wantCode(t, "create", ask[*kmsg.CreateTopicsResponse](b, create).Topics[0].ErrorCode, wire.RequestTimedOut)

		more := morePartitions(3, kmsg.CreatePartitionsRequestTopic{Topic: "t", Count: 2})
		more.TimeoutMillis = timeout
		wantCode(t, "more partitions", ask[*kmsg.CreatePartitionsResponse](b, more).Topics[0].ErrorCode, wire.RequestTimedOut)

		remove := deleteRequest(6, "t")
		remove.TimeoutMillis = timeout
		wantCode(t, "delete", ask[*kmsg.DeleteTopicsResponse](b, remove).Topics[0].ErrorCode, wire.RequestTimedOut)
	}
	topics := b.dispatcher.topics().Topics()
	if len(topics) != 1 || topics[0].Partitions != 1 {
		t.Errorf("topics %+v", topics)
	}
}
