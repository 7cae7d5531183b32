package local

import (
	"bytes"
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
)

// found is what is known of a log that nobody has touched since the store was opened: from the clean
// marker, or from recovery. It spares a start with ten thousand partitions from looking at their files.
type found struct {
	format.PartitionMark
	dir *logDir
	// damage is nil but for the few logs that are damaged.
	damage *damage
	// durable is the durable end that a slot without a folder tells.
	durable int64
	// adopt says that the folder is to be told its topic.
	adopt bool
	// aborted are the transaction indexes, by base offset of the segment, that a full disk had no room for.
	aborted map[int64][]producer.AbortedTransaction
	// settled is 1 once this is out of date: the topic was deleted. Accessed atomically.
	settled uint32
}

// damage is what recovery found broken below the durable watermark of a log.
type damage struct {
	// holes are damaged places by base offset of the segment.
	holes map[int64][]hole
	// missing says that the log ends before the durable end, which is kept here; else 0.
	missing int64
	// err is why the files could not be read at all.
	err error
}

func (f *found) settle() { atomic.StoreUint32(&f.settled, 1) }

func (f *found) isSettled() bool { return atomic.LoadUint32(&f.settled) != 0 }

func (f *found) key() partitionKey { return partitionKey{f.TopicID, f.Partition} }

func compareKeys(a, b partitionKey) int {
	return cmp.Or(bytes.Compare(a.id[:], b.id[:]), cmp.Compare(a.partition, b.partition))
}

// leftovers are the logs of a directory that nobody has touched yet, sorted by key. The slice doesn't
// change once the store is open.
type leftovers []found

func (l leftovers) sort() {
	slices.SortFunc(l, func(a, b found) int { return compareKeys(a.key(), b.key()) })
}

// find returns what was left of a log, whether it has been touched since or not.
func (l leftovers) find(id logstore.TopicID, partition int32) *found {
	key := partitionKey{id, partition}
	i, ok := slices.BinarySearchFunc(l, key, func(f found, key partitionKey) int { return compareKeys(f.key(), key) })
	if !ok {
		return nil
	}
	return &l[i]
}

// unknownTimestamp says in OldestTimestamp that nobody has looked: below all that records may have.
const unknownTimestamp = -2
