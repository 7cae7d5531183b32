package txns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// copierVariable in its environment makes a test binary a copier.
const copierVariable = "COMPAT_TXN_COPIER"

// ErrFenced is what a copier returns when another one has taken its place.
var ErrFenced = errors.New("fenced")

// Main runs one copier and ends the process if [Self] started the test binary; else it returns.
func Main(run func(ctx context.Context, c Copying, say func(event string)) error) {
	if os.Getenv(copierVariable) == "" {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // Its end is the wish that the copier ends.
		cancel()
	}()
	say := func(event string) { fmt.Println(event) } //nolint:forbidigo // The line protocol.
	err := run(ctx, parseArgs(os.Args[1:]), say)
	switch {
	case errors.Is(err, ErrFenced):
		say("fenced")
		os.Exit(3)
	case err != nil && !errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Self is the Command of a Client whose copiers are the test binary itself.
func Self(t *testing.T, c Copying) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, c.Args()...) //nolint:noctx // Cleanup ends it.
	cmd.Env = append(os.Environ(), copierVariable+"=1")
	return cmd
}

func parseArgs(args []string) Copying {
	c := Copying{Addr: args[0], Input: args[1], Output: args[2], Group: args[3], ID: args[4], Options: map[string]string{}}
	for _, arg := range args[5:] {
		key, value, _ := strings.Cut(arg, "=")
		c.Options[key] = value
	}
	return c
}

// Number is an option that is a number.
func (c Copying) Number(option string) int {
	n, err := strconv.Atoi(c.Options[option])
	if err != nil {
		panic(fmt.Sprintf("option %s: %v", option, err))
	}
	return n
}
