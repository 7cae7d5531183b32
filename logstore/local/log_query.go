package local

import (
	"context"

	"github.com/clatterhq/clatter/logstore"
)

func (l *log) OffsetForTime(int64, logstore.Isolation) (logstore.TimestampOffset, bool, error) {
	return logstore.TimestampOffset{}, false, nil
}

func (l *log) MaxTimestamp() (logstore.TimestampOffset, bool, error) {
	return logstore.TimestampOffset{}, false, nil
}

func (l *log) EpochEnd(int32) (int32, int64) { return -1, -1 }

func (l *log) DeleteBefore(context.Context, int64) (int64, error) { return 0, nil }

func (l *log) Producers() []logstore.ProducerState { return nil }

func (l *log) Maintain(context.Context, logstore.Maintenance) error { return nil }
