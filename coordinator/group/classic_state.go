package group

import "fmt"

// classicState is the state of a classic group (ClassicGroupState).
type classicState uint8

const (
	// classicEmpty has no members, but maybe offsets. It is where groups begin.
	classicEmpty classicState = iota
	// classicPreparing waits for members to join, or to join again.
	classicPreparing
	// classicCompleting has told all members the generation and waits for the leader's assignment.
	classicCompleting
	// classicStable has an assignment.
	classicStable
	// classicDead is deleted, or its shard was unloaded.
	classicDead
)

// String is the name that clients are told.
func (s classicState) String() string {
	switch s {
	case classicEmpty:
		return "Empty"
	case classicPreparing:
		return "PreparingRebalance"
	case classicCompleting:
		return "CompletingRebalance"
	case classicStable:
		return "Stable"
	case classicDead:
		return "Dead"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// mayFollow reports whether a group may go from one state to this one.
func (s classicState) mayFollow(from classicState) bool {
	switch s {
	case classicEmpty, classicCompleting:
		return from == classicPreparing
	case classicPreparing:
		return from == classicStable || from == classicCompleting || from == classicEmpty
	case classicStable:
		return from == classicCompleting
	case classicDead:
		return true
	}
	return false
}
