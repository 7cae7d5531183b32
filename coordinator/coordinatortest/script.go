package coordinatortest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"
)

// Script is one conversation with a coordinator. Its commands are in a file, each with what it leads to below it.
type Script interface {
	// Run runs a command. What it leads to may come later, up to when nothing moves any more.
	Run(c Command)
	// Heard is everything that was said since the last command.
	Heard() string
	// End ends what the conversation is about.
	End()
}

// Play plays the conversations in the files of a pattern, each in a bubble of time of its own.
func Play[S Script](t *testing.T, pattern string, begin func(t *testing.T) S) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatal(err, paths)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := begin(t)
				defer s.End()
				datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
					s.Run(Command{d, t})
					synctest.Wait()
					return s.Heard()
				})
			})
		})
	}
}

// Lines are what was said in a conversation. Any goroutine may call their methods.
type Lines struct {
	mu    sync.Mutex
	lines []string
}

// Say adds a line.
func (l *Lines) Say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Heard takes what was said, in an order that doesn't depend on goroutines.
func (l *Lines) Heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	slices.Sort(lines)
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "\n")
}

// Command is one command of a conversation, with words and with values that have a name.
type Command struct {
	*datadriven.TestData
	t *testing.T
}

// Text is a value.
func (c Command) Text(key, otherwise string) string {
	for _, arg := range c.CmdArgs {
		if arg.Key == key && len(arg.Vals) > 0 {
			return strings.Join(arg.Vals, ",")
		}
	}
	return otherwise
}

// Optional is a value that may be left out, or be null.
func (c Command) Optional(key string, otherwise *string) *string {
	switch v := c.Text(key, ""); v {
	case "":
		return otherwise
	case "null":
		return nil
	default:
		return &v
	}
}

// Number is a value that is a number.
func (c Command) Number(key string, otherwise int64) int64 {
	n, err := strconv.ParseInt(c.Text(key, strconv.FormatInt(otherwise, 10)), 10, 64)
	if err != nil {
		c.t.Fatal(c.Pos, err)
	}
	return n
}

// Ms is a value that is a time, in ms.
func (c Command) Ms(key, otherwise string) int32 {
	return int32(c.Duration(c.Text(key, otherwise)).Milliseconds())
}

// Wait lets the time pass that is the command's first word.
func (c Command) Wait() { time.Sleep(c.Duration(c.Word())) } //nolint:forbidigo // It is the time of a bubble.

// Duration reads a time.
func (c Command) Duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		c.t.Fatal(c.Pos, err)
	}
	return d
}

// Words are the arguments without a value.
func (c Command) Words() []string {
	var words []string
	for _, arg := range c.CmdArgs {
		if len(arg.Vals) == 0 {
			words = append(words, arg.Key)
		}
	}
	return words
}

// Word is the first of them, "" if there is none.
func (c Command) Word() string {
	if words := c.Words(); len(words) > 0 {
		return words[0]
	}
	return ""
}
