package logstoretest

import (
	"errors"
	"math"
	"testing"

	"github.com/clatterhq/clatter/logstore"
)

func testDuplicate(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	appendBatch(t, p, Batch{}.Build(t))
	for i := range 6 {
		appendBatch(t, p, Batch{Records: 2, ProducerID: 7, BaseSequence: int32(2 * i)}.Build(t))
	}
	for i := 1; i < 6; i++ {
		r := appendBatch(t, p, Batch{Records: 2, ProducerID: 7, BaseSequence: int32(2 * i)}.Build(t))
		if want := int64(1 + 2*i); !r.Duplicate || r.BaseOffset != want || r.LastOffset != want+1 {
			t.Errorf("batch %d repeated: %+v", i, r)
		}
	}
	if o := p.Offsets(); o.LogEndOffset != 13 {
		t.Errorf("%+v", o)
	}
}

func testSequences(t *testing.T, b Backend) {
	t.Helper()
	p := open(t, b, Config()).partition(0)
	appendBatch(t, p, Batch{Records: 3, ProducerID: 7, ProducerEpoch: 4, BaseSequence: 10}.Build(t))
	for _, c := range []struct {
		name  string
		batch Batch
		want  error
	}{
		{"gap", Batch{ProducerID: 7, ProducerEpoch: 4, BaseSequence: 14}, logstore.ErrOutOfOrderSequence},
		{"back", Batch{ProducerID: 7, ProducerEpoch: 4, BaseSequence: 12}, logstore.ErrOutOfOrderSequence},
		{"new epoch not at 0", Batch{ProducerID: 7, ProducerEpoch: 5, BaseSequence: 13}, logstore.ErrOutOfOrderSequence},
		{"old epoch", Batch{ProducerID: 7, ProducerEpoch: 3, BaseSequence: 13}, logstore.ErrInvalidProducerEpoch},
	} {
		if _, err := p.Append(c.batch.Build(t), logstore.AppendOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	appendBatch(t, p, Batch{ProducerID: 7, ProducerEpoch: 4, BaseSequence: 13}.Build(t))
	appendBatch(t, p, Batch{ProducerID: 7, ProducerEpoch: 5}.Build(t))
	appendBatch(t, p, Batch{ProducerID: 8, BaseSequence: math.MaxInt32}.Build(t))
	appendBatch(t, p, Batch{ProducerID: 8, BaseSequence: 0}.Build(t))
	if o := p.Offsets(); o.LogEndOffset != 7 {
		t.Errorf("%+v", o)
	}
}

func testProducersSurviveRestart(t *testing.T, b Backend) {
	t.Helper()
	o := open(t, b, Config())
	for i := range 3 {
		appendBatch(t, o.partition(0), Batch{Records: 2, Timestamp: nowMs(), ProducerID: 7, ProducerEpoch: 2, BaseSequence: int32(2 * i)}.Build(t))
	}
	before := o.partition(0).Producers()
	if len(before) != 1 || before[0].ProducerID != 7 || before[0].ProducerEpoch != 2 || before[0].LastSequence != 5 ||
		before[0].CurrentTxnStartOffset != -1 {
		t.Fatalf("producers: %+v", before)
	}
	o.reopen(b)
	p := o.partition(0)
	if after := p.Producers(); len(after) != 1 || after[0] != before[0] {
		t.Errorf("producers after a restart: %+v, want %+v", after, before)
	}
	if r := appendBatch(t, p, Batch{Records: 2, ProducerID: 7, ProducerEpoch: 2, BaseSequence: 4}.Build(t)); !r.Duplicate || r.BaseOffset != 4 {
		t.Errorf("last batch repeated after a restart: %+v", r)
	}
	if _, err := p.Append(Batch{ProducerID: 7, ProducerEpoch: 2, BaseSequence: 7}.Build(t), logstore.AppendOptions{}); !errors.Is(err, logstore.ErrOutOfOrderSequence) {
		t.Errorf("gap after a restart: %v", err)
	}
	if r := appendBatch(t, p, Batch{ProducerID: 7, ProducerEpoch: 2, BaseSequence: 6}.Build(t)); r.BaseOffset != 6 || r.Duplicate {
		t.Errorf("next batch after a restart: %+v", r)
	}
}
