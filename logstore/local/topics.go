package local

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
)

// topic is one topic and its partitions.
type topic struct {
	store  *Store
	id     logstore.TopicID
	name   string
	config atomic.Pointer[logstore.Config]
	// logs has a slot per partition, filled at its first use. The slice grows by copying.
	logs atomic.Pointer[[]atomic.Pointer[log]]
	// growing is held by the one who changes the slice, or fills a slot. gone says that the topic is deleted: neither happens any more.
	growing sync.Mutex
	gone    bool
	// existing is how many partitions are older than the process. Immutable.
	existing int32
}

// topics finds topics by ID without a lock, for every request that carries records. It is a hash table with
// linear probing whose slots are atomic: sync.Map would allocate for every lookup, because an ID has to become an
// interface, and copying a map for every new topic makes creating ten thousand of them quadratic.
type topics struct {
	table atomic.Pointer[topicTable]
	mu    sync.Mutex // held by those who change it
	count int        // topics; guarded by mu
	used  int        // slots that are not free, tombs included; guarded by mu
}

type topicTable struct {
	slots []atomic.Pointer[topic] // a power of two
}

// tomb marks a slot whose topic was deleted, so that probing goes on behind it.
var tomb = &topic{}

const minTopicSlots = 16

func (t *topicTable) start(id logstore.TopicID) int {
	// IDs are random but for those that somebody chose; both halves and a multiplication make up for these.
	h := binary.LittleEndian.Uint64(id[:8]) ^ binary.LittleEndian.Uint64(id[8:])
	return int((h*0x9e3779b97f4a7c15)>>32) & (len(t.slots) - 1)
}

// find returns the topic, or nil.
func (t *topics) find(id logstore.TopicID) *topic {
	table := t.table.Load()
	if table == nil {
		return nil
	}
	for i := table.start(id); ; i = (i + 1) & (len(table.slots) - 1) {
		x := table.slots[i].Load()
		if x == nil {
			return nil
		}
		if x != tomb && x.id == id {
			return x
		}
	}
}

// insertLocked adds a topic that is not there.
func (t *topics) insertLocked(x *topic) {
	table := t.table.Load()
	if table == nil || (t.used+1)*4 > len(table.slots)*3 {
		table = t.rehashLocked(table)
	}
	t.put(table, x)
	t.count++
	t.used++
}

func (t *topics) put(table *topicTable, x *topic) {
	for i := table.start(x.id); ; i = (i + 1) & (len(table.slots) - 1) {
		if table.slots[i].Load() == nil {
			table.slots[i].Store(x)
			return
		}
	}
}

// rehashLocked makes a table with room, without tombs.
func (t *topics) rehashLocked(old *topicTable) *topicTable {
	size := minTopicSlots
	for size < (t.count+1)*2 {
		size *= 2
	}
	table := &topicTable{slots: make([]atomic.Pointer[topic], size)}
	if old != nil {
		for i := range old.slots {
			if x := old.slots[i].Load(); x != nil && x != tomb {
				t.put(table, x)
			}
		}
	}
	t.used = t.count
	t.table.Store(table)
	return table
}

// remove takes a topic out and returns it, or nil.
func (t *topics) remove(id logstore.TopicID) *topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	table := t.table.Load()
	if table == nil {
		return nil
	}
	for i := table.start(id); ; i = (i + 1) & (len(table.slots) - 1) {
		x := table.slots[i].Load()
		if x == nil {
			return nil
		}
		if x != tomb && x.id == id {
			table.slots[i].Store(tomb)
			t.count--
			return x
		}
	}
}

// all yields every topic that is there throughout the call.
func (t *topics) all(yield func(*topic) bool) {
	table := t.table.Load()
	if table == nil {
		return
	}
	for i := range table.slots {
		if x := table.slots[i].Load(); x != nil && x != tomb && !yield(x) {
			return
		}
	}
}

// used yields every log of the topic that was used.
func (t *topic) used(yield func(*log) bool) {
	logs := *t.logs.Load()
	for i := range logs {
		if l := logs[i].Load(); l != nil && !yield(l) {
			return
		}
	}
}
