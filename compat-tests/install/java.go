package install

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// JVM runs Java programs with the jars that a POM describes.
type JVM struct{ java, classPath string }

// Java returns what runs programs with the jars of one of the POMs of package jars. The name makes their folder readable.
func Java(tb testing.TB, name string, pom []byte) *JVM {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), timeLimit)
	defer cancel()
	dir, err := jars.Resolve(ctx, name, pom)
	java, err1 := jars.Java()
	check(tb, errors.Join(err, err1))
	return &JVM{java: java, classPath: filepath.Join(dir, "*")}
}

// Compile compiles sources against the jars into a folder, whose classes can be run from then on. At least one file must match the
// pattern.
func (j *JVM) Compile(tb testing.TB, folder, pattern string) {
	tb.Helper()
	javac, err := jars.Javac()
	check(tb, err)
	sources, err := filepath.Glob(pattern)
	if err != nil || len(sources) == 0 {
		tb.Fatalf("no sources %s: %v", pattern, err)
	}
	args := append([]string{"-d", folder, "-cp", j.classPath, "-Xlint:all", "-proc:none"}, sources...)
	if out, err := exec.CommandContext(tb.Context(), javac, args...).CombinedOutput(); err != nil {
		tb.Fatalf("javac: %v\n%s", err, out)
	}
	j.classPath = folder + string(os.PathListSeparator) + j.classPath
}

// Command runs a class in a JVM that is made for short programs. The heap is as -Xmx has it, like 128m; arguments are properties
// (-Dkey=value), the class, and what is for the class.
func (j *JVM) Command(ctx context.Context, heap string, args ...string) *exec.Cmd {
	options := []string{"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", j.classPath}
	return exec.CommandContext(ctx, j.java, append(options, args...)...)
}

// check skips a test where there is no Java, or no network to get jars.
func check(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, jars.ErrUnavailable) {
		report.Skip(tb, "%v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}
