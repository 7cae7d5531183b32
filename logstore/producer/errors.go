package producer

import "errors"

var (
	// ErrCorruptSnapshot occurs when the bytes of a producer snapshot contradict
	// themselves. The state can be rebuilt from the log.
	ErrCorruptSnapshot = errors.New("corrupt producer snapshot")
	// ErrCorruptTxnIndex occurs when the bytes of a transaction index contradict
	// themselves. It can be rebuilt from the log.
	ErrCorruptTxnIndex = errors.New("corrupt transaction index")
)
