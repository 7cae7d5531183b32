package handlers

import (
	"context"
	"errors"
	"strconv"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/wire"
)

// repeatedResource is the answer for each place in which a request names a resource that it names more than once.
var repeatedResource = failure(wire.InvalidRequest, "Each resource must appear at most once.")

// repeats finds what is there more than once among n things.
func repeats[T comparable](n int, at func(int) T) map[T]bool {
	seen := make(map[T]bool, n)
	for i := range n {
		key := at(i)
		_, again := seen[key]
		seen[key] = again || seen[key]
	}
	return seen
}

// configChange computes from the keys that a resource has of its own those that it will have.
type configChange func(s *config.Snapshot, own map[string]string) (map[string]string, error)

// alter changes the configuration of one resource. What it becomes counts at once, and after a restart; levels of loggers until then.
func (d *Dispatcher) alter(ctx context.Context, resource config.Resource, validateOnly bool, change configChange) apiError {
	switch {
	case resource.Type == config.BrokerLoggerResource:
		levels, err := change(d.config(), d.loggers.levels())
		if err == nil && !validateOnly {
			d.loggers.set(levels)
		}
		return refusal(err)
	case validateOnly:
		return d.validateAlter(resource, change)
	}
	err := d.deps.Catalog.Alter(ctx, resource, change)
	if errors.Is(err, catalog.ErrUnknownTopic) {
		return unknownTopic(resource.Name)
	}
	return refusal(err)
}

// validateAlter is alter without the change.
func (d *Dispatcher) validateAlter(resource config.Resource, change configChange) apiError {
	kept := resource
	if resource.Type == config.BrokerResource && resource.Scope() == config.ThisBroker {
		kept.Name = strconv.Itoa(int(d.nodeID))
	}
	own, code := d.ownConfigs(kept)
	if _, err := change(d.config(), own); err != nil {
		return refusal(err)
	}
	if code != wire.None {
		return unknownTopic(resource.Name)
	}
	return apiError{}
}

// unknownTopic is the answer to changes of a topic that isn't there. What is wrong with them is told first, as in Kafka.
func unknownTopic(name string) apiError {
	return failure(wire.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
}
