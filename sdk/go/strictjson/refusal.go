package strictjson

import (
	"strconv"
	"strings"
)

// Refusal is why a text was refused: the path of the field, what was expected, what stood there, and where. One line.
type Refusal string

func (r Refusal) Error() string {
	return string(r)
}

// unexpected is the error of finding what stands here instead of what was expected.
func (r *Reader) unexpected(expected string) {
	r.fail(r.at, expected, r.found())
}

func (r *Reader) found() string {
	if r.at == len(r.text) {
		return "the end of the text"
	}
	switch char := r.text[r.at]; {
	case char == '{':
		return "an object"
	case char == '[':
		return "an array"
	case char == '"':
		return "a string"
	case char == '-' || '0' <= char && char <= '9':
		return "a number"
	}
	end := r.at + 1
	for end < len(r.text) && isAlphanumeric(r.text[r.at]) && isAlphanumeric(r.text[end]) {
		end++
	}
	return quoted(r.text[r.at:end])
}

func (r *Reader) fail(at int, expected, got string) {
	before := r.text[:at]
	line := strings.Count(before, "\n") + 1
	column := at - strings.LastIndexByte(before, '\n')
	path := r.path
	if path == "" {
		path = "configuration"
	}
	r.err = Refusal(path + ": expected " + expected + ", got " + got +
		" (line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ")")
}

func oneOf(words []string) string {
	text := "one of "
	for i, word := range words {
		if i > 0 {
			text += ", "
		}
		text += quoted(word)
	}
	return text
}

// quoted puts text in double quotes so that it stays on one line and within reason.
func quoted(text string) string {
	more := ""
	if len(text) > mostQuoted {
		text, more = text[:mostQuoted], "…"
	}
	shown := []byte(text)
	for i, char := range shown {
		if char < ' ' || char > '~' {
			shown[i] = '?'
		}
	}
	return `"` + string(shown) + more + `"`
}

func indexOf(words []string, text string) int {
	for i, word := range words {
		if word == text {
			return i
		}
	}
	return -1
}

func isAlphanumeric(char byte) bool {
	return '0' <= char && char <= '9' || 'A' <= char && char <= 'Z' || 'a' <= char && char <= 'z'
}
