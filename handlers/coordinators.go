package handlers

import (
	"context"
	"errors"
	"log/slog"

	"github.com/clatterhq/clatter/broker/catalog"
	"github.com/clatterhq/clatter/broker/config"
	"github.com/clatterhq/clatter/coordinator/group"
	"github.com/clatterhq/clatter/coordinator/txn"
	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
)

// Coordinators are the coordinators of a broker. They know each other: offsets are committed in transactions, and markers end
// transactions in the log of offsets.
type Coordinators struct {
	Groups       *group.Coordinator
	Transactions *txn.Coordinator
	Markers      *Markers
}

// NewCoordinators makes the coordinators over what the other handlers work with. Their state is in topics like any other, so they
// must be closed before the store is.
func NewCoordinators(store logstore.Store, topics *catalog.Catalog, c *config.Config, log *slog.Logger) *Coordinators {
	all := &Coordinators{}
	all.Groups = NewGroups(store, topics, c, all.verifyOffsets, log)
	all.Markers = NewMarkers(store, topics, all.Groups)
	all.Transactions = NewTransactions(store, topics, c, all.Groups, all.Markers, log)
	return all
}

// verifyOffsets is [group.VerifyTransaction].
func (c *Coordinators) verifyOffsets(
	ctx context.Context, transactionalID string, producerID int64, epoch int16, partition int32, add bool,
) wire.ErrorCode {
	where := []txn.TopicPartition{{Topic: offsetsTopic, Partition: partition}}
	return c.Transactions.Verify(ctx, transactionalID, producerID, epoch, where, add)[0]
}

// Load has the coordinators load their state. Transactions whose end was decided are ended then.
func (c *Coordinators) Load() {
	c.Groups.Load()
	c.Transactions.Load()
}

// Close ends the coordinators. A done context ends the wait for them, not the closing.
func (c *Coordinators) Close(ctx context.Context) error {
	err := errors.Join(c.Transactions.Close(ctx), c.Groups.Close(ctx))
	c.Markers.Close()
	return err
}
