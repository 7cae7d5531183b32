package script

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/compat-tests/judge/transcript"
	"github.com/clatterhq/clatter/compat-tests/rawconn"
)

// Time limits. A broker under test answers within milliseconds; Kafka on a busy machine may take a second.
const (
	answerTimeLimit = 10 * time.Second
	untilTimeout    = 15 * time.Second
	pollInterval    = 5 * time.Millisecond
	setupConn       = -1
)

// defaultClient is the client id of every request that does not choose its own.
var defaultClient = "judge"

// Env is the broker that cases talk to.
type Env struct {
	Addr string    // host:port.
	Dir  string    // Its log directory, "" where unknown.
	T0   time.Time // The same for all cases of a run; timestamps are written relative to it.
}

// Run is one case being run.
type Run struct {
	Symbols transcript.Symbols
	T0      int64 // Milliseconds; base of the timestamps that the case writes.

	ctx     context.Context //nolint:containedctx // A Run lives exactly as long as one call.
	env     Env
	conns   map[int]*conn
	notes   Transcript
	count   int
	created bool // Something may have created topics that must be deleted at the end.
}

type conn struct {
	*rawconn.Conn
	dead    string // Why it answers no more; empty while it lives.
	pending []pending
}

// pending is an answer that is due on a connection.
type pending struct {
	req  kmsg.Request
	id   int32
	sent time.Time
}

// Execute runs a case and returns what it noted. An error means that the broker could not be brought to the point of
// the question; the notes until then are returned with it.
func Execute(ctx context.Context, env Env, c Case, number int) (Transcript, error) {
	host, port, err := net.SplitHostPort(env.Addr)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	portNumber, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	r := &Run{
		ctx: ctx, env: env, conns: map[int]*conn{}, T0: env.T0.UnixMilli(),
		Symbols: transcript.Symbols{Prefix: fmt.Sprintf("c%04d-", number), Host: host, Port: portNumber, Dir: env.Dir, T0: env.T0},
	}
	defer r.close()
	for i, step := range c.Steps {
		if err := step.run(r); err != nil {
			return r.notes, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return r.notes, nil
}

// Context is that of the run; setup steps use it for their waits.
func (r *Run) Context() context.Context { return r.ctx }

// Name is the real name of the topic with the given logical name, for bytes that are built by hand.
func (r *Run) Name(logical string) string { return expand(&r.Symbols, logical) }

// Count returns 1, 2, 3… for names that a case needs several of.
func (r *Run) Count() int {
	r.count++
	return r.count
}

// TopicID is the id of a topic that was seen in an answer, by logical name.
func (r *Run) TopicID(logical string) [16]byte {
	return r.Symbols.TopicID(strings.TrimPrefix(logical, "~"))
}

// Expand replaces the logical topic names in a request that is not sent by a step, but built into bytes.
func (r *Run) Expand(req kmsg.Request) { expandAll(&r.Symbols, reflect.ValueOf(req)) }

// expand replaces a logical name (~name) or a placeholder of a member id (@client, see [transcript.Symbols.Member]).
func expand(symbols *transcript.Symbols, s string) string {
	if rest, ok := strings.CutPrefix(s, "~"); ok {
		return symbols.Prefix + rest
	}
	if rest, ok := strings.CutPrefix(s, "@"); ok {
		if id := symbols.Member(rest); id != "" {
			return id
		}
	}
	return s
}

// expandAll does so for all strings of a request.
func expandAll(symbols *transcript.Symbols, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if v.Elem().Kind() == reflect.String {
			// The pointer may be shared with the case's own data, which must stay as it is.
			s := expand(symbols, v.Elem().String())
			v.Set(reflect.ValueOf(&s))
			return
		}
		expandAll(symbols, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				expandAll(symbols, v.Field(i))
			}
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.String || k == reflect.Pointer {
			for i := range v.Len() {
				expandAll(symbols, v.Index(i))
			}
		}
	case reflect.String:
		if s := expand(symbols, v.String()); s != v.String() {
			v.SetString(s)
		}
	default:
	}
}

// build makes the request of a step ready to be sent.
func (r *Run) build(f func(*Run) kmsg.Request) kmsg.Request {
	req := f(r)
	expandAll(&r.Symbols, reflect.ValueOf(req))
	switch req := req.(type) {
	case *kmsg.ProduceRequest:
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				r.Symbols.LearnSent(p.Records)
			}
		}
	case *kmsg.CreateTopicsRequest, *kmsg.MetadataRequest:
		r.created = true
	}
	return req
}

