package format

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Suffix says what a file of a segment holds.
type Suffix string

// Suffixes of the files of a segment, and of the producer snapshot at an offset.
const (
	LogSuffix       Suffix = ".log"
	IndexSuffix     Suffix = ".index"
	TimeIndexSuffix Suffix = ".timeindex"
	TxnIndexSuffix  Suffix = ".txnindex"
	SnapshotSuffix  Suffix = ".snapshot"
)

// Stage says which step of its life a file or folder is in, by a second suffix.
type Stage string

// Stages. A file that is being cleaned or swapped is part of a compaction; future and stray folders are
// Kafka's, of partitions that move between log directories or that nobody knows.
const (
	Live    Stage = ""
	Deleted Stage = ".deleted" // a file that will be removed
	Cleaned Stage = ".cleaned" // what compaction writes, worth nothing until it is swapped in
	Swap    Stage = ".swap"    // what compaction finished, which replaces the segments it came from

	DeleteDir Stage = "-delete" // a folder that will be removed
	FutureDir Stage = "-future"
	StrayDir  Stage = "-stray"
)

// offsetDigits is the length of an offset in a name, so that names sort like offsets.
const offsetDigits = 20

// SegmentName is the name of a file of the segment at baseOffset, which isn't negative.
func SegmentName(baseOffset int64, suffix Suffix) string {
	name := make([]byte, 0, offsetDigits+len(TimeIndexSuffix))
	var digits [offsetDigits]byte
	number := strconv.AppendInt(digits[:0], baseOffset, 10)
	for range offsetDigits - len(number) {
		name = append(name, '0')
	}
	return string(append(append(name, number...), suffix...))
}

// ParseSegmentName takes the name of a file of a segment apart. ok is false for other names.
func ParseSegmentName(name string) (baseOffset int64, suffix Suffix, stage Stage, ok bool) {
	if len(name) < offsetDigits {
		return 0, "", "", false
	}
	baseOffset, ok = parseDigits(name[:offsetDigits])
	if !ok {
		return 0, "", "", false
	}
	rest := name[offsetDigits:]
	for _, suffix := range [...]Suffix{LogSuffix, IndexSuffix, TimeIndexSuffix, TxnIndexSuffix, SnapshotSuffix} {
		end, found := strings.CutPrefix(rest, string(suffix))
		stage := Stage(end)
		if found && (stage == Live || stage == Deleted || stage == Cleaned || stage == Swap) {
			return baseOffset, suffix, stage, true
		}
	}
	return 0, "", "", false
}

// parseDigits reads a number of digits only: strconv would take signs and underscores.
func parseDigits(text string) (int64, bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// maxDirName is how long a name may be in common file systems, in bytes.
const maxDirName = 255

// PartitionDir is the name of the folder of a partition.
func PartitionDir(topic string, partition int32) string {
	return topic + "-" + strconv.Itoa(int(partition))
}

// PartitionDeleteDir is the name that the folder of a partition is given to be removed later: unique,
// so that a topic may come and go under the same name, and at most 255 bytes long, for which
// the topic's name is cut (LocalLog.logDeleteDirName, KAFKA-15653).
func PartitionDeleteDir(topic string, partition int32, unique UUID) string {
	rest := fmt.Sprintf("-%d.%s%s", partition, hex.EncodeToString(unique[:]), DeleteDir)
	return topic[:min(len(topic), maxDirName-len(rest))] + rest
}

// ParsePartitionDir takes the name of a folder apart. Of a folder that isn't [Live] the topic's name may be cut.
// ok is false for folders that are no partition's.
func ParsePartitionDir(name string) (topic string, partition int32, stage Stage, ok bool) {
	for _, s := range [...]Stage{DeleteDir, FutureDir, StrayDir} {
		if bare, found := strings.CutSuffix(name, string(s)); found {
			dot := strings.LastIndexByte(bare, '.')
			if dot < 0 || dot == len(bare)-1 {
				return "", 0, "", false
			}
			name, stage = bare[:dot], s
			break
		}
	}
	dash := strings.LastIndexByte(name, '-')
	if dash < 1 || dash == len(name)-1 {
		return "", 0, "", false
	}
	number, ok := parseDigits(name[dash+1:])
	if !ok || number > math.MaxInt32 {
		return "", 0, "", false
	}
	return name[:dash], int32(number), stage, true
}
