// Package install gives tests the client libraries of other languages, installed at pinned versions by the scripts beside it
// into the cache folder of the user: the first call of a machine needs a network, later ones do not. The set-up of make
// test calls the same scripts. Java's jars come from package jars. What can't be installed is skipped through report.
package install

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/report"
)

// timeLimit bounds one installation; most take five seconds.
const timeLimit = 5 * time.Minute

// Python returns the interpreter of the virtual environment that folder/requirements.txt of this module describes.
func Python(tb testing.TB, folder string) string {
	tb.Helper()
	return filepath.Join(run(tb, "venv.sh", folder), "bin", "python")
}

// Wheel returns the folder with what the wheels contain that pins, a file of this module, names.
func Wheel(tb testing.TB, pins string) string {
	tb.Helper()
	return run(tb, "wheel.sh", pins)
}

// Interpreter returns the Python of this machine, for programs that need nothing but its standard library.
func Interpreter(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		report.Skip(tb, "%v", err)
	}
	return path
}

// NodeModules returns the folder with the packages that folder/package-lock.json of this module describes.
func NodeModules(tb testing.TB, folder string) string {
	tb.Helper()
	return run(tb, "npm.sh", folder)
}

// run runs a script beside this file and returns what it prints.
func run(tb testing.TB, script, folder string) string {
	tb.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("install: no path of the sources")
	}
	ctx, cancel := context.WithTimeout(tb.Context(), timeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(here), script), folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		report.Skip(tb, "%s %s: %v: %s", script, folder, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out))
}
