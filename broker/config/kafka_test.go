package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/broker/configdef"
)

// The files testdata/kafka-4.4-*.txt are conversations with a real Apache Kafka. The
// tests hold the same conversations with this package.

// kafkaFile is what that Kafka was started with.
var kafkaFile = map[string]string{
	"process.roles":                                    "broker,controller",
	"node.id":                                          "1",
	"listeners":                                        "PLAINTEXT://127.0.0.1:29492,CONTROLLER://127.0.0.1:34492",
	"advertised.listeners":                             "PLAINTEXT://127.0.0.1:29492",
	"listener.security.protocol.map":                   "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
	"controller.listener.names":                        "CONTROLLER",
	"controller.quorum.bootstrap.servers":              "127.0.0.1:34492",
	"log.dirs":                                         "DATA/logs",
	"offsets.topic.replication.factor":                 "1",
	"transaction.state.log.replication.factor":         "1",
	"transaction.state.log.min.isr":                    "1",
	"share.coordinator.state.topic.replication.factor": "1",
	"share.coordinator.state.topic.min.isr":            "1",
	"group.initial.rebalance.delay.ms":                 "0",
}

// knownDifferences are requests that are answered differently on purpose.
var knownDifferences = map[string]string{
	"alter default\nset metric.reporters=no.such.Class":   "no reporter is ever loaded, so a missing one is no error",
	"alter default\nset config.providers=x":               "a provider that isn't asked would leave secrets unresolved",
	"alter default\nset log.cleaner.threads=0":            "Kafka divides by zero and says so",
	"alter broker name=01\nset log.segment.bytes=1048576": "Kafka stores it for a broker 01 that doesn't exist",
}

func TestAnswersAreKafkasForTopics(t *testing.T) { converse(t, "topic", kafkaFile) }

func TestAnswersAreKafkasForBrokers(t *testing.T) { converse(t, "broker", kafkaFile) }

func TestAnswersAreKafkasForGroupsMetricsAndLoggers(t *testing.T) { converse(t, "group", kafkaFile) }

func TestAnswersAreKafkasWithABrokerThatHasAFile(t *testing.T) {
	file := maps.Clone(kafkaFile)
	maps.Copy(file, map[string]string{
		"log.retention.hours": "24", "log.roll.ms": "3600000", "log.flush.scheduler.interval.ms": "77", "log.flush.interval.messages": "5",
		"log.cleanup.policy": "compact , delete", "compression.type": "zstd", "group.consumer.session.timeout.ms": "50000",
		"super.users": "User:admin", "my.own.key": "secret", "ssl.keystore.password": "secret", "log.initial.task.delay.ms": "1000",
		"metrics.num.samples": "3", "max.message.bytes": "77", "listener.name.plaintext.ssl.keystore.location": "/x",
	})
	converse(t, "static", file)
}

// exchange is one request and Kafka's answer.
type exchange struct {
	line    int
	command []string
	body    []string
	answer  string
}

func converse(t *testing.T, name string, file map[string]string) {
	t.Helper()
	static, err := FromMap(file)
	if err != nil {
		t.Fatal(err)
	}
	exchanges := readExchanges(t, "testdata/kafka-4.4-"+name+".txt")
	for _, x := range exchanges {
		request := strings.Join(append([]string{strings.Join(x.command, " ")}, x.body...), "\n")
		if _, known := knownDifferences[request]; known {
			continue
		}
		got := normalize(newConversation(t, static, x).run(x))
		if want := normalize(x.answer); got != want {
			t.Errorf("line %d: %s\n--- ours\n%s\n--- Kafka's\n%s", x.line, request, got, want)
		}
	}
	if len(exchanges) < 10 {
		t.Errorf("only %d exchanges", len(exchanges))
	}
}

