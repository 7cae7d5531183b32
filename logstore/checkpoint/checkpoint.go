package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// ErrMalformed occurs when a checkpoint file isn't what its format says, or a newer one.
var ErrMalformed = errors.New("malformed checkpoint")

// maxFields is how many fields an entry has at most; offset checkpoints have three.
const maxFields = 3

// AppendHeader appends the first two lines to dst.
func AppendHeader(dst []byte, version, count int) []byte {
	dst = append(strconv.AppendInt(dst, int64(version), 10), '\n')
	return append(strconv.AppendInt(dst, int64(count), 10), '\n')
}

// Decode calls each with the fields of every entry of the content p, which has the given number of
// fields per entry, at most three. The fields are views of p. An empty file, and one with a version line only, have no entries, as
// in Kafka, which makes files empty before it writes them.
//
// Errors: [ErrMalformed], and what each returns, wrapped in it with the number of the line.
func Decode(p []byte, version, fields int, each func(fields [][]byte) error) error {
	line, rest, ok := cutLine(p)
	if !ok {
		return nil
	}
	if got, err := Int32(line); err != nil || int(got) != version {
		return fmt.Errorf("%w: version %q, want %d", ErrMalformed, clip(line), version)
	}
	line, rest, ok = cutLine(rest)
	if !ok {
		return nil
	}
	count, err := Int32(line)
	if err != nil || count < 0 {
		return fmt.Errorf("%w: number of entries %q", ErrMalformed, clip(line))
	}
	var split [maxFields][]byte
	seen := int32(0)
	for line, rest, ok = cutLine(rest); ok; line, rest, ok = cutLine(rest) {
		if seen++; seen > count {
			break
		}
		if !splitFields(line, split[:fields]) {
			return fmt.Errorf("%w: line %d is %q", ErrMalformed, int64(seen)+2, clip(line))
		}
		if err := each(split[:fields]); err != nil {
			return fmt.Errorf("%w: line %d is %q: %w", ErrMalformed, int64(seen)+2, clip(line), err)
		}
	}
	if seen != count {
		return fmt.Errorf("%w: %d entries announced, found %d or more", ErrMalformed, count, seen)
	}
	return nil
}

// cutLine ends a line at \n, \r or \r\n, since a Java broker writes its platform's own.
func cutLine(p []byte) (line, rest []byte, ok bool) {
	if len(p) == 0 {
		return nil, nil, false
	}
	at := bytes.IndexAny(p, "\r\n")
	switch {
	case at < 0:
		return p, nil, true
	case p[at] == '\r' && at+1 < len(p) && p[at+1] == '\n':
		return p[:at], p[at+2:], true
	default:
		return p[:at], p[at+1:], true
	}
}

// splitFields cuts a line into exactly len(fields) fields. White space may follow the
// last one, but not come before the first, as with Java's split.
func splitFields(line []byte, fields [][]byte) bool {
	line = bytes.TrimRight(line, " \t\v\f")
	for i := range fields {
		end := bytes.IndexAny(line, " \t\v\f")
		if end < 0 {
			end = len(line)
		}
		if end == 0 {
			return false
		}
		fields[i], line = line[:end], bytes.TrimLeft(line[end:], " \t\v\f")
	}
	return len(line) == 0
}

// Int32 reads a field.
func Int32(field []byte) (int32, error) {
	n, err := integer(field)
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = strconv.ErrRange
	}
	return int32(n), err
}

// Int64 reads a field.
func Int64(field []byte) (int64, error) { return integer(field) }

// integer reads what Java's parseLong does. It is written out because
// strconv would copy each field to a string.
func integer(field []byte) (int64, error) {
	digits, limit := field, uint64(math.MaxInt64)
	negative := len(field) > 0 && field[0] == '-'
	if negative {
		limit++
	}
	if negative || (len(field) > 0 && field[0] == '+') {
		digits = field[1:]
	}
	if len(digits) == 0 {
		return 0, strconv.ErrSyntax
	}
	var n uint64
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, strconv.ErrSyntax
		}
		if n > limit/10 {
			return 0, strconv.ErrRange
		}
		n = n*10 + uint64(d-'0')
		if n > limit {
			return 0, strconv.ErrRange
		}
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// clip keeps error messages short whatever the file holds.
func clip(line []byte) []byte { return line[:min(len(line), 80)] }
