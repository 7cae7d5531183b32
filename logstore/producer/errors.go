package producer

import "errors"

var (
	// ErrCorruptSnapshot occurs when the bytes of a producer snapshot contradict
	// themselves. The state can be rebuilt from the log.
	ErrCorruptSnapshot = errors.New("corrupt producer snapshot")
	// ErrCorruptTxnIndex occurs when the bytes of a transaction index contradict
	// themselves. It can be rebuilt from the log.
	ErrCorruptTxnIndex = errors.New("corrupt transaction index")
	// ErrCoordinatorFenced occurs when a transaction marker comes from an older
	// coordinator epoch than the log has seen from the producer's coordinator.
	ErrCoordinatorFenced = errors.New("transaction coordinator is fenced")
)