// connection returns a numbered connection, opening it on first use.
func (r *Run) connection(number int) (*conn, error) {
	if c, ok := r.conns[number]; ok {
		return c, nil
	}
	c, err := rawconn.Dial(r.ctx, r.env.Addr)
	if err != nil {
		return nil, err
	}
	r.conns[number] = &conn{Conn: c}
	return r.conns[number], nil
}

// Do sends a request of a setup step and returns the answer.
func (r *Run) Do(req kmsg.Request) (kmsg.Response, error) {
	c, err := r.connection(setupConn)
	if err != nil {
		return nil, err
	}
	req = r.build(func(*Run) kmsg.Request { return req })
	resp, err := c.Do(req, answerTimeLimit)
	if err != nil {
		delete(r.conns, setupConn)
		_ = c.Close() // Its state is unknown; a later setup step takes a new one.
		return nil, fmt.Errorf("%s: %w", kmsg.NameForKey(req.Key()), err)
	}
	r.Symbols.Learn(resp)
	return resp, nil
}

// DoOn sends a request of a setup step on one of the case's own connections, under a client id, and returns the answer.
func (r *Run) DoOn(number int, client string, req kmsg.Request) (kmsg.Response, error) {
	if err := r.Send(number, client, req); err != nil {
		return nil, err
	}
	return r.Take(number)
}

// Send sends a request of a setup step without waiting for the answer, which [Run.Take] reads.
func (r *Run) Send(number int, client string, req kmsg.Request) error {
	c, err := r.connection(number)
	if err != nil {
		return err
	}
	req = r.build(func(*Run) kmsg.Request { return req })
	due := pending{req: req, id: c.NextCorrelationID(), sent: time.Now()}
	c.pending = append(c.pending, due)
	return c.WriteFrame(rawconn.Frame(req, due.id, &client))
}

// Repeat sends the same request of a setup step many times without waiting in between, and returns the last answer. The others are
// not looked at.
func (r *Run) Repeat(number int, client string, req kmsg.Request, times int) (kmsg.Response, error) {
	c, err := r.connection(number)
	if err != nil {
		return nil, err
	}
	id := c.NextCorrelationID()
	frame := rawconn.Frame(r.build(func(*Run) kmsg.Request { return req }), id, &client)
	sent := make(chan error, 1)
	go func() {
		for range times {
			if err := c.WriteFrame(frame); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	var last []byte
	for range times {
		if last, err = c.ReadFrame(answerTimeLimit); err != nil {
			delete(r.conns, number)
			return nil, errors.Join(err, c.Close(), <-sent)
		}
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	body, err := rawconn.Body(last, id, rawconn.FlexibleHeader(req))
	if err == nil {
		err = resp.ReadFrom(body)
	}
	return resp, errors.Join(err, <-sent)
}

// Take reads the answer to the oldest request that [Run.Send] sent on a connection.
func (r *Run) Take(number int) (kmsg.Response, error) {
	c, err := r.connection(number)
	if err != nil {
		return nil, err
	}
	if len(c.pending) == 0 {
		return nil, errors.New("take without send")
	}
	due := c.pending[0]
	c.pending = c.pending[1:]
	answer, resp := r.read(c, due.req.ResponseKind(), due.req.GetVersion(), due.id, rawconn.FlexibleHeader(due.req))
	if resp == nil {
		return nil, fmt.Errorf("%s: %s", kmsg.NameForKey(due.req.Key()), answer)
	}
	return resp, nil
}

// Poll runs f until it says true or the time for waits is over.
func (r *Run) Poll(f func() (bool, error)) error {
	deadline := time.NewTimer(untilTimeout)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		done, err := f()
		if done {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			return errors.Join(errors.New("waited in vain"), err)
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// close deletes the case's topics, for the sake of the broker's memory, and closes its connections.
func (r *Run) close() {
	if r.created {
		r.deleteTopics()
	}
	for _, c := range r.conns {
		_ = c.Close() // Nothing can be lost here.
	}
}

// deleteTopics removes the topics of this case; what remains harms no other case, so errors don't matter.
func (r *Run) deleteTopics() {
	md := kmsg.NewPtrMetadataRequest()
	md.Version = 8
	md.AllowAutoTopicCreation = false
	resp, err := r.Do(md)
	if err != nil {
		return
	}
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TimeoutMillis = 1, 10_000
	answer, ok := resp.(*kmsg.MetadataResponse)
	if !ok {
		return
	}
	for _, t := range answer.Topics {
		if t.Topic != nil && strings.HasPrefix(*t.Topic, r.Symbols.Prefix) {
			del.TopicNames = append(del.TopicNames, *t.Topic)
		}
	}
	if len(del.TopicNames) > 0 {
		_, _ = r.Do(del)
	}
}
