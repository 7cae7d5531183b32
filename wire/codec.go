package wire

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DecodeRequest decodes the body of a request, after [Guard] has let it pass. Any
// request that kmsg knows is decoded, served or not.
//
// Byte slices of the message (records, SASL tokens, member metadata) alias the body
// and are valid as long as the caller leaves it alone. Strings are copies. Bytes
// after the last field are ignored, as Kafka ignores them; everything else that Kafka refuses is
// an error, after which Kafka closes the connection. A string is not checked to be
// UTF-8; Kafka replaces what is not.
//
// Errors: those of Guard.
func DecodeRequest(h RequestHeader, body []byte) (kmsg.Request, error) {
	if err := Guard(h.Key, h.Version, body); err != nil {
		return nil, err
	}
	req := blankRequest(h.Key)
	req.SetVersion(h.Version)
	if err := req.ReadFrom(body); err != nil { // Guard is stricter; a test holds it to that
		return nil, fmt.Errorf("%w: %s v%d: %w", ErrMalformed, APIName(h.Key), h.Version, err)
	}
	return req, nil
}

// Requests of the APIs that are asked most, which were handled.
var (
	produceRequests      = sync.Pool{New: func() any { return kmsg.NewPtrProduceRequest() }}
	offsetCommitRequests = sync.Pool{New: func() any { return kmsg.NewPtrOffsetCommitRequest() }}
	heartbeatRequests    = sync.Pool{New: func() any { return kmsg.NewPtrHeartbeatRequest() }}
)

// recycledTopics bounds the memory that a recycled request keeps.
const recycledTopics = 16

// blankRequest is a request that has nothing set but defaults.
func blankRequest(key int16) kmsg.Request {
	switch key {
	case KeyProduce:
		return produceRequests.Get().(*kmsg.ProduceRequest)
	case KeyOffsetCommit:
		return offsetCommitRequests.Get().(*kmsg.OffsetCommitRequest)
	case KeyHeartbeat:
		return heartbeatRequests.Get().(*kmsg.HeartbeatRequest)
	}
	return kmsg.RequestForKey(key)
}

// Recycle lets the memory of a request serve again, if it is a Produce, an OffsetCommit or a Heartbeat, which are the many. Those of other
// APIs may be needed until they are answered. Nobody may look at the request any more, but strings that were in it are good for ever.
func Recycle(req kmsg.Request) {
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		if cap(r.Topics) <= recycledTopics {
			clear(r.Topics) // They hold the frame.
			*r = kmsg.ProduceRequest{Topics: r.Topics[:0]}
			produceRequests.Put(r)
		}
	case *kmsg.OffsetCommitRequest:
		if cap(r.Topics) <= recycledTopics {
			clear(r.Topics) // They hold their partitions.
			*r = kmsg.OffsetCommitRequest{Topics: r.Topics[:0]}
			offsetCommitRequests.Put(r)
		}
	case *kmsg.HeartbeatRequest:
		*r = kmsg.HeartbeatRequest{}
		heartbeatRequests.Put(r)
	}
}

// AppendResponse appends a whole frame: size, header and body, in the version that
// the response has been set to.
func AppendResponse(dst []byte, correlationID int32, resp kmsg.Response) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = AppendResponseHeader(dst, resp.Key(), resp.GetVersion(), correlationID)
	dst = resp.AppendTo(dst)
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-FrameSizeLen))
	return dst
}
