package txns

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/launch"
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
	args := []string{c.Addr, c.Input, c.Output, c.Group, c.ID}
	for key, value := range c.Options {
		args = append(args, key+"="+value)
	}
	slices.Sort(args[5:])
	return args
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
	number    int
	cmd       *exec.Cmd
	stdin     io.WriteCloser
	exited    chan struct{} // Closed when its output was read to the end and the process is gone.
	fenced    atomic.Bool
	committed atomic.Int64
	aborted   atomic.Int64
	output    lastLines
}

// quitLimit bounds how long a copier may take to end its work.
const quitLimit = 60 * time.Second

func startCopier(t *testing.T, c Client, number int, copying Copying) *Copier {
	t.Helper()
	cmd := c.Command(t, copying)
	copier := &Copier{number: number, cmd: cmd, exited: make(chan struct{})}
	launch.DieWithParent(cmd)
	cmd.Stderr = &copier.output
	stdin, err := cmd.StdinPipe()
	stdout, err1 := cmd.StdoutPipe()
	if err := errors.Join(err, err1); err != nil {
		t.Fatal(err)
	}
	copier.stdin = stdin
	if err := cmd.Start(); err != nil {
		t.Fatalf("start copier: %v", err)
	}
	go func() {
		defer close(copier.exited)
		copier.follow(stdout)
		_ = cmd.Wait() // Copiers are killed more often than not; how one ended stands in ProcessState.
	}()
	t.Cleanup(func() {
		copier.Kill()
		if t.Failed() {
			t.Logf("%s, %s:\n%s", copier, cmd.ProcessState, copier.output.String())
		}
	})
	return copier
}

func (c *Copier) String() string { return fmt.Sprintf("copier %d", c.number) }

func (c *Copier) follow(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		switch ParseEvent(lines.Text()) {
		case Committed:
			c.committed.Add(1)
		case Aborted:
			c.aborted.Add(1)
		case Fenced:
			c.fenced.Store(true)
		case Other:
			_, _ = c.output.Write(append(lines.Bytes(), '\n')) // Never fails.
		}
	}
}

// Kill ends the copier as a crash would.
func (c *Copier) Kill() {
	_ = c.cmd.Process.Kill() // It may have ended before.
	<-c.exited
}

// gone says whether the process has ended.
func (c *Copier) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// Close makes the copier end its transaction and waits until it is gone.
func (c *Copier) Close(t *testing.T) {
	t.Helper()
	if err := c.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatalf("%s: %v", c, err)
	}
	timer := time.NewTimer(quitLimit)
	defer timer.Stop()
	select {
	case <-c.exited:
	case <-timer.C:
		t.Fatalf("%s is still there after %s", c, quitLimit)
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
