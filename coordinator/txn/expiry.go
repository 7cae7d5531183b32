package txn

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/clatterhq/clatter/coordinator"
)

// maxExpired bounds how many IDs one look deletes, and with it the batch that it writes. The next look follows at once.
const maxExpired = 10_000

// began is when uptime is 0.
var began = time.Now()

// uptime is the clock that expiry trusts, in seconds: monotonic time. The wall clock says when an ID was used, but it may jump.
func uptime() int32 { return int32(time.Since(began) / time.Second) }

// uptime is that, in the moment of the command at hand.
func (s *Shard) uptime() int32 { return int32(s.timers.Now().Sub(began) / time.Second) }

// armExpiry makes sure that somebody looks for IDs that nobody uses as long as there are any.
func (s *Shard) armExpiry() {
	if s.live && len(s.transactions) > 0 && !s.expiry.Pending() {
		s.expiry.Set(time.Duration(s.config().RemoveExpiredIntervalMs) * time.Millisecond)
	}
}

// expire forgets IDs that nobody has used for long (TransactionStateManager.removeExpiredTransactionalIds).
func (s *Shard) expire() coordinator.Decision[Record] {
	keepMs, nowMs, up := int64(s.config().IDExpirationMs), s.nowMs(), uptime()
	var d coordinator.Decision[Record]
	for id, t := range s.transactions {
		if len(d.Records) >= maxExpired {
			break
		}
		switch t.last.State {
		case Empty, CompleteCommit, CompleteAbort:
			if nowMs-t.last.LastUpdateMs >= keepMs && (int64(up)-int64(t.seen))*1000 >= keepMs {
				d.Records = append(d.Records, Record{ID: id, Forgotten: true})
			}
		default:
		}
	}
	// In order, so that the same state always leads to the same records.
	slices.SortFunc(d.Records, func(a, b Record) int { return strings.Compare(a.ID, b.ID) })
	s.armExpiry()
	if ids := len(d.Records); ids > 0 {
		d.Answer = func(err error) {
			if err != nil {
				return // A full disk, say. The next look finds them again.
			}
			s.coordinator.options.Log.Info("expired transactional ids deleted", slog.Int("shard", int(s.index)), slog.Int("ids", ids))
			if ids >= maxExpired {
				s.expiry.Set(time.Millisecond)
			}
		}
	}
	return d
}
