package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/logstoretest"
	"github.com/clatterhq/clatter/logstore/vfs"
)

// TestRecoveryScripts runs the conversations in testdata/recovery. One topic, t, with one partition:
//
//	start [segment-bytes=N]       opens the store; prints what it logs
//	append count=N [producer=ID]  appends batches of two records, durably, and tells the offsets file so
//	append count=N page-cache     appends without waiting, and the offsets file isn't told
//	delete-records before=N
//	kill                          the process ends; what was written is there
//	stop                          a clean stop
//	cut file=F by=N, flip file=F at=N, rm file=F, zero file=F add=N    change the disk between two processes
//	offsets, read, ls             print what is there
func TestRecoveryScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/recovery", func(t *testing.T, path string) {
		t.Helper()
		s := &script{t: t, disk: vfs.NewMemory(), config: smallSegments(), next: map[int64]int32{}, now: time.Now().UnixMilli()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			s.t = t
			command, ok := map[string]func(*datadriven.TestData) error{
				"start": s.start, "append": s.append, "delete-records": s.deleteRecords, "kill": s.kill, "stop": s.stop,
				"cut": s.change, "flip": s.change, "rm": s.change, "zero": s.change, "offsets": s.offsets, "read": s.read, "ls": s.ls,
			}[d.Cmd]
			if !ok {
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			s.out.Reset()
			if err := command(d); err != nil {
				fmt.Fprintf(&s.out, "error: %v\n", err)
			}
			if s.out.Len() == 0 {
				return "ok\n"
			}
			return strings.ReplaceAll(s.out.String(), " \n", "\n")
		})
		if s.store != nil {
			if err := s.store.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
}

type script struct {
	t      *testing.T
	disk   *vfs.Memory
	config *logstore.Config
	store  *Store
	next   map[int64]int32 // sequences
	tag    int
	now    int64 // of all records in ms: sizes of time indexes must not depend on how long a script takes
	out    bytes.Buffer
}

// lines prints what a store logs, without what differs from run to run.
type lines struct{ out *bytes.Buffer }

func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l lines) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l lines) WithGroup(string) slog.Handler                    { return l }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	text, _, _ := strings.Cut(r.Message, ";")
	fmt.Fprintf(l.out, "%s %s\n", r.Level, text)
	return nil
}

func (s *script) start(d *datadriven.TestData) error {
	if d.HasArg("segment-bytes") {
		d.ScanArgs(s.t, "segment-bytes", &s.config.SegmentBytes)
	}
	o := on(s.disk)
	o.Log = slog.New(lines{&s.out})
	var err error
	if s.store, err = Open(context.Background(), o); err != nil {
		return err
	}
	return s.store.Create(logstore.TopicPartitions{ID: logstore.TopicID{1}, Topic: "t", Partitions: 1, Config: s.config})
}

func (s *script) log() *log {
	s.t.Helper()
	p, err := s.store.Partition(logstore.TopicID{1}, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return p.(*log)
}

func (s *script) append(d *datadriven.TestData) error {
	var count int
	var producerID int64
	d.ScanArgs(s.t, "count", &count)
	if d.HasArg("producer") {
		d.ScanArgs(s.t, "producer", &producerID)
	}
	pageCache := d.HasArg("page-cache")
	if pageCache {
		config := *s.config
		config.FlushMessages = 1 << 62
		if err := s.store.Configure(logstore.TopicID{1}, &config); err != nil {
			return err
		}
	}
	for range count {
		s.tag++
		b := logstoretest.Batch{
			Records: 2, Size: 100, Tag: s.tag, Timestamp: s.now, ProducerID: producerID, BaseSequence: s.next[producerID],
		}
		ticket, err := s.log().Append(b.Build(s.t), logstore.AppendOptions{})
		if err != nil {
			return err
		}
		s.next[producerID] += 2
		result, err := ticket.Wait(context.Background())
		if err != nil {
			return err
		}
		fmt.Fprintf(&s.out, "%d-%d ", result.BaseOffset, result.LastOffset)
	}
	s.out.WriteString("\n")
	if pageCache {
		return nil
	}
	return s.store.dirs[0].flushOffsets()
}

func (s *script) deleteRecords(d *datadriven.TestData) error {
	var before int64
	d.ScanArgs(s.t, "before", &before)
	start, err := s.log().DeleteBefore(context.Background(), before)
	fmt.Fprintf(&s.out, "log starts at %d\n", start)
	return err
}

func (s *script) kill(*datadriven.TestData) error {
	disk := copyDisk(s.t, s.disk)
	err := s.store.Close(context.Background())
	s.out.Reset()
	s.disk, s.store = disk, nil
	return err
}

func (s *script) stop(*datadriven.TestData) error {
	err := s.store.Close(context.Background())
	s.store = nil
	return err
}

func (s *script) change(d *datadriven.TestData) error {
	var file string
	d.ScanArgs(s.t, "file", &file)
	if d.Cmd == "rm" {
		return s.disk.Remove(file)
	}
	info, err := s.disk.Stat(file)
	if err != nil {
		return err
	}
	var n int64
	switch d.Cmd {
	case "cut":
		d.ScanArgs(s.t, "by", &n)
		truncateFile(s.t, s.disk, file, info.Size-n)
	case "zero":
		d.ScanArgs(s.t, "add", &n)
		truncateFile(s.t, s.disk, file, info.Size+n)
	case "flip":
		d.ScanArgs(s.t, "at", &n)
		if n < 0 {
			n += info.Size
		}
		flip(s.t, s.disk, file, n, 0x10)
	}
	return nil
}

func (s *script) offsets(*datadriven.TestData) error {
	if _, err := s.log().readable(); err != nil {
		return err
	}
	o := s.log().Offsets()
	fmt.Fprintf(&s.out, "start=%d stable=%d watermark=%d end=%d epoch=%d\n", o.LogStartOffset, o.LastStableOffset, o.HighWatermark, o.LogEndOffset, o.LeaderEpoch)
	for _, p := range s.log().Producers() {
		fmt.Fprintf(&s.out, "producer %d: sequence %d\n", p.ProducerID, p.LastSequence)
	}
	return nil
}

// read reads batch by batch, and goes on behind what can't be read.
func (s *script) read(*datadriven.TestData) error {
	o := s.log().Offsets()
	for at := o.LogStartOffset; at < o.HighWatermark; {
		fetched, err := s.log().Read(at, logstore.ReadOptions{MaxBytes: 1, AtLeast1: true})
		if _, ok := errors.AsType[*logstore.CorruptError](err); ok {
			fmt.Fprintf(&s.out, "%d:corrupt ", at)
			at++
			continue
		}
		if err != nil {
			return err
		}
		var p bytes.Buffer
		if _, err := fetched.Records.WriteTo(&p); err != nil {
			return err
		}
		fetched.Records.Release()
		b := split(s.t, p.Bytes())[0]
		fmt.Fprintf(&s.out, "%d-%d ", b.BaseOffset(), b.LastOffset())
		at = b.NextOffset()
	}
	s.out.WriteString("\n")
	return nil
}

func (s *script) ls(*datadriven.TestData) error {
	names, err := s.disk.List("t-0")
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := s.disk.Stat("t-0/" + name)
		if err != nil {
			return err
		}
		if name == format.PartitionMetadataFile {
			continue
		}
		fmt.Fprintf(&s.out, "%s %d\n", name, info.Size)
	}
	return nil
}
