package txns

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/program"
)

// copierKind is what the test binary is when it is a copier.
const copierKind = "copier"

// ErrFenced is what a copier returns when another one has taken its place.
var ErrFenced = errors.New("fenced")

// Main runs one copier and ends the process if [Self] started the test binary; else it returns.
func Main(run func(ctx context.Context, c Copying, say func(event string)) error) {
	program.Main(copierKind, func(ctx context.Context, args []string) error {
		say := func(event string) { fmt.Println(event) } //nolint:forbidigo // The line protocol.
		err := run(ctx, Copying{
			Addr: args[0], Input: args[1], Output: args[2], Group: args[3], ID: args[4], Options: program.Settings(args[5:]),
		}, say)
		if errors.Is(err, ErrFenced) {
			say("fenced")
		}
		return err
	})
}

// Self is the Command of a Client whose copiers are the test binary itself.
func Self(t *testing.T, c Copying) *exec.Cmd {
	t.Helper()
	return program.Self(t, copierKind, c.Args())
}

// Number is an option that is a number.
func (c Copying) Number(option string) int {
	n, err := strconv.Atoi(c.Options[option])
	if err != nil {
		panic(fmt.Sprintf("option %s: %v", option, err))
	}
	return n
}
