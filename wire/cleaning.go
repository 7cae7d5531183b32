package wire

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// CleaningTag is a tagged field (KIP-482) of ours: empty in a DescribeLogDirs request it asks for a [Cleaning] in the answer, from version 2 on. Kafka has
// these figures in JMX only (max-compaction-delay-secs and uncleanable-partitions-count of kafka.log:LogCleanerManager). Who doesn't ask gets
// Kafka's answer to the byte, and a broker that doesn't know the field leaves it out.
const CleaningTag uint32 = 10_000

// cleaningBytes is the size of the field: DirtyAgeMs, Uncleanable.
const cleaningBytes = 12

// Cleaning tells how compaction keeps up.
type Cleaning struct {
	DirtyAgeMs  int64 // age of the oldest record that waits to be compacted; 0 if none does
	Uncleanable int32 // logs that can't be compacted
}

// AsksForCleaning reports whether a request has the tag.
func AsksForCleaning(tags *kmsg.Tags) (asks bool) {
	tags.Each(func(tag uint32, _ []byte) { asks = asks || tag == CleaningTag })
	return asks
}

// AddTo adds the field to the tags of an answer.
func (c Cleaning) AddTo(tags *kmsg.Tags) {
	field := binary.BigEndian.AppendUint64(make([]byte, 0, cleaningBytes), uint64(c.DirtyAgeMs))
	tags.Set(CleaningTag, binary.BigEndian.AppendUint32(field, uint32(c.Uncleanable)))
}

// CleaningOf finds the field in the tags of an answer; ok is false if it isn't there.
func CleaningOf(tags *kmsg.Tags) (c Cleaning, ok bool) {
	tags.Each(func(tag uint32, field []byte) {
		if tag == CleaningTag && len(field) >= cleaningBytes {
			c, ok = Cleaning{DirtyAgeMs: int64(binary.BigEndian.Uint64(field)), Uncleanable: int32(binary.BigEndian.Uint32(field[8:]))}, true
		}
	})
	return c, ok
}
