package txns

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/clatterhq/clatter/compat-tests/brokertest"
)

// shown is a record as a reader is shown it.
type shown struct {
	offset int64
	value  string
}

// CompareReaders reads the output once more from its beginning: those who come now must be shown the same records at the same offsets as the
// reader that was there while copiers wrote and brokers died. It is the negative control as well: to those who read everything the output must look
// wrong, for the copies that were aborted.
func (s *Scenario) CompareReaders() {
	s.t.Helper()
	committed := s.readAgain(kgo.ReadCommitted())
	for p, live := range s.live {
		if i := firstDifference(live, committed[p]); i >= 0 {
			s.t.Errorf("partition %d: the reader was shown %v, now it is %v", p, at(live, i), at(committed[p], i))
		}
	}
	everything := NewOutput()
	for p, all := range s.readAgain(kgo.ReadUncommitted()) {
		for _, r := range all {
			if err := everything.Read(p, r.offset, r.value); err != nil {
				s.t.Logf("to those who read everything: %v, as it must be", err)
				return
			}
		}
	}
	s.t.Error("to those who read everything the output is right: nothing was aborted, or the reader doesn't isolate")
}

// firstDifference is the index of the first record that two readers were shown differently, -1 if there is none.
func firstDifference(a, b []shown) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

// at is a record and the one before it.
func at(all []shown, i int) []shown { return all[min(max(i-1, 0), len(all)):min(i+1, len(all))] }

// readAgain reads the output from its beginning to its end.
func (s *Scenario) readAgain(isolation kgo.IsolationLevel) map[int32][]shown {
	s.t.Helper()
	ends, err := s.admin.ListEndOffsets(s.ctx, output)
	if err := errors.Join(err, ends.Error()); err != nil {
		s.t.Fatal(err)
	}
	from, left := map[int32]kgo.Offset{}, map[int32]int64{}
	for p, end := range ends[output] {
		from[p] = kgo.NewOffset().AtStart()
		if end.Offset > 0 {
			left[p] = end.Offset - 1
		}
	}
	reader := brokertest.Client(s.t, s.Broker.Addr(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{output: from}), kgo.FetchIsolationLevel(isolation),
		kgo.KeepControlRecords(), kgo.FetchMaxWait(100*time.Millisecond))
	defer reader.Close()
	seen := map[int32][]shown{}
	for len(left) > 0 {
		fetches := reader.PollFetches(s.ctx)
		if err := errors.Join(s.ctx.Err(), fetches.Err()); err != nil {
			s.t.Fatalf("read again, left %v: %v", left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				seen[r.Partition] = append(seen[r.Partition], shown{r.Offset, string(r.Value)})
			}
			if last, ok := left[r.Partition]; ok && r.Offset >= last {
				delete(left, r.Partition)
			}
		})
	}
	return seen
}
