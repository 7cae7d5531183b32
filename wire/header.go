package wire

import (
	"encoding/binary"
	"fmt"
)

const (
	// fixedHeaderLen is what every request header begins with: key, version and
	// correlation ID. It is all of header v0.
	fixedHeaderLen = 8
	// maxHeaderTags bounds the tagged fields of a request header. Kafka has defined
	// none; its unbounded count was a way to exhaust memory before authentication
	// (CVE-2026-111115).
	maxHeaderTags = 64
	// minTagLen is the least that a tagged field takes: its number and its size.
	minTagLen = 2
)

// RequestHeader is what precedes the body of every request.
type RequestHeader struct {
	Key           int16
	Version       int16
	CorrelationID int32
	// ClientID is nil for null, which Kafka takes for an empty one. It does not alias
	// the frame.
	ClientID *string
}

// ParseRequestHeader splits a frame (without its size prefix) into header and body.
// The body aliases the frame.
//
// The header is v0, v1 or v2 by API and version (KIP-482); its tagged fields are
// bounded and skipped, not kept. An error says that there is no body to decode:
//
//   - [ErrHeaderMalformed]: the frame is no request. Fields are set as far as they
//     could be read.
//   - [ErrUnknownAPI]: key, version and correlation ID are set, the rest of the
//     header is unknown.
//   - [ErrAPINotServed], [ErrUnsupportedVersion]: the header is complete. ApiVersions
//     with the latter is to be answered (KIP-511), everything else closed, as Kafka
//     does.
func ParseRequestHeader(frame []byte) (RequestHeader, []byte, error) {
	var h RequestHeader
	body, err := h.Parse(frame)
	return h, body, err
}

// Parse is [ParseRequestHeader] into an existing header. Where the client ID is the
// one that h holds from the last request, as it is on one connection, it is kept
// and nothing is allocated.
func (h *RequestHeader) Parse(frame []byte) ([]byte, error) {
	if len(frame) < fixedHeaderLen {
		*h = RequestHeader{ClientID: h.ClientID}
		if len(frame) >= 2 {
			h.Key = int16(binary.BigEndian.Uint16(frame))
		}
		return nil, fmt.Errorf("%w: %d bytes", ErrHeaderMalformed, len(frame))
	}
	h.Key = int16(binary.BigEndian.Uint16(frame))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.CorrelationID = int32(binary.BigEndian.Uint32(frame[4:]))
	if APIName(h.Key) == "" {
		h.ClientID = nil
		return nil, fmt.Errorf("%w: %d", ErrUnknownAPI, h.Key)
	}
	body, err := h.parseRest(frame[fixedHeaderLen:])
	if err != nil {
		return nil, err
	}
	api, ok := APIByKey(h.Key)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrAPINotServed, APIName(h.Key))
	}
	if !api.Serves(h.Version) {
		return nil, fmt.Errorf("%w: %s v%d", ErrUnsupportedVersion, api.Name, h.Version)
	}
	return body, nil
}

// parseRest reads what headers v1 and v2 add: the client ID and the tagged fields.
func (h *RequestHeader) parseRest(rest []byte) ([]byte, error) {
	if h.Key == KeyControlledShutdown && h.Version == 0 { // the only request with header v0
		h.ClientID = nil
		return rest, nil
	}
	rest, err := h.parseClientID(rest)
	if err != nil || !isFlexible(h.Key, h.Version) {
		return rest, err
	}
	return skipHeaderTags(rest)
}

// parseClientID reads a nullable string with a length of two bytes. It is never
// compact, not even in header v2, so that a broker can read the header of an
// ApiVersions request from the future.
func (h *RequestHeader) parseClientID(rest []byte) ([]byte, error) {
	if len(rest) < 2 {
		h.ClientID = nil
		return nil, fmt.Errorf("%w: ends before the client ID", ErrHeaderMalformed)
	}
	n := int(int16(binary.BigEndian.Uint16(rest)))
	rest = rest[2:]
	switch {
	case n < 0:
		h.ClientID = nil
		return rest, nil
	case n > len(rest):
		h.ClientID = nil
		return nil, fmt.Errorf("%w: client ID of %d bytes, %d are left", ErrHeaderMalformed, n, len(rest))
	}
	if h.ClientID == nil || *h.ClientID != string(rest[:n]) {
		clientID := string(rest[:n])
		h.ClientID = &clientID
	}
	return rest[n:], nil
}

// skipHeaderTags steps over the tagged fields of header v2.
func skipHeaderTags(rest []byte) ([]byte, error) {
	count, n := uvarint(rest)
	if n <= 0 {
		return nil, fmt.Errorf("%w: tag count", ErrHeaderMalformed)
	}
	rest = rest[n:]
	if count > maxHeaderTags || int(count) > len(rest)/minTagLen {
		return nil, fmt.Errorf("%w: %d tags, %d bytes are left", ErrHeaderMalformed, count, len(rest))
	}
	for range count {
		_, n := uvarint(rest)
		if n <= 0 {
			return nil, fmt.Errorf("%w: tag", ErrHeaderMalformed)
		}
		size, m := uvarint(rest[n:])
		if m <= 0 || uint64(size) > uint64(len(rest)-n-m) {
			return nil, fmt.Errorf("%w: tag size", ErrHeaderMalformed)
		}
		rest = rest[n+m+int(size):]
	}
	return rest, nil
}

// AppendResponseHeader appends the header of a response: v1 with an empty section of
// tagged fields where the version is flexible, v0 otherwise. ApiVersions always has
// header v0, because its client does not yet know what the broker can read
// (KIP-511).
func AppendResponseHeader(dst []byte, key, version int16, correlationID int32) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlationID))
	if key != KeyAPIVersions && isFlexible(key, version) {
		dst = append(dst, 0)
	}
	return dst
}
