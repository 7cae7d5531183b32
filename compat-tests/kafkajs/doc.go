// Package kafkajs runs KafkaJS, unmodified, at the version of package-lock.json.
package kafkajs
