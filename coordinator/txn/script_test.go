package txn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/coordinator/coordinatortest"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/vfs"
	"github.com/clatterhq/clatter/wire"
)

// TestScripts plays conversations with a coordinator. Each command prints what was answered and which markers were written until nothing
// moves any more; time passes with "wait" only. A producer is named by its first word, and keeps what it was told; its transactional ID
// is tx unless id= says so. pid= and epoch= replace what it knows.
//
//	init PRODUCER [version=5] [timeout=60s] [recover]      recover: it tells what it has (KIP-360)
//	add PRODUCER TOPIC:PARTITION... [version=3]            4 and later are for brokers; verify asks only
//	offsets PRODUCER GROUP [version=3]
//	verify PRODUCER TOPIC:PARTITION... [add]               what Produce asks
//	commit|abort PRODUCER [version=5]
//	describe ID...
//	list [version=2] [states=A,B] [pids=1,2] [duration=1s] [pattern=]
//	markers hold|write|drop|full|fenced|old|gone [TOPIC:PARTITION]     of one partition alone
//	ids on|off
//	version LEVEL         of the feature transaction.version
//	load tx STATE PID/EPOCH [last=] [previous=] [next=] [version=] [partitions=t:0,t:1]      writes a record as another coordinator
//	wait DURATION
//	full on|off           the disk
//	broken on|off         the disk: it doesn't write any more
//	restart               of the coordinator
//	delay DURATION        of Complete records, from the next restart on
//	records               what was written since the last look
func TestScripts(t *testing.T) {
	coordinatortest.Play(t, "testdata/*.txt", newScript)
}

// script is one conversation.
type script struct {
	coordinatortest.Lines

	t         *testing.T
	ctx       context.Context
	cancel    context.CancelFunc
	log       *testLog
	disk      coordinatortest.Disk
	version   atomic.Int32
	markers   *testMarkers
	ids       *testIDs
	c         *Coordinator
	read      int64 // up to this offset of the log
	delay     time.Duration
	producers map[string]*scriptProducer
}

// scriptProducer is what a producer knows.
type scriptProducer struct {
	id    int64
	epoch int16
}

func newScript(t *testing.T) *script {
	t.Helper()
	s := &script{t: t, producers: map[string]*scriptProducer{}, markers: &testMarkers{}, ids: &testIDs{}}
	s.version.Store(2)
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.log = openLog(t, vfs.NewMemory(), 1)
	s.log.Wrap = s.disk.Wrap
	s.start()
	return s
}

func (s *script) start() {
	o := testOptions(s.log)
	o.Markers, o.ProducerIDs, o.Version = s.markers, s.ids, func() int16 { return int16(s.version.Load()) }
	o.CompleteDelay = s.delay
	s.c = New(o)
	s.c.Load()
}

// End ends it.
func (s *script) End() {
	s.cancel()
	stop(s.t, s.c)
	s.log.Close(s.t)
}

// Heard is what was said, and below it the markers that were written.
func (s *script) Heard() string {
	said, markers := s.Lines.Heard(), strings.Join(sorted(s.markers.take()), "\n")
	switch {
	case markers == "":
		return said
	case said == "nothing":
		return markers
	}
	return said + "\n" + markers
}

// arguments are those of one command.
type arguments struct {
	coordinatortest.Command
	s *script
}

// has takes a word out of the arguments.
func has(words []string, word string) ([]string, bool) {
	for i, w := range words {
		if w == word {
			return append(words[:i:i], words[i+1:]...), true
		}
	}
	return words, false
}

func (a arguments) partitions(words []string) []TopicPartition {
	var all []TopicPartition
	for _, w := range words {
		topic, number, _ := strings.Cut(w, ":")
		first, last, many := strings.Cut(number, "..")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && many {
			to, err = strconv.Atoi(last)
		}
		if err != nil {
			a.s.t.Fatal(a.Pos, err)
		}
		for ; from <= to; from++ {
			all = append(all, TopicPartition{topic, int32(from)})
		}
	}
	return all
}

func (a arguments) id() string {
	if id := a.Text("id", "tx"); id != "none" {
		return id
	}
	return ""
}

// producer is the one that the command is about, and its own values or those that replace them.
func (a arguments) producer() (name string, p *scriptProducer, id int64, epoch int16) {
	name = a.CmdArgs[0].Key
	p = a.s.producers[name]
	if p == nil {
		p = &scriptProducer{-1, -1}
		a.s.producers[name] = p
	}
	return name, p, a.Number("pid", p.id), int16(a.Number("epoch", int64(p.epoch)))
}

