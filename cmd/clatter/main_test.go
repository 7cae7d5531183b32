package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output collects what a command prints, while it runs too.
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

// command runs a command to its end.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs output
	code = run(args, process{stdout: &out, stderr: &errs})
	return code, out.String(), errs.String()
}

// listeners is the override for a listener on an address.
func listeners(addr string) string { return "listeners=PLAINTEXT://" + addr }

// testNode is a broker in this process.
type testNode struct {
	addr    string
	dir     string
	logs    *output
	signals chan os.Signal
	code    chan int
}

// runTestNode runs a broker on a free port, on data in dir, or in memory if that is empty, until the test ends.
func runTestNode(tb testing.TB, dir string, overrides ...string) *testNode {
	tb.Helper()
	if dir != "" {
		overrides = append([]string{"log.dirs=" + dir}, overrides...)
	}
	overrides = append([]string{listeners("127.0.0.1:0")}, overrides...)
	static, err := config.Load(config.Sources{Overrides: overrides})
	if err != nil {
		tb.Fatal(err)
	}
	n := &testNode{dir: dir, logs: new(output), signals: make(chan os.Signal, 2), code: make(chan int, 1)}
	p := process{stdout: n.logs, stderr: n.logs}
	go func() { n.code <- p.runNode(static, dir == "", n.signals) }()
	n.addr = n.awaitLog(tb, "msg=listening addr=")
	tb.Cleanup(func() {
		select {
		case n.signals <- syscall.SIGTERM:
		default:
		}
		select {
		case n.code <- <-n.code:
		case <-time.After(10 * time.Second):
			tb.Error("the broker doesn't stop")
		}
	})
	return n
}

// awaitLog waits for a log line and returns the word behind the text.
func (n *testNode) awaitLog(tb testing.TB, text string) string {
	tb.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, rest, ok := strings.Cut(n.logs.String(), text); ok {
			word, _, _ := strings.Cut(strings.TrimRight(rest, "\n"), " ")
			return word
		}
	}
	tb.Fatalf("no line with %q:\n%s", text, n.logs)
	return ""
}

func TestVersionAndHelpAreAnswered(t *testing.T) {
	if code, out, _ := command(t, "version"); code != exitOK || !strings.HasPrefix(out, "clatter ") {
		t.Errorf("version: %d, %s", code, out)
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"help"}} {
		code, out, errs := command(t, args...)
		if code != exitOK || errs != "" || !strings.Contains(out, "serve") || !strings.Contains(out, "dump") {
			t.Errorf("%v: %d, %s%s", args, code, out, errs)
		}
	}
	for _, name := range []string{"serve", "health", "dump", "version"} {
		code, out, errs := command(t, name, "--help")
		if code != exitOK || errs != "" || !strings.Contains(out, "Usage: clatter") || !strings.Contains(out, name) {
			t.Errorf("%s --help: %d, %s%s", name, code, out, errs)
		}
	}
}

func TestWrongUseIsOneLine(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	before := tree(t, dir)
	free := listeners("127.0.0.1:0")
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"sing"}, exitUsage, "sing"},
		{[]string{"serve", "--loud"}, exitUsage, "loud"},
		{[]string{"serve", "now"}, exitUsage, "now"},
		{[]string{"--override", "num.partitions"}, exitUsage, "key=value"},
		{[]string{"--override", "num.partitions=many"}, exitUsage, "many"},
		{[]string{"serve", "--config", filepath.Join(dir, "nothing")}, exitFailure, "nothing"},
		{[]string{"serve", "--config", dir}, exitFailure, dir},
		{[]string{"serve", "--override", listeners(taken.Addr().String()), "--override", "log.dirs=" + data}, exitFailure, taken.Addr().String()},
		{[]string{"serve", "--override", free, "--override", "log.dirs=" + file}, exitFailure, file},
		{[]string{"health", "--bootstrap-server", "127.0.0.1:1"}, exitFailure, "127.0.0.1:1"},
		{[]string{"health", "me"}, exitUsage, "me"},
		{[]string{"dump"}, exitUsage, "file"},
		{[]string{"dump", file}, exitFailure, file},
		{[]string{"version", "--of", "what"}, exitUsage, "of"},
	} {
		code, out, errs := command(t, test.args...)
		if code != test.code || out != "" || !strings.Contains(errs, test.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: %d, want %d and a line with %q:\n%s%s", test.args, code, test.code, test.says, out, errs)
		}
	}
	if after := tree(t, dir); after != before {
		t.Errorf("files were changed:\n%s\n%s", before, after)
	}
}

