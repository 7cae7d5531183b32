package txns

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Output is what was read of the copy, by those who see only what was committed. Values are those of [value]; the copy of a
// partition is the partition of the same number.
type Output struct {
	next map[int32]int // By partition: the number of the next value.
	seen int
}

// NewOutput returns an output of which nothing was read.
func NewOutput() *Output { return &Output{next: map[int32]int{}} }

// value is the n-th value of a partition.
func value(partition int32, n int) string { return fmt.Sprintf("%d-%d", partition, n) }

// Read takes the next committed record of a partition. Anything but the next value is an error: it was lost, copied twice or moved.
func (o *Output) Read(partition int32, offset int64, text string) error {
	from, number, _ := strings.Cut(text, "-")
	n, err := strconv.Atoi(number)
	switch next := o.next[partition]; {
	case err != nil || from != strconv.Itoa(int(partition)):
		return fmt.Errorf("%w: partition %d has %q at offset %d", ErrOutput, partition, text, offset)
	case n < next:
		return fmt.Errorf("%w: partition %d has %q again at offset %d", ErrOutput, partition, text, offset)
	case n > next:
		return fmt.Errorf("%w: partition %d has %q at offset %d, but %q is missing", ErrOutput, partition, text, offset, value(partition, next))
	}
	o.next[partition]++
	o.seen++
	return nil
}

// Seen is how many records were read.
func (o *Output) Seen() int { return o.seen }

func (o *Output) String() string {
	var parts []string
	for _, p := range slices.Sorted(maps.Keys(o.next)) {
		parts = append(parts, fmt.Sprintf("%d of partition %d", o.next[p], p))
	}
	return strings.Join(parts, ", ")
}
