package group

import (
	"fmt"

	"github.com/clatterhq/clatter/wire"
)

// refusalError is why a request is not granted, as the client is told.
type refusalError struct {
	code    wire.ErrorCode
	message string
}

func (e *refusalError) Error() string { return fmt.Sprintf("%s: %s", e.code, e.message) }

// refuse makes a refusal.
func refuse(code wire.ErrorCode, format string, args ...any) *refusalError {
	return &refusalError{code: code, message: fmt.Sprintf(format, args...)}
}
