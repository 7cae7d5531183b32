package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// The layout of bbolt's pages (internal/common in bbolt): a header of page number,
// flags, count of elements and count of further pages that belong to it; then elements
// of 16 bytes each, which say how far behind themselves their keys and values are.
const (
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	elementBytes   = 16
	bucketElement  = 0x01 // flag of a leaf element whose value is a bucket
	bucketBytes    = 16   // root page and sequence; a root of 0 has its page behind it
	maxTreeDepth   = 16
	manyFreePages  = math.MaxUint16 // count that says: the real count comes first
	freePageNumber = 8
)

var (
	errElement = errors.New("an element points out of its page")
	errOrder   = errors.New("keys are not in order")
)

// pageWalker walks all pages of a file once.
type pageWalker struct {
	file io.ReaderAt
	meta boltMeta
	seen []bool // by page number
}

// inspectPages checks that the pages form trees with keys in order, and that every
// page belongs to exactly one of them or is free. Whether the records are right is
// not seen here: they have checksums of their own.
func inspectPages(f io.ReaderAt, meta boltMeta) error {
	w := &pageWalker{file: f, meta: meta, seen: make([]bool, meta.pages)}
	w.seen[0], w.seen[1] = true, true // the meta pages
	if err := w.tree(meta.root, 0, keyRange{}); err != nil {
		return err
	}
	if err := w.freelist(); err != nil {
		return err
	}
	for number, seen := range w.seen {
		if !seen {
			return fmt.Errorf("page %d is lost", number)
		}
	}
	return nil
}

// page reads a page with those that belong to it, and marks them.
func (w *pageWalker) page(number uint64) ([]byte, error) {
	if number >= uint64(w.meta.pages) {
		return nil, fmt.Errorf("page %d is out of the file", number)
	}
	var header [pageHeaderBytes]byte
	at := int64(number) * w.meta.pageBytes
	if _, err := w.file.ReadAt(header[:], at); err != nil {
		return nil, err
	}
	further := uint64(binary.NativeEndian.Uint32(header[12:]))
	if binary.NativeEndian.Uint64(header[:]) != number || number+further >= uint64(w.meta.pages) {
		return nil, fmt.Errorf("page %d is damaged", number)
	}
	for n := number; n <= number+further; n++ {
		if w.seen[n] {
			return nil, fmt.Errorf("page %d is used twice", n)
		}
		w.seen[n] = true
	}
	b := make([]byte, int64(further+1)*w.meta.pageBytes)
	_, err := w.file.ReadAt(b, at)
	return b, err
}

// keyRange are the keys that a page may have: from least on, and below most. nil is
// without limit.
type keyRange struct{ least, most []byte }

// tree checks a page and all below it.
func (w *pageWalker) tree(number uint64, depth int, keys keyRange) error {
	if depth > maxTreeDepth {
		return errors.New("pages are nested too deeply")
	}
	b, err := w.page(number)
	if err != nil {
		return err
	}
	switch flags := binary.NativeEndian.Uint16(b[8:]); flags {
	case branchPage:
		err = w.branch(b, depth, keys)
	case leafPage:
		err = w.leaf(b, depth, keys)
	default:
		err = fmt.Errorf("unknown kind %#x", flags)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", number, err)
	}
	return nil
}

// elements are the elements of a page, cut so that each begins at itself.
func elements(page []byte) ([][]byte, error) {
	count := int(binary.NativeEndian.Uint16(page[10:]))
	if pageHeaderBytes+count*elementBytes > len(page) {
		return nil, errElement
	}
	all := make([][]byte, count)
	for i := range all {
		all[i] = page[pageHeaderBytes+i*elementBytes:]
	}
	return all, nil
}

// cut takes length bytes that are at behind an element.
func cut(element []byte, at, length uint32) ([]byte, error) {
	end := uint64(at) + uint64(length)
	if at < elementBytes || end > uint64(len(element)) {
		return nil, errElement
	}
	return element[at:end], nil
}

// checkOrder checks that key i of a page comes after the one before it and within the
// range, and returns it as the one before the next.
func checkOrder(i int, before, key []byte, keys keyRange) ([]byte, error) {
	after := i == 0 && (keys.least == nil || bytes.Compare(keys.least, key) <= 0) || i > 0 && bytes.Compare(before, key) < 0
	if !after || keys.most != nil && bytes.Compare(key, keys.most) >= 0 {
		return nil, errOrder
	}
	return key, nil
}

// branch checks a page whose elements are pages.
func (w *pageWalker) branch(page []byte, depth int, keys keyRange) error {
	all, err := elements(page)
	if err != nil {
		return err
	}
	children := make([][]byte, len(all)) // their least keys
	var before []byte
	for i, e := range all {
		key, err := cut(e, binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:]))
		if err != nil {
			return err
		}
		if before, err = checkOrder(i, before, key, keys); err != nil {
			return err
		}
		children[i] = key
	}
	for i, e := range all {
		below := keyRange{least: children[i], most: keys.most}
		if i+1 < len(children) {
			below.most = children[i+1]
		}
		if err := w.tree(binary.NativeEndian.Uint64(e[8:]), depth+1, below); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a page whose elements are keys with values, some of them buckets.
func (w *pageWalker) leaf(page []byte, depth int, keys keyRange) error {
	all, err := elements(page)
	if err != nil {
		return err
	}
	var before []byte
	for i, e := range all {
		flags, at := binary.NativeEndian.Uint32(e), binary.NativeEndian.Uint32(e[4:])
		keyLength, valueLength := binary.NativeEndian.Uint32(e[8:]), binary.NativeEndian.Uint32(e[12:])
		key, err := cut(e, at, keyLength)
		if err != nil {
			return err
		}
		value, err := cut(e, at+keyLength, valueLength)
		if err != nil || at+keyLength < at {
			return errElement
		}
		if before, err = checkOrder(i, before, key, keys); err != nil {
			return err
		}
		switch flags {
		case 0:
		case bucketElement:
			if err := w.bucket(value, depth); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		default:
			return fmt.Errorf("unknown flags %#x", flags)
		}
	}
	return nil
}

// bucket checks a bucket, which is a tree of its own, or small enough to stand in its
// own value.
func (w *pageWalker) bucket(value []byte, depth int) error {
	if len(value) < bucketBytes {
		return errElement
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.tree(root, depth+1, keyRange{})
	}
	page := value[bucketBytes:]
	if len(page) < pageHeaderBytes {
		return errElement
	}
	if binary.NativeEndian.Uint16(page[8:]) != leafPage {
		return errors.New("unknown kind of a page in a page")
	}
	return w.leaf(page, depth+1, keyRange{})
}

// freelist checks the list of free pages.
func (w *pageWalker) freelist() error {
	b, err := w.page(w.meta.freelist)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	if binary.NativeEndian.Uint16(b[8:]) != freelistPage {
		return errors.New("list of free pages: unknown kind")
	}
	count, numbers := uint64(binary.NativeEndian.Uint16(b[10:])), b[pageHeaderBytes:]
	if count == manyFreePages {
		count, numbers = binary.NativeEndian.Uint64(numbers), numbers[freePageNumber:]
	}
	if count > uint64(len(numbers))/freePageNumber {
		return errors.New("list of free pages: it is longer than its page")
	}
	for i := range count {
		number := binary.NativeEndian.Uint64(numbers[i*freePageNumber:])
		if number >= uint64(w.meta.pages) || w.seen[number] {
			return fmt.Errorf("list of free pages: page %d is not free", number)
		}
		w.seen[number] = true
	}
	return nil
}
