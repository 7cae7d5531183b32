// Package segmentio runs segmentio/kafka-go, unmodified.
package segmentio