// Run runs a command.
func (s *script) Run(c coordinatortest.Command) {
	a := arguments{c, s}
	switch c.Cmd {
	case "init":
		s.init(a)
	case "add":
		s.add(a)
	case "offsets":
		s.offsets(a)
	case "verify":
		s.verify(a)
	case "commit", "abort":
		s.finish(a, c.Cmd == "commit")
	case "describe":
		s.describe(a)
	case "list":
		s.list(a)
	case "load":
		s.load(a)
	case "records":
		p, err := s.log.Partition(0)
		if err != nil {
			s.t.Fatal(err)
		}
		for i, r := range recordsFrom(s.t, p, &s.read) {
			s.Say("%03d %s", i, textOf(r, time.Now().UnixMilli()))
		}
	default:
		s.control(a)
	}
}

// control is those commands that change the world around the coordinator.
func (s *script) control(a arguments) {
	word := ""
	if words := a.Words(); len(words) > 0 {
		word = words[0]
	}
	switch a.Cmd {
	case "markers":
		s.markers.about(a.partitions(a.Words()[1:]))
		switch word {
		case "hold":
			s.markers.set(true, nil)
		case "write":
			s.markers.set(false, nil)
		case "drop":
			s.markers.drop()
		case "full":
			s.markers.set(false, logstore.ErrDiskFull)
		case "fenced":
			s.markers.set(false, logstore.ErrCoordinatorFenced)
		case "old":
			s.markers.set(false, logstore.ErrInvalidProducerEpoch)
		case "gone":
			s.markers.set(false, logstore.ErrUnknownPartition)
		}
	case "ids":
		s.ids.err.Store(nil)
		if word == "off" {
			s.ids.err.Store(new(errors.New("no ids")))
		}
	case "version":
		level, _ := strconv.Atoi(word)
		s.version.Store(int32(level))
	case "wait":
		time.Sleep(a.Duration(word))
	case "delay":
		s.delay = a.Duration(word)
	case "full":
		s.disk.Full.Store(word == "on")
	case "broken":
		s.disk.Broken.Store(word == "on")
	case "restart":
		stop(s.t, s.c)
		s.start()
	default:
		s.t.Fatalf("%s: unknown command %s", a.Pos, a.Cmd)
	}
}

func (s *script) init(a arguments) {
	name, p, id, epoch := a.producer()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID = int16(a.Number("version", 5)), new(a.id())
	req.TransactionTimeoutMillis = int32(a.Duration(a.Text("timeout", "60s")) / time.Millisecond)
	req.ProducerID, req.ProducerEpoch = a.Number("pid", -1), int16(a.Number("epoch", -1))
	if _, recovers := has(a.Words(), "recover"); recovers {
		req.ProducerID, req.ProducerEpoch = id, epoch
	}
	go func() {
		resp := s.c.InitProducerID(s.ctx, req)
		text := fmt.Sprintf("%s: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 {
			p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			text += fmt.Sprintf(" %d/%d", p.id, p.epoch)
		}
		s.Say("%s", text)
	}()
}

func (s *script) add(a arguments) {
	name, _, id, epoch := a.producer()
	words, verify := has(a.Words()[1:], "verify")
	all := a.partitions(words)
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = int16(a.Number("version", 3))
	if req.Version < 4 {
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = a.id(), id, epoch
		for _, p := range all {
			req.Topics = append(req.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: p.Topic, Partitions: []int32{p.Partition}})
		}
	} else {
		t := kmsg.AddPartitionsToTxnRequestTransaction{TransactionalID: a.id(), ProducerID: id, ProducerEpoch: epoch, VerifyOnly: verify}
		for _, p := range all {
			t.Topics = append(t.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: p.Topic, Partitions: []int32{p.Partition}})
		}
		req.Transactions = append(req.Transactions, t)
	}
	go func() {
		resp := s.c.AddPartitionsToTxn(s.ctx, req)
		text := name + ":"
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s:%d=%s", t.Topic, p.Partition, wire.ErrorCode(p.ErrorCode))
			}
		}
		for _, x := range resp.Transactions {
			text += fmt.Sprintf(" (%s)", x.TransactionalID)
			for _, t := range x.Topics {
				for _, p := range t.Partitions {
					text += fmt.Sprintf(" %s:%d=%s", t.Topic, p.Partition, wire.ErrorCode(p.ErrorCode))
				}
			}
		}
		if len(text) > 400 {
			text = text[:400] + "..."
		}
		s.Say("%s", text)
	}()
}

func (s *script) offsets(a arguments) {
	name, _, id, epoch := a.producer()
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.Version, req.Group = int16(a.Number("version", 3)), a.Words()[1]
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = a.id(), id, epoch
	go func() { s.Say("%s: %s", name, wire.ErrorCode(s.c.AddOffsetsToTxn(s.ctx, req).ErrorCode)) }()
}

