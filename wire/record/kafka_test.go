package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kafkaAddress renews testdata/kafka-answers.json:
//
//	go test ./wire/record -run TestValidateAnswersAsKafka -kafka 127.0.0.1:9092
var kafkaAddress = flag.String("kafka", "", "address of an Apache Kafka broker to put the produce cases to")

const answersFile = "testdata/kafka-answers.json"

// kafkaAnswer is what Kafka said to a case, and what it stored.
type kafkaAnswer struct {
	Code    int16    `json:"code"`
	Message *string  `json:"message,omitempty"`
	Records []string `json:"records,omitempty"` // "index: message"
	// Stored is the batch as a consumer gets it, with base offset and leader epoch 0.
	Stored []byte `json:"stored,omitempty"`
}

var rangeOfNow = regexp.MustCompile(`within \[-?\d+, -?\d+\]`)

// maskNow hides the part of a message that depends on the time of the request.
func maskNow(s string) string { return rangeOfNow.ReplaceAllString(s, "within [FROM, TO]") }

// kafkaConn is a connection that sends requests in exactly the version that they say.
type kafkaConn struct {
	t *testing.T
	net.Conn
}

func dialKafka(t *testing.T) *kafkaConn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", *kafkaAddress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &kafkaConn{t, c}
}

func (c *kafkaConn) ask(req kmsg.Request, resp kmsg.Response) {
	c.t.Helper()
	out := kmsg.NewRequestFormatter(kmsg.FormatterClientID("record-cases")).AppendRequest(nil, req, 7)
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.Write(out); err != nil {
		c.t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		c.t.Fatalf("%s: %v", kmsg.NameForKey(req.Key()), err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, body); err != nil {
		c.t.Fatal(err)
	}
	body = body[4:] // correlation ID
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatal(err)
	}
}

func (c *kafkaConn) createTopics() {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 5, 10_000
	for name, topic := range caseTopics {
		rt := kmsg.NewCreateTopicsRequestTopic()
		rt.Topic, rt.NumPartitions, rt.ReplicationFactor = name, 1, 1
		for k, v := range topic.config {
			rc := kmsg.NewCreateTopicsRequestTopicConfig()
			rc.Name, rc.Value = k, new(v)
			rt.Configs = append(rt.Configs, rc)
		}
		req.Topics = append(req.Topics, rt)
	}
	resp := kmsg.NewPtrCreateTopicsResponse()
	c.ask(req, resp)
	for _, topic := range resp.Topics {
		if topic.ErrorCode != 0 && topic.ErrorCode != 36 { // TOPIC_ALREADY_EXISTS
			c.t.Fatalf("create %s: %d", topic.Topic, topic.ErrorCode)
		}
	}
}

func (c *kafkaConn) put(pc produceCase) kafkaAnswer {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = pc.version, -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = pc.topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = pc.records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp := kmsg.NewPtrProduceResponse()
	c.ask(req, resp)
	p := resp.Topics[0].Partitions[0]
	for p.ErrorCode == 3 || p.ErrorCode == 6 { // a topic just created has no leader yet
		c.ask(req, resp)
		p = resp.Topics[0].Partitions[0]
	}
	a := kafkaAnswer{Code: p.ErrorCode}
	if p.ErrorMessage != nil {
		a.Message = new(maskNow(*p.ErrorMessage))
	}
	for _, e := range p.ErrorRecords {
		text := "null"
		if e.ErrorMessage != nil {
			text = maskNow(*e.ErrorMessage)
		}
		a.Records = append(a.Records, fmt.Sprintf("%d: %s", e.RelativeOffset, text))
	}
	if a.Code == 0 {
		a.Stored = c.get(pc.topic, p.BaseOffset)
	}
	return a
}

func (c *kafkaConn) get(topic string, offset int64) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MaxBytes = 11, 1000, 1<<20
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes = offset, 1<<20
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	resp := kmsg.NewPtrFetchResponse()
	c.ask(req, resp)
	b, err := First(resp.Topics[0].Partitions[0].RecordBatches)
	if err != nil {
		c.t.Fatal(err)
	}
	b.SetBaseOffset(0)
	b.SetPartitionLeaderEpoch(0)
	return b
}

