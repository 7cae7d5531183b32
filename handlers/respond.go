package handlers

import (
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/clatterhq/clatter/broker"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

// Bit fields of the operations that a client may do (KIP-430), by the numbers of Kafka's
// AclOperation. Without access control everything is allowed that the kind of resource knows.
const (
	operationRead            = 1 << 3
	operationWrite           = 1 << 4
	operationCreate          = 1 << 5
	operationDelete          = 1 << 6
	operationAlter           = 1 << 7
	operationDescribe        = 1 << 8
	operationClusterAction   = 1 << 9
	operationDescribeConfigs = 1 << 10
	operationAlterConfigs    = 1 << 11
	operationIdempotentWrite = 1 << 12

	topicOperations = operationRead | operationWrite | operationCreate | operationDelete |
		operationAlter | operationDescribe | operationDescribeConfigs | operationAlterConfigs
	clusterOperations = operationCreate | operationAlter | operationDescribe | operationClusterAction |
		operationDescribeConfigs | operationAlterConfigs | operationIdempotentWrite
	groupOperations = operationRead | operationDelete | operationDescribe | operationDescribeConfigs | operationAlterConfigs

	// operationsNotAsked is told where the client didn't ask.
	operationsNotAsked = math.MinInt32
)

// apiError is what one part of an answer says of a failure: a code, and a text where
// Kafka gives one. The zero value is success.
type apiError struct {
	code    wire.ErrorCode
	message *string // nil is null on the wire
}

// failure is an error with a text of its own.
func failure(code wire.ErrorCode, format string, args ...any) apiError {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	return apiError{code: code, message: &message}
}

// plain is an error with the text that all errors of the code have.
func plain(code wire.ErrorCode) apiError {
	return apiError{code: code, message: new(code.Message())}
}

// bare is an error without a text.
func bare(code wire.ErrorCode) apiError { return apiError{code: code} }

// refusal is what a client is told of an error that isn't the wire's: Kafka's text where the error has one.
func refusal(err error) apiError {
	if err == nil {
		return apiError{}
	}
	e := apiError{code: errorCode(err)}
	if refused, ok := errors.AsType[*config.Error](err); ok && e.code != wire.UnknownServerError {
		e.message = &refused.Message
	}
	return e
}

// outOfTime refuses a change that had no time from the start. No change takes so long here that it would need to be
// broken off later.
func outOfTime(millis int32) apiError {
	if millis > 0 {
		return apiError{}
	}
	return bare(wire.RequestTimedOut)
}

func (e apiError) failed() bool { return e.code != wire.None }

// answer is the reply that is ready at once.
func answer(message kmsg.Response) (broker.Reply, error) {
	return broker.Reply{Message: message}, nil
}
