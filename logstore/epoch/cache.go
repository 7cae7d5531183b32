package epoch

import (
	"errors"
	"slices"
	"sort"
	"strconv"

	"github.com/clatterhq/clatter/logstore/checkpoint"
)

// What EndOffsetFor answers when it doesn't know.
const (
	Unknown       int32 = -1
	UnknownOffset int64 = -1
)

// checkpointVersion is the version of leader-epoch-checkpoint files.
const checkpointVersion = 0

// Entry says that a leader epoch began at an offset.
type Entry struct {
	LeaderEpoch int32
	StartOffset int64 // of the first record of the epoch
}

// Cache is the entries of one partition. The zero Cache is empty. Methods that change something
// return a new value; the old one stays as it is.
type Cache struct {
	entries []Entry // never written to after it is published in a Cache
}

// Len is the number of entries.
func (c Cache) Len() int { return len(c.entries) }

// Entries are a copy of all entries, by rising epoch.
func (c Cache) Entries() []Entry { return slices.Clone(c.entries) }

// Latest is the entry of the largest epoch.
func (c Cache) Latest() (Entry, bool) {
	if len(c.entries) == 0 {
		return Entry{}, false
	}
	return c.entries[len(c.entries)-1], true
}

// Earliest is the entry of the smallest epoch.
func (c Cache) Earliest() (Entry, bool) {
	if len(c.entries) == 0 {
		return Entry{}, false
	}
	return c.entries[0], true
}

// Assign notes that the records from startOffset on are of a leader epoch. Entries that contradict it,
// with an epoch or start offset not below, are removed: the newer knowledge is the true one. Nothing changes
// if the epoch is the latest already and began earlier, or if either argument is negative, as the epoch of
// batches is that never had a leader.
func (c Cache) Assign(leaderEpoch int32, startOffset int64) (changed Cache, ok bool) {
	if leaderEpoch < 0 || startOffset < 0 {
		return c, false
	}
	if latest, known := c.Latest(); known && latest.LeaderEpoch == leaderEpoch && latest.StartOffset <= startOffset {
		return c, false
	}
	kept := len(c.entries)
	for kept > 0 {
		last := c.entries[kept-1]
		if last.LeaderEpoch < leaderEpoch && last.StartOffset < startOffset {
			break
		}
		kept--
	}
	return Cache{entries: append(slices.Clip(c.entries[:kept]), Entry{leaderEpoch, startOffset})}, true
}

// EndOffsetFor answers OffsetForLeaderEpoch: the largest known epoch that isn't above the requested one,
// and the offset at which the next one begins, or logEndOffset if it is the latest. For an epoch below all
// known ones the answer is that epoch and the start of the first known one: what was between is gone from the log. For one above
// all known ones, and for a negative one, both are -1.
func (c Cache) EndOffsetFor(requested int32, logEndOffset int64) (leaderEpoch int32, endOffset int64) {
	latest, known := c.Latest()
	if !known || requested < 0 || requested > latest.LeaderEpoch {
		return Unknown, UnknownOffset
	}
	if requested == latest.LeaderEpoch {
		return requested, logEndOffset
	}
	next := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].LeaderEpoch > requested })
	leaderEpoch = requested
	if next > 0 {
		leaderEpoch = c.entries[next-1].LeaderEpoch
	}
	return leaderEpoch, c.entries[next].StartOffset
}

// EpochAt is the leader epoch of the record at an offset; ok is false if it is below all known ones.
func (c Cache) EpochAt(offset int64) (leaderEpoch int32, ok bool) {
	next := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].StartOffset > offset })
	if next == 0 {
		return Unknown, false
	}
	return c.entries[next-1].LeaderEpoch, true
}

// TruncateEnd forgets the epochs that begin at endOffset or later, for a log that
// was cut there. A negative endOffset changes nothing.
func (c Cache) TruncateEnd(endOffset int64) (changed Cache, ok bool) {
	if endOffset < 0 {
		return c, false
	}
	kept := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].StartOffset >= endOffset })
	return Cache{entries: c.entries[:kept:kept]}, kept < len(c.entries)
}

// TruncateStart forgets the epochs of which nothing is left in a log that starts at startOffset now, and moves
// the start of the first one that is left there.
func (c Cache) TruncateStart(startOffset int64) (changed Cache, ok bool) {
	next := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].StartOffset > startOffset })
	if next == 0 || c.entries[next-1].StartOffset == startOffset && next == 1 {
		return c, false
	}
	kept := slices.Clone(c.entries[next-1:])
	kept[0].StartOffset = startOffset
	return Cache{entries: kept}, true
}

// AppendTo appends the content of a leader-epoch-checkpoint file to dst: entries are
// "epoch start-offset".
func (c Cache) AppendTo(dst []byte) []byte {
	dst = checkpoint.AppendHeader(dst, checkpointVersion, len(c.entries))
	for _, e := range c.entries {
		dst = append(strconv.AppendInt(dst, int64(e.LeaderEpoch), 10), ' ')
		dst = append(strconv.AppendInt(dst, e.StartOffset, 10), '\n')
	}
	return dst
}

var errNotMonotone = errors.New("epoch or offset doesn't rise")

// Decode reads the content of a leader-epoch-checkpoint file. Error: checkpoint.ErrMalformed,
// also for entries that don't rise; the log can tell what is true.
func Decode(p []byte) (Cache, error) {
	var c Cache
	err := checkpoint.Decode(p, checkpointVersion, 2, func(fields [][]byte) error {
		leaderEpoch, err := checkpoint.Int32(fields[0])
		if err != nil {
			return err
		}
		startOffset, err := checkpoint.Int64(fields[1])
		if err != nil {
			return err
		}
		latest, known := c.Latest()
		if leaderEpoch < 0 || startOffset < 0 ||
			(known && (leaderEpoch <= latest.LeaderEpoch || startOffset <= latest.StartOffset)) {
			return errNotMonotone
		}
		c.entries = append(c.entries, Entry{leaderEpoch, startOffset})
		return nil
	})
	if err != nil {
		return Cache{}, err
	}
	return c, nil
}