// recordAnswers puts the cases to a real broker and keeps what it says.
func recordAnswers(t *testing.T) {
	t.Helper()
	c := dialKafka(t)
	c.createTopics()
	answers := map[string]kafkaAnswer{}
	for _, pc := range produceCases() {
		answers[pc.name] = c.put(pc)
	}
	out, err := json.MarshalIndent(answers, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(answersFile, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// kindCodes are the error codes that the kinds stand for.
var kindCodes = map[Kind]int16{
	KindCorrupt: 2, KindInvalidRecord: 87, KindInvalidTimestamp: 32, KindUnsupportedCodec: 76, KindTooLarge: 10, KindUnreadable: -1,
}

func TestValidateAnswersAsKafka(t *testing.T) {
	if *kafkaAddress != "" {
		recordAnswers(t)
	}
	raw, err := os.ReadFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]kafkaAnswer
	if err := json.Unmarshal(raw, &answers); err != nil {
		t.Fatal(err)
	}
	for _, c := range produceCases() {
		want, ok := answers[c.name]
		if !ok {
			t.Errorf("%s: no answer of Kafka's is on file", c.name)
			continue
		}
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) { compareWithKafka(t, c, want) })
	}
}

// stricter are the cases that Kafka takes, or stumbles over with UNKNOWN_SERVER_ERROR, and we refuse: with
// the kind that we give and why.
var stricter = map[string]struct {
	kind Kind
	why  string
}{
	"frame/length 14":  {KindCorrupt, "Kafka reads beyond the batch"},
	"frame/length 15":  {KindCorrupt, "Kafka reads beyond the batch"},
	"frame/length max": {KindInvalidRecord, "Kafka's sum overflows"},

	"record/length endless": {KindInvalidRecord, "Kafka does not expect this varint to fail"},
	"record/offset -1":      {KindInvalidRecord, whyOffsets},
	"record/offsets 0 0":    {KindInvalidRecord, whyOffsets},
	"record/offsets 0 7":    {KindInvalidRecord, whyOffsets},
	"record/offsets 1 0":    {KindInvalidRecord, whyOffsets},
	"record/offsets 1 2":    {KindInvalidRecord, whyOffsets},

	"topic/zstd topic, offsets 0 5": {KindInvalidRecord, "Kafka repairs offsets when it recompresses"},

	"gzip/offsets 0 2 4":   {KindInvalidRecord, whyRepair},
	"snappy/offsets 0 2 4": {KindInvalidRecord, whyRepair},
	"lz4/offsets 0 2 4":    {KindInvalidRecord, whyRepair},
	"zstd/offsets 0 2 4":   {KindInvalidRecord, whyRepair},
	"gzip/stream twice":    {KindInvalidRecord, whyRepair},
	"snappy/stream twice":  {KindInvalidRecord, whyRepair},
	"zstd/stream twice":    {KindInvalidRecord, whyRepair},
	"lz4/stream twice":     {KindUnreadable, whyTrailing},

	"gzip/record lengths two too large":   {KindInvalidRecord, whyLengths},
	"snappy/record lengths two too large": {KindInvalidRecord, whyLengths},
	"lz4/record lengths two too large":    {KindInvalidRecord, whyLengths},
	"zstd/record lengths two too large":   {KindInvalidRecord, whyLengths},

	"gzip/garbage follows": {KindUnreadable, whyTrailing},
	"gzip/zeros follow":    {KindUnreadable, whyTrailing},
	"lz4/garbage follows":  {KindUnreadable, whyTrailing},
	"lz4/zeros follow":     {KindUnreadable, whyTrailing},
}

const (
	whyOffsets  = "a consumer would see the offsets of other batches"
	whyRepair   = "Kafka wants to repair the offsets and has thrown the records away"
	whyLengths  = "Kafka skips over the records and does not add up their fields; its consumers do"
	whyTrailing = "Kafka stops reading at the end of the stream; other consumers do not"
)

