package txn

// The transitions of TransactionMetadata, as functions from one value to the next. None of them looks whether it is
// allowed: that is the business of those who decide on requests.

// next is the beginning of every transition.
func (m *Metadata) next(state State, nowMs int64) Metadata {
	n := *m
	n.State, n.LastUpdateMs, n.PreviousProducerID = state, nowMs, m.ProducerID
	return n
}

// begun is the producer as it begins, under a producer ID, an epoch and the epoch before it.
func (m *Metadata) begun(producerID int64, epoch, lastEpoch int16, timeoutMs int32, nowMs int64) Metadata {
	n := m.next(Empty, nowMs)
	n.ProducerID, n.ProducerEpoch, n.LastProducerEpoch = producerID, epoch, lastEpoch
	n.TimeoutMs, n.Partitions, n.StartMs = timeoutMs, nil, -1
	return n
}

// added is the transaction with more partitions, begun if it wasn't.
func (m *Metadata) added(more []TopicPartition, version int16, nowMs int64) Metadata {
	n := m.next(Ongoing, nowMs)
	n.Partitions, n.ClientVersion = m.Partitions.with(more), version
	if m.State != Ongoing {
		n.StartMs = nowMs
	}
	return n
}

// prepared is the transaction whose end is decided. With version 2 and later its markers have a new epoch, and the producer goes
// on with that, or with a new producer ID if there is none left (KIP-890).
func (m *Metadata) prepared(commit bool, version int16, nextProducerID, nowMs int64) Metadata {
	state := PrepareAbort
	if commit {
		state = PrepareCommit
	}
	n := m.next(state, nowMs)
	n.ClientVersion, n.NextProducerID = version, nextProducerID
	if bumpsEpoch(version) {
		n.ProducerEpoch, n.LastProducerEpoch = successor(m.ProducerEpoch), m.ProducerEpoch
	}
	if m.State != Ongoing { // Version 2 may abort what was never begun.
		n.StartMs = nowMs
	}
	return n
}

// fenced is an ongoing transaction that is aborted over the head of its producer, who loses its epoch. nextProducerID is as for prepared.
func (m *Metadata) fenced(version int16, nextProducerID, nowMs int64) Metadata {
	if bumpsEpoch(version) {
		return m.prepared(false, version, nextProducerID, nowMs)
	}
	n := m.prepared(false, 0, noProducerID, nowMs)
	n.ProducerEpoch, n.LastProducerEpoch = successor(m.ProducerEpoch), noProducerEpoch
	return n
}

// completed is a prepared transaction whose markers are all there.
func (m *Metadata) completed(nowMs int64) Metadata {
	state := CompleteAbort
	if m.State == PrepareCommit {
		state = CompleteCommit
	}
	n := m.next(state, nowMs)
	n.ProducerID, n.ProducerEpoch = m.after()
	n.NextProducerID, n.Partitions = noProducerID, nil
	return n
}

// after is what the producer of a prepared transaction goes on with. LastProducerEpoch stays, so that a producer which got a new ID is
// known by the last epoch of its old one.
func (m *Metadata) after() (producerID int64, epoch int16) {
	if bumpsEpoch(m.ClientVersion) && m.NextProducerID != noProducerID {
		return m.NextProducerID, 0
	}
	return m.ProducerID, m.ProducerEpoch
}

// rotated is a completed transaction whose producer goes on with another ID, because its own has no epoch left that it may have.
func (m *Metadata) rotated(producerID, nowMs int64) Metadata {
	n := m.next(m.State, nowMs)
	n.ProducerID, n.ProducerEpoch = producerID, 0
	return n
}

// Transaction versions (the feature transaction.version).
const (
	versionFlexible = 1 // records have tagged fields
	versionBumps    = 2 // each end of a transaction bumps the epoch
)

// bumpsEpoch is TransactionVersion.supportsEpochBump.
func bumpsEpoch(version int16) bool { return version >= versionBumps }
