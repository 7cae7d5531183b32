package groups

import (
	"fmt"
	"strconv"
	"strings"
)

// EventKind says what a member reports.
type EventKind int

// The kinds of events. Only Record is needed of every client.
const (
	Other     EventKind = iota // A line that means nothing to the scenarios; it is kept for the log of a failure.
	Assigned                   // The member's whole assignment, after each change.
	Record                     // A record was handed to the application.
	Committed                  // The broker acknowledged a commit of this member.
	Fenced                     // Another member took this one's place; it ends.
)

// Event is one line of a member.
type Event struct {
	Kind       EventKind
	Partition  Partition
	Offset     int64       // Of Record: its offset. Of Committed: the next offset to read.
	Value      string      // Of Record.
	Partitions []Partition // Of Assigned.
}

// Partition names a partition of a topic.
type Partition struct {
	Topic string
	ID    int32
}

func (p Partition) String() string { return p.Topic + "/" + strconv.Itoa(int(p.ID)) }

// ParseEvent reads a line of the protocol that members speak where they are programs of ours:
//
//	assigned TOPIC/PARTITION ...       the whole assignment as it is now, possibly none
//	record TOPIC/PARTITION OFFSET VALUE
//	committed TOPIC/PARTITION OFFSET   acknowledged by the broker; OFFSET is the next one to read
//	fenced                             another member has this one's instance id
//
// Words are separated by one blank; topics and values contain none.
func ParseEvent(line string) Event {
	words := strings.Split(line, " ")
	switch {
	case words[0] == "assigned":
		e := Event{Kind: Assigned}
		for _, word := range words[1:] {
			if p, err := parsePartition(word); err == nil {
				e.Partitions = append(e.Partitions, p)
			}
		}
		return e
	case words[0] == "record" && len(words) == 4, words[0] == "committed" && len(words) == 3:
		p, err := parsePartition(words[1])
		if err != nil {
			return Event{}
		}
		offset, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return Event{}
		}
		if words[0] == "committed" {
			return Event{Kind: Committed, Partition: p, Offset: offset}
		}
		return Event{Kind: Record, Partition: p, Offset: offset, Value: words[3]}
	case line == "fenced":
		return Event{Kind: Fenced}
	}
	return Event{}
}

func parsePartition(word string) (Partition, error) {
	topic, id, ok := strings.Cut(word, "/")
	if !ok {
		return Partition{}, fmt.Errorf("%w: %q", ErrNoPartition, word)
	}
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil {
		return Partition{}, fmt.Errorf("%w: %q: %w", ErrNoPartition, word, err)
	}
	return Partition{Topic: topic, ID: int32(n)}, nil
}
