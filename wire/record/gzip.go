package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// Levels of compression.gzip.level: those of zlib, -1 for its default.
const (
	gzipDefaultLevel = -1
	gzipMinLevel     = 1
	gzipMaxLevel     = 9
)

// gzipWriters are kept by level, the default at 0, because a writer can't change its level.
var gzipWriters [gzipMaxLevel + 1]sync.Pool

type gzipWriter struct {
	z   *gzip.Writer
	out []byte
}

// Write collects what the compressor puts out.
func (w *gzipWriter) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// compressGzip leaves a writer that failed in the pool: Reset clears its error.
func compressGzip(dst []byte, level int, src []byte) ([]byte, error) {
	if level != gzipDefaultLevel && (level < gzipMinLevel || level > gzipMaxLevel) {
		return dst, fmt.Errorf("%w: gzip %d", ErrCompressionLevel, level)
	}
	pool := &gzipWriters[max(level, 0)]
	w, ok := pool.Get().(*gzipWriter)
	if !ok {
		w = &gzipWriter{}
		var err error
		if w.z, err = gzip.NewWriterLevel(w, level); err != nil {
			return dst, err
		}
	}
	w.out = dst
	w.z.Reset(w)
	_, err := w.z.Write(src)
	if err == nil {
		err = w.z.Close()
	}
	out := w.out
	w.out = nil
	pool.Put(w)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// gzipReaders keeps the readers with their 40 KiB of tables and window.
var gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}

type gzipReader struct {
	z   gzip.Reader
	src bytes.Reader
	one [1]byte // asks whether there is more when the limit is reached
}

// decompressGzip grows the result as bytes come out: a gzip header says nothing about the size, and
// the trailer could say anything. At the limit one more byte is asked for, which tells a payload that just
// fits from one that does not.
func decompressGzip(dst, src []byte, limit int) ([]byte, error) {
	r := gzipReaders.Get().(*gzipReader)
	defer func() {
		r.src.Reset(nil)
		gzipReaders.Put(r)
	}()
	r.src.Reset(src)
	if err := r.z.Reset(&r.src); err != nil {
		return dst, err
	}
	base := len(dst)
	dst = grow(dst, min(limit, 4*len(src)), base, limit)
	for {
		room := r.one[:]
		full := len(dst)-base == limit
		if !full {
			dst = grow(dst, 1, base, limit)
			room = dst[len(dst):min(cap(dst), base+limit)]
		}
		n, err := r.z.Read(room)
		switch {
		case full && n > 0:
			return dst, ErrDecompressedTooLarge
		case !full:
			dst = dst[:len(dst)+n]
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
