package txns

import "testing"

func TestFirstDifferenceIsFound(t *testing.T) {
	a := []shown{{0, "a"}, {1, "b"}, {5, "c"}}
	for want, b := range map[int][]shown{
		-1: {{0, "a"}, {1, "b"}, {5, "c"}}, 0: {{1, "a"}, {1, "b"}, {5, "c"}}, 1: {{0, "a"}, {1, "x"}, {5, "c"}}, 2: {{0, "a"}, {1, "b"}},
		3: {{0, "a"}, {1, "b"}, {5, "c"}, {6, "d"}},
	} {
		if got := firstDifference(a, b); got != want {
			t.Errorf("%v: %d, want %d", b, got, want)
		}
		if got := firstDifference(b, a); got != want {
			t.Errorf("%v, the other way: %d, want %d", b, got, want)
		}
	}
}
