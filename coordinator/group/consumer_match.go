package group

import (
	"cmp"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"
	"time"

	"github.com/clatterhq/clatter/coordinator"
	"github.com/clatterhq/clatter/wire"
)

const (
	// scanTurn is how long the expressions of one group are matched before others get their turn.
	scanTurn = 50 * time.Millisecond
	// scanBudget is how much time all of them may take. Those that are left then stand for what they stood for before, at first for nothing: ten
	// thousand topics take an expression that somebody means some milliseconds.
	scanBudget = 5 * time.Second
)

// compileRegex compiles an expression that must match the whole name of a topic.
func compileRegex(text string) (*regexp.Regexp, *refusalError) {
	err := coordinator.CheckPattern(text)
	if err == nil {
		var re *regexp.Regexp
		if re, err = regexp.Compile(`\A(?:` + text + `)\z`); err == nil {
			return re, nil
		}
	}
	description := err.Error()
	if errors.Is(err, coordinator.ErrPatternTooLarge) {
		description = "it is too large"
	} else if e, ok := errors.AsType[*syntax.Error](err); ok {
		description = e.Code.String()
	}
	return nil, refuse(wire.InvalidRegularExpression, "SubscribedTopicRegex `%s` is not a valid regular expression: %s.", text, description)
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
