package script

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Case is one conversation whose answers are compared.
type Case struct {
	Name  string // api/version/what; unique.
	Group string // Settings of the broker that it needs; see Group in package cases.
	Steps []Step
}

// Step is one thing that a case does.
type Step interface {
	run(r *Run) error
}

// Setup prepares: it must succeed, and leaves nothing in the transcript.
type Setup func(r *Run) error

func (s Setup) run(r *Run) error {
	if err := s(r); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

// Ask sends a request and notes the answer.
type Ask struct {
	Conn     int                             // Connections are numbered; each is opened when first used.
	ClientID *string                         // Nil: a usual one.
	Build    func(r *Run) kmsg.Request       // The version must be set.
	Until    func(answer kmsg.Response) bool // If set, ask again until it holds (at most ten seconds) and note the last answer.
	Silent   bool                            // No answer is due (acks=0): don't read one. The next step shows whether the connection lives.
	Send     bool                            // Only send; a later Receive reads the answer (pipelining).
}

// Receive reads the answer to an earlier Ask with Send, in order.
type Receive struct {
	Conn int
}

// Raw sends bytes that no correct client would send.
type Raw struct {
	Conn    int
	What    string                                   // Shown in the transcript in place of the request.
	Build   func(r *Run, correlationID int32) []byte // The frame without its size.
	Unsized bool                                     // Send the bytes as they are, without a size in front.
	Answer  kmsg.Response                            // How to decode an answer; nil where none is expected but a closed connection.
	Header  bool                                     // The answer's header is flexible.
}

// Exchange is one request and its answer in a transcript, both as text.
type Exchange struct {
	Request string
	Answer  string
}

// Transcript is what a case noted.
type Transcript []Exchange