// tree lists all files below dir.
func tree(t *testing.T, dir string) string {
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

// settledTree lists the files of a broker whose new catalog is on disk: the broker answers before it is.
func (n *testNode) settledTree(t *testing.T) string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(n.dir, catalog.FileName)); err == nil {
			return tree(t, n.dir)
		}
	}
	t.Fatalf("no catalog:\n%s", tree(t, n.dir))
	return ""
}

func TestNodeServesAndStops(t *testing.T) {
	n := runTestNode(t, t.TempDir())
	if code, _, errs := command(t, "health", "--bootstrap-server", n.addr); code != exitOK {
		t.Errorf("health: %d, %s", code, errs)
	}
	before := n.settledTree(t)
	code, _, errs := command(t, "serve", "--override", listeners("127.0.0.1:0"), "--override", "log.dirs="+n.dir)
	if code != exitFailure || !strings.Contains(errs, n.dir) || strings.Count(errs, "\n") != 1 {
		t.Errorf("a second broker on the same directory: %d, %s", code, errs)
	}
	if after := tree(t, n.dir); after != before {
		t.Errorf("the second broker changed files:\n%s\n%s", before, after)
	}
	began := time.Now()
	n.signals <- syscall.SIGTERM
	if code := <-n.code; code != exitOK {
		t.Errorf("exit code %d:\n%s", code, n.logs)
	}
	n.code <- exitOK
	if took := time.Since(began); took > 5*time.Second { // 1 s is promised; a loaded machine may be late
		t.Errorf("an idle broker took %s to stop", took)
	}
	if code, _, _ := command(t, "health", "--bootstrap-server", n.addr); code != exitFailure {
		t.Errorf("health of a stopped broker: %d", code)
	}
}

func TestNodeKeepsItsClusterOverARestart(t *testing.T) {
	dir := t.TempDir()
	first := runTestNode(t, dir)
	first.signals <- os.Interrupt
	first.code <- <-first.code
	meta := filepath.Join(dir, "meta.properties")
	before, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	second := runTestNode(t, dir)
	second.signals <- os.Interrupt
	second.code <- <-second.code
	after, err := os.ReadFile(meta)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("meta.properties changed: %v\n%s\n%s", err, before, after)
	}
	for when, logs := range map[string]*output{"the first start": first.logs, "a restart": second.logs} {
		if strings.Contains(logs.String(), "WARN") {
			t.Errorf("%s warns:\n%s", when, logs)
		}
	}
	third := runTestNodeFails(t, dir, "clatter.cluster.id=anotherclusteranother1")
	if !strings.Contains(third, "cluster") {
		t.Errorf("another cluster's directory: %s", third)
	}
}

// runTestNodeFails starts a broker that must not come up, and returns what it says.
func runTestNodeFails(t *testing.T, dir string, overrides ...string) string {
	t.Helper()
	args := []string{"serve", "--override", listeners("127.0.0.1:0"), "--override", "log.dirs=" + dir}
	for _, o := range overrides {
		args = append(args, "--override", o)
	}
	code, _, errs := command(t, args...)
	if code != exitFailure || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
	return errs
}