func readExchanges(t *testing.T, path string) []exchange {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	line := 1
	for block := range strings.SplitSeq(string(text), "\n\n") {
		lines := slices.DeleteFunc(strings.Split(block, "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
		if end := slices.Index(lines, "----"); end > 0 {
			all = append(all, exchange{
				line: line, command: strings.Fields(lines[0]), body: lines[1:end],
				answer: strings.TrimRight(strings.Join(lines[end+1:], "\n"), "\n"),
			})
		}
		line += strings.Count(block, "\n") + 2
	}
	return all
}

// normalize takes out of an answer what is our own choice: the defaults that differ
// from Kafka's.
func normalize(answer string) string {
	var lines []string
	for line := range strings.SplitSeq(answer, "\n") {
		name, _, _ := strings.Cut(line, "=")
		key := configdef.Broker.Lookup(name)
		if key == nil || key.Ours == "" {
			lines = append(lines, line)
			continue
		}
		parts := strings.Split(line, " | ")
		if strings.Contains(parts[0], " DEFAULT ") {
			continue
		}
		parts = slices.DeleteFunc(parts, func(p string) bool { return strings.HasSuffix(p, " DEFAULT") })
		lines = append(lines, strings.Join(parts, " | "))
	}
	return strings.Join(lines, "\n")
}

// conversation is a broker with one resource, as the exchange wants it.
type conversation struct {
	t        *testing.T
	config   *Config
	resource Resource
	own      map[string]string
	exists   bool
}

func newConversation(t *testing.T, static *Static, x exchange) *conversation {
	t.Helper()
	config := New(static)
	c := &conversation{t: t, config: config, own: map[string]string{}, exists: true}
	// A new cluster of Kafka sets this one by itself (KIP-966).
	standard := map[string]string{"min.insync.replicas": "1"}
	for _, line := range x.body {
		if have, ok := strings.CutPrefix(line, "have "); ok {
			name, value, _ := strings.Cut(unquote(have), "=")
			c.own[name] = value
		}
	}
	if len(x.command) > 1 {
		c.resource = map[string]Resource{
			"topic": {TopicResource, "probe"}, "broker": {BrokerResource, "1"}, "default": {BrokerResource, ""}, "group": {GroupResource, "g"},
			"metrics": {ClientMetricsResource, "m"}, "logger": {BrokerLoggerResource, "1"}, "unknown": {99, "x"},
		}[x.command[1]]
	}
	switch c.resource {
	case Resource{BrokerResource, "1"}:
		c.setDynamic(ThisBroker, c.own)
	case Resource{BrokerResource, ""}:
		maps.Copy(standard, c.own)
		c.own = standard
	case Resource{BrokerLoggerResource, "1"}:
		c.own = map[string]string{RootLogger: "WARN"}
	}
	c.setDynamic(AllBrokers, standard)
	for _, arg := range x.command[1:] {
		if name, ok := strings.CutPrefix(arg, "name="); ok {
			c.resource.Name, c.exists = name, false
		}
	}
	return c
}

func (c *conversation) setDynamic(scope Scope, overrides map[string]string) {
	c.t.Helper()
	if _, err := c.config.SetDynamic(scope, maps.Clone(overrides)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *conversation) run(x exchange) string {
	switch x.command[0] {
	case "describe":
		return c.describe(x)
	case "create":
		own, err := c.config.Current().NewTopic(settingsOf(x.body))
		if err != nil {
			return c.refusal(err)
		}
		c.resource = Resource{TopicResource, "probe"}
		return c.accepted(own)
	}
	var own map[string]string
	var err error
	if slices.Contains(x.command, "legacy") {
		own, err = c.config.Current().Replace(c.resource, c.own, settingsOf(x.body))
	} else {
		own, err = c.config.Current().Alter(c.resource, c.own, changesOf(x.body))
	}
	switch {
	case err != nil:
		return c.refusal(err)
	case c.resource.Type == TopicResource && !c.exists:
		return "3 The topic '" + c.resource.Name + "' does not exist."
	}
	return c.accepted(own)
}

// accepted shows the keys that are set now, as DescribeConfigs does.
func (c *conversation) accepted(own map[string]string) string {
	if c.resource.Type == BrokerResource {
		c.setDynamic(c.resource.Scope(), own)
	}
	entries, err := c.config.Current().Describe(c.resource, own, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer := "ok"
	for _, e := range entries {
		if _, set := own[e.Name]; set {
			answer += "\n" + e.Name + "=" + shown(e.Value)
		}
	}
	return answer
}

func (c *conversation) describe(x exchange) string {
	var names []string
	for _, line := range x.body {
		if show, ok := strings.CutPrefix(line, "show "); ok {
			names = strings.Fields(show)
		}
	}
	if c.resource.Type == TopicResource && c.resource.Name == "no-such-topic" {
		return "3 "
	}
	entries, err := c.config.Current().Describe(c.resource, c.own, names)
	if err != nil {
		return c.refusal(err)
	}
	sources := map[Source]string{
		FromTopic: "DYNAMIC_TOPIC", FromBroker: "DYNAMIC_BROKER", FromBrokerDefault: "DYNAMIC_DEFAULT_BROKER", FromStatic: "STATIC_BROKER",
		FromDefault: "DEFAULT", FromLogger: "DYNAMIC_BROKER_LOGGER", FromClientMetrics: "CLIENT_METRICS", FromGroup: "GROUP",
	}
	var lines []string
	for _, e := range entries {
		if names == nil && e.Source == FromDefault {
			continue
		}
		line := fmt.Sprintf("%s=%s %s %s readonly=%t sensitive=%t", e.Name, shown(e.Value), e.Type, sources[e.Source], e.ReadOnly, e.Sensitive)
		for _, s := range e.Synonyms {
			line += fmt.Sprintf(" | %s=%s %s", s.Name, shown(s.Value), sources[s.Source])
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "nothing"
	}
	return strings.Join(lines, "\n")
}

func (c *conversation) refusal(err error) string {
	var refused *Error
	if !errors.As(err, &refused) {
		c.t.Fatalf("an error that is no *Error: %v", err)
	}
	code := map[Kind]int{InvalidConfig: 40, InvalidRequest: 42, InvalidTopic: 17, UnknownServerError: -1}[refused.Kind]
	if refused.Kind == UnknownServerError {
		return "-1 null"
	}
	return fmt.Sprintf("%d %s", code, refused.Message)
}

func shown(value *string) string {
	if value == nil {
		return "null"
	}
	return *value
}

func changesOf(body []string) []Change {
	ops := map[string]Op{"set": Set, "delete": Delete, "append": Append, "subtract": Subtract, "op9": 9}
	var changes []Change
	for _, line := range body {
		verb, rest, _ := strings.Cut(line, " ")
		if op, ok := ops[verb]; ok {
			name, value, given := strings.Cut(unquote(rest), "=")
			change := Change{Name: name, Op: op}
			if given {
				change.Value = &value
			}
			changes = append(changes, change)
		}
	}
	return changes
}

func settingsOf(body []string) []Setting {
	var settings []Setting
	for _, c := range changesOf(body) {
		settings = append(settings, Setting{Name: c.Name, Value: c.Value})
	}
	return settings
}

func unquote(s string) string {
	if name, ok := strings.CutSuffix(s, "=repeat:a:32767"); ok {
		return name + "=" + strings.Repeat("a", 32767)
	}
	return strings.ReplaceAll(s, `\s`, " ")
}
