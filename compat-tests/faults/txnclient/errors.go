package txnclient

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// ErrProtocol says that an answer has not the shape that was asked for.
var ErrProtocol = errors.New("unexpected answer")

// errLost says that an answer was withheld.
var errLost = errors.New("the answer is lost")

// CodeError is an answer that asking again won't change.
type CodeError struct {
	Request string // Name of the request.
	Code    int16
}

func (e *CodeError) Error() string { return fmt.Sprintf("%s: %s", e.Request, Name(e.Code)) }

// Unwrap makes the codes of kerr known to [errors.Is].
func (e *CodeError) Unwrap() error { return kerr.ErrorForCode(e.Code) }

// Name is Kafka's name of an error code.
func Name(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if err := kerr.TypedErrorForCode(code); err != nil {
		return err.Message
	}
	return fmt.Sprint("code ", code)
}

// Fenced says whether somebody else has the transactional id now, or the coordinator has ended the transaction: a producer must begin anew.
func Fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidProducerIDMapping) ||
		errors.Is(err, kerr.TransactionAbortable) || errors.Is(err, kerr.InvalidTxnState)
}
