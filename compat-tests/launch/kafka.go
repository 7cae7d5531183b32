package launch

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/clatterhq/clatter/compat-tests/jars"
)

// clusterID is given to every Kafka that is formatted here; its value means nothing.
const clusterID = "Y2xhdHRlci1jb21wYXQtMQ"

//go:embed log4j2.properties
var log4jSettings []byte

// kafkaRecipe starts a combined KRaft broker and controller from the published jars.
type kafkaRecipe struct {
	java       string
	jars       string
	controller *Port
}

func (r *kafkaRecipe) prepare(ctx context.Context, b *Broker) error {
	var err error
	if r.jars, err = jars.Resolve(ctx, "kafka-broker", jars.BrokerPOM); err != nil {
		if errors.Is(err, jars.ErrUnavailable) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	if r.java, err = jars.Java(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if r.controller, err = b.reserve(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(r.log4jPath(b), log4jSettings, 0o600); err != nil {
		return fmt.Errorf("write log settings: %w", err)
	}
	if _, err := os.Stat(filepath.Join(b.DataDir(), "meta.properties")); err == nil {
		return nil // A directory that an earlier broker left: already formatted.
	}
	if err := r.writeProperties(b); err != nil {
		return err
	}
	format := exec.CommandContext(ctx, r.java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.configurationFile="+r.log4jPath(b),
		"-cp", filepath.Join(r.jars, "*"), "kafka.tools.StorageTool", "format", "--standalone", "-t", clusterID, "-c", r.propertiesPath(b))
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w: %s", err, tail(string(out), 2048))
	}
	return nil
}

func (r *kafkaRecipe) command(b *Broker) (*exec.Cmd, error) {
	if err := r.writeProperties(b); err != nil {
		return nil, err
	}
	args := []string{
		"-Xmx512m", "-Xms256m", "-XX:+UseSerialGC", "-Djava.awt.headless=true", "-Dlog4j2.configurationFile=" + r.log4jPath(b),
		"-cp", filepath.Join(r.jars, "*"), "kafka.Kafka", r.propertiesPath(b),
	}
	return newCommand(r.java, args...), nil
}

// writeProperties writes server.properties: one node that is broker and controller, with internal topics that fit one node.
func (r *kafkaRecipe) writeProperties(b *Broker) error {
	controller := r.controller.Addr()
	lines := b.settings(map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          "1",
		"listeners":                                        "PLAINTEXT://" + b.Addr() + ",CONTROLLER://" + controller,
		"listener.security.protocol.map":                   "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.listener.names":                        "CONTROLLER",
		"controller.quorum.bootstrap.servers":              controller,
		"log.dirs":                                         b.DataDir(),
		"offsets.topic.replication.factor":                 "1",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
	})
	text := strings.ReplaceAll(strings.Join(lines, "\n"), `\`, `\\`) + "\n"
	if err := os.WriteFile(r.propertiesPath(b), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write server.properties: %w", err)
	}
	return nil
}

func (r *kafkaRecipe) propertiesPath(b *Broker) string {
	return filepath.Join(b.Dir(), "server.properties")
}

func (r *kafkaRecipe) log4jPath(b *Broker) string { return filepath.Join(b.Dir(), "log4j2.properties") }
