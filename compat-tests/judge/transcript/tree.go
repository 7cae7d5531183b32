package transcript

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a node holds.
type Kind int

// The kinds of nodes.
const (
	Scalar Kind = iota // Value is its text, free of blanks outside quotes.
	Struct             // Children have names.
	Array              // Children have none.
)

// Node is a value of a message: a scalar, a struct or an array.
type Node struct {
	Name     string
	Kind     Kind
	Value    string
	Children []*Node
}

// lineWidth is the length up to which a struct or array stays on one line.
const lineWidth = 150

// child returns the child with the given name, nil where there is none.
func (n *Node) child(name string) *Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// String prints the tree; the result of [Parse] on it is the same tree.
func (n *Node) String() string {
	var b strings.Builder
	n.print(&b, 0)
	return b.String()
}

func (n *Node) print(b *strings.Builder, indent int) {
	if line, ok := n.line(lineWidth - indent); ok {
		b.WriteString(line)
		return
	}
	if n.Name != "" {
		b.WriteString(n.Name + ": ")
	}
	opening, closing := "{", "}"
	if n.Kind == Array {
		opening, closing = "[", "]"
	}
	b.WriteString(opening)
	margin := "\n" + strings.Repeat(" ", indent+1)
	column := lineWidth // Forces the first child onto a line of its own.
	for _, c := range n.Children {
		line, short := c.line(lineWidth - indent)
		// Scalars of a struct share lines; elements of an array and nested values begin one.
		if short && n.Kind == Struct && column+1+len(line) <= lineWidth {
			b.WriteByte(' ')
			column += 1 + len(line)
		} else {
			b.WriteString(margin)
			column = indent + 1 + len(line)
		}
		if short {
			b.WriteString(line)
			continue
		}
		c.print(b, indent+1)
		column = lineWidth
	}
	b.WriteString("\n" + strings.Repeat(" ", indent) + closing)
}

// line prints the tree on one line if it fits into width.
func (n *Node) line(width int) (string, bool) {
	var b strings.Builder
	if n.Name != "" {
		b.WriteString(n.Name + ": ")
	}
	if n.Kind == Scalar {
		b.WriteString(n.Value)
		return b.String(), true // A scalar can't be broken, however long.
	}
	opening, closing := "{", "}"
	if n.Kind == Array {
		opening, closing = "[", "]"
	}
	b.WriteString(opening)
	for i, c := range n.Children {
		text, ok := c.line(width)
		if !ok || b.Len()+len(text) > width {
			return "", false
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(text)
	}
	b.WriteString(closing)
	return b.String(), true
}

// identity names the field that identifies an element among the others of its array: names first, numbers then.
var identity = []string{"Name", "Topic", "TopicID", "Partition", "ApiKey", "NodeID", "ProducerID", "ReplicaID", "ResourceName", "Dir", "Offset", "BaseOffset", "Group", "MemberID"}

// unordered lists the arrays whose order says nothing: Kafka fills them from hash tables. They are compared, and
// printed, in the order of their elements' identity.
var unordered = map[string]bool{
	"Topics": true, "Partitions": true, "Configs": true, "ApiKeys": true, "SupportedFeatures": true, "FinalizedFeatures": true, "Brokers": true,
	"Resources": true, "ConfigResources": true, "ActiveProducers": true, "Dirs": true, "Nodes": true,
	"Groups": true, "Members": true, "TopicPartitions": true, "SubscribedTopics": true, "TransactionStates": true,
}

// elementName is what an element of an array is called in paths: the value of its identifying field, where that is unique
// and where the position says nothing.
func elementName(array *Node, i int) string {
	if array.Name == "ConfigSynonyms" {
		return strconv.Itoa(i) // All have the same name; the first is the one in force.
	}
	elements := array.Children
	for _, field := range identity {
		own := elements[i].child(field)
		if own == nil || own.Kind != Scalar {
			continue
		}
		if own.Value == "null" || own.Value == `""` {
			break
		}
		same := 0
		for _, e := range elements {
			if c := e.child(field); c != nil && c.Value == own.Value {
				same++
			}
		}
		if same == 1 {
			return strings.Trim(own.Value, `"`)
		}
		break
	}
	return strconv.Itoa(i)
}

// Sort orders the elements of every array whose order says nothing, after joining the entries of a topic: whether a
// broker gives its partitions in one entry or in several says nothing either.
func (n *Node) Sort() {
	if n.Name == "Topics" {
		n.joinTopics()
	}
	for _, c := range n.Children {
		c.Sort()
	}
	if n.Kind == Array && unordered[n.Name] {
		slices.SortStableFunc(n.Children, func(a, b *Node) int {
			for _, field := range identity {
				x, y := a.child(field), b.child(field)
				if x == nil || y == nil {
					continue
				}
				xn, xErr := strconv.ParseInt(x.Value, 10, 64)
				yn, yErr := strconv.ParseInt(y.Value, 10, 64)
				if xErr == nil && yErr == nil && xn != yn {
					return cmp.Compare(xn, yn)
				}
				if c := cmp.Compare(x.Value, y.Value); c != 0 {
					return c
				}
			}
			return cmp.Compare(a.String(), b.String())
		})
	}
}

// joinTopics moves the partitions of later entries of a topic to its first entry. Only entries that hold nothing but name or id and
// partitions can be joined.
func (n *Node) joinTopics() {
	first := map[string]*Node{}
	kept := n.Children[:0]
	for _, c := range n.Children {
		if len(c.Children) != 2 || c.Children[1].Name != "Partitions" || c.Children[1].Kind != Array {
			kept = append(kept, c)
			continue
		}
		key := c.Children[0].Value
		if f, ok := first[key]; ok {
			f.Children[1].Children = append(f.Children[1].Children, c.Children[1].Children...)
			continue
		}
		first[key] = c
		kept = append(kept, c)
	}
	n.Children = kept
}

// Line is one scalar of a tree with the path that leads to it.
type Line struct {
	Path  string
	Value string
}

// Flatten lists the scalars of the tree, and its empty arrays, in order.
func (n *Node) Flatten() []Line { return flatten(nil, "", n) }

func flatten(lines []Line, path string, n *Node) []Line {
	switch {
	case n.Kind == Scalar:
		return append(lines, Line{path, n.Value})
	case len(n.Children) == 0 && n.Kind == Array:
		return append(lines, Line{path, "[]"})
	case n.Kind == Array:
		for i, c := range n.Children {
			lines = flatten(lines, fmt.Sprintf("%s[%s]", path, elementName(n, i)), c)
		}
		return lines
	default:
		for _, c := range n.Children {
			sub := c.Name
			if path != "" {
				sub = path + "." + c.Name
			}
			lines = flatten(lines, sub, c)
		}
		return lines
	}
}
