package txn

import "log/slog"

// event writes a line about a transactional ID, with pairs of names and values.
func (c *Coordinator) event(level slog.Level, what, id string, m *Metadata, more ...any) {
	c.events.Write(level, what, append([]any{
		"transactional_id", id, "producer_id", m.ProducerID, "producer_epoch", m.ProducerEpoch,
	}, more...)...)
}
