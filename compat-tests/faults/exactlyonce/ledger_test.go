package exactlyonce

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/clatterhq/clatter/compat-tests/faults/txnclient"
)

// outcome is what a producer knows of the end of a transaction.
type outcome int

const (
	unknown outcome = iota // it was not told, or somebody else has ended it
	committed
	aborted
)

// entry is one transaction.
type entry struct {
	records map[int32]int // how many it writes, by partition
	outcome outcome
}

// ledger is what producers did. Any goroutine may call its methods.
type ledger struct {
	mu      sync.Mutex
	entries map[string][]*entry // by producer: the number of a transaction is its place
	// owners are the producers that were given a producer id, by id.
	owners map[int64]string
	errs   []error
}

func newLedger() *ledger { return &ledger{entries: map[string][]*entry{}, owners: map[int64]string{}} }

// begin notes a transaction and returns its number.
func (l *ledger) begin(producer string, records map[int32]int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[producer] = append(l.entries[producer], &entry{records: records})
	return len(l.entries[producer]) - 1
}

func (l *ledger) end(producer string, number int, o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[producer][number].outcome = o
}

// given notes that a producer was given a producer id, which nobody else may have had.
func (l *ledger) given(producer string, id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner, ok := l.owners[id]; ok && owner != producer {
		l.errs = append(l.errs, fmt.Errorf("producer id %d was given to %s and to %s", id, owner, producer))
	}
	l.owners[id] = producer
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// count is how many transactions had an outcome.
func (l *ledger) count(o outcome) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, entries := range l.entries {
		for _, e := range entries {
			if e.outcome == o {
				n++
			}
		}
	}
	return n
}

// records are the records of a transaction in a partition: the value names its number, the place among them, and how many there are.
func records(producer string, number, count int) []txnclient.Record {
	var all []txnclient.Record
	for i := range count {
		all = append(all, txnclient.Record{Key: producer, Value: fmt.Sprintf("%d/%d/%d", number, i, count)})
	}
	return all
}

// check returns what is wrong with what readers of committed records are shown.
func (l *ledger) check(seen map[int32][]read) (anomalies []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, err := range l.errs {
		anomalies = append(anomalies, err.Error())
	}
	counts := map[string]map[int]map[int32]int{} // by producer, transaction and partition
	for p, all := range seen {
		last := map[string][2]int{} // transaction and place of a producer's last record
		for _, r := range all {
			parts := strings.Split(r.value, "/")
			n, err := strconv.Atoi(parts[0])
			if err != nil || len(parts) != 3 || n >= len(l.entries[r.key]) {
				anomalies = append(anomalies, fmt.Sprintf("invented: partition %d offset %d: %s %s", p, r.offset, r.key, r.value))
				continue
			}
			i, _ := strconv.Atoi(parts[1])
			if before, ok := last[r.key]; ok && (n < before[0] || n == before[0] && i <= before[1]) {
				anomalies = append(anomalies, fmt.Sprintf("duplicated or out of order: partition %d offset %d: %s %s behind %v", p, r.offset, r.key, r.value, before))
			}
			if counts[r.key] == nil {
				counts[r.key] = map[int]map[int32]int{}
			}
			if counts[r.key][n] == nil {
				counts[r.key][n] = map[int32]int{}
			}
			last[r.key] = [2]int{n, i}
			counts[r.key][n][p]++
		}
	}
	for producer, entries := range l.entries {
		for n, e := range entries {
			anomalies = append(anomalies, e.check(fmt.Sprintf("transaction %d of %s", n, producer), counts[producer][n])...)
		}
	}
	slices.Sort(anomalies)
	return anomalies
}

// check compares a transaction with what of it is there.
func (e *entry) check(name string, there map[int32]int) (anomalies []string) {
	want, got := 0, 0
	for p, n := range e.records {
		want += n
		got += there[p]
	}
	switch {
	case got != 0 && got != want:
		anomalies = append(anomalies, fmt.Sprintf("torn: %s: %v of %v", name, there, e.records))
	case e.outcome == committed && got == 0:
		anomalies = append(anomalies, fmt.Sprintf("lost: %s was committed", name))
	case e.outcome == aborted && got != 0:
		anomalies = append(anomalies, fmt.Sprintf("aborted read: %s was aborted, %v is there", name, there))
	}
	return anomalies
}

// complain fails the test for each anomaly, up to a limit.
func complain(t *testing.T, anomalies []string) {
	t.Helper()
	for _, a := range anomalies[:min(len(anomalies), 20)] {
		t.Error(a)
	}
	if len(anomalies) > 20 {
		t.Errorf("and %d more", len(anomalies)-20)
	}
}

func TestLedgerNamesEveryAnomaly(t *testing.T) {
	good := func() (*ledger, map[int32][]read) {
		l := newLedger()
		seen := map[int32][]read{}
		for n, o := range []outcome{committed, aborted, unknown, unknown, committed} {
			l.begin("a", map[int32]int{0: 2, 1: 1})
			l.end("a", n, o)
			if o == aborted || n == 3 {
				continue
			}
			for p, count := range map[int32]int{0: 2, 1: 1} {
				for _, r := range records("a", n, count) {
					seen[p] = append(seen[p], read{int64(len(seen[p])), r.Key, r.Value})
				}
			}
		}
		return l, seen
	}
	for want, damage := range map[string]func(*ledger, map[int32][]read){
		"":     func(*ledger, map[int32][]read) {},
		"torn": func(_ *ledger, s map[int32][]read) { s[1] = s[1][:2] },
		"lost": func(_ *ledger, s map[int32][]read) { s[0], s[1] = s[0][:4], s[1][:2] },
		"aborted": func(_ *ledger, s map[int32][]read) {
			s[0], s[1] = append(s[0][:2:2], read{2, "a", "1/0/2"}, read{3, "a", "1/1/2"}), append(s[1][:1:1], read{1, "a", "1/0/1"})
		},
		"dup":      func(_ *ledger, s map[int32][]read) { s[0] = append(s[0], s[0][5]) },
		"invented": func(_ *ledger, s map[int32][]read) { s[0] = append(s[0], read{9, "b", "0/0/1"}) },
		"producer": func(l *ledger, _ map[int32][]read) { l.given("a", 7); l.given("b", 7) },
	} {
		l, seen := good()
		damage(l, seen)
		found := l.check(seen)
		if want == "" && len(found) > 0 || want != "" && !slices.ContainsFunc(found, func(a string) bool { return strings.HasPrefix(a, want) }) {
			t.Errorf("%q: found %q", want, found)
		}
	}
}
