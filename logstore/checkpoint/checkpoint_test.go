package checkpoint

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// entries decodes content with two fields.
func entries(content string) ([]string, error) {
	var got []string
	err := Decode([]byte(content), 0, 2, func(fields [][]byte) error {
		if string(fields[1]) == "bad" {
			return strconv.ErrSyntax
		}
		got = append(got, string(fields[0])+"|"+string(fields[1]))
		return nil
	})
	return got, err
}

func TestDecodeReadsWhatKafkaWrites(t *testing.T) {
	for content, want := range map[string][]string{
		"":                         nil,
		"0":                        nil,
		"0\n":                      nil,
		"0\n0\n":                   nil,
		"0\n2\na 1\nb 2\n":         {"a|1", "b|2"},
		"0\r\n2\r\na 1\r\nb 2\r\n": {"a|1", "b|2"},
		"0\r1\ra 1":                {"a|1"},
		"+0\n1\na \t 1 \n":         {"a|1"},
	} {
		got, err := entries(content)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
	}
}

func TestDecodeRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, content := range []string{
		"1\n0\n", "-1\n0\n", "x\n0\n", "\n0\n", "0\n-1\n", "0\nx\n", "0\n99999999999\n",
		"0\n1\n", "0\n2\na 1\n", "0\n1\na 1\nb 2\n", "0\n0\na 1\n", "0\n1\na 1\n\n",
		"0\n1\na\n", "0\n1\na 1 2\n", "0\n1\n a 1\n", "0\n1\n\n", "0\n1\n   \n",
		"0\n1\na bad\n", "0\n2147483647\na 1\n",
		"0\n1\n" + strings.Repeat("x", 1000) + "\n",
	} {
		if got, err := entries(content); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %q, %v", content, got, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("error of %d bytes", len(err.Error()))
		}
	}
}

func TestHeaderIsReadBack(t *testing.T) {
	content := append(AppendHeader(nil, 0, 1), "a 1\n"...)
	if string(content) != "0\n1\na 1\n" {
		t.Errorf("got %q", content)
	}
	if got, err := entries(string(content)); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestIntegersAreJavas(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "+7": 7, "007": 7, "-1": -1,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if got, err := Int64([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"": strconv.ErrSyntax, "-": strconv.ErrSyntax, "+": strconv.ErrSyntax, "1x": strconv.ErrSyntax,
		"--1": strconv.ErrSyntax, "0x10": strconv.ErrSyntax, "1_0": strconv.ErrSyntax,
		"9223372036854775808": strconv.ErrRange, "-9223372036854775809": strconv.ErrRange,
		"18446744073709551616": strconv.ErrRange, "99999999999999999999": strconv.ErrRange,
	} {
		if got, err := Int64([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"2147483648", "-2147483649"} {
		if _, err := Int32([]byte(text)); !errors.Is(err, strconv.ErrRange) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got, err := Int32([]byte("-2147483648")); err != nil || got != math.MinInt32 {
		t.Errorf("got %d, %v", got, err)
	}
}
