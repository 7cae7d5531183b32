package dump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/clatterhq/clatter/logstore/local/format"
)

// ErrUnknownFile occurs for a file whose name says nothing about what is in it, or of which there is nothing to print.
var ErrUnknownFile = errors.New("not a kind of file that can be printed")

// maxSmallFile bounds files that are read as a whole: everything but segments.
const maxSmallFile = 1 << 30

// Options says how much is printed, in the words of kafka-dump-log.
type Options struct {
	// Deep prints each record of a segment, not only the batches.
	Deep bool
	// Data prints keys and values too; it implies Deep.
	Data bool
	// SkipMetadata prints of a record only what Data asks for.
	SkipMetadata bool
	// SanityOnly says of an index only whether a start would believe it, VerifyOnly prints none of its entries.
	SanityOnly, VerifyOnly bool
	// Decode, if it isn't nil, makes text of keys and values; set says that there is any. Else they are taken for UTF-8.
	Decode func(offset int64, key, value []byte) (keyText, valueText string, hasKey, hasValue bool)
}

// printer prints one file.
type printer struct {
	*bufio.Writer
	options    Options
	path       string
	baseOffset int64 // of the segment that the file belongs to
}

// printf adds to a line. Errors of writing come out of Flush.
func (p *printer) printf(layout string, args ...any) { _, _ = fmt.Fprintf(p, layout, args...) }

// File prints the file at a path, whose name says what it is.
//
// Errors: [ErrUnknownFile], errors of reading and writing, and what is wrong with the content, after as much
// of it as could be read.
func File(w io.Writer, path string, options Options) error {
	options.Deep = options.Deep || options.Data
	p := &printer{Writer: bufio.NewWriter(w), options: options, path: path}
	err := p.file(path)
	return errors.Join(err, p.Flush())
}

func (p *printer) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	show, err := p.choose(filepath.Base(path))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: %w: it is a folder", path, ErrUnknownFile)
	}
	p.printf("Dumping %s\n", path)
	if err := show(f, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// choose finds what prints a file of the given name.
func (p *printer) choose(name string) (show func(r io.ReaderAt, size int64) error, err error) {
	if base, suffix, _, ok := format.ParseSegmentName(name); ok {
		p.baseOffset = base
		switch suffix {
		case format.LogSuffix:
			return p.segment, nil
		case format.IndexSuffix:
			return whole(p.offsetIndex), nil
		case format.TimeIndexSuffix:
			return whole(p.timeIndex), nil
		case format.TxnIndexSuffix:
			return whole(p.txnIndex), nil
		case format.SnapshotSuffix:
			return whole(p.snapshot), nil
		}
	}
	switch name {
	case format.RecoveryPointFile, format.LogStartOffsetFile, format.ReplicationOffsetFile, format.CleanerOffsetFile:
		return whole(p.offsets), nil
	case format.LeaderEpochFile:
		return whole(p.leaderEpochs), nil
	case format.PartitionMetadataFile:
		return whole(p.partitionMetadata), nil
	case format.MetaPropertiesFile:
		return whole(p.metaProperties), nil
	case format.CleanShutdownFile:
		return whole(p.cleanShutdown), nil
	case format.OffsetsFile:
		return whole(p.keptOffsets), nil
	}
	return nil, ErrUnknownFile
}

// whole reads all of a file for a printer of its content.
func whole(show func(content []byte) error) func(io.ReaderAt, int64) error {
	return func(r io.ReaderAt, size int64) error {
		if size > maxSmallFile {
			return fmt.Errorf("%w: %d bytes", ErrUnknownFile, size)
		}
		content := make([]byte, size)
		n, err := r.ReadAt(content, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return show(content[:n])
	}
}
