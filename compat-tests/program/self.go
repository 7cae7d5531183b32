package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// variable in its environment makes a test binary a program of this kind.
const variable = "COMPAT_PROGRAM"

// Self is the command that starts the test binary again, as a program of a kind.
func Self(t *testing.T, kind string, args []string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), variable+"="+kind)
	return cmd
}

// Main runs a program and ends the process, if the test binary was started by [Self] as one of that kind; else it returns. The context ends
// with the process's input.
func Main(kind string, run func(ctx context.Context, args []string) error) {
	if os.Getenv(variable) != kind {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Args are arguments as all programs of ours take them: words first, then settings as KEY=VALUE, in order.
func Args(settings map[string]string, words ...string) []string {
	args := slices.Clone(words)
	for key, value := range settings {
		args = append(args, key+"="+value)
	}
	slices.Sort(args[len(words):])
	return args
}

// Settings are what [Args] made of settings.
func Settings(args []string) map[string]string {
	settings := map[string]string{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		settings[key] = value
	}
	return settings
}
