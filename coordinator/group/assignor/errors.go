package assignor

import "errors"

// ErrUnknownTopic occurs when a member is subscribed to a topic of which the number of partitions isn't known: a bug of
// the caller, who resolves names to the topics that exist.
var ErrUnknownTopic = errors.New("subscribed topic does not exist")
