package catalog

import (
	"errors"
	"testing"
)

func TestFeaturesOutliveTheProcess(t *testing.T) {
	options := Options{Path: file(t)}
	c := open(t, options)
	if _, ok := c.Image().Features().Level("a"); ok {
		t.Error("a level that nobody set")
	}
	set := func(levels map[string]int16) {
		t.Helper()
		must(t, c.AlterFeatures(t.Context(), func(Features) (map[string]int16, error) { return levels, nil }))
	}
	set(map[string]int16{"a": 1, "b": 2})
	set(map[string]int16{"a": 0})
	set(nil)
	refusal := errors.New("refused")
	err := c.AlterFeatures(t.Context(), func(f Features) (map[string]int16, error) {
		if level, ok := f.Level("b"); level != 2 || !ok {
			t.Errorf("level %d %v", level, ok)
		}
		return map[string]int16{"b": 9}, refusal
	})
	if !errors.Is(err, refusal) {
		t.Error(err)
	}
	for range 2 {
		f := c.Image().Features()
		a, isSet := f.Level("a")
		b, _ := f.Level("b")
		if a != 0 || !isSet || b != 2 || f.Changes != 2 {
			t.Errorf("%+v", f)
		}
		must(t, c.Close())
		c = open(t, options)
	}
}

func TestDecodeFeaturesRefuses(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {1, 1, 1, 'a'}, {1, 1, 1, 'a', 1, 'x'}, append(Features{}.encode(), 0)} {
		if f, err := decodeFeatures(b); !errors.Is(err, errRecordForm) {
			t.Errorf("%x: %+v %v", b, f, err)
		}
	}
}
