package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The layout of a bbolt file's first two pages, of which the newer valid one counts
// (internal/common in bbolt). Numbers are in the byte order of the machine.
const (
	pageHeaderBytes = 16
	metaBytes       = 64
	boltMagic       = 0xED0CDAED
	boltVersion     = 2
	minPageBytes    = 1 << 10
	maxPageBytes    = 1 << 16
)

var (
	errNoCatalog  = errors.New("it doesn't begin like one")
	errSecondPage = errors.New("its second page is damaged")
)

// Inspect looks at the pages of a whole catalog before bbolt does, and writes nothing. bbolt trusts what it maps: it
// takes an empty file for a new one, follows numbers in damaged pages out of the file,
// which ends the process, and gives a page that a damaged list calls free to the next
// writer. What passes here it can be trusted with.
//
// Errors: [*CorruptError]; else the file can't be read.
func Inspect(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if !info.Mode().IsRegular() {
		return &CorruptError{Path: path, Err: errors.New("it is no file")}
	}
	if err := inspect(f, info.Size()); err != nil {
		return &CorruptError{Path: path, Err: err}
	}
	return nil
}

// inspect checks the first pages and from them all others.
func inspect(f io.ReaderAt, size int64) error {
	meta, err := newestMeta(f, size)
	if err != nil {
		return err
	}
	if used := meta.pages * meta.pageBytes; used > size {
		return fmt.Errorf("it is cut short: %d of %d bytes", size, used)
	}
	return inspectPages(f, meta)
}

// newestMeta finds the meta page that counts. Both must be valid: bbolt takes the older
// one where the newer is damaged, and with that forgets the last change.
func newestMeta(f io.ReaderAt, size int64) (boltMeta, error) {
	first, err := readMetaAt(f, 0, size)
	if err != nil {
		return first, err
	}
	second, err := readMetaAt(f, first.pageBytes, size)
	if err != nil || second.pageBytes != first.pageBytes {
		return second, errSecondPage
	}
	if second.transaction > first.transaction {
		return second, nil
	}
	return first, nil
}

func readMetaAt(f io.ReaderAt, offset, size int64) (boltMeta, error) {
	if offset+pageHeaderBytes+metaBytes > size {
		return boltMeta{}, errNoCatalog
	}
	var b [metaBytes]byte
	if _, err := f.ReadAt(b[:], offset+pageHeaderBytes); err != nil {
		return boltMeta{}, err
	}
	meta, ok := readMeta(b[:])
	if !ok {
		return meta, errNoCatalog
	}
	return meta, nil
}

// boltMeta is what a meta page says of the file.
type boltMeta struct {
	pageBytes   int64
	root        uint64 // page of the bucket of buckets
	freelist    uint64 // page of the list of free pages
	pages       int64  // pages that are in use or free; those behind them were never used
	transaction uint64
}

// readMeta reads a meta page; ok is false for what isn't one.
func readMeta(b []byte) (meta boltMeta, ok bool) {
	order := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaBytes-8])
	if order.Uint32(b) != boltMagic || order.Uint32(b[4:]) != boltVersion || order.Uint64(b[metaBytes-8:]) != sum.Sum64() {
		return meta, false
	}
	page, pages := order.Uint32(b[8:]), order.Uint64(b[40:])
	if page < minPageBytes || page > maxPageBytes || page&(page-1) != 0 || pages < 4 || pages > 1<<32 {
		return meta, false
	}
	return boltMeta{
		pageBytes: int64(page), root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]), pages: int64(pages), transaction: order.Uint64(b[48:]),
	}, true
}
