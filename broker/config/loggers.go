package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// RootLogger is the name of the one logger that always exists. Its level is that of
// the whole broker.
const RootLogger = "root"

// logLevels are those that Kafka takes (LogLevelConfig.VALID_LOG_LEVELS), sorted.
var logLevels = []string{"DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"}

// alterLoggers computes new levels of loggers (RuntimeLoggerManager in Kafka, KIP-412).
// Levels are not stored: they last until the broker stops.
func (s *Snapshot) alterLoggers(resource string, current map[string]string, changes []Change) (map[string]string, error) {
	id, err := strconv.ParseInt(resource, 10, 32)
	if err != nil {
		return nil, invalidRequest("Node id must be an integer, but it is: " + resource)
	}
	if int32(id) != s.NodeID {
		return nil, invalidRequest(fmt.Sprintf("Unexpected node id. Expected %d, but received %d", s.NodeID, id))
	}
	levels := maps.Clone(current)
	for _, change := range changes {
		if err := checkLogger(current, change); err != nil {
			return nil, err
		}
		if change.Op == Set {
			levels[change.Name] = *change.Value
		} else {
			delete(levels, change.Name)
		}
	}
	return levels, nil
}

func checkLogger(current map[string]string, change Change) error {
	_, exists := current[change.Name]
	switch change.Op {
	case Set:
		if !exists {
			return invalidConfig("Logger " + change.Name + " does not exist!")
		}
		if !slices.Contains(logLevels, *change.Value) {
			return invalidConfig("Cannot set the log level of " + change.Name + " to " + *change.Value +
				" as it is not a supported log level. Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN")
		}
	case Delete:
		if !exists {
			return invalidConfig("Logger " + change.Name + " does not exist!")
		}
		if change.Name == RootLogger {
			return invalidRequest("Removing the log level of the root logger is not allowed")
		}
	case Append, Subtract:
		return invalidRequest(change.Op.String() + " operation is not allowed for the BROKER_LOGGER resource")
	default:
		return invalidRequest(fmt.Sprintf("Unknown operation type %d is not allowed for the BROKER_LOGGER resource", change.Op))
	}
	return nil
}
