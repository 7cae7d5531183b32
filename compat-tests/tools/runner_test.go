package tools

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
)

// timeLimit bounds one call of a tool.
const timeLimit = 2 * time.Minute

// classes are the main classes of the tools by the names of their scripts.
var classes = map[string]string{
	"kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
	"kafka-cluster":             "org.apache.kafka.tools.ClusterTool",
	"kafka-configs":             "kafka.admin.ConfigCommand",
	"kafka-console-consumer":    "org.apache.kafka.tools.consumer.ConsoleConsumer",
	"kafka-console-producer":    "org.apache.kafka.tools.ConsoleProducer",
	"kafka-consumer-groups":     "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
	"kafka-delete-records":      "org.apache.kafka.tools.DeleteRecordsCommand",
	"kafka-dump-log":            "org.apache.kafka.tools.DumpLogSegments",
	"kafka-features":            "org.apache.kafka.tools.FeatureCommand",
	"kafka-get-offsets":         "org.apache.kafka.tools.GetOffsetShell",
	"kafka-groups":              "org.apache.kafka.tools.GroupsCommand",
	"kafka-log-dirs":            "org.apache.kafka.tools.LogDirsCommand",
	"kafka-metadata-quorum":     "org.apache.kafka.tools.MetadataQuorumCommand",
	"kafka-producer-perf-test":  "org.apache.kafka.tools.ProducerPerformance",
	"kafka-share-groups":        "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
	"kafka-streams-groups":      "org.apache.kafka.tools.streams.StreamsGroupCommand",
	"kafka-topics":              "org.apache.kafka.tools.TopicCommand",
	"kafka-transactions":        "org.apache.kafka.tools.TransactionsCommand",
}

// jvm is the one JVM of this test binary; tests take turns.
var jvm struct {
	sync.Mutex
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Reader
	classes string // folder of the compiled runner
}

func TestMain(m *testing.M) {
	code := m.Run()
	stopJVM()
	os.Exit(code)
}

func stopJVM() {
	if jvm.cmd == nil {
		return
	}
	jvm.stdin.Close()
	kill := time.AfterFunc(5*time.Second, func() { jvm.cmd.Process.Kill() })
	defer kill.Stop()
	if err := jvm.cmd.Wait(); err != nil {
		fmt.Fprintln(os.Stderr, "tool runner:", err)
	}
	os.RemoveAll(jvm.classes)
}

// result is what a tool left.
type result struct {
	stdout, stderr string
	code           int
}

// tool runs a tool with arguments and standard input and returns what it left.
func tool(t *testing.T, stdin, name string, args ...string) result {
	t.Helper()
	class, ok := classes[name]
	if !ok {
		t.Fatalf("no class for %s", name)
	}
	jvm.Lock()
	defer jvm.Unlock()
	if jvm.cmd == nil {
		startJVM(t)
	}
	words := append([]string{class, stdin}, args...)
	for i, word := range words {
		words[i] = base64.StdEncoding.EncodeToString([]byte(word))
	}
	watchdog := time.AfterFunc(timeLimit, func() { jvm.cmd.Process.Kill() })
	defer watchdog.Stop()
	if _, err := io.WriteString(jvm.stdin, strings.Join(words, " ")+"\n"); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	line, err := jvm.answers.ReadString('\n')
	if err != nil {
		t.Fatalf("%s %s: the tool runner is gone: %v", name, strings.Join(args, " "), err)
	}
	return parse(t, line)
}

// run runs a tool, which must succeed, and returns what it printed.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	r := tool(t, stdin, name, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s\n%s", name, strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// runAlone runs a tool in a JVM of its own, as its script does: for those that finish their work in a shutdown hook.
func runAlone(t *testing.T, class string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	java := install.Java(t, "kafka-tools", jars.ToolsPOM)
	out, err := java.Command(ctx, "256m", append([]string{class}, args...)...).Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", class, err, out)
	}
	return string(out)
}

func parse(t *testing.T, line string) result {
	t.Helper()
	words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
	if len(words) != 3 {
		t.Fatalf("tool runner answered %q", line)
	}
	code, err := strconv.Atoi(words[0])
	stdout, err1 := base64.StdEncoding.DecodeString(words[1])
	stderr, err2 := base64.StdEncoding.DecodeString(words[2])
	if err := errors.Join(err, err1, err2); err != nil {
		t.Fatalf("tool runner answered %q: %v", line, err)
	}
	return result{code: code, stdout: string(stdout), stderr: string(stderr)}
}

// startJVM compiles and starts the runner.
func startJVM(t *testing.T) {
	t.Helper()
	java := install.Java(t, "kafka-tools", jars.ToolsPOM)
	out, err := os.MkdirTemp("", "clatter-tools-") //nolint:usetesting // All tests of the package share it; TestMain removes it.
	if err != nil {
		t.Fatal(err)
	}
	java.Compile(t, out, "src/ToolRunner.java")
	if err := os.WriteFile(filepath.Join(out, "log4j2.properties"), []byte(logSettings), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := java.Command(context.WithoutCancel(t.Context()), "512m", "ToolRunner")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	stdout, err1 := cmd.StdoutPipe()
	if err := errors.Join(err, err1, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	jvm.cmd, jvm.stdin, jvm.answers, jvm.classes = cmd, stdin, bufio.NewReader(stdout), out
}

// logSettings keep the clients' log off the tools' output.
const logSettings = `status=error
appender.c.type=Null
appender.c.name=C
rootLogger.level=error
rootLogger.appenderRef.c.ref=C
`
