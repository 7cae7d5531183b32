package handlers

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

func TestAtMostTwiceKeepsTheOrder(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"", ""},
		{"a", "a"},
		{"aaa", "aa"},
		{"abacabc", "abacbc"},
		{"abcdefghaaa", "abcdefgha"},
		{"aaabbbcccdddeee", "aabbccddee"},
	} {
		if got := string(atMostTwice([]byte(c.list), itself)); got != c.want {
			t.Errorf("%s: %s, want %s", c.list, got, c.want)
		}
	}
	if got := atMostTwice([]string(nil), itself); got != nil {
		t.Errorf("nothing is %#v", got)
	}
}

// TestAnswersDoNotGrowWithRepetitions: what is described may be a thousand times as long as its name, so who names it a thousand times isn't
// answered a thousand times.
func TestAnswersDoNotGrowWithRepetitions(t *testing.T) {
	b := newTransactionBroker(t)
	p := b.newProducer("tx")
	wantCode(t, "add", int16(p.add(0)), wire.None)
	wantCode(t, "produce", int16(p.produce(12, 0, "value")), wire.None)
	const many, some = 1000, 20
	names := slices.Repeat([]string{"g"}, many)
	partitions := make([]int32, many)

	groups := kmsg.NewPtrDescribeGroupsRequest()
	groups.Version, groups.Groups = 6, slices.Clone(names)
	wantEqual(t, "groups", len(ask[*kmsg.DescribeGroupsResponse](b, groups).Groups), 2)

	consumers := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumers.Version, consumers.Groups = 1, slices.Clone(names)
	wantEqual(t, "consumer groups", len(ask[*kmsg.ConsumerGroupDescribeResponse](b, consumers).Groups), 2)

	transactions := kmsg.NewPtrDescribeTransactionsRequest()
	transactions.TransactionalIDs = slices.Repeat([]string{"tx"}, many)
	wantEqual(t, "transactions", len(ask[*kmsg.DescribeTransactionsResponse](b, transactions).TransactionStates), 2)

	producers := kmsg.NewPtrDescribeProducersRequest()
	for range some {
		producers.Topics = append(producers.Topics, kmsg.DescribeProducersRequestTopic{Topic: "t", Partitions: slices.Clone(partitions)})
	}
	described := ask[*kmsg.DescribeProducersResponse](b, producers).Topics
	wantEqual(t, "topics and partitions of producers", fmt.Sprint(len(described), len(described[0].Partitions)), "2 2")

	for _, v := range []int16{1, 7, 8, 10} {
		req := fetchOffsets(v, "g", b.topicID("t"))
		req.Topics[0].Partitions = make([]int32, some)
		req.Topics = slices.Repeat(req.Topics, some)
		req.Groups[0].Topics[0].Partitions = make([]int32, some)
		req.Groups[0].Topics = slices.Repeat(req.Groups[0].Topics, some)
		req.Groups = slices.Repeat(req.Groups, some)
		resp := ask[*kmsg.OffsetFetchResponse](b, req)
		if v < 8 {
			wantEqual(t, fmt.Sprint("topics and partitions of version ", v), fmt.Sprint(len(resp.Topics), len(resp.Topics[0].Partitions)), "2 2")
			continue
		}
		g := resp.Groups
		wantEqual(t, fmt.Sprint("groups, topics and partitions of version ", v), fmt.Sprint(len(g), len(g[0].Topics), len(g[0].Topics[0].Partitions)), "2 2 2")
	}
}
