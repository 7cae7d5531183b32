package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The oracle of every target: no panic, bounded time, bounded memory.

// fuzzLimits fails if f allocates more than 16 times the input plus 64 KiB, or takes
// longer than 50 ms and 1 us a byte. A run that is too slow is repeated, because others
// use the processor too.
func fuzzLimits(t *testing.T, input int, f func()) {
	t.Helper()
	limit := uint64(16*input + 64<<10)
	if got := allocated(limit, f); got > limit {
		t.Errorf("%d bytes of input: %d allocated", input, got)
	}
	if raceEnabled {
		return
	}
	slowest := 50*time.Millisecond + time.Duration(input)*time.Microsecond
	took := time.Duration(0)
	for range 3 {
		start := time.Now()
		f()
		if took = time.Since(start); took <= slowest {
			return
		}
	}
	t.Errorf("%d bytes of input: %v", input, took)
}

// addFrames gives a target the frames of real clients and the golden ones as seeds.
func addFrames(f *testing.F, add func(frame frameLine)) {
	f.Helper()
	for _, pattern := range []string{"testdata/captured/*.txt", "testdata/golden/*.txt"} {
		for _, frame := range readFrames(f, pattern) {
			add(frame)
		}
	}
}

// FuzzFrame reads a stream of frames whole and in pieces: the frames must be the same.
func FuzzFrame(f *testing.F) {
	addFrames(f, func(frame frameLine) { f.Add(append(bytes.Clone(frame.frame), frame.frame...), uint64(1)) })
	f.Add([]byte("GET / HTTP/1.1\r\n"), uint64(2))
	f.Add([]byte{0x16, 3, 1, 2, 0, 1, 0, 1}, uint64(3))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0}, uint64(4))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		if len(stream) > 1<<20 {
			return
		}
		whole, wholeErr := readAllFrames(bytes.NewReader(stream))
		pieces := &pieceReader{data: stream, rng: rand.New(rand.NewPCG(seed, 1))}
		split, splitErr := readAllFrames(iotest.DataErrReader(pieces))
		if len(whole) != len(split) || !errors.Is(splitErr, unwrapLast(wholeErr)) {
			t.Fatalf("%d frames and %v at once, %d and %v in pieces", len(whole), wholeErr, len(split), splitErr)
		}
		for i := range whole {
			if !bytes.Equal(whole[i], split[i]) {
				t.Fatalf("frame %d differs in pieces", i)
			}
		}
		fuzzLimits(t, len(stream), func() { _, _ = readAllFrames(bytes.NewReader(stream)) })
	})
}

// readAllFrames reads frames until the first error, with one buffer for all.
func readAllFrames(r io.Reader) ([][]byte, error) {
	var frames [][]byte
	var buf []byte
	for {
		frame, err := ReadFrame(r, buf, 1<<20)
		if err != nil {
			if what, _ := DescribeGarbage(frame); what == "" {
				return frames, errors.New("garbage without a description")
			}
			return frames, err
		}
		frames = append(frames, bytes.Clone(frame))
		buf = frame
	}
}

