package config

import (
	"errors"

	"github.com/clatterhq/clatter/broker/configdef"
)

// ErrBadConfig is what every error of [Load] matches that the one who wrote the
// configuration must mend: a bad value, a rule that is broken, a malformed file. An
// error that does not match it, such as a missing file, lies outside the configuration.
var ErrBadConfig = errors.New("bad configuration")

// BadValueError is one bad value of the configuration that the broker was started
// with. Its text is one line that names the key, the value and what is allowed.
type BadValueError struct {
	Key   string
	Value string // hidden where the key is sensitive
	// Reason says what is allowed, or why the value is refused.
	Reason string

	// kafka is what Kafka tells a client that sets this value while the broker runs;
	// Reason where it is empty.
	kafka string
}

// Error names key, value and what is allowed.
func (e *BadValueError) Error() string {
	return "invalid value " + quoteValue(e.Value) + " for " + e.Key + ": " + e.Reason
}

// Is matches [ErrBadConfig].
func (e *BadValueError) Is(target error) bool { return target == ErrBadConfig }

// hidden stands for a sensitive value, as in Kafka's logs (Password.HIDDEN).
const hidden = "[hidden]"

// badValue makes a BadValueError that doesn't give secrets away.
func badValue(name, value, reason string) *BadValueError {
	if key := configdef.LookupBroker(name); key != nil && key.Sensitive() {
		value = hidden
	}
	return &BadValueError{Key: name, Value: value, Reason: reason}
}

// Kind says which of Kafka's error codes an [Error] stands for. This package knows
// no protocol; the handlers map kinds to codes.
type Kind uint8

// Kinds of errors, by the names of Kafka's error codes.
const (
	// InvalidConfig is INVALID_CONFIG (40): an unknown key or a bad value.
	InvalidConfig Kind = iota + 1
	// InvalidRequest is INVALID_REQUEST (42): what is asked for makes no sense, or,
	// for historical reasons (KAFKA-13609), a bad value of a broker key.
	InvalidRequest
	// InvalidTopic is INVALID_TOPIC_EXCEPTION (17).
	InvalidTopic
	// UnknownServerError is UNKNOWN_SERVER_ERROR (-1), without a message. Kafka answers
	// it to an operation that doesn't exist on a topic's key.
	UnknownServerError
)

// Error refuses what a client asked for. Message is Kafka's text, word for word,
// because tools show and compare it.
type Error struct {
	Kind    Kind
	Message string
}

// Error is the message for the client.
func (e *Error) Error() string { return e.Message }

func invalidConfig(message string) *Error  { return &Error{Kind: InvalidConfig, Message: message} }
func invalidRequest(message string) *Error { return &Error{Kind: InvalidRequest, Message: message} }
