package catalog

import (
	"errors"
	"fmt"
)

// Errors of the catalog.
var (
	// ErrTopicExists: a topic of that name is there already.
	ErrTopicExists = errors.New("topic exists")
	// ErrUnknownTopic: there is no such topic, or no longer.
	ErrUnknownTopic = errors.New("unknown topic")
	// ErrPartitionCount: a topic has at least one partition, and never fewer than before.
	ErrPartitionCount = errors.New("invalid number of partitions")
	// ErrProducerIDsExhausted: the last producer ID has been handed out.
	ErrProducerIDsExhausted = errors.New("producer IDs are exhausted")

	// ErrNoSpace: the disk is full. Nothing was changed; the same may work later.
	ErrNoSpace = errors.New("no space for the catalog")
	// ErrFailed: an earlier write failed, so nothing is changed any more before a
	// restart has read back what is on disk. Whether the change that failed is there
	// shows then.
	ErrFailed = errors.New("the catalog can't be written since an earlier failure")
	// ErrClosed: the catalog was closed.
	ErrClosed = errors.New("catalog is closed")
	// ErrInUse: another process has the file open.
	ErrInUse = errors.New("catalog is in use by another process")
	// ErrOtherIdentity: the file belongs to another cluster or node than the configuration says.
	ErrOtherIdentity = errors.New("catalog belongs to another node")
)

// CollisionError refuses a topic whose name differs from an existing one only by '.'
// and '_', which would be the same in the names of metrics (Topic.hasCollision in Kafka).
type CollisionError struct{ Name, Existing string }

// Error is Kafka's text.
func (e *CollisionError) Error() string {
	return fmt.Sprintf("Topic '%s' collides with existing topic: %s", e.Name, e.Existing)
}

// CorruptError says that a file can't be used as a catalog. The file was not changed.
type CorruptError struct {
	Path string
	Err  error
}

// Error names the file and what is wrong with it.
func (e *CorruptError) Error() string {
	return "catalog " + e.Path + " is damaged or not a catalog: " + e.Err.Error()
}

// Unwrap gives the reason.
func (e *CorruptError) Unwrap() error { return e.Err }

// TopicErrors are the outcomes of a change of several topics, in the order in which
// they were given; nil for each that succeeded. Topics succeed or fail on their own.
type TopicErrors []error

// Error lists what failed.
func (e TopicErrors) Error() string { return errors.Join(e...).Error() }

// Unwrap lets errors.Is find each of them.
func (e TopicErrors) Unwrap() []error {
	var failed []error
	for _, err := range e {
		if err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}

// orNil is nil where all succeeded.
func (e TopicErrors) orNil() error {
	for _, err := range e {
		if err != nil {
			return e
		}
	}
	return nil
}
