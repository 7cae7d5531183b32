package judge

import "errors"

var (
	// ErrGolden says that a golden file can't be read, or that it does not fit the cases: make judge-record renews it.
	ErrGolden = errors.New("golden answers")
	// ErrDifferences says that DIFFERENCES.md can't be read.
	ErrDifferences = errors.New("list of differences")
	// ErrUnstable says that Kafka answered the same question in two ways.
	ErrUnstable = errors.New("kafka's answers are not stable")
)
