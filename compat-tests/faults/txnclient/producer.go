package txnclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// Settings shape a producer.
type Settings struct {
	Addr      string // host:port of the broker, or of a proxy before it
	ID        string // transactional id
	Version   int    // of transactions, as the client knows them: 1 or 2
	TimeoutMs int32  // of transactions; a minute by default
	// AnswerTimeout is after how long the client asks again, on a new connection; 5 s by default.
	AnswerTimeout time.Duration
	// Sent is told of each request when it has left.
	Sent func(key int16)
	// Lose is told of each answer that has come, and says whether the client must not get to know it, as if the broker had died first. It may block.
	Lose  func(kmsg.Response) bool
	Codes *Codes // nil: nobody counts
}

// Partition is a partition of a topic.
type Partition struct {
	Topic  string
	Number int32
}

// Producer is one transactional producer.
type Producer struct {
	settings Settings
	conn     *rawconn.Conn
	id       int64
	epoch    int16
	sequence map[Partition]int32
	added    map[Partition]bool
	group    bool // offsets of a group are part of the transaction
	touched  bool // something was sent that may have begun a transaction
}

// pause is how long the client waits before it asks again.
const pause = 10 * time.Millisecond

// New makes a producer that has asked nothing yet.
func New(s Settings) *Producer {
	if s.TimeoutMs == 0 {
		s.TimeoutMs = 60_000
	}
	if s.AnswerTimeout == 0 {
		s.AnswerTimeout = 5 * time.Second
	}
	return &Producer{settings: s, id: -1, epoch: -1}
}

// Clone is the producer as it is now, on no connection.
func (p *Producer) Clone() *Producer {
	c := *p
	c.conn, c.sequence, c.added = nil, maps.Clone(p.sequence), maps.Clone(p.added)
	return &c
}

// ID is the producer id and epoch that the broker has given last.
func (p *Producer) ID() (int64, int16) { return p.id, p.epoch }

// Close breaks the connection, as the death of the client does.
func (p *Producer) Close() {
	if p.conn != nil {
		_ = p.conn.Close() // It may be broken already.
		p.conn = nil
	}
}

func (p *Producer) bumps() bool { return p.settings.Version >= 2 }

// version is of a request that has one for clients of each version of transactions.
func (p *Producer) version(one, two int16) int16 {
	if p.bumps() {
		return two
	}
	return one
}

// do sends a request until it is answered, or the context done.
func (p *Producer) do(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	for {
		if err := ctx.Err(); err != nil {
			p.Close() // What is under way must not be answered to the next request.
			return nil, err
		}
		resp, err := p.try(ctx, req)
		if err == nil {
			return resp, nil
		}
		p.Close()
		if errors.Is(err, rawconn.ErrFrame) {
			return nil, err
		}
		sleep(ctx)
	}
}

func sleep(ctx context.Context) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

func (p *Producer) try(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if p.conn == nil {
		conn, err := rawconn.Dial(ctx, p.settings.Addr)
		if err != nil {
			return nil, err
		}
		p.conn = conn
	}
	id, client := p.conn.NextCorrelationID(), "txnclient"
	if err := p.conn.WriteFrame(rawconn.Frame(req, id, &client)); err != nil {
		return nil, err
	}
	if p.settings.Sent != nil {
		p.settings.Sent(req.Key())
	}
	limit := p.settings.AnswerTimeout
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	frame, err := p.conn.ReadFrame(limit)
	if err != nil {
		return nil, err
	}
	body, err := rawconn.Body(frame, id, rawconn.FlexibleHeader(req))
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %w", rawconn.ErrFrame, err)
	}
	if p.settings.Lose != nil && p.settings.Lose(resp) {
		return nil, errLost
	}
	return resp, nil
}

// ask sends a request as long as its code says that it is worth it. codeOf finds the code of an answer.
func (p *Producer) ask(ctx context.Context, req kmsg.Request, codeOf func(kmsg.Response) (int16, bool)) error {
	name := kmsg.NameForKey(req.Key())
	for {
		resp, err := p.do(ctx, req)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		code, ok := codeOf(resp)
		if !ok {
			return fmt.Errorf("%s: %w", name, ErrProtocol)
		}
		p.settings.Codes.add(name, code)
		switch {
		case code == 0:
			return nil
		case !retriable[code]:
			return &CodeError{Request: name, Code: code}
		}
		sleep(ctx)
	}
}

// Init takes the transactional id: whatever was open under it is aborted first.
func (p *Producer) Init(ctx context.Context) error { return p.init(ctx, -1, -1) }

// Renew goes on with the next epoch, as clients of version 1 do when they can't know what became of what they sent (KIP-360).
func (p *Producer) Renew(ctx context.Context) error { return p.init(ctx, p.id, p.epoch) }

func (p *Producer) init(ctx context.Context, id int64, epoch int16) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis = p.version(4, 5), &p.settings.ID, p.settings.TimeoutMs
	req.ProducerID, req.ProducerEpoch = id, epoch
	return p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.InitProducerIDResponse)
		if ok && resp.ErrorCode == 0 {
			p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			p.reset()
			p.sequence = map[Partition]int32{}
		}
		return resp.ErrorCode, ok
	})
}

