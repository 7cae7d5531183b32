package disk

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// Failing returns what to put before a command so that the system calls (comma-separated names) fail with an error (EIO,
// ENOSPC) when the n-th of them, counted per thread from 1, is made. All later ones succeed: the kernel does the same with
// a sync that fails.
//
// The process keeps the ID that it would have had.
func Failing(calls, errno string, n int) ([]string, error) {
	strace, err := lookStrace()
	if err != nil {
		return nil, err
	}
	return []string{
		strace, "-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", "trace=" + calls,
		"-e", "inject=" + calls + ":error=" + errno + ":when=" + strconv.Itoa(n),
	}, nil
}

// FailingOn is Failing for calls that concern one file alone. The file must exist when the command starts.
func FailingOn(path, calls, errno string, n int) ([]string, error) {
	wrapper, err := Failing(calls, errno, n)
	if err != nil {
		return nil, err
	}
	return append(wrapper, "-P", path), nil
}

// Slow makes every one of the system calls (comma-separated names) of a running process wait before it begins. It returns
// once that is in force; the process runs at its own pace again when stop is called or when it ends.
func Slow(ctx context.Context, pid int, calls string, micros int) (stop func(), err error) {
	strace, err := lookStrace()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, strace, "-f", "-p", strconv.Itoa(pid), "-o", "/dev/null", "-e", "trace="+calls,
		"-e", "inject="+calls+":delay_enter="+strconv.Itoa(micros))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("strace: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("strace: %w", err)
	}
	lines := bufio.NewScanner(said)
	var last string
	for lines.Scan() {
		if last = lines.Text(); strings.Contains(last, "attached") {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for lines.Scan() { // Threads that come later are announced as well.
				}
				_ = cmd.Wait() // Ends by our signal or with the process that it follows.
			}()
			return func() {
				_ = cmd.Process.Signal(syscall.SIGTERM) // It may have ended already.
				<-done
			}, nil
		}
	}
	return nil, fmt.Errorf("%w: strace can't attach: %s: %w", ErrUnavailable, last, cmd.Wait())
}

func lookStrace() (string, error) {
	path, err := exec.LookPath("strace")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return path, nil
}