// unwrapLast is the sentinel of an error.
func unwrapLast(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// pieceReader gives its data in pieces of random size.
type pieceReader struct {
	data []byte
	rng  *rand.Rand
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:1+r.rng.IntN(len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

// FuzzHeader parses headers. What is accepted is the header that the fields make when
// they are put together again, tagged fields aside.
func FuzzHeader(f *testing.F) {
	addFrames(f, func(frame frameLine) {
		if frame.request {
			f.Add(frame.frame[FrameSizeLen:])
		}
	})
	f.Add([]byte{0, 18, 0, 3, 0, 0, 0, 7, 0, 1, 'c', 2, 0, 3, 1, 2, 3, 0x85, 0x01, 0, 0xbb})
	f.Add([]byte{0, 18, 0, 3, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{0, 95, 0, 3, 0, 0, 0, 7})
	f.Add([]byte{0, 7, 0, 0, 0, 0, 0, 7})
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := ParseRequestHeader(frame)
		fuzzLimits(t, len(frame), func() { _, _, _ = ParseRequestHeader(frame) })
		if err != nil {
			if body != nil {
				t.Fatalf("a body beside %v", err)
			}
			return
		}
		api, ok := APIByKey(h.Key)
		if !ok || !api.Serves(h.Version) {
			t.Fatalf("%+v is not served", h)
		}
		if len(body) > 0 && &body[len(body)-1] != &frame[len(frame)-1] {
			t.Fatal("the body does not end with the frame")
		}
		req := newRequest(h.Key, h.Version)
		again := requestFrame(req, h.ClientID, h.CorrelationID)
		again = again[:len(again)-len(req.AppendTo(nil))]
		end := fixedHeaderLen + 2
		if h.ClientID != nil {
			end += len(*h.ClientID)
		}
		// A null client ID is any negative length.
		if h.ClientID != nil && !bytes.Equal(again[:end], frame[:end]) {
			t.Fatalf("%x becomes %x", frame[:end], again[:end])
		}
		header := frame[:len(frame)-len(body)]
		for n := range header {
			if _, _, err := ParseRequestHeader(header[:n]); err == nil {
				t.Fatalf("%d of %d bytes of a header are accepted", n, len(header))
			}
		}
	})
}

// FuzzGuard walks a body as any request of any version. What Guard accepts, kmsg
// decodes, within the memory that Guard counted.
func FuzzGuard(f *testing.F) {
	fill := filler{rng: rand.New(rand.NewPCG(31, 32)), elements: 2, text: 4, tags: 0.2}
	for key := range maxKey + 1 {
		for version := range newRequest(key, 0).MaxVersion() + 1 {
			f.Add(key, version, fill.randomRequest(key, version).AppendTo(nil))
		}
	}
	for _, c := range hostile() {
		if len(c.body) < 1<<10 {
			f.Add(c.key, c.version, c.body)
		}
	}
	f.Fuzz(func(t *testing.T, key, version int16, body []byte) {
		cost, err := measure(key, version, body)
		fuzzLimits(t, len(body), func() { _, _ = measure(key, version, body) })
		if err != nil {
			return
		}
		var req kmsg.Request
		got := allocated(uint64(cost), func() {
			req = newRequest(key, version)
			if err := req.ReadFrom(body); err != nil {
				t.Fatalf("%s v%d: accepted, but %v", APIName(key), version, err)
			}
		})
		if int64(got) > cost {
			t.Fatalf("%s v%d: %d bytes allocate %d, counted were %d", APIName(key), version, len(body), got, cost)
		}
	})
}

// FuzzDecodeRequest takes whole frames through header and body. What is accepted is
// stable: encoded and decoded again it is the same, and no shorter body is accepted.
func FuzzDecodeRequest(f *testing.F) {
	addFrames(f, func(frame frameLine) {
		if frame.request {
			f.Add(frame.frame[FrameSizeLen:])
		}
	})
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := ParseRequestHeader(frame)
		if err != nil {
			return
		}
		fuzzLimits(t, len(frame), func() { _, _ = DecodeRequest(h, body) })
		req, err := DecodeRequest(h, body)
		if err != nil {
			return
		}
		first := req.AppendTo(nil)
		again, err := DecodeRequest(h, first)
		if errors.Is(err, ErrTooCostly) { // it had bytes that it did not need, which counted for its budget
			return
		}
		if err != nil {
			t.Fatalf("%s v%d: %x is accepted, encoded again to %x it is not: %v", APIName(h.Key), h.Version, body, first, err)
		}
		if second := again.AppendTo(nil); !bytes.Equal(first, second) {
			t.Fatalf("%s v%d: %x becomes %x", APIName(h.Key), h.Version, first, second)
		}
		for n := range min(len(first), 512) {
			if err := Guard(h.Key, h.Version, first[:n:n]); err == nil {
				t.Fatalf("%s v%d: %d of %d bytes are accepted", APIName(h.Key), h.Version, n, len(first))
			}
		}
	})
}
