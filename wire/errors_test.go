package wire

import (
	"fmt"
	"testing"
)

func TestErrorCodesAreKafkas(t *testing.T) {
	lines := dataLines(t, "testdata/kafka-4.4-errors.txt")
	if len(lines) != len(errorTable) {
		t.Errorf("%d codes, Kafka has %d", len(errorTable), len(lines))
	}
	for _, line := range lines {
		var number int16
		var name string
		var retriable bool
		if _, err := fmt.Sscan(line, &number, &name, &retriable); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		code := ErrorCode(number)
		if code.Name() != name || code.Retriable() != retriable {
			t.Errorf("code %d is %s, retriable %t; want %s", number, code, code.Retriable(), line)
		}
		if code.Message() == "" {
			t.Errorf("%s has no message", code)
		}
	}
}

func TestErrorConstantsHaveTheirNumbers(t *testing.T) {
	for code, want := range map[ErrorCode]int16{
		UnknownServerError: -1, None: 0, OffsetOutOfRange: 1, UnknownTopicOrPartition: 3, InvalidRequest: 42,
		UnknownTopicID: 100, RebootstrapRequired: 129, ControllerIDNotRegistered: 136,
	} {
		if int16(code) != want {
			t.Errorf("%s is %d, want %d", code, int16(code), want)
		}
	}
}

func TestUnknownErrorCodeIsNamedByItsNumber(t *testing.T) {
	for code, want := range map[ErrorCode]string{137: "ERROR_137", -2: "ERROR_-2", 32767: "ERROR_32767", -32768: "ERROR_-32768"} {
		if code.Name() != want || code.Retriable() || code.Message() != UnknownServerError.Message() {
			t.Errorf("%d: %s, %t, %q", int16(code), code.Name(), code.Retriable(), code.Message())
		}
	}
}

// FindCoordinator sends the text of its code even where there is no error.
func TestMessageOfNone(t *testing.T) {
	if got := None.Message(); got != "NONE" {
		t.Errorf("got %q", got)
	}
}
