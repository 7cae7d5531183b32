package tools

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/groups"
	"github.com/clatterhq/clatter/compat-tests/install"
	"github.com/clatterhq/clatter/compat-tests/jars"
)

// command is a tool in a JVM of its own that runs until it is told to stop.
func command(t *testing.T, class string, args ...string) *exec.Cmd {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "log4j2.properties")
	writeFile(t, settings, logSettings)
	java := install.Java(t, "kafka-tools", jars.ToolsPOM)
	return java.Command(context.WithoutCancel(t.Context()), "128m", append([]string{"-Dlog4j2.configurationFile=" + settings, class}, args...)...)
}

// consolePattern is what the console consumer prints with partition and offset.
var consolePattern = regexp.MustCompile(`^Partition:(\d+)\tOffset:(\d+)\t(.*)$`)

// consoleConsumer is kafka-console-consumer --group, which commits by itself.
func consoleConsumer(topic string, properties ...string) groups.Client {
	return groups.Client{
		Command: func(t *testing.T, m groups.Membership) *exec.Cmd {
			t.Helper()
			args := []string{
				"--bootstrap-server", m.Addr, "--topic", m.Topic, "--group", m.Group, "--from-beginning",
				"--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true",
			}
			for _, property := range append([]string{"client.id=" + m.ID, "auto.commit.interval.ms=200"}, properties...) {
				args = append(args, "--command-property", property)
			}
			return command(t, classes["kafka-console-consumer"], args...)
		},
		Parse: func(line string) []groups.Event {
			m := consolePattern.FindStringSubmatch(line)
			if m == nil {
				return []groups.Event{{}}
			}
			partition, err := strconv.ParseInt(m[1], 10, 32)
			offset, err1 := strconv.ParseInt(m[2], 10, 64)
			if errors.Join(err, err1) != nil {
				return []groups.Event{{}}
			}
			return []groups.Event{{Kind: groups.Record, Partition: groups.Partition{Topic: topic, ID: int32(partition)}, Offset: offset, Value: m[3]}}
		},
		Quit: syscall.SIGTERM,
	}
}

// verifiableConsumer is kafka-verifiable-consumer, which commits after each poll and tells all that it does.
func verifiableConsumer(options ...string) groups.Client {
	return groups.Client{
		Command: func(t *testing.T, m groups.Membership) *exec.Cmd {
			t.Helper()
			settings := filepath.Join(t.TempDir(), "consumer.properties")
			writeFile(t, settings, "client.id="+m.ID+"\n")
			args := []string{"--bootstrap-server", m.Addr, "--topic", m.Topic, "--group-id", m.Group, "--verbose", "--command-config", settings}
			return command(t, "org.apache.kafka.tools.VerifiableConsumer", append(args, options...)...)
		},
		Parse: parseVerifiable,
		Quit:  syscall.SIGTERM,
	}
}

func parseVerifiable(line string) []groups.Event {
	var said struct {
		Name, Topic, Value string
		Partition          int32
		Offset             int64
		Success            bool
		Offsets            []struct {
			Topic     string
			Partition int32
			Offset    int64
		}
	}
	if err := json.Unmarshal([]byte(line), &said); err != nil {
		return []groups.Event{{}}
	}
	switch {
	case said.Name == "record_data":
		return []groups.Event{{Kind: groups.Record, Partition: groups.Partition{Topic: said.Topic, ID: said.Partition}, Offset: said.Offset, Value: said.Value}}
	case said.Name == "offsets_committed" && said.Success:
		var events []groups.Event
		for _, o := range said.Offsets {
			events = append(events, groups.Event{Kind: groups.Committed, Partition: groups.Partition{Topic: o.Topic, ID: o.Partition}, Offset: o.Offset})
		}
		return events
	}
	return []groups.Event{{}}
}

func TestConsoleConsumerInAGroup(t *testing.T) {
	t.Parallel()
	groups.Share(t, consoleConsumer("shared", "session.timeout.ms="+groups.SessionTimeout, "heartbeat.interval.ms="+groups.HeartbeatInterval))
}

func TestVerifiableConsumer(t *testing.T) {
	t.Parallel()
	groups.Share(t, verifiableConsumer("--session-timeout", groups.SessionTimeout))
}
