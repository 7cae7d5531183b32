package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clatterhq/clatter/coordinator"
)

// loadingShard is one that replays its log.
func loadingShard() *Shard {
	return New(testOptions(nil)).newShard(0, &coordinator.Timers[*Shard, Record]{})
}

// FuzzReplayOfTransactions replays records and markers of any producers, groups and partitions, in any order, as a log may have
// them that somebody else wrote, and compares with what Kafka makes of them: it keeps with every offset where its record is.
func FuzzReplayOfTransactions(f *testing.F) {
	f.Add([]byte{0x00, 0x10, 0x21, 0x10, 0x40, 0x10})
	f.Add([]byte{0x10, 0x01, 0x11, 0x01, 0x20, 0x41, 0x50, 0x01, 0x31, 0x40})
	f.Fuzz(func(t *testing.T, steps []byte) {
		s := loadingShard()
		committed := map[modelPlace]int64{}
		var pending [2]map[modelPlace]int64
		for i := range pending {
			pending[i] = map[modelPlace]int64{}
		}
		for i, b := range steps {
			offset, producer := int64(i), int64(b>>7)
			place := modelPlace{fmt.Sprint("g", b>>2&1), int32(b & 3)}
			r := &OffsetRecord{Group: place.group, Topic: "topic", Partition: place.partition, Commit: &Commit{Offset: offset}}
			var err error
			switch b >> 4 & 7 {
			case 0:
				err = s.Replay(offset, r)
				committed[place] = offset
			case 1:
				r.Commit = nil
				if b&8 == 0 {
					err = s.Replay(offset, r)
				} else {
					err = s.ReplayTransactional(offset, producer, r)
				}
				delete(committed, place)
				for _, p := range pending {
					delete(p, place)
				}
			case 2, 3:
				s.ReplayEndTransaction(producer, 0, b&8 == 0)
				for place, at := range pending[producer] {
					if before, ok := committed[place]; b&8 == 0 && (!ok || before < at) {
						committed[place] = at
					}
				}
				clear(pending[producer])
			default:
				err = s.ReplayTransactional(offset, producer, r)
				pending[producer][place] = offset
			}
			if err != nil {
				t.Fatal(err)
			}
			wantReplayed(t, s, committed, pending[:])
		}
	})
}

// wantReplayed compares a shard with what should be in there.
func wantReplayed(t *testing.T, s *Shard, committed map[modelPlace]int64, pending []map[modelPlace]int64) {
	t.Helper()
	var got, want []string
	for group, topics := range s.offsets {
		for _, topic := range topics {
			for _, p := range topic.partitions {
				got = append(got, fmt.Sprintf("%s/%d=%d", group, p.partition, p.Offset))
			}
		}
		if s.groups[group] == nil {
			t.Errorf("%s has offsets and doesn't exist", group)
		}
	}
	for place, offset := range committed {
		want = append(want, fmt.Sprintf("%s/%d=%d", place.group, place.partition, offset))
	}
	var wantPending []string
	for producer, places := range pending {
		for place, offset := range places {
			wantPending = append(wantPending, fmt.Sprintf("%s/%d=%d of %d", place.group, place.partition, offset, producer))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	slices.Sort(wantPending)
	wantEqual(t, "committed", strings.Join(got, ", "), strings.Join(want, ", "))
	wantEqual(t, "pending", pendingText(s), strings.Join(wantPending, ", "))
	for group, places := range s.pending.byGroup {
		for place, list := range places {
			if len(list) == 0 {
				t.Errorf("nothing is pending for %s/%d", group, place.partition)
			}
		}
		if len(places) == 0 || s.groups[group] == nil {
			t.Errorf("nothing is pending in %s", group)
		}
	}
}

func TestProducersThatCommitAndDeleteInTurnsFillNoMemory(t *testing.T) {
	s := loadingShard()
	for i := range int64(10_000) {
		if err := s.ReplayTransactional(2*i, 1, commitRecord("group", 0, i)); err != nil {
			t.Fatal(err)
		}
		if err := s.Replay(2*i+1, &OffsetRecord{Group: "group", Topic: "topic"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.pending.byProducer[1]); n > 16 {
		t.Errorf("%d offsets are kept", n)
	}
}

func TestOtherRecordsInTransactionsCountAtOnce(t *testing.T) {
	s := loadingShard()
	if err := s.ReplayTransactional(0, 1, &MetadataRecord{Group: "group", Metadata: &Metadata{Generation: 7}}); err != nil {
		t.Fatal(err)
	}
	if g, ok := s.groups["group"].(*classicGroup); !ok || g.generation != 7 {
		t.Errorf("group %v", s.groups)
	}
}
