package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestMain(m *testing.M) {
	Main("echo", echo)
	os.Exit(m.Run())
}

// echo prints its arguments, and ends as they say.
func echo(ctx context.Context, args []string) error {
	settings := Settings(args[1:])
	fmt.Printf("said %s\r\nelse %s\n", args[0], settings["more"])
	switch settings["then"] {
	case "fail":
		return errors.New("it did not work")
	case "cut":
		fmt.Print("said half")
		return nil
	}
	<-ctx.Done()
	return fmt.Errorf("told to end: %w", ctx.Err())
}

// start starts an echo and waits for the first line that the test knows.
func start(t *testing.T, settings map[string]string) (p *Program, lines chan string) {
	t.Helper()
	lines = make(chan string, 10)
	p = Start(t, "echo", Self(t, "echo", Args(settings, "word")), func(line string) bool {
		if !strings.HasPrefix(line, "said ") {
			return false
		}
		lines <- line
		return true
	})
	if line := <-lines; line != "said word" {
		t.Errorf("line %q", line)
	}
	return p, lines
}

func TestProgramsEndWhenTheirInputEnds(t *testing.T) {
	p, _ := start(t, map[string]string{"more": "than that"})
	if p.Gone() || p.State() != nil {
		t.Error("it ended by itself")
	}
	p.Close(t, nil)
	if !p.Gone() || p.State().ExitCode() != 0 {
		t.Errorf("it ended with %s", p.State())
	}
	if got := p.output.String(); got != "else than that\n" {
		t.Errorf("kept %q", got)
	}
}

func TestProgramsThatFailSayWhy(t *testing.T) {
	p, lines := start(t, map[string]string{"then": "fail"})
	<-p.Exited()
	if p.State().ExitCode() != 1 || !strings.Contains(p.output.String(), "it did not work") {
		t.Errorf("%s: %s", p.State(), p.output.String())
	}
	p.Signal(t, syscall.SIGTERM) // It does not mind.
	if len(lines) > 0 {
		t.Errorf("line %q", <-lines)
	}
}

func TestLinesThatAreCutOffDoNotCount(t *testing.T) {
	p, lines := start(t, map[string]string{"then": "cut"})
	<-p.Exited()
	if len(lines) > 0 {
		t.Errorf("line %q", <-lines)
	}
}

func TestProgramsAreKilledAndSignalled(t *testing.T) {
	p, _ := start(t, nil)
	p.Kill()
	if status := p.State().Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %s", p.State())
	}
	p, _ = start(t, nil)
	p.Close(t, syscall.SIGTERM)
	if !p.Gone() {
		t.Error("it is there")
	}
}

func TestSettingsAreArguments(t *testing.T) {
	settings := map[string]string{"b": "2", "a": "1=1", "c": ""}
	args := Args(settings, "z", "y")
	if got := strings.Join(args, " "); got != "z y a=1=1 b=2 c=" {
		t.Error(got)
	}
	if got := Settings(args[2:]); !maps.Equal(got, settings) {
		t.Error(got)
	}
}

func TestTheEndOfTheOutputIsKept(t *testing.T) {
	var l lastLines
	for i := range 100_000 {
		fmt.Fprintf(&l, "line %d\n", i)
	}
	if text := l.String(); len(text) > 3*keptOutput || len(text) < keptOutput || !strings.HasSuffix(text, "line 99999\n") {
		t.Errorf("%d bytes are kept", len(text))
	}
}
