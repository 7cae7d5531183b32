package vfs

import (
	"path"
	"slices"
	"sync/atomic"
)

// Op is a set of kinds of operations, as bits.
type Op uint32

// Kinds of operations, one per method of [FS] and [File].
const (
	OpCreate Op = 1 << iota
	OpOpen
	OpRename
	OpRemove
	OpRemoveAll
	OpMkdirAll
	OpList
	OpStat
	OpSyncDir
	OpLock
	OpUsage
	OpRead
	OpWrite
	OpSync
	OpTruncate
	OpSize
	OpPreallocate
	OpWriteBack
	OpClose
)

// Sets of operations that tests ask for.
const (
	// OpsChange may alter what is on the disk.
	OpsChange = OpCreate | OpRename | OpRemove | OpRemoveAll | OpMkdirAll | OpSyncDir | OpLock |
		OpWrite | OpSync | OpTruncate | OpPreallocate | OpWriteBack
	// OpsSync make something durable.
	OpsSync = OpSync | OpSyncDir
	// OpsAny is all of them.
	OpsAny = Op(1<<32 - 1)
)

// Call is one operation as rules and hooks see it.
type Call struct {
	Op      Op
	Path    string
	NewPath string // of a rename
	Offset  int64  // of a read or write; size of a truncation or preallocation
	Length  int    // of a read or write, bytes
	Err     error  // for After: what came of it
}

// Rule acts on chosen operations. Its exported fields are set before it is used and
// not changed later; a rule belongs to one [Injected].
//
// Operations that match Ops and Path are counted from 1. The chosen ones are acted on:
// Before runs, then either the operation or Err, then After.
type Rule struct {
	Ops   Op     // zero: any
	Path  string // pattern of path.Match for the whole path or its last element; empty: any
	Nth   int64  // the first that is acted on; zero: every one, whatever Count says
	Count int64  // how many from Nth on; zero: one; negative: all

	// Err is returned instead of doing the operation, wrapped in an *fs.PathError. Nil: the operation is done.
	Err error
	// ShortWrite is how many bytes a failing write writes before it fails; at most
	// all but one.
	ShortWrite int
	// Before runs first and may block, as a hung disk does, or take a crash clone. Its
	// error is returned instead of doing the operation.
	Before func(Call) error
	// After runs last.
	After func(Call)

	seen, fired atomic.Int64
}

// Seen is how many operations matched Ops and Path.
func (r *Rule) Seen() int64 { return r.seen.Load() }

// Fired is how many operations were acted on. A test that fails the n-th operation
// for all n ends when this stays 0.
func (r *Rule) Fired() int64 { return r.fired.Load() }

// take counts the call and reports whether the rule acts on it.
func (r *Rule) take(call Call) bool {
	if r.Ops != 0 && r.Ops&call.Op == 0 {
		return false
	}
	if r.Path != "" && !matches(r.Path, call.Path) && (call.NewPath == "" || !matches(r.Path, call.NewPath)) {
		return false
	}
	n := r.seen.Add(1)
	if n < r.Nth || (r.Nth > 0 && r.Count >= 0 && n >= r.Nth+max(r.Count, 1)) {
		return false
	}
	r.fired.Add(1)
	return true
}

func matches(pattern, name string) bool {
	whole, err := path.Match(pattern, name)
	if err != nil {
		panic("vfs: pattern of a rule: " + err.Error())
	}
	last, _ := path.Match(pattern, path.Base(name))
	return whole || last
}

// Injected is a file system whose operations rules watch and fail. Any goroutine
// may call any method.
type Injected struct {
	FS
	rules atomic.Pointer[[]*Rule]
}

// Inject wraps a file system. Rules act in their order; the first error wins.
func Inject(inner FS, rules ...*Rule) *Injected {
	i := &Injected{FS: inner}
	rules = slices.Clone(rules)
	i.rules.Store(&rules)
	return i
}

// SetRules replaces the rules for operations that begin later; without arguments the
// disk is healthy again.
func (i *Injected) SetRules(rules ...*Rule) {
	rules = slices.Clone(rules)
	i.rules.Store(&rules)
}

// run does one operation under the rules. short is called with the number of bytes of
// a short write; nil for all but writes.
func (i *Injected) run(call Call, do func() error, short func(n int)) error {
	var acting []*Rule
	for _, rule := range *i.rules.Load() {
		if rule.take(call) {
			acting = append(acting, rule)
		}
	}
	if len(acting) == 0 {
		return do()
	}
	var err error
	for _, rule := range acting {
		failed := rule.Err
		if rule.Before != nil {
			if hookErr := rule.Before(call); hookErr != nil {
				failed = hookErr
			}
		}
		if failed == nil || err != nil {
			continue
		}
		err = pathError(call.Op.String(), call.Path, failed)
		if short != nil {
			short(max(0, min(rule.ShortWrite, call.Length-1)))
		}
	}
	if err == nil {
		err = do()
	}
	call.Err = err
	for _, rule := range acting {
		if rule.After != nil {
			rule.After(call)
		}
	}
	return err
}

var opNames = [...]string{
	"create", "open", "rename", "remove", "removeall", "mkdir", "list", "stat", "syncdir",
	"lock", "usage", "read", "write", "sync", "truncate", "size", "preallocate", "writeback", "close",
}

// String names the operation; of a set, the first in it.
func (o Op) String() string {
	for bit, name := range opNames {
		if o&(1<<bit) != 0 {
			return name
		}
	}
	return "none"
}
