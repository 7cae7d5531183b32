package cases

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/script"
)

// internalTopic is a topic that belongs to the broker.
const internalTopic = "__consumer_offsets"

// internalCases are about topics that clients must not write to. They have a broker of their own, because the topic stays.
func internalCases(b *book) {
	exists := script.Setup(func(r *script.Run) error {
		resp, err := r.Do(createTopics(5, newTopic{name: internalTopic, partitions: 1, replicas: 1})(r))
		if err != nil {
			return err
		}
		answer, ok := resp.(*kmsg.CreateTopicsResponse)
		if !ok || len(answer.Topics) != 1 {
			return errAnswer
		}
		if code := answer.Topics[0].ErrorCode; code != 0 && code != kerr.TopicAlreadyExists.Code {
			return kerr.ErrorForCode(code)
		}
		return nil
	})
	write := func(client string) script.Ask {
		return script.Ask{ClientID: &client, Build: produceTo(12, "", 0, keyed("k", "v"), func(_ *script.Run, req *kmsg.ProduceRequest) { req.Topics[0].Topic = internalTopic })}
	}
	b.in("internal", func() {
		b.add("Produce", 12, "internal-topic", exists, barrier(), write("judge"))
		b.add("Produce", 12, "internal-topic-as-admin", exists, barrier(), write("__admin_client"))
		b.add("Produce", 12, "internal-topic-as-another-admin", exists, barrier(), write("__admin_client2"))
		b.add("Metadata", 12, "internal-topic", exists, barrier(), ask(metadata(12, internalTopic)))
		b.add("DescribeTopicPartitions", 0, "internal-topic", exists, barrier(), ask(describeTopicPartitions(10, nil, internalTopic)))
		b.add("DeleteRecords", 2, "internal-topic", exists, barrier(), ask(func(r *script.Run) kmsg.Request {
			req := deleteRecords(2, "", 0, 0)(r)
			if d, ok := req.(*kmsg.DeleteRecordsRequest); ok {
				d.Topics[0].Topic = internalTopic
			}
			return req
		}))
		b.add("CreatePartitions", 3, "internal-topic", exists, barrier(), ask(validateOnly(createPartitions(3, internalTopic, 2))))
		b.add("DescribeConfigs", 4, "internal-topic", exists, barrier(), ask(describeConfigs(4, onTopic, internalTopic, "cleanup.policy", "compression.type", "segment.bytes")))
		b.add("CreateTopics", 7, "internal-topic", exists, ask(createTopics(7, newTopic{name: internalTopic, partitions: 1, replicas: 1})),
			ask(validateOnly(createTopics(7, newTopic{name: "__transaction_state", partitions: 1, replicas: 1}))))
	})
}