// milder are the cases that Kafka stumbles over and we take, with the reason.
var milder = map[string]string{
	"topic/uncompressed topic, negative timestamp": "Kafka takes it in topics that do not recompress",
}

func compareWithKafka(t *testing.T, c produceCase, want kafkaAnswer) {
	t.Helper()
	sent := append([]byte(nil), c.records...)
	rules := caseRules(c)
	b, err := Validate(sent, rules)
	if s, ok := stricter[c.name]; ok {
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Kind != s.kind {
			t.Errorf("got %v, want %v because %s", err, s.kind, s.why)
		}
		return
	}
	if _, ok := milder[c.name]; ok {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err != nil {
		compareRefusal(t, c, err, want)
		if !bytes.Equal(sent, c.records) {
			t.Error("a refused batch was changed")
		}
		return
	}
	if want.Code != 0 {
		t.Fatalf("taken, Kafka answers %d", want.Code)
	}
	compareStored(t, c, b, Batch(want.Stored))
}

func compareRefusal(t *testing.T, c produceCase, err error, want kafkaAnswer) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error %v is no InvalidError", err)
	}
	if got := kindCodes[invalid.Kind]; got != want.Code {
		t.Errorf("got %d (%v), Kafka answers %d", got, err, want.Code)
	}
	if c.version < 8 {
		return // without texts
	}
	message := ""
	if want.Message != nil {
		message = *want.Message
	}
	if got := maskNow(invalid.Message); got != message {
		t.Errorf("message %q, Kafka's is %q", got, message)
	}
	var records []string
	for _, r := range invalid.Records {
		records = append(records, fmt.Sprintf("%d: %s", r.BatchIndex, maskNow(r.Message)))
	}
	if !slices.Equal(records, want.Records) {
		t.Errorf("records %q, Kafka's are %q", records, want.Records)
	}
	// Kafka sends a text without records only when it fails the whole request.
	if whole := message != "" && len(records) == 0; invalid.WholeRequest != whole {
		t.Errorf("WholeRequest is %v", invalid.WholeRequest)
	}
}

// compareStored brings a validated batch to where the log would have it and compares
// it with what Kafka stored: byte for byte unless both have compressed it.
func compareStored(t *testing.T, c produceCase, b, want Batch) {
	t.Helper()
	topic := caseTopics[c.topic]
	recompressed := topic.recompress && topic.target != b.Attributes().Codec()
	if recompressed {
		var err error
		if b, err = Recompress(b, topic.target, DefaultLevel(topic.target), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	b.SetPartitionLeaderEpoch(0)
	if topic.rules.TimestampType == LogAppendTime {
		b.SetLogAppendTime(want.MaxTimestamp())
	}
	if err := b.VerifyCRC(); err != nil {
		t.Error(err)
	}
	if recompressed {
		compareRecords(t, b, want)
		return
	}
	if !bytes.Equal(b, want) {
		t.Errorf("stored\n%x, by Kafka\n%x", []byte(b), []byte(want))
	}
}

// compareRecords compares what consumers see of two batches.
func compareRecords(t *testing.T, got, want Batch) {
	t.Helper()
	describe := func(b Batch) []string {
		list := []string{fmt.Sprintf("attributes %x, max timestamp %d, last offset %d", b.Attributes(), b.MaxTimestamp(), b.LastOffset())}
		for r, err := range b.Records(1 << 20) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%d %d %q %q", b.RecordOffset(r), b.RecordTimestamp(r), r.Key, r.Value))
		}
		return list
	}
	if g, w := describe(got), describe(want); !slices.Equal(g, w) {
		t.Errorf("got %q, Kafka has %q", g, w)
	}
}

// TestStricterCasesExist keeps the list of deviations from outliving the cases.
func TestStricterCasesExist(t *testing.T) {
	names := map[string]bool{}
	for _, c := range produceCases() {
		names[c.name] = true
	}
	for name := range stricter {
		if !names[name] {
			t.Errorf("no case %q", name)
		}
	}
	for name := range milder {
		if !names[name] {
			t.Errorf("no case %q", name)
		}
	}
}
