package java

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/launch"
	"github.com/clatterhq/clatter/compat-tests/report"
)

// scenarioCount is how many scenarios src registers; a JVM that dies early must not pass for one that ran them all.
const scenarioCount = 39

// timeLimit bounds the whole JVM: about two minutes on two busy cores, with Kafka as the broker three.
const timeLimit = 8 * time.Minute

func TestJavaClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	classPath := compile(ctx, t, "src/*.java")
	broker := brokertest.Start(t, map[string]string{"auto.create.topics.enable": "true"})
	java, err := jars.Java()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, java, "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", classPath, "Scenarios", broker.Addr(), os.Getenv("JAVA_SCENARIO"))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ran, failed := follow(ctx, t, broker, stdout, stdin)
	err = cmd.Wait()
	if failed || err != nil {
		t.Logf("stack traces:\n%s", stderr.String())
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !failed) {
		t.Errorf("java: %v", err)
	}
	if os.Getenv("JAVA_SCENARIO") == "" && ran != scenarioCount {
		t.Errorf("%d scenarios ran, want %d", ran, scenarioCount)
	}
}

// follow turns the lines of the program into subtests, and restarts the broker when asked to.
func follow(ctx context.Context, t *testing.T, broker *launch.Broker, lines io.Reader, answers io.Writer) (ran int, failed bool) {
	t.Helper()
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		line := scanner.Text()
		switch {
		case line == "RESTART":
			if err := errors.Join(broker.Stop(), broker.Restart(ctx)); err != nil {
				t.Fatalf("restart broker: %v", err)
			}
			if _, err := io.WriteString(answers, "restarted\n"); err != nil {
				t.Fatalf("answer java: %v", err)
			}
		case strings.HasPrefix(line, "ok "):
			ran++
			t.Run(strings.TrimPrefix(line, "ok "), func(*testing.T) {})
		case strings.HasPrefix(line, "FAIL "):
			ran++
			failed = true
			name, why, _ := strings.Cut(strings.TrimPrefix(line, "FAIL "), " ")
			t.Run(name, func(t *testing.T) { t.Error(why) })
		default:
			t.Log(line)
		}
	}
	return ran, failed
}

// compile compiles the sources that match a pattern and returns the class path that runs them.
func compile(ctx context.Context, t *testing.T, pattern string) string {
	t.Helper()
	return compileWith(ctx, t, pattern, "kafka-clients", jars.ClientsPOM)
}

// compileWith does so with the jars that a POM describes.
func compileWith(ctx context.Context, t *testing.T, pattern, name string, pom []byte) string {
	t.Helper()
	dir, err := jars.Resolve(ctx, name, pom)
	if errors.Is(err, jars.ErrUnavailable) {
		report.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	javac, err := jars.Javac()
	if errors.Is(err, jars.ErrUnavailable) {
		report.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob(pattern)
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	classes := t.TempDir()
	args := append([]string{"-d", classes, "-cp", filepath.Join(dir, "*"), "-Xlint:all", "-proc:none"}, sources...)
	if out, err := exec.CommandContext(ctx, javac, args...).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return classes + string(os.PathListSeparator) + filepath.Join(dir, "*")
}
