package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// property is one line of a properties file.
type property struct {
	name, value string
	line        int // where it begins, from 1
}

var errMalformedUnicode = errors.New(`malformed \uxxxx`)

// parseProperties reads the format of java.util.Properties.load: "name=value",
// "name: value" or "name value"; # and ! begin comments; a backslash at the end of a
// line continues it; \t \n \r \f \uxxxx are characters and any other escaped
// character is itself. Unlike Java the text is UTF-8.
//
// The codec module that goes with viper is not used: it replaces ${…} by environment
// variables, which changes passwords, ends the process on an unclosed one, and breaks
// continued lines in files with CRLF.
func parseProperties(text string) ([]property, error) {
	var all []property
	lines := naturalLines(strings.TrimPrefix(text, "\ufeff"))
	for i := 0; i < len(lines); i++ {
		logical := strings.TrimLeft(lines[i], " \t\f")
		if logical == "" || logical[0] == '#' || logical[0] == '!' {
			continue
		}
		p := property{line: i + 1}
		for continues(logical) {
			logical = logical[:len(logical)-1]
			if i++; i == len(lines) {
				break
			}
			logical += strings.TrimLeft(lines[i], " \t\f")
		}
		name, value := splitProperty(logical)
		var err error
		if p.name, err = unescape(name); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
		if p.value, err = unescape(value); err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
		all = append(all, p)
	}
	return all, nil
}

// naturalLines splits at LF, CR and CRLF.
func naturalLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
}

// continues reports whether a line ends in a backslash that isn't itself escaped.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty cuts at the first separator that isn't escaped: blanks, and among
// them at most one = or :.
func splitProperty(line string) (name, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return line[:end], rest
}

// unescape resolves backslashes. One at the end of the text, which only the end of the
// file can leave there, is dropped.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break
		}
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if len(s) < i+5 {
				return "", errMalformedUnicode
			}
			code, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
			if err != nil {
				return "", errMalformedUnicode
			}
			b.WriteRune(rune(code))
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}