func TestDynamicKeysReachTheServer(t *testing.T) {
	dir := t.TempDir()
	static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0"), "log.dirs=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	logs := new(output)
	start := func() (*node, string) {
		t.Helper()
		n, err := startNode(t.Context(), static, nodeOptions{logs: logs})
		if err != nil {
			t.Fatal(err)
		}
		n.serve()
		return n, n.server.Bound()[0].Addr.String()
	}
	n, addr := start()
	if _, err := checkHealth(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	if err := n.catalog.SetBrokerConfig(t.Context(), config.AllBrokers, map[string]string{"max.connections.per.ip.overrides": "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	if _, err := checkHealth(t.Context(), addr); err == nil {
		t.Errorf("a connection came in though none may:\n%s", logs)
	}
	if err := n.stop(context.Background()); err != nil {
		t.Error(err)
	}
	n, addr = start()
	if _, err := checkHealth(t.Context(), addr); err == nil {
		t.Errorf("a connection came in after a restart though none may:\n%s", logs)
	}
	if err := n.stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestTopicsOfTheCatalogAreKept(t *testing.T) {
	static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0")}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), static, nodeOptions{memory: true, logs: new(output)})
	if err != nil {
		t.Fatal(err)
	}
	n.serve()
	ctx := t.Context()
	if err := n.catalog.CreateTopics(ctx, []catalog.NewTopic{{Name: "a", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	topic := n.catalog.Image().TopicByName("a")
	if _, err := n.store.Partition(topic.ID, 0); err != nil {
		t.Errorf("after creation: %v", err)
	}
	if err := n.catalog.AddPartitions(ctx, topic.ID, 3); err != nil {
		t.Fatal(err)
	}
	if _, err := n.store.Partition(topic.ID, 2); err != nil {
		t.Errorf("after growth: %v", err)
	}
	if err := n.catalog.DeleteTopics(ctx, []logstore.TopicID{topic.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.store.Partition(topic.ID, 0); err == nil {
		t.Error("a deleted topic is still there")
	}
	n.topics.end()
	if left := n.catalog.Image().Deleting(); len(left) > 0 {
		t.Errorf("the catalog still deletes %v", left)
	}
	if err := n.stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestNodeEndsIfItsCatalogCantBeMade(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, catalog.FileName+".new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	code, _, errs := command(t, "serve", "--override", listeners("127.0.0.1:0"), "--override", "log.dirs="+dir)
	if code != exitFailure || !strings.Contains(errs, "catalog") {
		t.Errorf("exit code %d:\n%s", code, errs)
	}
}

// TestFailedStartLeavesNoFileBehind names a new directory before one that has another cluster's logs. Whoever then puts them in order must not be
// told that the new one belongs to a cluster that never was.
func TestFailedStartLeavesNoFileBehind(t *testing.T) {
	fresh, old := t.TempDir(), t.TempDir()
	n := runTestNode(t, old)
	n.settledTree(t)
	n.signals <- syscall.SIGTERM
	n.code <- <-n.code
	// With the catalog there the start would end before it looks at a directory.
	file, away := filepath.Join(old, catalog.FileName), filepath.Join(t.TempDir(), catalog.FileName)
	if err := os.Rename(file, away); err != nil {
		t.Fatal(err)
	}
	before := tree(t, old)
	errs := runTestNodeFails(t, fresh+","+old)
	if !strings.Contains(errs, "cluster") {
		t.Errorf("a start with the directory of another cluster: %s", errs)
	}
	if names, err := os.ReadDir(fresh); err != nil || len(names) != 1 || names[0].Name() != ".lock" {
		t.Errorf("the new directory has %v, %v", names, err)
	}
	if after := tree(t, old); after != before {
		t.Errorf("the start changed files:\n%s\n%s", before, after)
	}
	if err := os.Rename(away, file); err != nil {
		t.Fatal(err)
	}
	runTestNode(t, old+","+fresh)
}

func TestDirectoryOfAKafkaKeepsItsCluster(t *testing.T) {
	dir := t.TempDir()
	meta := "version=1\ncluster.id=5L6g3nShT-eMCtK--X86sw\nnode.id=1\n"
	if err := os.WriteFile(filepath.Join(dir, "meta.properties"), []byte(meta), 0o600); err != nil {
		t.Fatal(err)
	}
	static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0"), "log.dirs=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), static, nodeOptions{logs: new(output)})
	if err != nil {
		t.Fatal(err)
	}
	n.serve()
	if got := n.catalog.ClusterID(); got != "5L6g3nShT-eMCtK--X86sw" {
		t.Errorf("the cluster is %s", got)
	}
	if err := n.stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestDumpVerifiesDirectories(t *testing.T) {
	kafka := filepath.Join("..", "..", "logstore", "local", "format", "testdata", "kafka-4.4")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(kafka)); err != nil {
		t.Fatal(err)
	}
	partition := filepath.Join(dir, "plain-0")
	if code, out, errs := command(t, "dump", "--verify", dir, partition); code != exitOK || out != "" || errs != "" {
		t.Errorf("whole: %d\n%s%s", code, out, errs)
	}
	segment := filepath.Join(partition, "00000000000000000000.log")
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	content[80] ^= 1
	if err := os.WriteFile(segment, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, partition} {
		code, out, errs := command(t, "dump", "--verify", path)
		if code != exitFailure || errs != "" || !strings.HasPrefix(out, segment+" byte 0 (") || !strings.Contains(out, "offsets 0 to ") || strings.Count(out, "\n") != 1 {
			t.Errorf("damaged %s: %d\n%s%s", path, code, out, errs)
		}
	}
	empty := t.TempDir()
	if code, out, errs := command(t, "dump", "--verify", empty); code != exitFailure || out != "" || !strings.Contains(errs, empty+": not a log directory") {
		t.Errorf("empty: %d\n%s%s", code, out, errs)
	}
	if code, _, errs := command(t, "dump", "--verify", filepath.Join(dir, "nowhere")); code != exitFailure || !strings.Contains(errs, "nowhere") {
		t.Errorf("missing: %d %s", code, errs)
	}
}

func TestCatalogIsNotBegunAnewInAnotherDirectory(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	ctx := t.Context()
	n := testNodeOn(t, dirs, new(output))
	err := n.catalog.CreateTopics(ctx, []catalog.NewTopic{{Name: "a", Partitions: 2}})
	if err := errors.Join(err, n.stop(ctx)); err != nil {
		t.Fatal(err)
	}
	turned := "log.dirs=" + dirs[1] + "," + dirs[0]
	code, _, errs := command(t, "serve", "--override", listeners("127.0.0.1:0"), "--override", turned)
	if code != exitFailure || !strings.Contains(errs, dirs[0]+": the catalog") || strings.Count(errs, "\n") != 1 {
		t.Errorf("%d %s", code, errs)
	}
	if _, err := os.Stat(filepath.Join(dirs[1], catalog.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("catalog in the other directory: %v", err)
	}
	n = testNodeOn(t, dirs, new(output))
	if n.catalog.Image().TopicByName("a") == nil {
		t.Error("topic is gone")
	}
	if err := n.stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestDirectoryThatIsLeftOutOfLogDirs: its partitions would begin at offset 0 elsewhere, though their records are there.
func TestDirectoryThatIsLeftOutOfLogDirs(t *testing.T) {
	dirs, logs := []string{t.TempDir(), t.TempDir()}, new(output)
	ctx := t.Context()
	n := testNodeOn(t, dirs, logs)
	if err := n.catalog.CreateTopics(ctx, []catalog.NewTopic{{Name: "a", Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	id := n.catalog.Image().TopicByName("a").ID
	for partition := range int32(2) {
		if err := appendTo(ctx, n.store, id, partition); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.stop(ctx); err != nil {
		t.Fatal(err)
	}
	code, _, errs := command(t, "serve", "--override", listeners("127.0.0.1:0"), "--override", "log.dirs="+dirs[0])
	if code != exitFailure || !strings.Contains(errs, dirs[1]+": has logs") || strings.Count(errs, "\n") != 1 {
		t.Errorf("left out: %d %s", code, errs)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dirs[1], link); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	for _, second := range []string{link, moved} {
		if second == moved {
			if err := os.Rename(dirs[1], moved); err != nil {
				t.Fatal(err)
			}
		}
		n = testNodeOn(t, []string{dirs[0], second}, logs)
		for partition := range int32(2) {
			p, err := n.store.Partition(id, partition)
			if err != nil || p.Offsets().LogEndOffset != 1 {
				t.Errorf("partition %d in %s: %v", partition, second, err)
			}
		}
		if err := n.stop(ctx); err != nil {
			t.Error(err)
		}
		if warned := strings.Contains(logs.String(), dirs[1]); warned != (second == moved) {
			t.Errorf("%s: %s", second, logs)
		}
	}
}

// TestCatalogThatCantBeWrittenTakesItsDirectory covers a failed write that concerns no log: it is final for the directory
// all the same, and with the last one the broker ends.
func TestCatalogThatCantBeWrittenTakesItsDirectory(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	logs := new(output)
	n := testNodeOn(t, dirs, logs)
	ctx := t.Context()
	if err := n.catalog.CreateTopics(ctx, []catalog.NewTopic{{Name: "a", Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	id := n.catalog.Image().TopicByName("a").ID
	for partition := range int32(2) {
		if err := appendTo(ctx, n.store, id, partition); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() {
		_, err := n.awaitSignal(ctx, nil)
		ended <- err
	}()
	n.catalogFailed <- syscall.EIO
	// The catalog hears of its directory last.
	for !errors.Is(n.catalog.FinishDelete(ctx, logstore.TopicID{9}), catalog.ErrFailed) {
		time.Sleep(time.Millisecond)
	}
	if err := appendTo(ctx, n.store, id, 0); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append to the directory of the catalog: %v", err)
	}
	if err := appendTo(ctx, n.store, id, 1); err != nil {
		t.Errorf("append to the other directory: %v", err)
	}
	if err := n.catalog.CreateTopics(ctx, []catalog.NewTopic{{Name: "b", Partitions: 1}}); !errors.Is(err, catalog.ErrFailed) {
		t.Errorf("new topic: %v", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("the broker ends although a directory is left: %v", err)
	default:
	}
	n.store.Fail(1, "write", syscall.EIO)
	if err := <-ended; !errors.Is(err, errNoDirs) || !strings.Contains(err.Error(), dirs[1]) {
		t.Errorf("end: %v", err)
	}
	if err := n.stop(ctx); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("stop: %v", err)
	}
}

// testNodeOn starts a node on log directories.
func testNodeOn(t *testing.T, dirs []string, logs *output) *node {
	t.Helper()
	static, err := config.Load(config.Sources{Overrides: []string{listeners("127.0.0.1:0"), "log.dirs=" + strings.Join(dirs, ",")}})
	if err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), static, nodeOptions{logs: logs})
	if err != nil {
		t.Fatal(err)
	}
	n.serve()
	return n
}

// appendTo appends one record and waits until it is durable.
func appendTo(ctx context.Context, store logstore.Store, id logstore.TopicID, partition int32) error {
	p, err := store.Partition(id, partition)
	if err != nil {
		return err
	}
	builder := record.NewBuilder()
	builder.Append(1, nil, []byte("x"))
	batch, err := builder.Build(nil)
	if err != nil {
		return err
	}
	ticket, err := p.Append(batch, logstore.AppendOptions{Now: 1})
	if err != nil {
		return err
	}
	_, err = ticket.Wait(ctx)
	return err
}

func TestImportWantsAnApacheKafka(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := command(t, "import", "--override", "log.dirs="+dir)
	if code != exitFailure || out != "" || !strings.Contains(errs, dir) || !strings.Contains(errs, "no metadata log") || strings.Count(errs, "\n") != 1 {
		t.Errorf("%d %s%s", code, out, errs)
	}
	if left := tree(t, dir); left != dir {
		t.Errorf("files were made:\n%s", left)
	}
}

func TestLogsOfUnknownTopicsAreTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "logstore", "local", "format", "testdata", "kafka-4.4"))); err != nil {
		t.Fatal(err)
	}
	n := runTestNode(t, dir, "auto.create.topics.enable=false")
	n.awaitLog(t, "run clatter import")
	if logs := n.awaitLog(t, "logs="); logs == "0" {
		t.Errorf("no logs:\n%s", n.logs)
	}
}
