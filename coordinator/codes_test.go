package coordinator

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire"
	"github.com/clatterhq/clatter/wire/record"
)

func TestEveryErrorHasItsCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want wire.ErrorCode
	}{
		{nil, wire.None},
		{ErrLoading, wire.CoordinatorLoadInProgress},
		{fmt.Errorf("%w: %w", ErrNotAvailable, logstore.ErrOffline), wire.NotCoordinator},
		{ErrClosed, wire.NotCoordinator},
		{ErrFailed, wire.UnknownServerError},
		{fmt.Errorf("%w: %w", ErrLost, ErrFailed), wire.NotCoordinator},
		{logstore.ErrInvalidProducerEpoch, wire.InvalidProducerEpoch},
		{context.Canceled, wire.NotCoordinator},
		{logstore.ErrDiskFull, wire.CoordinatorNotAvailable},
		{fmt.Errorf("append: %w", logstore.ErrOffline), wire.NotCoordinator},
		{&logstore.NotLeaderError{}, wire.NotCoordinator},
		{&logstore.CorruptError{Err: record.ErrCorrupt}, wire.NotCoordinator},
		{record.ErrBatchTooLarge, wire.UnknownServerError},
		{errors.New("bug"), wire.UnknownServerError},
	} {
		if got := CodeOf(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}
