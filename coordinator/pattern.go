package coordinator

import (
	"regexp/syntax"
	"strings"
)

// A regular expression of RE2 takes time in proportion to its size and to what it is matched with, but its size may be a thousand times that of
// its text: a repetition is written out, and a class of Unicode is a list of hundreds of ranges. Kafka takes whatever can be compiled.
const (
	// maxPatternSize bounds an expression that is written out, in steps of the matcher: a list of a thousand topics by name fits.
	maxPatternSize = 32 << 10
	// maxPatternClasses bounds the classes of Unicode in an expression. The names of topics are ASCII.
	maxPatternClasses = 32
)

// CheckPattern says whether a client's regular expression may be compiled. Errors: [ErrPatternTooLarge], [*syntax.Error].
func CheckPattern(text string) error {
	if strings.Count(text, `\p`)+strings.Count(text, `\P`) > maxPatternClasses {
		return ErrPatternTooLarge
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err == nil && patternSize(parsed) > maxPatternSize {
		return ErrPatternTooLarge
	}
	return err
}

// patternSize is about how large an expression is when it is written out, or more than what is allowed. The parser bounds how deep it is.
func patternSize(re *syntax.Regexp) int {
	size := 1
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += patternSize(sub)
		if size > maxPatternSize {
			return size
		}
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min+1, re.Max)
	}
	return size
}
