package local

import (
	"fmt"
	"log/slog"
	"time"
)

// stallLimit is how long one commit may take until the disk counts as hung.
const stallLimit = 20 * time.Second

// stalled is an error while a commit takes so long that the disk must be hung.
func (s *syncer) stalled() error {
	began := s.began.Load()
	if began == 0 {
		return nil
	}
	took := time.Since(time.UnixMilli(began))
	if took < stallLimit {
		return nil
	}
	return fmt.Errorf("log directory %s: a sync has been running for %s; the disk hangs", s.dir.fs.Name(), took.Round(time.Second))
}

// logStall tells the operator that a commit hangs, while it does.
func (s *syncer) logStall() {
	if err := s.stalled(); err != nil {
		s.dir.store.log.Error("a sync doesn't end: nothing is acknowledged until it does; check the disk",
			slog.String("dir", s.dir.fs.Name()), slog.Any("error", err))
	}
}
