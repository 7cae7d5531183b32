package wire

// What a decoded message takes. Each figure is an upper bound of what Go's allocator
// hands out for it, found by its size classes; a test compares the sum with what the
// runtime says that a decode has allocated.
const (
	// costFactor is how many times its size a request may take in memory. One of them
	// is the body itself.
	costFactor = 16
	// costSlack is what a request may take beyond that, so that a small one is not
	// refused for what any decode costs.
	costSlack = 48 << 10
	// stringHeader is the size of a string's header, as it stands in a slice or behind
	// a *string.
	stringHeader = 16
	// tagSection is the map that holds the first unknown tagged fields of a section,
	// tagEntry what each costs once that has grown, all growth included.
	tagSection     = 384
	tagEntry       = 160
	tagSectionHeld = 8
)

// costBudget is what the decoded message may take.
func costBudget(bodyLen int) int64 {
	return (costFactor-1)*int64(bodyLen) + costSlack
}

// charge counts memory that the decoded message will take.
func (w *walker) charge(n int64) bool {
	w.cost += n
	if w.cost > w.budget {
		return w.fail(faultCost)
	}
	return true
}

// allocCost bounds what one allocation of n bytes takes. Up to 32 KiB a size class is
// at most 3/16 above what was asked for, and pointers add a header of eight bytes;
// beyond that, whole pages of 8 KiB are used.
func allocCost(n int) int64 {
	if n == 0 {
		return 0
	}
	return int64(n) + min(int64(n)*3/16+16, 8<<10)
}

// textCost bounds what the copy of a string takes. Those below 16 bytes share blocks.
func textCost(n int) int64 {
	switch {
	case n == 0:
		return 0
	case n <= 8:
		return 8
	case n <= 16:
		return 16
	default:
		return allocCost(n)
	}
}

// tagCost bounds what a section of unknown tagged fields takes. Their values alias the
// frame.
func tagCost(n int) int64 {
	if n <= tagSectionHeld {
		return tagSection
	}
	return tagSection + int64(n)*tagEntry
}
