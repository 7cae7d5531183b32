package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/catalog/kraft"
	"github.com/clatterhq/clatter/broker/config"
)

const importHelp = `Usage: clatter import [--config FILE] [--override key=value]...

Takes over the log directories of a stopped Apache Kafka in KRaft mode: reads its metadata log and puts topics, their
IDs, partitions and own keys, and the producer IDs that were handed out, into the catalog of this broker. Records stay
where they are. Logs are recovered, as at a start after a crash. Run it once, then "clatter serve" with the same
configuration, which must name Kafka's log.dirs and node.id; Kafka's own server.properties will do.

Not taken over: users, access control lists, quotas, and dynamic keys of brokers. A topic that the catalog knows already, or
a key that isn't valid here, is named and left out. Kafka can be started on the directories again after a clean stop: it knows the
topics that it had, those that were deleted here too, and none that was made here.
`

// producerIDGap is how far from Kafka's our producer IDs begin. Kafka goes on counting where it was if it is started on the directories again,
// and a producer with the ID of one of ours would be told that its sequence numbers are wrong.
const producerIDGap = 1 << 40

// importKafka makes topics of Apache Kafka known.
func (p *process) importKafka() int {
	flags := flag.NewFlagSet("import", flag.ContinueOnError)
	var sources config.Sources
	flags.StringVar(&sources.File, "config", "", "")
	flags.Var((*repeated)(&sources.Overrides), "override", "")
	if code, ok := p.parse(flags, importHelp); !ok {
		return code
	}
	if err := p.noMore("import"); err != nil {
		return p.fail(exitUsage, err)
	}
	sources.Environ = p.environ
	static, err := config.Load(sources)
	if err != nil {
		if errors.Is(err, config.ErrBadConfig) {
			return p.fail(exitUsage, err)
		}
		return p.fail(exitFailure, err)
	}
	if err := p.importInto(context.Background(), config.New(static)); err != nil {
		return p.fail(exitFailure, err)
	}
	return exitOK
}

// importInto reads first, so that a directory that has nothing to import isn't touched.
func (p *process) importInto(ctx context.Context, c *config.Config) (err error) {
	current := c.Current()
	metadata, err := readKafka(current.LogDirs)
	if err != nil {
		return err
	}
	n := &node{
		options: nodeOptions{environ: p.environ, logs: p.stderr, whole: true}, config: c,
		offline: make(chan offlineDir, len(current.LogDirs)+1), catalogFailed: make(chan error, 1),
	}
	n.log, n.level = newLogger(p.stderr, current)
	if err := n.openData(ctx, current); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.closeData(ctx)) }()
	if err := n.catalog.SkipProducerIDs(ctx, metadata.NextProducerID+producerIDGap); err != nil {
		return err
	}
	topics := make([]catalog.AdoptedTopic, len(metadata.Topics))
	for i, t := range metadata.Topics {
		topics[i] = catalog.AdoptedTopic{ID: t.ID, NewTopic: catalog.NewTopic{Name: t.Name, Partitions: t.Partitions, Overrides: p.validKeys(current, t)}}
	}
	outcomes := make(catalog.TopicErrors, len(topics))
	if err := n.catalog.AdoptTopics(ctx, topics); err != nil && !errors.As(err, &outcomes) {
		return err
	}
	for i, t := range topics {
		if outcomes[i] != nil {
			p.say(fmt.Sprintf("%s: left out: %v\n", t.Name, outcomes[i]))
			continue
		}
		p.say(fmt.Sprintf("%s: %d partitions, %d keys\n", t.Name, t.Partitions, len(t.Overrides)))
	}
	for _, key := range metadata.BrokerConfigs {
		p.say(fmt.Sprintf("dynamic key %s of brokers: left out; set it in the configuration\n", key))
	}
	return nil
}

// readKafka finds the metadata log in one of the log directories.
func readKafka(dirs []string) (*kraft.Metadata, error) {
	for _, dir := range dirs {
		metadata, err := kraft.Read(os.DirFS(filepath.Join(dir, kraft.Folder)))
		if !errors.Is(err, kraft.ErrNoMetadata) {
			return metadata, err
		}
	}
	return nil, fmt.Errorf("%s: %w", strings.Join(dirs, ", "), kraft.ErrNoMetadata)
}

// validKeys is the keys of a topic that can be set here.
func (p *process) validKeys(current *config.Snapshot, t kraft.Topic) map[string]string {
	valid := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
		value := t.Configs[key]
		if _, err := current.NewTopic([]config.Setting{{Name: key, Value: &value}}); err != nil {
			p.say(fmt.Sprintf("%s: key %s=%s: left out: %v\n", t.Name, key, value, err))
			continue
		}
		valid[key] = value
	}
	return valid
}
