package dump

import (
	"errors"
	"fmt"
	"math"

	"github.com/clatterhq/clatter/logstore/epoch"
	"github.com/clatterhq/clatter/logstore/local/format"
	"github.com/clatterhq/clatter/logstore/producer"
)

// errTooShort occurs for a file that ends before its header does.
var errTooShort = errors.New("too short for its header")

// directoryIDAt is where the marker says which log directory it belongs to; see format.md.
const directoryIDAt = 12

// offsetIndex prints the entries, and whether they rise as they must. A file that Kafka preallocated ends with zeros, which are none.
func (p *printer) offsetIndex(content []byte) error {
	index := format.OffsetIndex(content).Valid(p.baseOffset, maxSmallFile)
	if index.Len() == 0 && isZero(content) {
		p.printf("%s is empty.\n", p.path)
		return nil
	}
	if !isZero(content[len(index):]) {
		return fmt.Errorf("%w: entry %d", format.ErrCorruptIndex, index.Len())
	}
	if p.options.SanityOnly {
		p.printf("%s passed sanity check.\n", p.path)
		return nil
	}
	for i := 0; i < index.Len() && !p.options.VerifyOnly; i++ {
		e := index.At(i, p.baseOffset)
		p.printf("offset: %d position: %d\n", e.Offset, e.Position)
	}
	return nil
}

// timeIndex prints the entries.
func (p *printer) timeIndex(content []byte) error {
	index := format.TimeIndex(content).Valid(p.baseOffset, math.MaxInt64)
	if !isZero(content[len(index):]) {
		return fmt.Errorf("%w: entry %d", format.ErrCorruptIndex, index.Len())
	}
	if p.options.SanityOnly {
		p.printf("%s passed sanity check.\n", p.path)
		return nil
	}
	for i := 0; i < index.Len() && !p.options.VerifyOnly; i++ {
		e := index.At(i, p.baseOffset)
		p.printf("timestamp: %d offset: %d\n", e.Timestamp, e.Offset)
	}
	return nil
}

func isZero(p []byte) bool {
	for _, c := range p {
		if c != 0 {
			return false
		}
	}
	return true
}

func (p *printer) txnIndex(content []byte) error {
	entries, err := producer.DecodeTxnIndex(content, p.baseOffset)
	for _, e := range entries {
		p.printf("version: 0 producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d\n",
			e.ProducerID, e.FirstOffset, e.LastOffset, e.LastStableOffset)
	}
	return err
}

func (p *printer) snapshot(content []byte) error {
	entries, err := producer.DecodeSnapshot(content)
	for _, e := range entries {
		p.printf("producerId: %d producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: %s lastTimestamp: %d ",
			e.ProducerID, e.ProducerEpoch, e.CoordinatorEpoch, optional(e.TransactionFirstOffset, e.TransactionFirstOffset >= 0), e.Timestamp)
		if e.LastOffset >= 0 {
			// Sequences wrap at 2^31.
			p.printf("firstSequence: %d lastSequence: %d lastOffset: %d offsetDelta: %d timestamp: %d",
				(int64(e.LastSequence)-int64(e.OffsetDelta))&0x7fffffff, e.LastSequence, e.LastOffset, e.OffsetDelta, e.Timestamp)
		}
		p.printf("\n")
	}
	return err
}

func (p *printer) offsets(content []byte) error {
	entries, err := format.DecodeOffsets(content)
	for _, e := range entries {
		p.printf("%s: %d\n", format.PartitionDir(e.Topic, e.Partition), e.Offset)
	}
	return err
}

func (p *printer) leaderEpochs(content []byte) error {
	cache, err := epoch.Decode(content)
	for _, e := range cache.Entries() {
		p.printf("leaderEpoch: %d startOffset: %d\n", e.LeaderEpoch, e.StartOffset)
	}
	return err
}

func (p *printer) partitionMetadata(content []byte) error {
	id, err := format.DecodePartitionMetadata(content)
	if err == nil {
		p.printf("topicId: %s\n", id)
	}
	return err
}

func (p *printer) metaProperties(content []byte) error {
	m, err := format.DecodeMetaProperties(content)
	if err == nil {
		p.printf("clusterId: %s nodeId: %d directoryId: %s\n", m.ClusterID, m.NodeID, m.DirectoryID)
	}
	return err
}

// cleanShutdown takes the marker's own word for the directory that it belongs to.
func (p *printer) cleanShutdown(content []byte) error {
	var directory format.UUID
	if len(content) < directoryIDAt+len(directory) {
		return errTooShort
	}
	copy(directory[:], content[directoryIDAt:])
	marks, err := format.DecodeShutdown(content, directory)
	if err != nil {
		return err
	}
	p.printf("directoryId: %s\n", directory)
	for _, m := range marks {
		p.printf("topicId: %s partition: %d leaderEpoch: %d logStartOffset: %d logEndOffset: %d lastStableOffset: %d logBytes: %d"+
			" activeBaseOffset: %d activeBytes: %d oldestTimestamp: %d slot: %d hasProducers: %t hasDeleted: %t\n",
			format.UUID(m.TopicID), m.Partition, m.LeaderEpoch, m.LogStartOffset, m.LogEndOffset, m.LastStableOffset, m.LogBytes,
			m.ActiveBaseOffset, m.ActiveBytes, m.OldestTimestamp, m.Slot, m.HasProducers, m.HasDeleted)
	}
	return nil
}

// keptOffsets prints the slots that are in use.
func (p *printer) keptOffsets(content []byte) error {
	if len(content) < format.OffsetsHeaderSize {
		return errTooShort
	}
	if err := format.CheckOffsetsHeader(content[:format.OffsetsHeaderSize]); err != nil {
		return err
	}
	slots := content[format.OffsetsHeaderSize:]
	for slot := 0; len(slots) >= format.SlotSize; slot++ {
		k, sequence, ok := format.DecodeSlot(slots[:format.SlotSize])
		slots = slots[format.SlotSize:]
		if ok && !k.IsFree() {
			p.printf("slot: %d topicId: %s partition: %d leaderEpoch: %d durableEnd: %d logStartOffset: %d sequence: %d\n",
				slot, format.UUID(k.TopicID), k.Partition, k.LeaderEpoch, k.DurableEnd, k.LogStartOffset, sequence)
		}
	}
	if len(slots) > 0 {
		return fmt.Errorf("%d bytes after the last slot", len(slots))
	}
	return nil
}
