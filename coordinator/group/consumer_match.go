package group

import (
	"cmp"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/clatterhq/clatter/wire"
)

// A regular expression of RE2 takes time in proportion to its size and to what it is matched with, but its size may be a thousand times that of
// its text: a repetition is written out, and a class of Unicode is a list of hundreds of ranges. Kafka takes whatever can be compiled.
const (
	// maxRegexSize bounds an expression that is written out, in steps of the matcher: a list of a thousand topics by name fits.
	maxRegexSize = 32 << 10
	// maxRegexClasses bounds the classes of Unicode in an expression. The names of topics are ASCII.
	maxRegexClasses = 32
	// scanTurn is how long the expressions of one group are matched before others get their turn.
	scanTurn = 50 * time.Millisecond
	// scanBudget is how much time all of them may take. Those that are left then stand for what they stood for before, at first for nothing: ten
	// thousand topics take an expression that somebody means some milliseconds.
	scanBudget = 5 * time.Second
)

// compileRegex compiles an expression that must match the whole name of a topic.
func compileRegex(text string) (*regexp.Regexp, *refusalError) {
	tooLarge := func() *refusalError {
		return refuse(wire.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: it is too large.", text)
	}
	if strings.Count(text, `\p`)+strings.Count(text, `\P`) > maxRegexClasses {
		return nil, tooLarge()
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err == nil && regexSize(parsed) > maxRegexSize {
		return nil, tooLarge()
	}
	if err == nil {
		var re *regexp.Regexp
		if re, err = regexp.Compile(`\A(?:` + text + `)\z`); err == nil {
			return re, nil
		}
	}
	description := err.Error()
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		description = e.Code.String()
	}
	return nil, refuse(wire.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: %s.", text, description)
}

// regexSize is about how large an expression is when it is written out, or more than what is allowed. The parser bounds how deep it is.
func regexSize(re *syntax.Regexp) int {
	size := 1
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += regexSize(sub)
		if size > maxRegexSize {
			return size
		}
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min+1, re.Max)
	}
	return size
}

// regexScan matches the expressions of one group, in turns with other groups.
type regexScan struct {
	c     *Coordinator
	began time.Time     // of this turn
	used  time.Duration // in earlier turns
	bytes int           // of all names that match
}

// goesOn reports whether there is time for more, and lets others have their turn if it is their time.
func (x *regexScan) goesOn() bool {
	if turn := time.Since(x.began); turn > scanTurn {
		x.used += turn
		<-x.c.scans
		x.c.scans <- struct{}{}
		x.began = time.Now()
	}
	return x.used <= scanBudget && x.bytes <= maxGroupBytes && !x.c.closing.Load()
}

// matchTopics finds the topics whose whole names match each of a group's expressions; known is what they stood for before. ok is false if there
// was no time for it, because the coordinator closes.
func (c *Coordinator) matchTopics(group string, texts []string, known map[string]*ResolvedRegex) (resolved map[string][]string, ok bool) {
	var names []string
	for info := range c.options.Topics.All() {
		names = append(names, info.Name)
	}
	slices.SortFunc(names, cmp.Compare[string])
	c.scans <- struct{}{}
	defer func() { <-c.scans }()
	x := &regexScan{c: c, began: time.Now()}
	resolved = make(map[string][]string, len(texts))
	left := 0
	for _, text := range texts {
		matching, ok := x.matchText(text, names)
		if !ok {
			left++
			if before := known[text]; before != nil {
				matching = before.Topics
			}
		}
		resolved[text] = matching
	}
	if left > 0 {
		c.line("regular expressions are not matched", group, "reason", "they are too large, take too long or match too many topics",
			"expressions", left, "topics", len(names))
	}
	return resolved, !c.closing.Load()
}

// matchText finds the names that match an expression.
func (x *regexScan) matchText(text string, names []string) (matching []string, ok bool) {
	if !x.goesOn() {
		return nil, false
	}
	// It was checked when it came. One that is loaded may be of a Kafka, which allows more.
	re, err := compileRegex(text)
	if err != nil {
		return nil, false
	}
	return x.match(re, names)
}

// match finds the names that match.
func (x *regexScan) match(re *regexp.Regexp, names []string) (matching []string, ok bool) {
	for _, name := range names {
		if !x.goesOn() {
			return nil, false
		}
		if re.MatchString(name) {
			matching = append(matching, name)
			x.bytes += len(name) + textOverhead
		}
	}
	return matching, true
}
