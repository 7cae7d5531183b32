package smoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

const timeLimit = time.Minute

// output collects what a process prints while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is the binary, started in a folder of its own.
type process struct {
	cmd    *exec.Cmd
	output *output
}

// command prepares the binary with an environment that holds no configuration by accident.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	binary, err := launch.ClatterBinary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	return cmd
}

func start(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := &process{cmd: command(t, dir, args...), output: &output{}}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// ready waits until clatter health says so.
func (p *process) ready(t *testing.T, addr string) {
	t.Helper()
	deadline := time.Now().Add(timeLimit)
	for {
		out, err := command(t, t.TempDir(), "health", "--bootstrap-server", addr).CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never healthy: %v: %s\n%s", err, out, p.output)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// end sends a signal and returns the exit code.
func (p *process) end(t *testing.T, signal os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return exitCode(t, p.cmd.Wait())
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

// serve are the arguments of a broker on addr with everything else by default.
func serve(addr string, more ...string) []string {
	return append([]string{"serve", "--override", "listeners=PLAINTEXT://" + addr}, more...)
}

func produce(t *testing.T, addr, topic string, from, to int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	for i := from; i < to; i++ {
		if err := client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// expectRecords reads the topic, which must hold 0 to n-1 in order.
func expectRecords(t *testing.T, addr, topic string, n int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	defer cancel()
	for i := 0; i < n; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset != int64(i) || string(r.Value) != fmt.Sprint(i) {
				t.Fatalf("record %d: offset %d has %s", i, r.Offset, r.Value)
			}
			i++
		})
	}
}

// TestDefaultsFromAnEmptyFolder starts with nothing but the binary, as make run does.
func TestDefaultsFromAnEmptyFolder(t *testing.T) {
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	p := start(t, dir, serve(addr)...)
	p.ready(t, addr)
	produce(t, addr, "greetings", 0, 50)
	if _, err := os.Stat(filepath.Join(dir, "clatter-data", "greetings-0")); err != nil {
		t.Errorf("data is not in ./clatter-data: %v", err)
	}
	p.end(t, os.Kill)
	p = start(t, dir, serve(addr)...)
	p.ready(t, addr)
	expectRecords(t, addr, "greetings", 50)
	produce(t, addr, "greetings", 50, 60)
	begun := time.Now()
	if code := p.end(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d after an interrupt:\n%s", code, p.output)
	}
	if took := time.Since(begun); took > 10*time.Second { // 1 s is promised; a loaded machine may be late
		t.Errorf("stopping took %v", took)
	}
	p = start(t, dir, serve(addr)...)
	p.ready(t, addr)
	expectRecords(t, addr, "greetings", 60)
	p.end(t, os.Interrupt)
}

func TestMemoryModeLeavesNothing(t *testing.T) {
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	p := start(t, dir, serve(addr, "--memory")...)
	p.ready(t, addr)
	produce(t, addr, "fleeting", 0, 20)
	expectRecords(t, addr, "fleeting", 20)
	if code := p.end(t, os.Interrupt); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.output)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestPropertiesFileAndEnvironment takes a stock KRaft server.properties, with the environment over it.
func TestPropertiesFileAndEnvironment(t *testing.T) {
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	text := "process.roles=broker,controller\nnode.id=7\ncontroller.quorum.voters=7@localhost:9093\n" +
		"listeners=PLAINTEXT://localhost:" + port + ",CONTROLLER://localhost:9093\ncontroller.listener.names=CONTROLLER\n" +
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\nlog.dirs=" + filepath.Join(dir, "elsewhere") + "\nnum.partitions=2\n"
	config := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, dir, "serve", "--config", config, "--override", "num.partitions=1")
	cmd.Env = append(cmd.Env, "KAFKA_NUM_PARTITIONS=5", "KAFKA_NO_SUCH_KEY=1")
	p := &process{cmd: cmd, output: &output{}}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.ready(t, addr)
	produce(t, addr, "configured", 0, 10)
	expectRecords(t, addr, "configured", 10)
	p.end(t, os.Interrupt)
	if _, err := os.Stat(filepath.Join(dir, "elsewhere", "configured-0")); err != nil {
		t.Errorf("log.dirs: %v", err)
	}
	if !strings.Contains(p.output.String(), "no.such.key") {
		t.Errorf("no warning of an unknown key:\n%s", p.output)
	}
}

// TestRefusals holds what can't work to one clear line, its exit code, and an untouched disk.
func TestRefusals(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"bad value", []string{"serve", "--override", "num.partitions=many"}, 2, []string{"num.partitions", "many"}},
		{"value out of range", []string{"serve", "--override", "log.segment.bytes=5"}, 2, []string{"log.segment.bytes", "5", "1048576"}},
		{"unknown flag", []string{"serve", "--no-such-flag"}, 2, []string{"no-such-flag"}},
		{"unknown command", []string{"sing"}, 2, []string{"sing"}},
		{"missing configuration file", []string{"serve", "--config", "nowhere.properties"}, 1, []string{"nowhere.properties"}},
		{"taken port", serve(taken.Addr().String()), 1, []string{taken.Addr().String()}},
		{"data directory is a file", serve("localhost:0", "--override", "log.dirs="+file), 1, []string{file}},
		{"health of nobody", []string{"health", "--bootstrap-server", "localhost:1"}, 1, []string{"localhost:1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			out, err := command(t, dir, test.args...).CombinedOutput()
			if code := exitCode(t, err); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			text := string(out)
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in: %s", want, text)
				}
			}
			if test.name != "unknown flag" && strings.Count(strings.TrimSpace(text), "\n") > 0 {
				t.Errorf("more than one line:\n%s", text)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

func TestDirectoryHeldByAnotherProcess(t *testing.T) {
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	p := start(t, dir, serve(addr)...)
	p.ready(t, addr)
	produce(t, addr, "held", 0, 1) // now every file of a new directory is there
	before := listing(t, dir)
	out, err := command(t, dir, serve("localhost:0")...).CombinedOutput()
	if code := exitCode(t, err); code != 1 || !strings.Contains(string(out), "clatter-data") || strings.Count(strings.TrimSpace(string(out)), "\n") > 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the second process changed the disk:\n%s\n%s", before, after)
	}
	produce(t, addr, "still-here", 0, 1)
	p.end(t, os.Interrupt)
}

// listing names all files below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

// TestGarbageOnThePortIsOneLine sends what finds its way to open ports.
func TestGarbageOnThePortIsOneLine(t *testing.T) {
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	p := start(t, dir, serve(addr)...)
	p.ready(t, addr)
	all := []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "\xff\xff\xff\xff\xff\xff\xff\xff", "SSH-2.0-OpenSSH_9\r\n"}
	for _, garbage := range all {
		conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(garbage)); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
			t.Errorf("%q: %d bytes came back, %v", garbage, n, err)
		}
		conn.Close()
	}
	produce(t, addr, "unharmed", 0, 10)
	p.end(t, os.Interrupt)
	out := p.output.String()
	if foreign, warnings := strings.Count(out, "not a Kafka client"), strings.Count(out, "level=WARN"); foreign != len(all) || warnings != len(all) {
		t.Errorf("%d lines about %d kinds of garbage, %d warnings:\n%s", foreign, len(all), warnings, out)
	}
}

