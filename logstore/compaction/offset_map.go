package compaction

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// EntryBytes is what a key takes in an [OffsetMap], however long it is: a hash of 16 bytes and an offset.
const EntryBytes = 24

// OffsetMap knows the last offset of each key. Keys are known by half of their SHA-256, so a map of five
// million keys takes 128 MiB, and two keys are never taken for one: Kafka does the same with MD5. A faster hash
// that isn't cryptographic would lose records to whoever can choose keys.
//
// It grows with the keys up to a limit, because a small one stays in the caches of the processor; where twice of it would be too much on the
// way, it has its full size at once. A Go map would cost twice the memory and grow beyond what the operator allows.
type OffsetMap struct {
	slots  []slot
	count  int
	limit  int // of slots
	most   int // keys that fit limit slots
	latest int64
}

// slot is one key: open addressing with linear probing, so that a search reads neighboring memory.
type slot struct {
	hash keyHash
	next int64 // offset + 1; 0 is a free slot
}

// firstSlots is how many slots a map that may grow begins with.
const firstSlots = 1 << 12

// NewOffsetMap returns an empty map for so many records that takes at most memory bytes and is filled up to
// loadFactor. Fewer records than memory could hold make it smaller. Error: [ErrMapTooSmall].
func NewOffsetMap(memory int64, loadFactor float64, records int64) (*OffsetMap, error) {
	if !(loadFactor > 0) {
		return nil, ErrMapTooSmall
	}
	// A map that is half empty is fast, and a larger one gains nothing.
	wanted := max(2*float64(max(records, 1)), float64(max(records, 1))/loadFactor) + 1
	slots := int64(min(float64(memory/EntryBytes), wanted))
	most := int64(float64(slots) * min(loadFactor, 1))
	if most < 1 {
		return nil, ErrMapTooSmall
	}
	m := &OffsetMap{limit: int(slots), most: int(most), latest: -1}
	if first := min(slots, firstSlots); slots+slots/2 <= memory/EntryBytes {
		m.slots = make([]slot, first)
	} else {
		m.slots = make([]slot, slots)
	}
	return m, nil
}

// Put notes that a key is at an offset, which is greater than all before. It reports false, and notes nothing, if there is no room
// for another key.
func (m *OffsetMap) Put(key []byte, offset int64) bool { return m.put(hashOf(key), offset) }

func (m *OffsetMap) put(hash keyHash, offset int64) bool {
	s := m.find(hash)
	if s == nil || s.next == 0 {
		if m.isFull() {
			if len(m.slots) == m.limit {
				return false
			}
			m.grow()
			s = m.find(hash)
		}
		s.hash = hash
		m.count++
	}
	s.next = offset + 1
	m.latest = offset
	return true
}

// isFull reports whether no other key fits the slots that there are.
func (m *OffsetMap) isFull() bool {
	if len(m.slots) == m.limit {
		return m.count >= m.most
	}
	return m.count >= len(m.slots)/4*3
}

// grow doubles the map.
func (m *OffsetMap) grow() {
	old := m.slots
	m.slots = make([]slot, min(2*len(old), m.limit))
	for i := range old {
		if old[i].next != 0 {
			*m.find(old[i].hash) = old[i]
		}
	}
}

// Offset is the last offset of a key, -1 if it isn't in the map.
func (m *OffsetMap) Offset(key []byte) int64 { return m.offset(hashOf(key)) }

func (m *OffsetMap) offset(hash keyHash) int64 {
	if s := m.find(hash); s != nil {
		return s.next - 1
	}
	return -1
}

// find returns the slot of a key, the free one where it belongs, or nil in a full map without it.
func (m *OffsetMap) find(hash keyHash) *slot {
	high, _ := bits.Mul64(hash[0], uint64(len(m.slots)))
	at := int(high)
	for range m.slots {
		s := &m.slots[at]
		if s.next == 0 || s.hash == hash {
			return s
		}
		if at++; at == len(m.slots) {
			at = 0
		}
	}
	return nil
}

// keyHash stands for a key.
type keyHash [2]uint64

func hashOf(key []byte) keyHash {
	sum := sha256.Sum256(key)
	return keyHash{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// Latest is the last offset that was looked at: what is behind it isn't in the map. -1 in a new map.
func (m *OffsetMap) Latest() int64 { return m.latest }

// Passed notes that everything up to an offset was looked at.
func (m *OffsetMap) Passed(offset int64) { m.latest = max(m.latest, offset) }

// Len is the number of keys.
func (m *OffsetMap) Len() int { return m.count }

// Size is the memory of the map in bytes.
func (m *OffsetMap) Size() int64 { return int64(len(m.slots)) * EntryBytes }
