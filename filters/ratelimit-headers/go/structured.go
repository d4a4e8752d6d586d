package main

import (
	"strconv"
	"strings"
)

// member is one member of a List of Structured Fields (RFC 9651) whose members are named by a String or a Token.
type member struct {
	// text is the member as it stands there.
	text string
	// name has neither quotes nor escapes.
	name       string
	parameters map[string]string
}

// integer returns the value of a parameter, where it is an integer that is not negative.
func (m member) integer(name string) (uint64, bool) {
	number, err := strconv.ParseUint(m.parameters[name], 10, 64)
	return number, err == nil
}

// members returns the members of a list; false where it is no list of members with names.
func members(list string) ([]member, bool) {
	var found []member
	rest := spaces(list)
	for rest != "" {
		member, after, ok := nextMember(rest)
		if !ok {
			return nil, false
		}
		found = append(found, member)
		rest = spaces(after)
		if after, comma := strings.CutPrefix(rest, ","); comma {
			if rest = spaces(after); rest == "" {
				return nil, false
			}
		} else if rest != "" {
			return nil, false
		}
	}
	return found, true
}

func nextMember(text string) (m member, rest string, ok bool) {
	switch first := text[0]; {
	case first == '"':
		m.name, rest, ok = quotedString(text)
	case isAlpha(first) || first == '*':
		m.name, rest = run(text, isToken)
		ok = true
	}
	if !ok {
		return m, "", false
	}
	m.parameters = map[string]string{}
	for strings.HasPrefix(rest, ";") {
		key, after := run(spaces(rest[1:]), isKeyChar)
		value := "?1"
		if inner, assigned := strings.CutPrefix(after, "="); assigned {
			if strings.HasPrefix(inner, `"`) {
				_, after, ok = quotedString(inner)
				value = inner[:len(inner)-len(after)]
			} else {
				value, after = run(inner, isItem)
			}
		}
		if !ok || key == "" || value == "" {
			return m, "", false
		}
		m.parameters[key] = value
		rest = after
	}
	m.text = text[:len(text)-len(rest)]
	return m, rest, true
}

// quotedString reads a String from its opening quote on, and returns what follows.
func quotedString(text string) (content, rest string, ok bool) {
	var plain strings.Builder
	for i := 1; i < len(text); i++ {
		switch char := text[i]; {
		case char == '"':
			return plain.String(), text[i+1:], true
		case char == '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", "", false
			}
			plain.WriteByte(text[i])
		case char < ' ' || char > '~':
			return "", "", false
		default:
			plain.WriteByte(char)
		}
	}
	return "", "", false
}

func spaces(text string) string {
	return strings.TrimLeft(text, " \t")
}

func run(text string, belongs func(byte) bool) (part, rest string) {
	end := 0
	for end < len(text) && belongs(text[end]) {
		end++
	}
	return text[:end], text[end:]
}

func isAlpha(char byte) bool {
	return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z'
}

func isDigit(char byte) bool {
	return '0' <= char && char <= '9'
}

func isKeyChar(char byte) bool {
	return 'a' <= char && char <= 'z' || isDigit(char) || strings.IndexByte("_-.*", char) >= 0
}

func isToken(char byte) bool {
	return isAlpha(char) || isDigit(char) || strings.IndexByte("!#$%&'*+-.^_`|~:/", char) >= 0
}

// isItem tells whether an item other than a String may be made of it: tokens, numbers, truths, dates, and byte sequences.
func isItem(char byte) bool {
	return isToken(char) || strings.IndexByte("?@=", char) >= 0
}
