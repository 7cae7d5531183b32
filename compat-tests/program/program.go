package program

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/launch"
)

// endLimit bounds how long a program may take to end when it is asked to.
const endLimit = 60 * time.Second

// Program is one process.
type Program struct {
	name   string // In messages.
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	exited chan struct{} // Closed when its output was read to the end and the process is gone.
	output lastLines
}

// Start starts a command. Each line that it prints is shown to said, from a goroutine of its own; nil: to nobody. Lines that said does not
// take for something that the test knows are kept for the log of a failure, as is what the program has to say on standard error. The
// program is killed at the end of the test.
func Start(t *testing.T, name string, cmd *exec.Cmd, said func(line string) bool) *Program {
	t.Helper()
	p := &Program{name: name, cmd: cmd, exited: make(chan struct{})}
	launch.DieWithParent(cmd)
	cmd.Stderr = &p.output
	stdin, err := cmd.StdinPipe()
	stdout, err1 := cmd.StdoutPipe()
	if err := errors.Join(err, err1); err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.exited)
		p.follow(stdout, said)
		_ = cmd.Wait() // Programs are killed more often than not; how one ended stands in ProcessState.
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s, %s:\n%s", name, cmd.ProcessState, p.output.String())
		}
	})
	return p
}

// follow reads the output to its end. A last line without an end was cut off by death: nobody may trust it.
func (p *Program) follow(stdout io.Reader, said func(line string) bool) {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if said == nil || !said(strings.TrimRight(line, "\r\n")) {
			_, _ = p.output.Write([]byte(line)) // Never fails.
		}
	}
}

func (p *Program) String() string { return p.name }

// Exited is closed when the process is gone and all that it said was read.
func (p *Program) Exited() <-chan struct{} { return p.exited }

// Gone says whether the process has ended.
func (p *Program) Gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// State says how the process ended; nil before it did.
func (p *Program) State() *os.ProcessState {
	if !p.Gone() {
		return nil
	}
	return p.cmd.ProcessState
}

// Signal sends a signal. A program that has ended does not mind.
func (p *Program) Signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("%s: %v", p.name, err)
	}
}

// Kill ends the program as a crash would, and returns when all that it said was read.
func (p *Program) Kill() {
	_ = p.cmd.Process.Kill() // It may have ended before.
	<-p.exited
}

// Close asks the program to end, by the end of its input or by a signal if there is one, and waits until it is gone.
func (p *Program) Close(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatalf("%s: %v", p.name, err)
	}
	if signal != nil {
		p.Signal(t, signal)
	}
	timer := time.NewTimer(endLimit)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		t.Fatalf("%s is still there after %s", p.name, endLimit)
	}
}
