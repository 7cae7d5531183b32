package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func sizePrefix(n int32) [FrameSizeLen]byte {
	return [FrameSizeLen]byte(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

func TestFrameSize(t *testing.T) {
	for _, c := range []struct {
		size    int32
		maxSize int
		want    error
	}{
		{0, 10, nil},
		{10, 10, nil},
		{11, 10, ErrFrameTooLarge},
		{1<<31 - 1, 100 << 20, ErrFrameTooLarge},
		{1<<31 - 1, 1<<31 - 1, nil},
		{-1, 10, ErrFrameNegative},
		{-1 << 31, 10, ErrFrameNegative},
	} {
		got, err := FrameSize(sizePrefix(c.size), c.maxSize)
		if !errors.Is(err, c.want) {
			t.Errorf("%d of %d: %v, want %v", c.size, c.maxSize, err, c.want)
		}
		if c.want == nil && got != int(c.size) {
			t.Errorf("%d of %d: got %d", c.size, c.maxSize, got)
		}
	}
}

func TestReadFrameTakesOneFrameAtATime(t *testing.T) {
	var stream []byte
	frames := [][]byte{[]byte("abc"), {}, bytes.Repeat([]byte{7}, 200_000), []byte("end")}
	for _, f := range frames {
		prefix := sizePrefix(int32(len(f)))
		stream = append(append(stream, prefix[:]...), f...)
	}
	for name, r := range map[string]io.Reader{
		"at once":     bytes.NewReader(stream),
		"by the half": iotest.HalfReader(bytes.NewReader(stream)),
		"by the byte": iotest.OneByteReader(bytes.NewReader(stream)),
	} {
		var buf []byte
		for i, want := range frames {
			got, err := ReadFrame(r, buf, 1<<20)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: frame %d: %d bytes, %v", name, i, len(got), err)
			}
			buf = got[:0]
		}
		if _, err := ReadFrame(r, buf, 1<<20); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the last frame: %v", name, err)
		}
	}
}

func TestReadFrameTellsAnEndInsideTheFrame(t *testing.T) {
	prefix := sizePrefix(5)
	whole := append(prefix[:], "hello"...)
	for n := 1; n < len(whole); n++ {
		if _, err := ReadFrame(bytes.NewReader(whole[:n]), nil, 100); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestReadFramePassesErrorsOn(t *testing.T) {
	broken := errors.New("broken pipe")
	prefix := sizePrefix(50)
	r := io.MultiReader(bytes.NewReader(prefix[:]), iotest.ErrReader(broken))
	if _, err := ReadFrame(r, nil, 100); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

// A peer that announces much and sends little must not make the broker set it aside.
func TestReadFrameGrowsWithWhatArrives(t *testing.T) {
	const announced = 100 << 20
	prefix := sizePrefix(announced)
	for _, sent := range []int{0, 100, 100_000} {
		stream := append(prefix[:len(prefix):len(prefix)], make([]byte, sent)...)
		limit := uint64(4*sent + 256<<10)
		got := allocated(limit, func() {
			if _, err := ReadFrame(bytes.NewReader(stream), nil, announced); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
		})
		if got > limit {
			t.Errorf("%d bytes sent: %d allocated", sent, got)
		}
	}
}

func TestReadFrameUsesTheBufferItIsGiven(t *testing.T) {
	prefix := sizePrefix(1000)
	stream := append(prefix[:], make([]byte, 1000)...)
	buf := make([]byte, 0, 1000)
	r := bytes.NewReader(stream)
	n := testing.AllocsPerRun(10, func() {
		r.Reset(stream)
		got, err := ReadFrame(r, buf, 1<<20)
		if err != nil || &got[0] != &buf[:1][0] {
			t.Fatal("another buffer", err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReadFrameReturnsThePrefixItRefuses(t *testing.T) {
	got, err := ReadFrame(strings.NewReader("GET / HTTP/1.1\r\n"), nil, 1<<20)
	if !errors.Is(err, ErrFrameTooLarge) || string(got) != "GET " {
		t.Fatalf("%q, %v", got, err)
	}
	if what, known := DescribeGarbage(got); what != "an HTTP request" || !known {
		t.Errorf("%q", what)
	}
}

func TestDescribeGarbage(t *testing.T) {
	for first, want := range map[string]string{
		"GET / HTTP/1.1\r\n":       "HTTP request",
		"POST":                     "HTTP request",
		"PRI * HTTP/2.0\r\n":       "HTTP/2",
		"\x16\x03\x01\x02\x00\x01": "TLS",
		"SSH-2.0-OpenSSH":          "SSH",
		"PROXY TCP4 1.2.3.4":       "PROXY protocol",
		"\r\n\r\n\x00\r\nQUIT\n":   "PROXY protocol",
		"*1\r\n$4\r\nPING\r\n":     "Redis",
		"\x7f\xff\xff\xff":         `\x7f\xff\xff\xff`,
		"":                         `""`,
	} {
		if got, _ := DescribeGarbage([]byte(first)); !strings.Contains(got, want) {
			t.Errorf("%q: %q does not tell %q", first, got, want)
		}
	}
}

// What a peer sends must not be able to forge lines of the log.
func TestDescribeGarbageIsOneShortLine(t *testing.T) {
	got, _ := DescribeGarbage(append([]byte("\n\x1b[31m\x00evil\r\n"), make([]byte, 1000)...))
	if strings.ContainsAny(got, "\n\r\x1b\x00") || len(got) > 200 {
		t.Errorf("%q", got)
	}
}

func TestUvarint(t *testing.T) {
	for _, x := range []uint32{0, 1, 127, 128, 300, 1<<14 - 1, 1 << 14, 1<<21 - 1, 1 << 21, 1<<28 - 1, 1 << 28, 1<<32 - 1} {
		b := appendUvarint(nil, x)
		if len(b) != uvarintLen(x) {
			t.Errorf("%d: %d bytes, uvarintLen says %d", x, len(b), uvarintLen(x))
		}
		if got, n := uvarint(append(b, 0xff)); got != x || n != len(b) {
			t.Errorf("%d: read %d from %d bytes", x, got, n)
		}
		for n := range b {
			if _, got := uvarint(b[:n]); got != 0 {
				t.Errorf("%d: %d of %d bytes suffice", x, n, len(b))
			}
		}
	}
	for _, b := range [][]byte{{0x80, 0x80, 0x80, 0x80, 0x10}, {0x80, 0x80, 0x80, 0x80, 0x80, 0}, {0xff, 0xff, 0xff, 0xff, 0xff}} {
		if x, n := uvarint(b); n != 0 {
			t.Errorf("%x: %d from %d bytes", b, x, n)
		}
	}
	if x, n := uvarint([]byte{0x80, 0x00}); x != 0 || n != 2 {
		t.Errorf("a zero of two bytes is %d from %d bytes, Kafka takes it", x, n)
	}
}
