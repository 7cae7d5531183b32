package record

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// refused is the error of a batch that must be refused.
func refused(t *testing.T, p []byte, r Rules) *InvalidError {
	t.Helper()
	b, err := Validate(p, r)
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v and %v, want an InvalidError", b, err)
	}
	if invalid.Reason == "" || !strings.Contains(invalid.Error(), invalid.Kind.String()) {
		t.Errorf("error %q does not say what is wrong", invalid)
	}
	return invalid
}

func TestValidateReturnsViewWithoutRest(t *testing.T) {
	good := rawBatch(None, 2, plainPayload(2))
	p := append(slices.Clone(good), "rest"...)
	b, err := Validate(p, benchRules)
	if err != nil || !bytes.Equal(b, good) || &b[0] != &p[0] || cap(b) != len(b) {
		t.Errorf("got %d bytes of %d, %v", len(b), len(good), err)
	}
}

func TestValidateCorrectsMaxTimestampWithoutTouchingPayload(t *testing.T) {
	for _, c := range []Codec{None, Zstd} {
		p := rawBatch(c, 3, packed(c, plainPayload(3)))
		put64(p, maxTimestampAt, caseTime+99)
		p.setCRC()
		b, err := Validate(p, benchRules)
		if err != nil || b.MaxTimestamp() != caseTime || b.VerifyCRC() != nil {
			t.Errorf("%v: max timestamp %d, %v, %v", c, b.MaxTimestamp(), err, b.VerifyCRC())
		}
	}
}

func TestValidateLeavesAppendTimeToTheLog(t *testing.T) {
	p := rawBatch(None, 3, plainPayload(3))
	before := slices.Clone(p)
	rules := benchRules
	rules.TimestampType = LogAppendTime
	if _, err := Validate(p, rules); err != nil || !bytes.Equal(p, before) {
		t.Errorf("%v, changed: %v", err, !bytes.Equal(p, before))
	}
}

