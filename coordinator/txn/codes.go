package txn

import "github.com/clatterhq/clatter/wire"

// fencedCode is the code for a producer whose epoch has passed: clients that are older than PRODUCER_FENCED know only
// INVALID_PRODUCER_EPOCH (KIP-588).
func fencedCode(code wire.ErrorCode, version, since int16) wire.ErrorCode {
	if code == wire.ProducerFenced && version < since {
		return wire.InvalidProducerEpoch
	}
	return code
}
