package txns

import (
	"fmt"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/program"
)

// Copying is what a copier has to know.
type Copying struct {
	Addr          string // Of the broker.
	Input, Output string // Topics with the same number of partitions.
	Group         string // Whose offsets say how far the input was copied.
	ID            string // Transactional id; all copiers of a scenario share it.
	Options       map[string]string
}

// Options that every copier knows, beside settings in its client's own words.
const (
	OptionBatch      = "batch"      // The most records in a transaction.
	OptionAbort      = "abort"      // Every n-th transaction is aborted, and what it copied is copied again.
	OptionPartitions = "partitions" // Of each topic.
)

// Args are those that copiers take which are programs of ours: BROKER INPUT OUTPUT GROUP ID [KEY=VALUE ...].
func (c Copying) Args() []string {
	return program.Args(c.Options, c.Addr, c.Input, c.Output, c.Group, c.ID)
}

// Client is a client library in one configuration.
type Client struct {
	// Command returns the program of one copier.
	Command func(t *testing.T, c Copying) *exec.Cmd
	// Options are settings in the client's own words. Nil: none.
	Options map[string]string
	// Broker are keys of server.properties beyond those that every scenario sets.
	Broker map[string]string
	// Groups says that copiers are members of the group, so that one that dies or freezes stays there until its session is over.
	Groups bool
}

// EventKind says what a copier reports.
type EventKind int

// The kinds of events.
const (
	Other     EventKind = iota // A line that is only kept for the log of a failure.
	Committed                  // A transaction was committed.
	Aborted                    // A transaction was aborted, on purpose or because of an error.
	Fenced                     // Another copier took this one's place; it ends.
)

// ParseEvent reads a line of a copier: "committed", "aborted" or "fenced", maybe followed by a blank and more.
func ParseEvent(line string) EventKind {
	switch word, _, _ := strings.Cut(line, " "); word {
	case "committed":
		return Committed
	case "aborted":
		return Aborted
	case "fenced":
		return Fenced
	default:
		return Other
	}
}

// Copier is one running copier.
type Copier struct {
	*program.Program
	fenced    atomic.Bool
	committed atomic.Int64
	aborted   atomic.Int64
}

func startCopier(t *testing.T, c Client, number int, copying Copying) *Copier {
	t.Helper()
	copier := &Copier{}
	copier.Program = program.Start(t, fmt.Sprintf("copier %d", number), c.Command(t, copying), func(line string) bool {
		switch ParseEvent(line) {
		case Committed:
			copier.committed.Add(1)
		case Aborted:
			copier.aborted.Add(1)
		case Fenced:
			copier.fenced.Store(true)
		case Other:
			return false
		}
		return true
	})
	return copier
}
