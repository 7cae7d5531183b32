package format

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxPropertyLines bounds meta.properties, which has four properties and two comments.
const maxPropertyLines = 1000

// appendProperty appends a line of a Java properties file. Keys are ours and need no escapes.
func appendProperty(dst []byte, key, value string) []byte {
	dst = append(append(dst, key...), '=')
	for i, r := range value {
		switch {
		case r == ' ' && i > 0:
			dst = append(dst, ' ')
		case strings.ContainsRune(` \:=#!`, r):
			dst = append(dst, '\\', byte(r))
		case r >= ' ' && r <= '~':
			dst = append(dst, byte(r))
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				dst = fmt.Appendf(dst, `\u%04X`, unit)
			}
		}
	}
	return append(dst, '\n')
}

// parseProperties reads a Java properties file, as java.util.Properties does: comments begin
// with # or !, a backslash escapes and continues lines, the key ends at =, : or white space. Error:
// [ErrMalformedMetadata]. The library that reads server.properties isn't used, because it expands
// ${} in values, and a cluster ID isn't a template.
func parseProperties(p []byte) (map[string]string, error) {
	if !utf8.Valid(p) {
		return nil, fmt.Errorf("%w: properties aren't UTF-8", ErrMalformedMetadata)
	}
	properties := map[string]string{}
	rest := string(p)
	for line := 1; rest != ""; line++ {
		if line > maxPropertyLines {
			return nil, fmt.Errorf("%w: more than %d properties", ErrMalformedMetadata, maxPropertyLines)
		}
		var logical string
		logical, rest = logicalLine(rest)
		if logical == "" || logical[0] == '#' || logical[0] == '!' {
			continue
		}
		key, value := splitProperty(logical)
		unescapedKey, err := unescape(key)
		if err != nil {
			return nil, err
		}
		if properties[unescapedKey], err = unescape(value); err != nil {
			return nil, err
		}
	}
	return properties, nil
}

const propertySpace = " \t\f"

// logicalLine takes one line with its continuations, without leading white space. Comments have no
// continuations.
func logicalLine(text string) (line, rest string) {
	var whole strings.Builder
	for {
		end := strings.IndexAny(text, "\r\n")
		piece := text
		if end < 0 {
			text = ""
		} else {
			piece, text = text[:end], strings.TrimPrefix(text[end:], "\r")
			text = strings.TrimPrefix(text, "\n")
		}
		piece = strings.TrimLeft(piece, propertySpace)
		comment := whole.Len() == 0 && piece != "" && (piece[0] == '#' || piece[0] == '!')
		bare := strings.TrimRight(piece, `\`)
		if comment || (len(piece)-len(bare))%2 == 0 || text == "" {
			whole.WriteString(piece)
			return whole.String(), text
		}
		whole.WriteString(piece[:len(piece)-1])
	}
}

// splitProperty cuts at the first separator that isn't escaped.
func splitProperty(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte(propertySpace+"=:", line[i]) >= 0 {
			end = i
			break
		}
	}
	key, value = line[:end], strings.TrimLeft(line[end:], propertySpace)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], propertySpace)
	}
	return key, value
}

func unescape(text string) (string, error) {
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	var plain []rune
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if r != '\\' {
			plain = append(plain, r)
			continue
		}
		if i == len(text) {
			break // A backslash at the end of the file escapes nothing.
		}
		r, size = utf8.DecodeRuneInString(text[i:])
		i += size
		switch r {
		case 't':
			r = '\t'
		case 'n':
			r = '\n'
		case 'r':
			r = '\r'
		case 'f':
			r = '\f'
		case 'u':
			unit, err := strconv.ParseUint(text[i:min(i+4, len(text))], 16, 16)
			if err != nil || i+4 > len(text) {
				return "", fmt.Errorf("%w: escape in %q", ErrMalformedMetadata, clip([]byte(text)))
			}
			i += 4
			r = rune(unit)
			// The second half of a surrogate pair joins the first.
			if last := len(plain) - 1; last >= 0 && utf16.IsSurrogate(r) {
				if joined := utf16.DecodeRune(plain[last], r); joined != utf8.RuneError {
					plain, r = plain[:last], joined
				}
			}
		}
		plain = append(plain, r)
	}
	return string(plain), nil
}
