package groups

import (
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/program"
)

// Membership is what a member has to know to join.
type Membership struct {
	Addr    string            // Of the broker.
	Group   string            //
	Topic   string            // A name, or a regular expression that begins with ^.
	ID      string            // Names the member in the test and as client id.
	Options map[string]string // Settings in the client's own words.
}

// Args are the membership as the arguments that members take which are programs of ours:
// BROKER GROUP TOPIC ID [KEY=VALUE ...].
func (m Membership) Args() []string {
	return program.Args(m.Options, m.Addr, m.Group, m.Topic, m.ID)
}

// Client is a client library, or a tool, in one configuration.
type Client struct {
	// Command returns the program of one member.
	Command func(t *testing.T, m Membership) *exec.Cmd
	// Options are the settings of the member with this id. Nil: none.
	Options func(id string) map[string]string
	// Parse translates a line of the member's output into what it reports; nil means ParseEvent.
	Parse func(line string) []Event
	// Quit is the signal that makes the member leave; nil means that its standard input is closed.
	Quit os.Signal
	// Broker are keys of server.properties beyond those that every scenario sets.
	Broker map[string]string
	// Consumer says that members speak the protocol of KIP-848; else the group is a classic one.
	Consumer bool
	// Rejoins says that the client may join as a new member after the broker came back, by its own decision.
	Rejoins bool
	// Repeats says that the client hands out again, when the group rebalances, what it had not committed.
	Repeats bool
	// Early says that the client asks once, when it starts, which topics its regular expression matches.
	Early bool
	// Ends says that the client ends when it has lost its only broker, so that it has to be started again.
	Ends bool
}

// Member is one running consumer.
type Member struct {
	*program.Program
	ID     string
	quit   os.Signal
	fenced chan struct{} // Closed when it reports that it was fenced.
}

// startMember starts a member whose events go to the ledger.
func startMember(t *testing.T, c Client, m Membership, ledger *Ledger) *Member {
	t.Helper()
	parse := c.Parse
	if parse == nil {
		parse = func(line string) []Event { return []Event{ParseEvent(line)} }
	}
	member := &Member{ID: m.ID, quit: c.Quit, fenced: make(chan struct{})}
	var fenced sync.Once
	member.Program = program.Start(t, "member "+m.ID, c.Command(t, m), func(line string) bool {
		known := true
		for _, e := range parse(line) {
			switch e.Kind {
			case Fenced:
				fenced.Do(func() { close(member.fenced) })
			case Record, Committed:
			default:
				known = false
			}
			ledger.Saw(m.ID, e)
		}
		return known
	})
	return member
}

// Close makes the member leave its group and waits until it is gone.
func (m *Member) Close(t *testing.T) {
	t.Helper()
	m.Program.Close(t, m.quit)
}
