package java

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

// scenarioCount is how many scenarios src registers; a JVM that dies early must not pass for one that ran them all.
const scenarioCount = 39

// timeLimit bounds the whole JVM: about two minutes on two busy cores, with Kafka as the broker three.
const timeLimit = 8 * time.Minute

func TestJavaClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	java := compile(t, "src/*.java")
	broker := brokertest.Start(t, map[string]string{"auto.create.topics.enable": "true"})
	cmd := java.Command(ctx, "768m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "Scenarios", broker.Addr(), os.Getenv("JAVA_SCENARIO"))
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

// compile compiles the sources that match a pattern with the newest client.
func compile(t *testing.T, pattern string) *install.JVM {
	t.Helper()
	java := install.Java(t, "kafka-clients", jars.ClientsPOM)
	java.Compile(t, t.TempDir(), pattern)
	return java
}
