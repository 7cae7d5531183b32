package record

// Header is a copy of the fixed part of a batch, for scans that read 61 bytes of each batch from a
// disk and skip the rest. It has the getters of [Batch] that need no payload.
// An array, so that it lies in its owner's memory and is never shared.
type Header [HeaderSize]byte

// ReadHeader copies the header that begins p. The batch behind it need not be
// there. Errors: as [First], with [ErrTruncated] if p is shorter than [HeaderSize].
func ReadHeader(p []byte) (Header, error) {
	if _, err := sizeOf(p); err != nil {
		return Header{}, err
	}
	if len(p) < HeaderSize {
		return Header{}, ErrTruncated
	}
	return Header(p[:HeaderSize]), nil
}

// Header is a copy of the header of b.
func (b Batch) Header() Header { return Header(b[:HeaderSize]) }

// BaseOffset is as [Batch.BaseOffset].
func (h Header) BaseOffset() int64 { return Batch(h[:]).BaseOffset() }

// Size is the size in bytes of the whole batch that the header belongs to.
func (h Header) Size() int { return Batch(h[:]).Size() }

// PartitionLeaderEpoch is as [Batch.PartitionLeaderEpoch].
func (h Header) PartitionLeaderEpoch() int32 { return Batch(h[:]).PartitionLeaderEpoch() }

// Magic is as [Batch.Magic].
func (h Header) Magic() int8 { return Batch(h[:]).Magic() }

// CRC is as [Batch.CRC].
func (h Header) CRC() uint32 { return Batch(h[:]).CRC() }

// Attributes is as [Batch.Attributes].
func (h Header) Attributes() Attributes { return Batch(h[:]).Attributes() }

// LastOffsetDelta is as [Batch.LastOffsetDelta].
func (h Header) LastOffsetDelta() int32 { return Batch(h[:]).LastOffsetDelta() }

// LastOffset is as [Batch.LastOffset].
func (h Header) LastOffset() int64 { return Batch(h[:]).LastOffset() }

// NextOffset is as [Batch.NextOffset].
func (h Header) NextOffset() int64 { return Batch(h[:]).NextOffset() }

// BaseTimestamp is as [Batch.BaseTimestamp].
func (h Header) BaseTimestamp() int64 { return Batch(h[:]).BaseTimestamp() }

// MaxTimestamp is as [Batch.MaxTimestamp].
func (h Header) MaxTimestamp() int64 { return Batch(h[:]).MaxTimestamp() }

// ProducerID is as [Batch.ProducerID].
func (h Header) ProducerID() int64 { return Batch(h[:]).ProducerID() }

// HasProducerID is as [Batch.HasProducerID].
func (h Header) HasProducerID() bool { return Batch(h[:]).HasProducerID() }

// ProducerEpoch is as [Batch.ProducerEpoch].
func (h Header) ProducerEpoch() int16 { return Batch(h[:]).ProducerEpoch() }

// BaseSequence is as [Batch.BaseSequence].
func (h Header) BaseSequence() int32 { return Batch(h[:]).BaseSequence() }

// LastSequence is as [Batch.LastSequence].
func (h Header) LastSequence() int32 { return Batch(h[:]).LastSequence() }

// Count is as [Batch.Count].
func (h Header) Count() int32 { return Batch(h[:]).Count() }

// DeleteHorizon is as [Batch.DeleteHorizon].
func (h Header) DeleteHorizon() (ms int64, ok bool) { return Batch(h[:]).DeleteHorizon() }