func (s *script) verify(a arguments) {
	name, _, id, epoch := a.producer()
	words, add := has(a.Words()[1:], "add")
	all := a.partitions(words)
	go func() {
		text := name + ":"
		for i, code := range s.c.Verify(s.ctx, a.id(), id, epoch, all, add) {
			text += fmt.Sprintf(" %s:%d=%s", all[i].Topic, all[i].Partition, code)
		}
		s.Say("%s", text)
	}()
}

func (s *script) finish(a arguments, commit bool) {
	name, p, id, epoch := a.producer()
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID = int16(a.Number("version", 5)), a.id()
	req.ProducerID, req.ProducerEpoch, req.Commit = id, epoch, commit
	_, deaf := has(a.Words(), "deaf") // It doesn't hear the answer.
	go func() {
		resp := s.c.EndTxn(s.ctx, req)
		text := fmt.Sprintf("%s: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 && req.Version >= 5 {
			text += fmt.Sprintf(" %d/%d", resp.ProducerID, resp.ProducerEpoch)
			if !deaf {
				p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			}
		}
		s.Say("%s", text)
	}()
}

func (s *script) describe(a arguments) {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	for _, id := range a.Words() {
		if id == "none" {
			id = ""
		}
		req.TransactionalIDs = append(req.TransactionalIDs, id)
	}
	for _, d := range s.c.DescribeTransactions(s.ctx, req).TransactionStates {
		text := fmt.Sprintf("%q: %s", d.TransactionalID, wire.ErrorCode(d.ErrorCode))
		if d.ErrorCode == 0 {
			open := int64(-1)
			if d.StartTimestamp >= 0 {
				open = time.Now().UnixMilli() - d.StartTimestamp
			}
			text += fmt.Sprintf(" %s %d/%d timeout=%d open=%d", d.State, d.ProducerID, d.ProducerEpoch, d.TimeoutMillis, open)
		}
		for _, t := range d.Topics {
			text += fmt.Sprintf(" %s:%v", t.Topic, t.Partitions)
		}
		s.Say("%s", text)
	}
}

func (s *script) list(a arguments) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = int16(a.Number("version", 2))
	if states := a.Text("states", ""); states != "" {
		req.StateFilters = strings.Split(states, ",")
	}
	for pid := range strings.SplitSeq(a.Text("pids", ""), ",") {
		if n, err := strconv.ParseInt(pid, 10, 64); err == nil {
			req.ProducerIDFilters = append(req.ProducerIDFilters, n)
		}
	}
	req.DurationFilterMillis = -1
	if d := a.Text("duration", ""); d != "" {
		req.DurationFilterMillis = a.Duration(d).Milliseconds()
	}
	if p := a.Text("pattern", ""); p != "" {
		req.TransactionalIDPattern = &p
	}
	resp := s.c.ListTransactions(s.ctx, req)
	s.Say("%s unknown states: %v", wire.ErrorCode(resp.ErrorCode), resp.UnknownStateFilters)
	for _, l := range resp.TransactionStates {
		s.Say("listed %s %d %s", l.TransactionalID, l.ProducerID, l.TransactionState)
	}
}

// load writes a record and loads it.
func (s *script) load(a arguments) {
	words := a.Words()
	state := State(-1)
	for i, name := range stateNames {
		if name == words[1] {
			state = State(i)
		}
	}
	m := newMetadata(0)
	if _, err := fmt.Sscanf(words[2], "%d/%d", &m.ProducerID, &m.ProducerEpoch); err != nil {
		s.t.Fatal(a.Pos, err)
	}
	m.State, m.TimeoutMs, m.LastUpdateMs = state, 60_000, time.Now().UnixMilli()
	m.LastProducerEpoch, m.PreviousProducerID = int16(a.Number("last", -1)), a.Number("previous", -1)
	m.NextProducerID, m.ClientVersion = a.Number("next", -1), int16(a.Number("version", 0))
	if p := a.Text("partitions", ""); p != "" {
		m.Partitions = partitionsOf(a.partitions(strings.Split(p, ",")))
	}
	if state != Empty {
		m.StartMs = m.LastUpdateMs
	}
	if code := s.write(Record{ID: words[0], Metadata: m}); code != wire.None {
		s.t.Fatal(a.Pos, code)
	}
	stop(s.t, s.c)
	s.start()
}

// write has a shard write a record that nobody decided on.
func (s *script) write(r Record) wire.ErrorCode {
	return s.c.codes.ask(s.ctx, s.c, question[addition, wire.ErrorCode]{
		id: r.ID,
		decide: func(*Shard, *addition, *Metadata) verdict[wire.ErrorCode] {
			return verdict[wire.ErrorCode]{next: r.Metadata, changes: true}
		},
		refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
	})
}
