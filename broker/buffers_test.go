package broker

import "testing"

func TestClassesHoldWhatTheyAreChosenFor(t *testing.T) {
	for class := range classes {
		size := classSize(class)
		for _, n := range []int{size - 1, size} {
			if got := classFor(n); got != class {
				t.Errorf("classFor(%d) is %d, want %d", n, got, class)
			}
		}
		if class < classes-1 {
			if got := classFor(size + 1); got != class+1 {
				t.Errorf("classFor(%d) is %d, want %d", size+1, got, class+1)
			}
		}
	}
	if got := classSize(classFor(1<<31 - 1)); got < 1<<31-1 {
		t.Errorf("the largest frame gets a buffer of %d bytes", got)
	}
	if classFor(0) != 0 {
		t.Error("nothing needs more than the smallest class")
	}
}

func TestBuffersComeBackWithTheirLength(t *testing.T) {
	b := getBuffer(firstLargeClass)
	if len(b.b) != classSize(firstLargeClass) {
		t.Fatalf("buffer of %d bytes", len(b.b))
	}
	b.release()
	again := getBuffer(firstLargeClass)
	if len(again.b) != classSize(firstLargeClass) || again.class != firstLargeClass {
		t.Errorf("buffer of %d bytes and class %d", len(again.b), again.class)
	}
}
