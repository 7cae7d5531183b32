// Package sarama runs Sarama, unmodified.
package sarama
