package tools

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
	"github.com/clatterhq/clatter/compat-tests/launch"
)

var rewriteOutputs = flag.Bool("rewrite", false, "with -broker=kafka: write testdata/groups.txt anew")

// groupCommands is what is asked of the tools for groups, in this order. FILE and FILES are files of offsets, of one group and of several. Mistakes are
// left out to which the tools answer with a list in an order that is drawn by lot.
const groupCommands = `
kafka-groups --list
kafka-groups --list --streams
kafka-groups --list --share
kafka-groups --list --consumer
kafka-groups --list --consumer --group-type classic
kafka-groups --list --group-type classic
kafka-groups --list --group-type Consumer
kafka-groups --list --group-type streams
kafka-groups --list --group-type nonsense
kafka-groups --list --protocol consumer
kafka-groups --list --protocol connect
kafka-groups --list --group-type consumer --protocol consumer
kafka-groups --list --share --streams
kafka-groups --streams
kafka-streams-groups --list
kafka-streams-groups --list --state
kafka-streams-groups --list --state stable
kafka-streams-groups --describe --all-groups
kafka-streams-groups --describe --group missing
kafka-streams-groups --delete --group missing
kafka-share-groups --describe --group missing
kafka-share-groups --delete --group missing
kafka-share-groups --list
kafka-share-groups --list --state
kafka-consumer-groups --list
kafka-consumer-groups --list --timeout 20000
kafka-consumer-groups --list --state
kafka-consumer-groups --list --state stable,empty
kafka-consumer-groups --list --state dead
kafka-consumer-groups --list --type
kafka-consumer-groups --list --type classic,consumer
kafka-consumer-groups --list --type consumer --state
kafka-consumer-groups --describe --all-groups
kafka-consumer-groups --describe --all-groups --verbose
kafka-consumer-groups --describe --all-groups --members
kafka-consumer-groups --describe --all-groups --members --verbose
kafka-consumer-groups --describe --all-groups --state
kafka-consumer-groups --describe --all-groups --state --verbose
kafka-consumer-groups --describe --group classic --group modern --offsets
kafka-consumer-groups --describe --group classic --offsets --members
kafka-consumer-groups --describe --group missing
kafka-consumer-groups --describe --group missing --members
kafka-consumer-groups --describe --group missing --state
kafka-consumer-groups --describe --group missing --group classic --state
kafka-consumer-groups --describe
kafka-consumer-groups --validate-regex ^ord.*
kafka-consumer-groups --validate-regex ord(
kafka-consumer-groups --validate-regex (?=a)b
kafka-consumer-groups --reset-offsets --group classic --topic orders --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group modern --topic orders --to-earliest --execute
kafka-consumer-groups --reset-offsets --group missing --topic orders --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-earliest
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-earliest --dry-run --execute
kafka-consumer-groups --reset-offsets --group simple --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic missing --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders:9 --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders:x --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-earliest --to-latest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-earliest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-latest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders:0,2 --to-offset 6 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-offset 99 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-offset -5 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --shift-by 3 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --shift-by -3 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --shift-by -99 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --shift-by x --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-current --dry-run
kafka-consumer-groups --reset-offsets --group simple --all-topics --to-current --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-datetime 2024-01-01T12:03:30.000 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-datetime 2024-01-01T12:03:30.000+01:00 --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-datetime 2034-01-01T12:03:30.000Z --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-datetime yesterday --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --by-duration PT1S --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --by-duration P10000D --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --by-duration tomorrow --dry-run
kafka-consumer-groups --reset-offsets --group simple --from-file FILE --dry-run
kafka-consumer-groups --reset-offsets --group simple --from-file FILE --export --dry-run
kafka-consumer-groups --reset-offsets --group simple --from-file /nowhere --dry-run
kafka-consumer-groups --reset-offsets --group simple --group idle --from-file FILES --dry-run
kafka-consumer-groups --reset-offsets --group simple --group idle --topic orders --to-current --export --dry-run
kafka-consumer-groups --reset-offsets --all-groups --topic orders --to-latest --dry-run
kafka-consumer-groups --reset-offsets --group simple --topic orders --to-offset 7 --execute
kafka-consumer-groups --describe --group simple
kafka-consumer-groups --reset-offsets --group simple --from-file FILE --execute
kafka-consumer-groups --describe --group simple
kafka-consumer-groups --reset-offsets --group simple --group idle --from-file FILES --execute
kafka-consumer-groups --describe --group simple --group idle
kafka-consumer-groups --reset-offsets --group simple --topic orders --shift-by -1 --execute --export
kafka-consumer-groups --delete-offsets --group classic --topic orders
kafka-consumer-groups --delete-offsets --group modern --topic orders
kafka-consumer-groups --delete-offsets --group missing --topic orders
kafka-consumer-groups --delete-offsets --group idle
kafka-consumer-groups --delete-offsets --group idle --topic missing
kafka-consumer-groups --delete-offsets --group idle --topic orders:0,9
kafka-consumer-groups --delete-offsets --group idle --topic orders:1 --topic orders:2
kafka-consumer-groups --describe --group idle
kafka-consumer-groups --delete --group classic
kafka-consumer-groups --delete --group modern
kafka-consumer-groups --delete --group missing
kafka-consumer-groups --delete --group simple --group missing
kafka-consumer-groups --delete
kafka-consumer-groups --delete --group idle --topic orders
kafka-consumer-groups --delete --all-groups
kafka-consumer-groups --list --state
kafka-consumer-groups
kafka-consumer-groups --list --describe
`