// reset forgets the transaction.
func (p *Producer) reset() {
	p.added, p.group, p.touched = map[Partition]bool{}, false, false
}

// Batch is records for one partition.
type Batch struct {
	To      Partition
	Records []Record
}

// Send writes records to a partition in one batch, as a part of the transaction. If the context is done first, the caller can't know
// whether they are there: it must call Abandon.
func (p *Producer) Send(ctx context.Context, to Partition, records ...Record) error {
	return p.SendTogether(ctx, Batch{to, records})
}

// SendTogether is Send for several partitions in one request. One that is refused for good doesn't keep the others from being written.
func (p *Producer) SendTogether(ctx context.Context, batches ...Batch) error {
	p.touched = true
	for _, b := range batches {
		if err := p.add(ctx, b.To); err != nil {
			return err
		}
	}
	for len(batches) > 0 {
		var err error
		if batches, err = p.produce(ctx, batches); err != nil {
			return err
		}
	}
	return nil
}

// produce asks until one of the batches is written at least, and returns the others.
func (p *Producer) produce(ctx context.Context, batches []Batch) (left []Batch, err error) {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.TransactionID, req.Acks, req.TimeoutMillis = p.version(11, 12), &p.settings.ID, -1, 30_000
	for _, b := range batches {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = b.To.Topic
		partition := kmsg.NewProduceRequestTopicPartition()
		partition.Partition, partition.Records = b.To.Number, batch(p.id, p.epoch, p.sequence[b.To], b.Records)
		topic.Partitions = append(topic.Partitions, partition)
		req.Topics = append(req.Topics, topic)
	}
	err = p.ask(ctx, req, func(r kmsg.Response) (code int16, ok bool) {
		resp, ok := r.(*kmsg.ProduceResponse)
		if !ok {
			return 0, false
		}
		left, code, ok = unwritten(batches, resp)
		return code, ok
	})
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if !slices.ContainsFunc(left, func(l Batch) bool { return l.To == b.To }) {
			p.sequence[b.To] += int32(len(b.Records))
		}
	}
	return left, nil
}

// unwritten are the batches to be sent again. The code is that of one of them if none was written, or one that asking again won't change.
func unwritten(batches []Batch, resp *kmsg.ProduceResponse) (left []Batch, code int16, ok bool) {
	codes := map[Partition]int16{}
	for _, t := range resp.Topics { // In any order.
		for _, partition := range t.Partitions {
			codes[Partition{t.Topic, partition.Partition}] = partition.ErrorCode
		}
	}
	if len(codes) != len(batches) {
		return nil, 0, false
	}
	for _, b := range batches {
		told, ok := codes[b.To]
		switch {
		case !ok:
			return nil, 0, false
		case told == 0 || told == kerr.DuplicateSequenceNumber.Code: // It is there.
		case !retriable[told]:
			return nil, told, true
		default:
			left, code = append(left, b), told
		}
	}
	if len(left) < len(batches) {
		code = 0
	}
	return left, code, true
}

// add makes a partition part of the transaction. Version 2 leaves that to the broker.
func (p *Producer) add(ctx context.Context, to Partition) error {
	if p.bumps() || p.added[to] {
		return nil
	}
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch = 3, p.settings.ID, p.id, p.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: to.Topic, Partitions: []int32{to.Number}}}
	err := p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.AddPartitionsToTxnResponse)
		if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return 0, false
		}
		return resp.Topics[0].Partitions[0].ErrorCode, true
	})
	if err == nil {
		p.added[to] = true
	}
	return err
}

// Commit commits the transaction. If the context is done first, or the producer fenced, the caller can't know how it ended.
func (p *Producer) Commit(ctx context.Context) error { return p.end(ctx, true) }

// Abort aborts the transaction.
func (p *Producer) Abort(ctx context.Context) error { return p.end(ctx, false) }

func (p *Producer) end(ctx context.Context, commit bool) error {
	if !p.touched {
		return nil // Clients don't ask for what nothing came of.
	}
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.version(4, 5), p.settings.ID, p.id, p.epoch, commit
	err := p.ask(ctx, req, func(r kmsg.Response) (int16, bool) {
		resp, ok := r.(*kmsg.EndTxnResponse)
		if ok && resp.ErrorCode == 0 && p.bumps() {
			p.id, p.epoch = resp.ProducerID, resp.ProducerEpoch
			p.sequence = map[Partition]int32{}
		}
		return resp.ErrorCode, ok
	})
	if err == nil {
		p.reset()
	}
	return err
}

// Abandon aborts a transaction of which something may still be under way, so that it can't become part of the next one.
func (p *Producer) Abandon(ctx context.Context) error {
	err := p.Abort(ctx)
	if errors.Is(err, kerr.InvalidTxnState) {
		err = nil // Nothing of it had arrived.
	}
	if err != nil || p.bumps() {
		return err
	}
	return p.Renew(ctx)
}
