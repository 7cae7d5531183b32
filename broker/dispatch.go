package broker

import (
	"context"
	"net/netip"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/wire"
)

// Dispatcher answers requests. Dispatch is called by one goroutine per
// connection, for requests whose API and version are served, whose body passed the guard and was decoded.
//
// An error means that the peer must be cut off: it is logged in one line and the
// connection closed. What a client must see is a code inside the message. A panic
// is recovered by the connection, which logs it, counts it and closes.
type Dispatcher interface {
	Dispatch(ctx context.Context, req *Request) (Reply, error)
}

// Request is one decoded request, valid until Dispatch returns: its memory serves the next one of the connection. That of some
// messages serves again, too, see [wire.Recycle]. Byte slices in any message alias the frame: whatever a later
// answer needs of them must be copied.
type Request struct {
	Header  wire.RequestHeader
	Message kmsg.Request
	Peer    *Peer
}

// Peer is what a handler may know of a connection. Fields are owned by the
// connection's goroutine, which is the one that calls Dispatch.
type Peer struct {
	ID       uint64         // unique in this process, never 0
	Remote   netip.AddrPort // the client
	Local    netip.AddrPort // the address that the client connected to; told to it where nothing is advertised
	Listener string         // name of the listener, upper case

	// SoftwareName and SoftwareVersion come with ApiVersions v3+; "" before.
	SoftwareName    string
	SoftwareVersion string
}

// Reply is the answer to one request: exactly one of Message, Fetch and Later is set, or none where
// nothing is to be sent (a Produce with acks=0).
type Reply struct {
	Message kmsg.Response
	// Fetch is written chunk by chunk, records straight from their files.
	Fetch *wire.FetchResponse
	// Later gives the answer once it is ready, with Message or Fetch set. It runs outside
	// the connection's goroutine; its context ends with the connection. Answers
	// leave in the order of requests. While one is outstanding no further request
	// starts, except a Produce after a Produce.
	//
	// Later is called exactly once, also when the connection has gone meanwhile (ctx is done then), so that
	// what it holds can be released; its answer is thrown away in that case.
	Later func(ctx context.Context) (Reply, error)
	// Ready, which may be nil, says without waiting whether Later would return at once. It lets the
	// connection send answers that became ready together in one write. It is called before Later, any
	// number of times.
	Ready func() bool
	// Sent, which may be nil, comes with Message. It is called once, when the answer was sent, was thrown away, or turns out to
	// need long. What needn't be done before the client has its answer is done there; it must not wait for anything.
	Sent func()
	// Recycle, which may be nil, comes with Message. It is called once at most, when nobody looks at Message any more because it was
	// encoded or thrown away, so that its memory may serve again. After a failure it may not be called at all.
	Recycle func()
}

// release gives back what an answer holds that isn't going to be sent.
func (r *Reply) release() {
	if r.Fetch != nil {
		r.Fetch.Release()
	}
	r.tellSent()
	r.recycle()
}

// recycle calls Recycle, if it wasn't called yet.
func (r *Reply) recycle() {
	if r.Recycle != nil {
		r.Recycle()
		r.Message, r.Recycle = nil, nil
	}
}

// tellSent calls Sent, if it wasn't called yet.
func (r *Reply) tellSent() {
	if r.Sent != nil {
		r.Sent()
		r.Sent = nil
	}
}

// isNone says whether there is nothing to send.
func (r *Reply) isNone() bool { return r.Message == nil && r.Fetch == nil && r.Later == nil }
