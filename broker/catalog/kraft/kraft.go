package kraft

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/clatterhq/clatter/logstore"
	"github.com/clatterhq/clatter/wire/record"
)

// Folder is the name of the metadata log in the first of log.dirs, or in metadata.log.dir.
const Folder = "__cluster_metadata-0"

const (
	logSuffix      = ".log"
	snapshotSuffix = ".checkpoint"
	// offsetDigits is how many digits a segment's name begins with.
	offsetDigits = 20
	// maxFileBytes bounds one file of the log, which is read as a whole; metadata.log.segment.bytes is 1 GiB.
	maxFileBytes = 1 << 30
)

// Metadata is what the log says at its end.
type Metadata struct {
	// Topics are sorted by name.
	Topics []Topic
	// NextProducerID is the first producer ID that was never handed out.
	NextProducerID int64
	// BrokerConfigs are the dynamic keys that brokers have, sorted. Their values may be secrets, and aren't kept.
	BrokerConfigs []string
}

// Topic is one topic of Kafka's.
type Topic struct {
	Name       string
	ID         logstore.TopicID
	Partitions int32
	Configs    map[string]string
}

// Read reads the newest snapshot in a folder and the log behind it.
//
// Errors: [ErrNoMetadata], [ErrMalformed], of reading.
func Read(folder fs.FS) (*Metadata, error) {
	names, err := fs.ReadDir(folder, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoMetadata
	}
	if err != nil {
		return nil, err
	}
	r := newReplay()
	snapshot, at := newestSnapshot(names)
	found := snapshot != ""
	if found {
		if err := r.file(folder, snapshot, 0); err != nil {
			return nil, err
		}
	}
	for _, e := range names { // sorted, and so are the offsets that they begin with
		if base, ok := offsetOf(e.Name(), logSuffix); ok {
			// A snapshot says what is true up to its offset; the log may begin before it, and must not begin behind.
			if !found && base > 0 {
				return nil, fmt.Errorf("%w: begins at offset %d, without a snapshot", ErrMalformed, base)
			}
			if err := r.file(folder, e.Name(), at); err != nil {
				return nil, err
			}
			found = true
		}
	}
	if !found {
		return nil, ErrNoMetadata
	}
	return r.metadata(), nil
}

// newestSnapshot is the snapshot with the highest end offset, and that offset.
func newestSnapshot(names []fs.DirEntry) (name string, end int64) {
	for _, e := range names {
		// OFFSET-EPOCH.checkpoint
		head, ok := strings.CutSuffix(e.Name(), snapshotSuffix)
		offset, _, dash := strings.Cut(head, "-")
		if !ok || !dash {
			continue
		}
		if at, err := strconv.ParseInt(offset, 10, 64); err == nil && at >= end && len(offset) == offsetDigits {
			name, end = e.Name(), at
		}
	}
	return name, end
}

func offsetOf(name, suffix string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != offsetDigits {
		return 0, false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	return offset, err == nil
}

// file applies the records of a segment or snapshot from an offset on. The end of a segment may be torn.
func (r *replay) file(folder fs.FS, name string, from int64) error {
	info, err := fs.Stat(folder, name)
	if err != nil {
		return err
	}
	if info.Size() > maxFileBytes {
		return fmt.Errorf("%w: %s has %d bytes", ErrMalformed, name, info.Size())
	}
	content, err := fs.ReadFile(folder, name)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		batch, err := record.First(content)
		if err == nil {
			err = batch.VerifyCRC()
		}
		if err != nil {
			if strings.HasSuffix(name, snapshotSuffix) || !errors.Is(err, record.ErrTruncated) && !errors.Is(err, record.ErrEnd) {
				return fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
			}
			return nil
		}
		content = content[len(batch):]
		if batch.Attributes().IsControl() || batch.LastOffset() < from {
			continue
		}
		for rec, err := range batch.Records(record.DefaultLimit(batch.Size())) {
			if err == nil && (from == 0 || batch.RecordOffset(rec) >= from) {
				err = r.apply(bytes.Clone(rec.Value))
			}
			if err != nil {
				return fmt.Errorf("%w: %s: offset %d: %w", ErrMalformed, name, batch.RecordOffset(rec), err)
			}
		}
	}
	return nil
}

// metadata is what the log came to.
func (r *replay) metadata() *Metadata {
	m := &Metadata{NextProducerID: r.nextProducerID, BrokerConfigs: r.brokerKeys()}
	for id, t := range r.topics {
		m.Topics = append(m.Topics, Topic{Name: t.name, ID: id, Partitions: t.partitions, Configs: r.configs[t.name]})
	}
	slices.SortFunc(m.Topics, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	return m
}

// brokerKeys are the keys that any broker has.
func (r *replay) brokerKeys() []string {
	var keys []string
	for c := range r.brokerConfigs {
		keys = append(keys, c.key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
