package txn

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

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
//	markers hold|write|drop|full|fenced|old
//	ids on|off
//	version LEVEL         of the feature transaction.version
//	load tx STATE PID/EPOCH [last=] [previous=] [next=] [version=] [partitions=t:0,t:1]      writes a record as another coordinator
//	wait DURATION
//	full on|off           the disk
//	broken on|off         the disk: it doesn't write any more
//	restart               of the coordinator
//	records               what was written since the last look
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				defer s.end()
				datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
					s.run(d)
					synctest.Wait()
					return s.heard()
				})
			})
		})
	}
}

// script is one conversation.
type script struct {
	t         *testing.T
	ctx       context.Context
	cancel    context.CancelFunc
	log       *testLog
	full      atomic.Bool
	broken    atomic.Bool
	version   atomic.Int32
	markers   *testMarkers
	ids       *testIDs
	c         *Coordinator
	read      int64 // up to this offset of the log
	producers map[string]*scriptProducer

	mu    sync.Mutex
	lines []string
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
	s.log.wrap = func(p logstore.Partition) logstore.Partition { return &fullPartition{p, &s.full, &s.broken} }
	s.start()
	return s
}

func (s *script) start() {
	o := testOptions(s.log)
	o.Markers, o.ProducerIDs, o.Version = s.markers, s.ids, func() int16 { return int16(s.version.Load()) }
	s.c = New(o)
	s.c.Load()
}

func (s *script) end() {
	s.cancel()
	stop(s.t, s.c)
	s.log.close(s.t)
}

func (s *script) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// heard is everything that was said, in an order that doesn't depend on goroutines.
func (s *script) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := append(sorted(s.lines), sorted(s.markers.take())...)
	s.lines = nil
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "\n")
}

// arguments are those of one command.
type arguments struct {
	*datadriven.TestData
	s *script
}

func (a arguments) text(key, fallback string) string {
	for _, arg := range a.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			return strings.Join(arg.Vals, ",")
		}
	}
	return fallback
}

func (a arguments) number(key string, fallback int64) int64 {
	n, err := strconv.ParseInt(a.text(key, strconv.FormatInt(fallback, 10)), 10, 64)
	if err != nil {
		a.s.t.Fatal(a.Pos, err)
	}
	return n
}

func (a arguments) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		a.s.t.Fatal(a.Pos, err)
	}
	return d
}

