package wire

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCleaningIsATag(t *testing.T) {
	var tags kmsg.Tags
	if _, ok := CleaningOf(&tags); ok || AsksForCleaning(&tags) {
		t.Error("found in no tags")
	}
	want := Cleaning{DirtyAgeMs: 1 << 40, Uncleanable: 7}
	want.AddTo(&tags)
	if got, ok := CleaningOf(&tags); !ok || got != want || !AsksForCleaning(&tags) {
		t.Errorf("got %+v, %v", got, ok)
	}
	tags.Set(CleaningTag, make([]byte, cleaningBytes-1))
	if got, ok := CleaningOf(&tags); ok {
		t.Errorf("a short field is %+v", got)
	}
}
