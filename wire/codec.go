package wire

import (
	"encoding/binary"
	"fmt"

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
	req := kmsg.RequestForKey(h.Key)
	req.SetVersion(h.Version)
	if err := req.ReadFrom(body); err != nil { // Guard is stricter; a test holds it to that
		return nil, fmt.Errorf("%w: %s v%d: %w", ErrMalformed, APIName(h.Key), h.Version, err)
	}
	return req, nil
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
