package group

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

// TestTransactionScripts plays conversations about offsets in transactions. A producer is named by its ID. Commands of consumer scripts work, too;
// different are:
//
//	txn PRODUCER a0=5 b1=7... [group=g] [epoch=0] [version=5] [member=] [generation=-1] [instance=] [metadata=]
//	end PRODUCER commit|abort [epoch=] [coordinator=0] [transaction-version=0]
//	verify CODE           what the coordinator of transactions says from now on
//	trust on|off          whether it isn't asked about older producers
//	plain a0=5... [group=] an OffsetCommit of nobody
//	offsets a0 a1... [group=] [stable] [version=9]; without partitions all are asked for
//	delete-offsets a0... [group=] / delete-group [group=] / delete-topic a
//	state                 of everything: committed offsets, and pending ones with their producers
//	batches               what was written since the last look
func TestTransactionScripts(t *testing.T) {
	coordinatortest.Play(t, "testdata/transaction/*.txt", newTransactionScript)
}

type transactionScript struct {
	*consumerScript
	verdict wire.ErrorCode
}

func newTransactionScript(t *testing.T) *transactionScript {
	t.Helper()
	s := &transactionScript{consumerScript: newConsumerScript(t)}
	s.verify = s.judge
	s.restart()
	return s
}

// judge is the coordinator of transactions.
func (s *transactionScript) judge(_ context.Context, id string, producerID int64, epoch int16, partition int32, add bool) wire.ErrorCode {
	s.Say("verify %s %d/%d partition %d add=%v: %s", id, producerID, epoch, partition, add, s.verdict)
	return s.verdict
}

// Run runs a command.
func (s *transactionScript) Run(c coordinatortest.Command) {
	a := arguments{c, s.script}
	switch c.Cmd {
	case "txn":
		s.txn(a)
	case "end":
		s.endTransaction(a)
	case "verify":
		s.verdict = codeNamed(s.t, a.Word())
	case "plain":
		s.plain(a)
	case "offsets":
		s.offsets(a)
	case "delete-offsets":
		s.deleteOffsets(a)
	case "delete-group":
		resp := s.c.DeleteGroups(s.ctx, &kmsg.DeleteGroupsRequest{Version: 2, Groups: []string{a.group()}})
		s.Say("%s", wire.ErrorCode(resp.Groups[0].ErrorCode))
	case "delete-topic":
		s.c.TopicsDeleted(a.Words())
	case "state":
		s.state()
	case "batches":
		s.batches()
	case "group":
		s.show(a.group())
	case "trust":
		s.config.TrustProducers = a.Word() == "on"
	default:
		s.consumerScript.Run(c)
	}
}

func codeNamed(t *testing.T, name string) wire.ErrorCode {
	t.Helper()
	for code := wire.ErrorCode(-1); code < 200; code++ {
		if code.String() == name {
			return code
		}
	}
	t.Fatalf("no code %s", name)
	return 0
}

// given are partitions and their offsets, in the order of topics.
func (a arguments) given() (topics []string, partitions map[string][]int32, offsets map[string]int64) {
	partitions, offsets = map[string][]int32{}, map[string]int64{}
	for _, arg := range a.CmdArgs {
		name := strings.TrimRight(arg.Key, "0123456789")
		n, err := strconv.Atoi(arg.Key[len(name):])
		if err != nil || name == "" || name == "-" {
			continue
		}
		if len(arg.Vals) > 0 {
			offsets[arg.Key], err = strconv.ParseInt(arg.Vals[0], 10, 64)
			if err != nil {
				a.s.t.Fatal(a.Pos, err)
			}
		}
		if partitions[name] == nil {
			topics = append(topics, name)
		}
		partitions[name] = append(partitions[name], int32(n))
	}
	return topics, partitions, offsets
}

func (s *transactionScript) txn(a arguments) {
	producer := a.Word()
	id, err := strconv.ParseInt(producer, 10, 64)
	if err != nil {
		s.t.Fatal(a.Pos, err)
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.ProducerID, req.ProducerEpoch = int16(a.Number("version", 5)), a.group(), id, int16(a.Number("epoch", 0))
	req.TransactionalID = "txn-" + producer
	req.MemberID, req.Generation = a.Text("member", ""), int32(a.Number("generation", -1))
	if c := s.clients[req.MemberID]; c != nil {
		req.MemberID = c.id
	}
	req.InstanceID = a.Optional("instance", nil)
	topics, partitions, offsets := a.given()
	for _, name := range topics {
		t := kmsg.TxnOffsetCommitRequestTopic{Topic: name}
		if req.Version >= txnOffsetCommitTopicIDs {
			t.Topic, t.TopicID = "", topicNamed(name)
		}
		for _, n := range partitions[name] {
			p := kmsg.TxnOffsetCommitRequestTopicPartition{Partition: n, Offset: offsets[name+strconv.Itoa(int(n))], LeaderEpoch: -1}
			if size := a.Number("metadata", 0); size > 0 {
				p.Metadata = new(strings.Repeat("m", int(size)))
			}
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp := s.c.TxnOffsetCommit(s.ctx, req)
	text := producer + ":"
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			text += fmt.Sprintf(" %s%d %s", cmp.Or(t.Topic, nameOf(t.TopicID)), p.Partition, wire.ErrorCode(p.ErrorCode))
		}
	}
	s.Say("%s", text)
}

func (s *transactionScript) endTransaction(a arguments) {
	words := a.Words()
	id, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		s.t.Fatal(a.Pos, err)
	}
	s.c.WriteMarker(0, id, int16(a.Number("epoch", 0)), int32(a.Number("coordinator", 0)), int16(a.Number("transaction-version", 0)), words[1] == "commit",
		func(err error) { s.Say("%s ended: %v", words[0], err) })
}

