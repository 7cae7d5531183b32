package local

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// waitingLog is the log of a store; waits is closed when it says that a start waits.
type waitingLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	waits chan struct{}
}

// Write implements io.Writer.
func (w *waitingLog) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Contains(p, []byte("start waits for space")) {
		close(w.waits)
	}
	return w.text.Write(p)
}

// lastingPowerCut is a disk after a power cut, without room for what the journal has.
func lastingPowerCut(t *testing.T, op vfs.Op) (*journaled, *vfs.Injected, *waitingLog) {
	t.Helper()
	j := newJournaled(t, 3)
	t.Cleanup(j.close)
	for range 3 {
		if err := j.commit(); err != nil {
			t.Fatal(err)
		}
	}
	full := &vfs.Rule{Ops: op, Path: "*/" + fileName(0, logSuffix), Err: syscall.ENOSPC, ShortWrite: 20}
	return j, vfs.Inject(j.powerCut(), full), &waitingLog{waits: make(chan struct{})}
}

// TestStartOnAFullDiskGoesOnWhenThereIsRoom is of bar R7, after a power cut.
func TestStartOnAFullDiskGoesOnWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]vfs.Op{"write": vfs.OpWrite, "sync": vfs.OpSync} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, disk, logged := lastingPowerCut(t, op)
			go func() {
				<-logged.waits
				disk.SetRules()
			}()
			o := on(disk)
			o.Log = slog.New(slog.NewTextHandler(logged, nil))
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close(context.Background())
			for i, p := range create(t, s, j.topic) {
				j.logs[i].Clone().Recover(t, p)
			}
			if text := logged.text.String(); !strings.Contains(text, "there is space again") || !strings.Contains(text, "make room") {
				t.Errorf("log:\n%s", text)
			}
		})
	}
}

func TestStartThatWaitsForRoomCanBeEnded(t *testing.T) {
	t.Parallel()
	j, disk, logged := lastingPowerCut(t, vfs.OpWrite)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-logged.waits
		cancel()
	}()
	o := on(disk)
	o.Log = slog.New(slog.NewTextHandler(logged, nil))
	if _, err := Open(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("the start ended with %v", err)
	}
	disk.SetRules()
	j.reopens(disk)
}

// TestOtherDirectoryWithoutRoomIsLeftOut: a restart heals it.
func TestOtherDirectoryWithoutRoomIsLeftOut(t *testing.T) {
	t.Parallel()
	j, disk, logged := lastingPowerCut(t, vfs.OpWrite)
	first := vfs.NewMemory()
	o := on(first, disk)
	o.Log = slog.New(slog.NewTextHandler(logged, nil))
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	topic := j.topic
	topic.Existing = true
	if err := s.Create(topic); err != nil {
		t.Fatal(err)
	}
	p, err := s.Partition(topic.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Append(logstoretest.Batch{}.Build(t), logstore.AppendOptions{Now: 1}); !errors.Is(err, logstore.ErrOffline) {
		t.Errorf("append to a log that isn't there: %v", err)
	}
	if text := logged.text.String(); !strings.Contains(text, "make room, then restart") {
		t.Errorf("log:\n%s", text)
	}
	if err := s.Close(context.Background()); err == nil {
		t.Error("closed without an error")
	}
	disk.SetRules()
	s = openStore(t, first, disk)
	defer s.Close(context.Background())
	for i, p := range create(t, s, j.topic) {
		j.logs[i].Clone().Recover(t, p)
	}
}