// otherOutputs are commands to which we answer otherwise, because neither streams groups nor share groups are served yet. We tell the tools so.
var otherOutputs = map[string]bool{
	"$ kafka-streams-groups --describe --group missing": true,
	"$ kafka-share-groups --describe --group missing":   true,
}

// TestOutputsForGroupsAreKafkas compares what the tools print with what they print of an Apache Kafka, which testdata/groups.txt holds: all
// of it but the width of columns and the order of rows.
func TestOutputsForGroupsAreKafkas(t *testing.T) {
	g := startGroups(t, map[string]string{"group.initial.rebalance.delay.ms": "0"})
	dir := t.TempDir()
	file, files := filepath.Join(dir, "offsets.csv"), filepath.Join(dir, "groups.csv")
	writeFile(t, file, "orders,0,1\norders,1,2\norders,2,3\n")
	writeFile(t, files, "simple,orders,0,4\nidle,orders,1,5\nidle,orders,2,99\n")
	g.tool("--reset-offsets", "--group", "simple", "--topic", "orders", "--to-offset", "5", "--execute")
	g.consumer("idle", kgo.Balancers(kgo.RangeBalancer())).Close()
	classic, _ := g.consumer("classic", kgo.Balancers(kgo.RangeBalancer())).GroupMetadata()
	modern, _ := g.consumer("modern", kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer()).GroupMetadata()

	replace := strings.NewReplacer(g.at, "BROKER", classic, "MEMBER", modern, "MEMBER", files, "FILES", file, "FILE")
	var got strings.Builder
	for command := range strings.Lines(strings.TrimSpace(groupCommands)) {
		words := strings.Fields(command)
		args := append([]string{"--bootstrap-server", g.at}, words[1:]...)
		for i, arg := range args {
			if path, ok := map[string]string{"FILE": file, "FILES": files}[arg]; ok {
				args[i] = path
			}
		}
		r := tool(t, "", words[0], args...)
		fmt.Fprintf(&got, "$ %s\nexit code %d\n%s\n", strings.Join(words, " "), r.code, replace.Replace(essence(r.stdout+"\n"+r.stderr)))
	}
	golden := filepath.Join("testdata", "groups.txt")
	if *rewriteOutputs && brokertest.Kind() == launch.Kafka {
		writeFile(t, golden, got.String())
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := strings.Split(inOrder(got.String()), "\n\n"), strings.Split(inOrder(string(want)), "\n\n")
	for i := range max(len(ours), len(theirs)) {
		if i >= len(ours) || i >= len(theirs) {
			t.Fatalf("%d answers, %d in %s", len(ours), len(theirs), golden)
		}
		command, _, _ := strings.Cut(theirs[i], "\n")
		if otherwise := otherOutputs[command] && brokertest.Kind() == launch.Clatter; (ours[i] != theirs[i]) != otherwise {
			t.Errorf("we answer\n%s\nKafka answers\n%s", ours[i], theirs[i])
		}
	}
}

var optionLists = regexp.MustCompile(`\[[a-z-]+\](, \[[a-z-]+\])+`)

// inOrder sorts the options in a list of them, which have another order in each process of a tool.
func inOrder(output string) string {
	return optionLists.ReplaceAllStringFunc(output, func(list string) string {
		options := strings.Split(list, ", ")
		slices.Sort(options)
		return strings.Join(options, ", ")
	})
}

var blanks = regexp.MustCompile(`[ \t]+`)

// essence is an output without what differs from run to run: the width of columns, the order of rows, where in the code an exception
// came from; without the list of options behind a wrong one, and what a tool says of the way out that its runner has for it.
func essence(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "\tat ") || strings.HasPrefix(line, "\t... ") || line == "null\n" || strings.HasPrefix(line, "ToolRunner$") {
			continue
		}
		if strings.HasPrefix(line, "Option ") && strings.Contains(line, "Description") {
			break
		}
		if line = strings.TrimSpace(blanks.ReplaceAllString(line, " ")); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
