package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// work handles the requests that have arrived, in order, until the next one isn't whole
// or must wait for its turn. What was answered at once goes out in as few writes as possible.
func (c *conn) work() error {
	for {
		size, key, ok, err := c.in.peek(c.frameLimit())
		if err != nil {
			return c.refuseGarbage(err)
		}
		if !ok {
			break
		}
		if !c.queue.mayStart(key) {
			c.in.blocked = true
			return nil
		}
		if c.serving.mustLeave(size) {
			break
		}
		frame, err := c.in.frame(size)
		if err != nil {
			return err
		}
		if frame == nil {
			break
		}
		err = c.handle(frame)
		c.in.consume(size)
		if err != nil {
			return err
		}
		if c.srv.closing.Load() {
			return errors.Join(errStopping, c.flush())
		}
	}
	// The rest of a request that has begun is most likely there already. Its answer joins those that are
	// ready; they leave before the reader waits, see tryReceive.
	if c.onOwnStack && c.raw != nil && c.in.partial() && !c.queue.busy() && c.out.gathered() < deferBelow {
		return nil
	}
	return c.flush()
}

// vouch decides about a first frame that is larger than the first frame may be. Clients that are told what
// version the broker has (Sarama, kafka-python) ask nothing before they produce, or join a group or commit its offsets on the
// connection to its coordinator. So such a request passes whose header is right: its memory grows as its bytes arrive, like that of
// any later frame.
func (c *conn) vouch(unread []byte) bool {
	if c.trusted || !wholeHeader(unread) {
		return false
	}
	_, err := c.request.Header.Parse(unread[wire.FrameSizeLen:])
	if err != nil {
		return false
	}
	switch c.request.Header.Key {
	case wire.KeyProduce, wire.KeyJoinGroup, wire.KeyOffsetCommit:
		c.trusted = true
	}
	return c.trusted
}

// flush sends the answers that are ready, unless that is the drainer's job at this moment.
func (c *conn) flush() error {
	if c.queue.busy() {
		return nil
	}
	err := c.out.flush()
	c.tellSent()
	return err
}

// tellSent calls what waited until the answers were sent.
func (c *conn) tellSent() {
	if len(c.sent) == 0 {
		return
	}
	for _, sent := range c.sent {
		sent()
	}
	c.sent = nil
}

// receiveMore takes in more of a frame that has begun. It is await for the stack that works.
func (c *conn) receiveMore() error {
	if err := c.flush(); err != nil {
		return err
	}
	c.setDue()
	err := c.in.receive()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.woken()
	}
	return err
}

// handle does one request. A panic on the way costs this connection, nothing else.
func (c *conn) handle(frame []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = c.panicked(p)
		}
	}()
	body, err := c.request.Header.Parse(frame)
	if err != nil {
		return c.refuseHeader(frame, err)
	}
	msg, err := wire.DecodeRequest(c.request.Header, body)
	if err != nil {
		return c.refuse("malformed request", err, c.requestAttrs()...)
	}
	c.trusted = true
	c.request.Message, c.request.Peer = msg, &c.peer
	reply, err := c.srv.dispatcher.Dispatch(&c.ctx, &c.request)
	c.request.Message = nil
	wire.Recycle(msg)
	if err != nil {
		reply.release()
		return c.refuse("request failed", err, c.requestAttrs()...)
	}
	return c.reply(reply)
}

// panicked counts and logs a panic, with the stack that led to it.
func (c *conn) panicked(p any) error {
	c.srv.panics.Add(1)
	c.srv.logRepeated(slog.LevelError, "panic", c.peer.Remote, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return errPanic
}

// reply sends an answer that is ready, if it is its turn; any other goes to the queue.
func (c *conn) reply(r Reply) error {
	if r.isNone() {
		return nil
	}
	answer := pendingReply{key: c.request.Header.Key, correlationID: c.request.Header.CorrelationID, reply: r}
	if !c.queue.busy() {
		if r.Later == nil {
			if r.Sent != nil {
				c.sent = append(c.sent, r.Sent)
			}
			return c.answer(&answer)
		}
		// From now on the drainer writes.
		if err := c.flush(); err != nil {
			c.queue.push(answer)
			go c.drain()
			return err
		}
	}
	answer.reply.tellSent() // It may be long until its turn.
	if c.queue.push(answer) {
		go c.drain()
	}
	return nil
}

// answer encodes an answer and sends it, or keeps it for the next flush.
func (c *conn) answer(p *pendingReply) error {
	if p.reply.Fetch != nil {
		return c.out.fetch(p.correlationID, p.reply.Fetch)
	}
	err := c.out.message(p.correlationID, p.reply.Message)
	p.reply.recycle()
	return err
}

// refuseHeader answers an ApiVersions request from the future, so that its client
// can ask again (KIP-511), and ends the connection in all other cases, as Kafka does.
func (c *conn) refuseHeader(frame []byte, err error) error {
	switch {
	case errors.Is(err, wire.ErrUnsupportedVersion) && c.request.Header.Key == wire.KeyAPIVersions:
		return c.reply(Reply{Message: unsupportedAPIVersions()})
	case errors.Is(err, wire.ErrHeaderMalformed), errors.Is(err, wire.ErrUnknownAPI):
		if !c.trusted {
			return c.refuseForeign(err, frame)
		}
	}
	return c.refuse("unsupported request", err, c.requestAttrs()...)
}

// unsupportedAPIVersions is version 0 of the answer, which every client can read: the code, and the
// versions of ApiVersions itself.
func unsupportedAPIVersions() *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = int16(wire.UnsupportedVersion)
	api, _ := wire.APIByKey(wire.KeyAPIVersions)
	key := kmsg.NewApiVersionsResponseApiKey()
	key.ApiKey, key.MinVersion, key.MaxVersion = api.Key, api.AdvertisedMin, api.MaxVersion
	resp.ApiKeys = append(resp.ApiKeys, key)
	return resp
}

// refuseGarbage ends a connection whose next size prefix can't be one.
func (c *conn) refuseGarbage(err error) error {
	if c.trusted {
		return c.refuse("request refused", err)
	}
	return c.refuseForeign(err, c.in.unread())
}

// refuseForeign ends a connection of something that is no Kafka client. A host that sends HTTP all the time gets one line
// a minute for it, and another one for its clients that want TLS.
func (c *conn) refuseForeign(err error, first []byte) error {
	const event = "not a Kafka client"
	sent, known := wire.DescribeGarbage(first)
	like := event
	if known {
		like = sent
	}
	c.srv.logRepeatedLike(like, slog.LevelWarn, event, c.peer.Remote, "sent", sent, "listener", c.peer.Listener, "err", err)
	return errors.Join(errRefused, c.flush())
}

// refuse logs why the connection ends, and sends what was answered before.
func (c *conn) refuse(event string, err error, attrs ...any) error {
	attrs = append(attrs, "listener", c.peer.Listener, "err", err)
	c.srv.logRepeated(slog.LevelWarn, event, c.peer.Remote, attrs...)
	return errors.Join(errRefused, c.flush())
}

// requestAttrs describes the request at hand in a log line.
func (c *conn) requestAttrs() []any {
	attrs := []any{"api", wire.APIName(c.request.Header.Key), "version", c.request.Header.Version}
	if c.request.Header.ClientID != nil {
		attrs = append(attrs, "client", *c.request.Header.ClientID)
	}
	return attrs
}
