package txns

import (
	"errors"
	"testing"
)

func TestOutputTakesEveryValueOnceAndInOrder(t *testing.T) {
	o := NewOutput()
	for _, p := range []int32{0, 1} {
		for n := range 3 {
			if err := o.Read(p, int64(n), value(p, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if o.Seen() != 6 {
		t.Errorf("%d seen: %s", o.Seen(), o)
	}
}

func TestOutputNamesWhatIsWrong(t *testing.T) {
	for what, values := range map[string][]string{
		"lost":            {"0-0", "0-2"},
		"twice":           {"0-0", "0-1", "0-0"},
		"other partition": {"1-0"},
		"aborted value":   {"0-0", "aborted"},
		"not a number":    {"0-x"},
	} {
		o := NewOutput()
		var err error
		for i, v := range values {
			if err = o.Read(0, int64(i), v); err != nil && i < len(values)-1 {
				t.Errorf("%s: too early: %v", what, err)
			}
		}
		if !errors.Is(err, ErrOutput) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