func TestValidateTimestampBoundsAreInclusive(t *testing.T) {
	const now = 1_000_000
	for _, c := range []struct {
		ts            int64
		before, after int64
		ok            bool
	}{
		{now, 0, 0, true},
		{now - 1, 0, 0, false},
		{now + 1, 0, 0, false},
		{now - 10, 10, 0, true},
		{now - 11, 10, math.MaxInt64, false},
		{now + 10, 0, 10, true},
		{now + 11, math.MaxInt64, 10, false},
		{math.MinInt64, 10, math.MaxInt64, true},      // as in Kafka: the difference overflows into the future
		{math.MaxInt64, math.MaxInt64, 10, false},     // far in the future
		{-1, 0, 0, true},                              // no timestamp
		{-2, 0, 0, false},                             //
		{-2, math.MaxInt64, 0, true},                  //
		{math.MinInt64 + now, math.MaxInt64, 0, true}, // the difference is the one number that has no negative
	} {
		p := rawBatch(None, 2, rawRecord{offset: 1}.append(rawRecord{}.append(nil)))
		put64(p, baseTimestampAt, uint64(c.ts))
		p.setCRC()
		r := Rules{ProduceVersion: 11, Now: now, BeforeMaxMs: c.before, AfterMaxMs: c.after}
		_, err := Validate(p, r)
		var invalid *InvalidError
		if (err == nil) != c.ok || (err != nil && (!errors.As(err, &invalid) || invalid.Kind != KindInvalidTimestamp || len(invalid.Records) != 2)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestFastTimestampCheckIsExact compares the check by extremes with the check of each record.
func TestFastTimestampCheckIsExact(t *testing.T) {
	extremes := []int64{0, 1, 5, 1000, 1 << 40, math.MaxInt64 - 1, math.MaxInt64}
	stamps := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 40, -2, -1, 0, 999, 1000, 1001, 1 << 40, math.MaxInt64}
	for _, before := range extremes {
		for _, after := range extremes {
			for _, base := range stamps {
				for _, delta := range stamps {
					payload := rawRecord{timestamp: delta, offset: 1}.append(rawRecord{}.append(nil))
					b := rawBatch(None, 2, payload)
					put64(b, baseTimestampAt, uint64(base))
					b.setCRC()
					r := Rules{ProduceVersion: 11, Now: 1000, BeforeMaxMs: before, AfterMaxMs: after}
					fast, fastErr := checkRecords(b, payload, &r)
					exact, exactErr := judgeRecords(b, payload, &r)
					if (fastErr == nil) != (exactErr == nil) || fast != exact {
						t.Fatalf("before %d after %d base %d delta %d: fast %d %v, exact %d %v", before, after, base, delta, fast, fastErr, exact, exactErr)
					}
				}
			}
		}
	}
}

func TestValidateBoundsDecompression(t *testing.T) {
	for _, c := range compressed {
		p := benchBatch(t, c, 200, 1000)
		r := benchRules
		r.MaxDecompressed = 199_000
		if e := refused(t, p, r); e.Kind != KindTooLarge || !errors.Is(e, ErrDecompressedTooLarge) {
			t.Errorf("%v: %v", c, e)
		}
		r.MaxDecompressed = 300_000
		if _, err := Validate(p, r); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestValidateHeaderOnlyLeavesPayloadsUnread(t *testing.T) {
	r := benchRules
	r.HeaderOnly, r.Compacted = true, true
	p := rawBatch(Gzip, 2, []byte("this is not gzip"))
	if b, err := Validate(p, r); err != nil || b.MaxTimestamp() != caseTime {
		t.Errorf("%v", err)
	}
	put64(p, maxTimestampAt, caseFuture)
	p.setCRC()
	if e := refused(t, p, r); e.Kind != KindInvalidTimestamp || e.Message != timestampMessage {
		t.Error(e)
	}
	// The header and uncompressed records are checked as ever.
	if e := refused(t, rawBatch(None, 2, plainPayload(1)), r); e.Kind != KindInvalidRecord {
		t.Error(e)
	}
	p[crcAt]++
	if e := refused(t, p, r); e.Kind != KindCorrupt {
		t.Error(e)
	}
}

func TestRecordErrorsAreBounded(t *testing.T) {
	const n = 50_000
	builder := NewBuilder()
	for range n {
		builder.Append(benchNow, nil, nil)
	}
	b, err := builder.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := benchRules
	r.Compacted, r.Topic = true, "t"
	e := refused(t, b, r)
	if len(e.Records) != maxRecordErrors || !strings.Contains(e.Message, "due to 50000 record errors in total") {
		t.Errorf("%d record errors, message %q", len(e.Records), e.Message)
	}
	if cost := allocated(func() { _, _ = Validate(b, r) }); cost > 16*uint64(len(b)) {
		t.Errorf("%d bytes allocated for a batch of %d", cost, len(b))
	}
}

func TestManyBombsAtOnceAreDecompressedFewAtATime(t *testing.T) {
	r := benchRules
	r.MaxDecompressed = 1 << 20
	bomb := rawBatch(Gzip, 10, bombs()[0].data)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := Validate(slices.Clone(bomb), r); !errors.Is(err, ErrDecompressedTooLarge) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(scratchSlots) != 0 {
		t.Errorf("%d slots are still taken", len(scratchSlots))
	}
}

func TestLargeScratchIsNotKept(t *testing.T) {
	s := takeScratch()
	s.buf = make([]byte, maxPooledScratch+1)
	s.give()
	for range 10 {
		s := takeScratch()
		if cap(s.buf) > maxPooledScratch {
			t.Error("a large buffer came back")
		}
		s.give()
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := KindCorrupt; k <= KindUnreadable; k++ {
		if strings.HasPrefix(k.String(), "kind ") || seen[k.String()] {
			t.Errorf("kind %d is named %q", k, k)
		}
		seen[k.String()] = true
	}
	if Kind(99).String() != "kind 99" {
		t.Error(Kind(99))
	}
	for f := flawNone; f <= flawTrailing; f++ {
		if f.String() == "flaw" || seen[f.String()] {
			t.Errorf("flaw %d is named %q", f, f)
		}
		seen[f.String()] = true
	}
}
