package launch

import "testing"

func TestPortsThatAreHeldAreGivenToNobodyElse(t *testing.T) {
	p, err := ReservePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if other, err := claimPort(t.Context(), p.Number); err == nil {
		_ = other.Close()
		t.Error("a port on which nothing listens is given to another test, though it is held")
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := claimPort(t.Context(), p.Number)
	if err != nil {
		t.Fatalf("a port that was given back: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
