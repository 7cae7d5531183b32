package coordinator

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsAreNeverAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		e := NewEvents(slog.New(slog.NewTextHandler(&lines, nil)))
		for range 10 * eventBurst {
			e.Write(slog.LevelInfo, "flood", "group", "g")
		}
		if n := strings.Count(lines.String(), "flood"); n != eventBurst {
			t.Errorf("%d lines at once, want %d", n, eventBurst)
		}
		lines.Reset()
		time.Sleep(eventInterval)
		e.Write(slog.LevelWarn, "later", "reason", strings.Repeat("because ", 1000), "n", 3)
		for _, want := range []string{"level=WARN msg=later", "left_out=900", "n=3", "because ..."} {
			if !strings.Contains(strings.ReplaceAll(lines.String(), "because...", "because ..."), want) {
				t.Errorf("no %q in %s", want, lines.String())
			}
		}
		if lines.Len() > 500 {
			t.Errorf("a line of %d bytes", lines.Len())
		}
		lines.Reset()
		e.Write(slog.LevelInfo, "again")
		if lines.Len() > 0 {
			t.Errorf("one more than the interval allows: %s", lines.String())
		}
	})
}
