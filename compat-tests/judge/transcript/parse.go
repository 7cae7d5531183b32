package transcript

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSyntax says that a text is no printed tree.
var ErrSyntax = errors.New("malformed transcript")

// Parse reads what [Node.String] printed.
func Parse(text string) (*Node, error) {
	p := parser{text: text}
	n, err := p.value("")
	if err != nil {
		return nil, err
	}
	p.blanks()
	if p.at < len(p.text) {
		return nil, fmt.Errorf("%w: trailing %.40q", ErrSyntax, p.text[p.at:])
	}
	return n, nil
}

type parser struct {
	text string
	at   int
}

func (p *parser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \n\t", p.text[p.at]) >= 0 {
		p.at++
	}
}

// value reads a scalar, struct or array.
func (p *parser) value(name string) (*Node, error) {
	p.blanks()
	if p.at == len(p.text) {
		return nil, fmt.Errorf("%w: unexpected end", ErrSyntax)
	}
	switch p.text[p.at] {
	case '{':
		return p.children(&Node{Name: name, Kind: Struct}, '}')
	case '[':
		return p.children(&Node{Name: name, Kind: Array}, ']')
	default:
		token, err := p.scalar()
		return &Node{Name: name, Value: token}, err
	}
}

func (p *parser) children(n *Node, closing byte) (*Node, error) {
	p.at++
	for {
		p.blanks()
		if p.at == len(p.text) {
			return nil, fmt.Errorf("%w: unclosed %q", ErrSyntax, n.Name)
		}
		if p.text[p.at] == closing {
			p.at++
			return n, nil
		}
		name := ""
		if n.Kind == Struct {
			colon := strings.IndexByte(p.text[p.at:], ':')
			if colon <= 0 {
				return nil, fmt.Errorf("%w: field without name at %.40q", ErrSyntax, p.text[p.at:])
			}
			name = p.text[p.at : p.at+colon]
			p.at += colon + 1
		}
		c, err := p.value(name)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, c)
	}
}

// scalar reads a quoted string or a token up to a blank or a closing bracket.
func (p *parser) scalar() (string, error) {
	rest := p.text[p.at:]
	if rest[0] == '"' {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return "", fmt.Errorf("%w: %w: %.40q", ErrSyntax, err, rest)
		}
		p.at += len(quoted)
		return quoted, nil
	}
	end := strings.IndexAny(rest, " \n\t}]")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return "", fmt.Errorf("%w: empty value at %.40q", ErrSyntax, rest)
	}
	p.at += end
	return rest[:end], nil
}
