package catalog

import (
	"hash/maphash"
	"maps"

	"github.com/clatterhq/clatter/logstore"
)

// tableSize is how many maps a table is divided into. A change copies this array of
// pointers and one map, so with 10,000 topics it copies 40 entries instead of all of
// them; creating topics one by one stays linear.
const tableSize = 256

// table finds topics by a key. It is immutable once its image is published.
//
// One map that is copied on every change was rejected for its cost (a second for the
// 10,000th of 10,000 topics), a map under a lock for the lock on the produce path.
type table[K comparable] struct {
	parts [tableSize]map[K]*Topic
}

// tableDraft is a table that is being changed: it owns the parts that it has copied.
type tableDraft[K comparable] struct {
	table[K]
	owned [tableSize]bool
	place func(K) int
}

func (t *table[K]) draft(place func(K) int) *tableDraft[K] {
	return &tableDraft[K]{table: *t, place: place}
}

// find is nil where there is no such topic.
func (d *tableDraft[K]) find(key K) *Topic { return d.parts[d.place(key)][key] }

// put sets the topic of a key; nil removes the key.
func (d *tableDraft[K]) put(key K, topic *Topic) {
	i := d.place(key)
	if !d.owned[i] {
		if d.parts[i] = maps.Clone(d.parts[i]); d.parts[i] == nil {
			d.parts[i] = make(map[K]*Topic)
		}
		d.owned[i] = true
	}
	if topic == nil {
		delete(d.parts[i], key)
		return
	}
	d.parts[i][key] = topic
}

// nameSeed spreads names over the parts of a table, in a way that a client who
// chooses names can't know.
var nameSeed = maphash.MakeSeed()

func placeOfName(name string) int { return int(maphash.String(nameSeed, name) % tableSize) }

// placeOfID takes a byte of the ID, which is random.
func placeOfID(id logstore.TopicID) int { return int(id[len(id)-1]) }