func TestVersionAndHelp(t *testing.T) {
	out, err := command(t, t.TempDir(), "version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "clatter") {
		t.Errorf("version: %v: %s", err, out)
	}
	out, err = command(t, t.TempDir(), "--help").CombinedOutput()
	if err != nil {
		t.Errorf("--help: %v", err)
	}
	for _, name := range []string{"serve", "health", "dump", "version"} {
		if !strings.Contains(string(out), name) {
			t.Errorf("--help doesn't name %s:\n%s", name, out)
		}
	}
}

// TestDumpPrintsWhatABrokerLeft prints every kind of file.
func TestDumpPrintsWhatABrokerLeft(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an interrupt can't be sent to a process there")
	}
	dir, addr := t.TempDir(), brokertest.FreeAddr(t)
	p := start(t, dir, serve(addr)...)
	p.ready(t, addr)
	produce(t, addr, "dumped", 0, 20)
	p.end(t, os.Interrupt)
	for name, want := range map[string]string{"*.log": "baseOffset", "*.snapshot": "producerId"} {
		files, err := filepath.Glob(filepath.Join(dir, "clatter-data", "dumped-0", name))
		if err != nil || len(files) == 0 {
			t.Errorf("no %s: %v", name, err)
			continue
		}
		out, err := command(t, dir, append([]string{"dump"}, files...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("dump %s: %v: %s", name, err, out)
		}
	}
}