// words are the arguments without a value.
func (a arguments) words() []string {
	var words []string
	for _, arg := range a.CmdArgs {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	return words
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
	if id := a.text("id", "tx"); id != "none" {
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
	return name, p, a.number("pid", p.id), int16(a.number("epoch", int64(p.epoch)))
}

func (s *script) run(d *datadriven.TestData) {
	a := arguments{d, s}
	switch d.Cmd {
	case "init":
		s.init(a)
	case "add":
		s.add(a)
	case "offsets":
		s.offsets(a)
	case "verify":
		s.verify(a)
	case "commit", "abort":
		s.finish(a, d.Cmd == "commit")
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
			s.say("%03d %s", i, textOf(r, time.Now().UnixMilli()))
		}
	default:
		s.control(a)
	}
}

// control is those commands that change the world around the coordinator.
func (s *script) control(a arguments) {
	word := ""
	if words := a.words(); len(words) > 0 {
		word = words[0]
	}
	switch a.Cmd {
	case "markers":
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
		time.Sleep(a.duration(word))
	case "full":
		s.full.Store(word == "on")
	case "broken":
		s.broken.Store(word == "on")
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
	req.Version, req.TransactionalID = int16(a.number("version", 5)), new(a.id())
	req.TransactionTimeoutMillis = int32(a.duration(a.text("timeout", "60s")) / time.Millisecond)
	req.ProducerID, req.ProducerEpoch = a.number("pid", -1), int16(a.number("epoch", -1))
	if _, recovers := has(a.words(), "recover"); recovers {
		req.ProducerID, req.ProducerEpoch = id, epoch
	}
	go func() {
		resp := s.c.InitProducerID(s.ctx, req)
		text := fmt.Sprintf("%s: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 {
			p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			text += fmt.Sprintf(" %d/%d", p.id, p.epoch)
		}
		s.say("%s", text)
	}()
}

func (s *script) add(a arguments) {
	name, _, id, epoch := a.producer()
	words, verify := has(a.words()[1:], "verify")
	all := a.partitions(words)
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = int16(a.number("version", 3))
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
		s.say("%s", text)
	}()
}

func (s *script) offsets(a arguments) {
	name, _, id, epoch := a.producer()
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.Version, req.Group = int16(a.number("version", 3)), a.words()[1]
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = a.id(), id, epoch
	go func() { s.say("%s: %s", name, wire.ErrorCode(s.c.AddOffsetsToTxn(s.ctx, req).ErrorCode)) }()
}

func (s *script) verify(a arguments) {
	name, _, id, epoch := a.producer()
	words, add := has(a.words()[1:], "add")
	all := a.partitions(words)
	go func() {
		text := name + ":"
		for i, code := range s.c.Verify(s.ctx, a.id(), id, epoch, all, add) {
			text += fmt.Sprintf(" %s:%d=%s", all[i].Topic, all[i].Partition, code)
		}
		s.say("%s", text)
	}()
}

func (s *script) finish(a arguments, commit bool) {
	name, p, id, epoch := a.producer()
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID = int16(a.number("version", 5)), a.id()
	req.ProducerID, req.ProducerEpoch, req.Commit = id, epoch, commit
	_, deaf := has(a.words(), "deaf") // It doesn't hear the answer.
	go func() {
		resp := s.c.EndTxn(s.ctx, req)
		text := fmt.Sprintf("%s: %s", name, wire.ErrorCode(resp.ErrorCode))
		if resp.ErrorCode == 0 && req.Version >= 5 {
			text += fmt.Sprintf(" %d/%d", resp.ProducerID, resp.ProducerEpoch)
			if !deaf {
				p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			}
		}
		s.say("%s", text)
	}()
}

func (s *script) describe(a arguments) {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	for _, id := range a.words() {
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
		s.say("%s", text)
	}
}

func (s *script) list(a arguments) {
	req := kmsg.NewPtrListTransactionsRequest()
	req.Version = int16(a.number("version", 2))
	if states := a.text("states", ""); states != "" {
		req.StateFilters = strings.Split(states, ",")
	}
	for pid := range strings.SplitSeq(a.text("pids", ""), ",") {
		if n, err := strconv.ParseInt(pid, 10, 64); err == nil {
			req.ProducerIDFilters = append(req.ProducerIDFilters, n)
		}
	}
	req.DurationFilterMillis = -1
	if d := a.text("duration", ""); d != "" {
		req.DurationFilterMillis = a.duration(d).Milliseconds()
	}
	if p := a.text("pattern", ""); p != "" {
		req.TransactionalIDPattern = &p
	}
	resp := s.c.ListTransactions(s.ctx, req)
	s.say("%s unknown states: %v", wire.ErrorCode(resp.ErrorCode), resp.UnknownStateFilters)
	for _, l := range resp.TransactionStates {
		s.say("listed %s %d %s", l.TransactionalID, l.ProducerID, l.TransactionState)
	}
}

// load writes a record and loads it.
func (s *script) load(a arguments) {
	words := a.words()
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
	m.LastProducerEpoch, m.PreviousProducerID = int16(a.number("last", -1)), a.number("previous", -1)
	m.NextProducerID, m.ClientVersion = a.number("next", -1), int16(a.number("version", 0))
	if p := a.text("partitions", ""); p != "" {
		m.Partitions = partitionsOf(a.partitions(strings.Split(p, ",")))
	}
	if state != Empty {
		m.StartMs = m.LastUpdateMs
	}
	if code := s.write(&Record{words[0], m}); code != wire.None {
		s.t.Fatal(a.Pos, code)
	}
	stop(s.t, s.c)
	s.start()
}

// write has a shard write a record that nobody decided on.
func (s *script) write(r *Record) wire.ErrorCode {
	return s.c.codes.ask(s.ctx, s.c, question[wire.ErrorCode]{
		id:      r.ID,
		decide:  func(*Shard, *Metadata) verdict[wire.ErrorCode] { return verdict[wire.ErrorCode]{next: r.Metadata} },
		refused: func(code wire.ErrorCode) wire.ErrorCode { return code },
	})
}
