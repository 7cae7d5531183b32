package config

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// envPrefix begins the environment variables that are configuration, as in the
// images of Apache Kafka and Confluent. Bitnami's images put CFG_ behind it.
const (
	envPrefix  = "KAFKA_"
	cfgPrefix  = "CFG_"
	clusterEnv = "CLUSTER_ID"
)

// notConfiguration are variables with the prefix that are for the start scripts, the
// JVM or the images, not for the broker (KafkaDockerWrapper in Kafka lists its own).
// The last ones are what Kubernetes sets for a service that is named kafka.
var notConfiguration = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^KAFKA_(` +
		`VERSION|SCALA_VERSION|HOME|USER|DEBUG|OPTS|CLASSPATH|MODE|CREATE_TOPICS|` +
		`(HEAP|GC_LOG|LOG4J|JVM_PERFORMANCE)_OPTS|JMX_.*|LOG4J_.*|TOOLS_LOG4J_LOGLEVEL|` +
		`ENABLE_KRAFT|KRAFT_CLUSTER_ID|` +
		`PORT|PORT_.*|SERVICE_HOST|SERVICE_PORT|SERVICE_PORT_.*)$`)
})

// rootLevelEnv is how the images set the level of Kafka's own log.
const rootLevelEnv = "KAFKA_LOG4J_ROOT_LOGLEVEL"

// log4jLevels are the levels of Kafka's log by the names of ours.
var log4jLevels = map[string]string{
	"TRACE": "debug", "DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error", "FATAL": "error",
}

// fromEnvironment takes the configuration out of the environment, given as os.Environ
// gives it: KAFKA_LOG_RETENTION_MS is log.retention.ms, __ is _ and ___ is -.
// Where two variables name the same key, the plain one goes before the one with CFG_.
func fromEnvironment(environ []string) map[string]string {
	values := make(map[string]string)
	sorted := slices.Sorted(slices.Values(environ))
	for _, plain := range []bool{false, true} {
		for _, entry := range sorted {
			name, value, ok := strings.Cut(entry, "=")
			rest, isOurs := strings.CutPrefix(name, envPrefix)
			if !ok || !isOurs || rest == "" || notConfiguration().MatchString(name) {
				continue
			}
			bitnami, hasCfg := strings.CutPrefix(rest, cfgPrefix)
			switch {
			case hasCfg && !plain:
				values[keyOfVariable(bitnami)] = value
			case !hasCfg && plain:
				values[keyOfVariable(rest)] = value
			}
		}
	}
	for _, entry := range sorted {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case clusterEnv:
			setDefault(values, clusterIDKey, value)
		case rootLevelEnv:
			if level, ok := log4jLevels[strings.ToUpper(value)]; ok {
				setDefault(values, logLevelKey, level)
			}
		}
	}
	return values
}

func setDefault(values map[string]string, name, value string) {
	if _, set := values[name]; !set && value != "" {
		values[name] = value
	}
}

// keyOfVariable makes a key of a variable's name without its prefix.
func keyOfVariable(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", ".")
	name = strings.ReplaceAll(name, "...", "-")
	return strings.ReplaceAll(name, "..", "_")
}
