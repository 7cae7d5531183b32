package wire

import (
	"errors"
	"strconv"
)

// Frames and headers. Each of these ends the connection: where a frame begins and
// ends is lost, or the peer speaks something else.
var (
	// ErrFrameNegative is returned for a size prefix below zero.
	ErrFrameNegative = errors.New("negative frame size")
	// ErrFrameTooLarge is returned for a size prefix above the caller's limit.
	ErrFrameTooLarge = errors.New("frame too large")
	// ErrHeaderMalformed is returned for a request header that is cut short or has
	// impossible lengths.
	ErrHeaderMalformed = errors.New("malformed request header")
	// ErrUnknownAPI is returned for a key that Kafka does not define.
	ErrUnknownAPI = errors.New("unknown API key")
	// ErrAPINotServed is returned for a key that Kafka defines and that is not in [APIs].
	ErrAPINotServed = errors.New("API not served")
	// ErrUnsupportedVersion is returned for a version outside the range that is
	// served. Of ApiVersions alone the caller answers it: version 0 of the response,
	// with code [UnsupportedVersion] (KIP-511).
	ErrUnsupportedVersion = errors.New("unsupported API version")
)

// Bodies. Each of these ends the connection, as Kafka does with a body that it
// cannot parse.
var (
	// ErrMalformed is returned for a body that is cut short, that holds null where
	// the field is not nullable, or a length that nothing can have.
	ErrMalformed = errors.New("malformed request")
	// ErrTooCostly is returned for a body that is well formed and would, once
	// decoded, take more memory than a request may; see [Guard].
	ErrTooCostly = errors.New("request takes too much memory")
)

// ErrShortRecords is returned when a [RecordSet] writes fewer bytes than the size
// that the frame has already announced. The connection cannot be used any more.
var ErrShortRecords = errors.New("record set is shorter than announced")

// ErrorCode is a code of the protocol, as it stands in the ErrorCode fields of
// responses. It is not a Go error: handlers map errors to codes in one place.
type ErrorCode int16

// Name is Kafka's name of the code, such as "UNKNOWN_TOPIC_OR_PARTITION". A code
// that Kafka 4.4 does not know is named by its number.
func (c ErrorCode) Name() string {
	if info, ok := c.info(); ok {
		return info.name
	}
	return "ERROR_" + strconv.Itoa(int(c))
}

// String is Name, so that a code reads well in a log line.
func (c ErrorCode) String() string { return c.Name() }

// Message is the default text of the code, which an answer carries where there is
// nothing more precise to say. That of [None] is "NONE", as FindCoordinator sends
// it; that of an unknown code is the text of [UnknownServerError].
func (c ErrorCode) Message() string {
	if info, ok := c.info(); ok {
		return info.message
	}
	return errorTable[UnknownServerError+1].message
}

// Retriable says whether a client may send the same request again and hope
// (RetriableException in Kafka's client).
func (c ErrorCode) Retriable() bool {
	info, ok := c.info()
	return ok && info.retriable
}

// info finds the description of a code.
func (c ErrorCode) info() (errorInfo, bool) {
	i := int(c) + 1
	if i < 0 || i >= len(errorTable) {
		return errorInfo{}, false
	}
	return errorTable[i], true
}
