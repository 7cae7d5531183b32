package groups

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/launch"
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
	args := []string{m.Addr, m.Group, m.Topic, m.ID}
	for key, value := range m.Options {
		args = append(args, key+"="+value)
	}
	slices.Sort(args[4:])
	return args
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
	ID     string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	quit   os.Signal
	exited chan struct{} // Closed when its output was read to the end and the process is gone.
	fenced chan struct{} // Closed when it reports that it was fenced.
	output lastLines
}

// quitLimit bounds how long a member may take to leave.
const quitLimit = 60 * time.Second

// startMember starts a member whose events go to the ledger.
func startMember(t *testing.T, c Client, m Membership, ledger *Ledger) *Member {
	t.Helper()
	cmd := c.Command(t, m)
	member := &Member{ID: m.ID, cmd: cmd, quit: c.Quit, exited: make(chan struct{}), fenced: make(chan struct{})}
	launch.DieWithParent(cmd)
	cmd.Stderr = &member.output
	var err error
	if member.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start member %s: %v", m.ID, err)
	}
	parse := c.Parse
	if parse == nil {
		parse = func(line string) []Event { return []Event{ParseEvent(line)} }
	}
	go func() {
		defer close(member.exited)
		member.follow(stdout, parse, ledger)
		_ = cmd.Wait() // Members are killed more often than not; how one ended stands in ProcessState.
	}()
	t.Cleanup(func() {
		member.Kill()
		if t.Failed() {
			t.Logf("member %s, %s:\n%s", m.ID, cmd.ProcessState, member.output.String())
		}
	})
	return member
}

// follow reads the member's output to its end. A last line without an end was cut off by death: nobody may trust it.
func (m *Member) follow(stdout io.Reader, parse func(string) []Event, ledger *Ledger) {
	lines := bufio.NewReader(stdout)
	var fenced sync.Once
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		for _, e := range parse(strings.TrimRight(line, "\r\n")) {
			switch e.Kind {
			case Fenced:
				fenced.Do(func() { close(m.fenced) })
			case Record, Committed:
			default:
				_, _ = m.output.Write([]byte(line)) // Never fails.
			}
			ledger.Saw(m.ID, e)
		}
	}
}

// Kill ends the member as a crash would, and returns when all that it said was read.
func (m *Member) Kill() {
	_ = m.cmd.Process.Kill() // It may have ended before.
	<-m.exited
}

// Close makes the member leave its group and waits until it is gone.
func (m *Member) Close(t *testing.T) {
	t.Helper()
	err := m.stdin.Close()
	if m.quit != nil {
		err = m.cmd.Process.Signal(m.quit)
	}
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("member %s: %v", m.ID, err)
	}
	m.awaitExit(t)
}

func (m *Member) awaitExit(t *testing.T) {
	t.Helper()
	timer := time.NewTimer(quitLimit)
	defer timer.Stop()
	select {
	case <-m.exited:
	case <-timer.C:
		t.Fatalf("member %s is still there after %s", m.ID, quitLimit)
	}
}

// alive is an error if the member is gone.
func (m *Member) alive() error {
	select {
	case <-m.exited:
		return errors.New("member " + m.ID + " ended: " + m.cmd.ProcessState.String())
	default:
		return nil
	}
}

// lastLines keeps the end of what is written to it.
type lastLines struct {
	mu struct {
		sync.Mutex
		text bytes.Buffer
	}
}

const keptOutput = 16 << 10

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.text.Write(p)
	if over := l.mu.text.Len() - keptOutput; over > keptOutput {
		l.mu.text.Next(over)
	}
	return len(p), nil
}

func (l *lastLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.text.String()
}
