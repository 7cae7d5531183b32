package wire

import (
	"io"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// benchmarkRequests are the requests that a broker sees most.
func benchmarkRequests() map[string]kmsg.Request {
	produce := func(records int) kmsg.Request {
		req := kmsg.NewPtrProduceRequest()
		req.Version = 13
		partition := kmsg.NewProduceRequestTopicPartition()
		partition.Records = make([]byte, records)
		topic := kmsg.NewProduceRequestTopic()
		topic.TopicID = [16]byte{1}
		topic.Partitions = append(topic.Partitions, partition)
		req.Topics = append(req.Topics, topic)
		return req
	}
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.Version = 13
	for range 10 {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = new("a-topic-of-some-length")
		metadata.Topics = append(metadata.Topics, topic)
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version = 18
	for range 4 {
		topic := kmsg.NewFetchRequestTopic()
		topic.TopicID = [16]byte{1}
		for range 8 {
			topic.Partitions = append(topic.Partitions, kmsg.NewFetchRequestTopicPartition())
		}
		fetch.Topics = append(fetch.Topics, topic)
	}
	return map[string]kmsg.Request{
		"Produce100B": produce(100), "Produce1MB": produce(1 << 20), "Metadata10Topics": metadata, "Fetch32Partitions": fetch,
	}
}

func BenchmarkGuard(b *testing.B) {
	for name, req := range benchmarkRequests() {
		body := req.AppendTo(nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Guard(req.Key(), req.GetVersion(), body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	for name, req := range benchmarkRequests() {
		body := req.AppendTo(nil)
		h := RequestHeader{Key: req.Key(), Version: req.GetVersion()}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := DecodeRequest(h, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHeader parses the headers of one connection.
func BenchmarkHeader(b *testing.B) {
	frame := requestFrame(benchmarkRequests()["Produce100B"], new("producer-1"), 1)
	var h RequestHeader
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetchResponse(b *testing.B) {
	for _, c := range []struct {
		name                string
		partitions, records int
	}{{"1Partition1MB", 1, 1 << 20}, {"32Partitions16KB", 32, 16 << 10}, {"32PartitionsEmpty", 32, 0}} {
		r := FetchResponse{Version: 18, Topics: []FetchTopic{{TopicID: [16]byte{1}}}}
		records := &memoryRecords{data: make([]byte, c.records)}
		for i := range c.partitions {
			r.Topics[0].Partitions = append(r.Topics[0].Partitions, FetchPartition{Partition: int32(i), Records: records})
		}
		b.Run(c.name, func(b *testing.B) {
			buf := make([]byte, 0, 16<<10)
			b.ReportAllocs()
			for b.Loop() {
				frame, err := r.Encode(buf, 1)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := frame.WriteTo(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
