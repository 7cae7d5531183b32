package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a running child whose outputs go to a file. The goroutine that waits for it closes done.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// newCommand is that of a process that outlives the call that starts it: Close ends it.
func newCommand(name string, args ...string) *exec.Cmd {
	return exec.Command(name, args...) //nolint:noctx // There is no context to end it.
}

func startProcess(cmd *exec.Cmd, logPath string) (*process, error) {
	// A file instead of a pipe: what was printed survives both sides, and nobody needs to read along.
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open broker log: %w", err)
	}
	defer log.Close() //nolint:errcheck // The child has its own descriptor; ours was never written to.
	cmd.Stdout, cmd.Stderr = log, log
	DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // The exit status stays in ProcessState, where Stop looks for it.
	}()
	return p, nil
}

// end sends signal and waits until the process is gone, killing it after timeout.
func (p *process) end(signal syscall.Signal, timeout time.Duration) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal broker: %w", err)
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill() // It may have ended in this moment, which is what we want.
		<-p.done
		return fmt.Errorf("broker ignored %s for %s and was killed", signal, timeout)
	}
}