func (s *transactionScript) plain(a arguments) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation = 9, a.group(), -1
	topics, partitions, offsets := a.given()
	for _, name := range topics {
		t := kmsg.OffsetCommitRequestTopic{Topic: name}
		for _, n := range partitions[name] {
			t.Partitions = append(t.Partitions, kmsg.OffsetCommitRequestTopicPartition{Partition: n, Offset: offsets[name+strconv.Itoa(int(n))], LeaderEpoch: -1})
		}
		req.Topics = append(req.Topics, t)
	}
	resp := commitOffsets(s.ctx, s.c, req)
	s.Say("committed: %s", wire.ErrorCode(resp.Topics[0].Partitions[0].ErrorCode))
}

func (s *transactionScript) offsets(a arguments) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = int16(a.Number("version", 9)), slices.Contains(a.Words(), "stable")
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = a.group()
	topics, partitions, _ := a.given()
	for _, name := range topics {
		g.Topics = append(g.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: name, TopicID: topicNamed(name), Partitions: partitions[name]})
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: name, Partitions: partitions[name]})
	}
	req.Group, req.Groups = g.Group, []kmsg.OffsetFetchRequestGroup{g}
	s.Say("%s", fetched(s.c.OffsetFetch(s.ctx, req)))
}

func (s *transactionScript) deleteOffsets(a arguments) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = a.group()
	topics, partitions, _ := a.given()
	for _, name := range topics {
		t := kmsg.OffsetDeleteRequestTopic{Topic: name}
		for _, n := range partitions[name] {
			t.Partitions = append(t.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: n})
		}
		req.Topics = append(req.Topics, t)
	}
	resp := s.c.OffsetDelete(s.ctx, req)
	text := wire.ErrorCode(resp.ErrorCode).String()
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			text += fmt.Sprintf(" %s%d %s", t.Topic, p.Partition, wire.ErrorCode(p.ErrorCode))
		}
	}
	s.Say("%s", text)
}

func (s *transactionScript) state() {
	text := "nothing"
	look(s.t, s.c, "", func(shard *Shard) {
		if len(shard.groups) > 0 {
			text = stateText(shard)
		}
	})
	s.Say("%s", text)
}

// stateText is everything about offsets in a shard, a line for each group.
func stateText(shard *Shard) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(shard.groups)) {
		line := fmt.Sprintf("%s %s %s:", shard.groups[id].kind(), id, shard.groups[id].stateName())
		for _, t := range shard.offsets[id] {
			for _, p := range t.partitions {
				line += fmt.Sprintf(" %s%d=%d", t.topic.Value(), p.partition, p.Offset)
			}
		}
		var pending []string
		for _, all := range shard.pending.byGroup[id] {
			for _, o := range all {
				p := fmt.Sprintf("%s%d=%d of %d", o.place.topic.Value(), o.place.partition, o.commit.Offset, o.producerID)
				if o.overtaken {
					p += " overtaken"
				}
				pending = append(pending, p)
			}
		}
		if slices.Sort(pending); len(pending) > 0 {
			line += " pending " + strings.Join(pending, ", ")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// batches prints what is new in the log.
func (s *transactionScript) batches() {
	p, err := s.log.Partition(0)
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	coordinatortest.EachBatch(s.t, p, &s.read, func(b record.Batch) { lines = append(lines, s.batchText(b)) })
	s.Say("%s", strings.Join(lines, "\n"))
}

func (s *transactionScript) batchText(b record.Batch) string {
	text := strconv.FormatInt(b.BaseOffset(), 10)
	if b.Attributes().IsTransactional() {
		text += fmt.Sprintf(" producer=%d/%d sequence=%d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	}
	if b.Attributes().IsControl() {
		m, err := b.Marker()
		if err != nil {
			return text + " empty"
		}
		return fmt.Sprintf("%s %s coordinator=%d", text, m.Type, m.CoordinatorEpoch)
	}
	for r, err := range b.Records(record.DefaultLimit(len(b))) {
		if err != nil {
			s.t.Fatal(err)
		}
		switch r := mustDecode(s.t, r.Key, r.Value).(type) {
		case *OffsetRecord:
			if r.Commit == nil {
				text += fmt.Sprintf(" %s/%s%d deleted", r.Group, r.Topic, r.Partition)
				continue
			}
			text += fmt.Sprintf(" %s/%s%d=%d", r.Group, r.Topic, r.Partition, r.Commit.Offset)
			if r.Commit.TopicID != topicNamed(r.Topic) {
				text += fmt.Sprintf(" id=%x", r.Commit.TopicID)
			}
		default:
			text += " " + s.recordText(r)
		}
	}
	return text
}
