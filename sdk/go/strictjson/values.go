package strictjson

import (
	"strconv"
	"strings"
)

// Kind is what kind of value stands somewhere, by its first byte.
type Kind int

// The kinds of values; KindOther is where no value starts.
const (
	KindOther Kind = iota
	KindObject
	KindArray
	KindString
	KindNumber
	KindBoolean
	KindNull
)

// Kind returns the kind of the value that stands here, for a field that may hold more than one kind. Once something was
// refused it is KindOther.
func (r *Reader) Kind() Kind {
	if r.err != nil {
		return KindOther
	}
	switch char := r.peek(); {
	case char == '{':
		return KindObject
	case char == '[':
		return KindArray
	case char == '"':
		return KindString
	case char == '-' || '0' <= char && char <= '9':
		return KindNumber
	case char == 't' || char == 'f':
		return KindBoolean
	case char == 'n':
		return KindNull
	}
	return KindOther
}

// Boolean reads true or false.
func (r *Reader) Boolean() bool {
	if r.err != nil {
		return false
	}
	r.blank()
	for _, word := range []string{"true", "false"} {
		rest, here := strings.CutPrefix(r.text[r.at:], word)
		if here && (rest == "" || !isAlphanumeric(rest[0])) {
			r.at += len(word)
			return word == "true"
		}
	}
	r.unexpected("true or false")
	return false
}

// Integer reads a number that is an integer without sign, fraction and exponent, from least to most.
func (r *Reader) Integer(least, most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	r.blank()
	start := r.at
	expected := "an integer from " + strconv.FormatUint(least, 10) + " to " + strconv.FormatUint(most, 10)
	if r.Kind() != KindNumber {
		r.unexpected(expected)
		return 0
	}
	for r.at < len(r.text) && (isAlphanumeric(r.text[r.at]) || strings.IndexByte("+-.", r.text[r.at]) >= 0) {
		r.at++
	}
	text := r.text[start:r.at]
	if !isNumber(text) {
		r.at = start
		r.fail(start, "a number", quoted(text))
		return 0
	}
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil || value < least || value > most {
		if len(text) > mostQuoted {
			text = text[:mostQuoted] + "…"
		}
		r.fail(start, expected, text)
		return 0
	}
	return value
}

// isNumber tells whether this is a number (RFC 8259, section 6).
func isNumber(text string) bool {
	digits := func(text string) (string, string) {
		end := 0
		for end < len(text) && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		return text[:end], text[end:]
	}
	whole, rest := digits(strings.TrimPrefix(text, "-"))
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	if fraction, found := strings.CutPrefix(rest, "."); found {
		var part string
		if part, rest = digits(fraction); part == "" {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		exponent := rest[1:]
		if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
			exponent = exponent[1:]
		}
		var part string
		if part, rest = digits(exponent); part == "" {
			return false
		}
	}
	return rest == ""
}

// TextAs reads a string and makes something of it; expected says of what strings make can.
func TextAs[T any](r *Reader, expected string, make func(string) (T, bool)) T {
	r.blank()
	start := r.at
	text := r.Text()
	var made T
	if r.err == nil {
		var ok bool
		if made, ok = make(text); !ok {
			r.fail(start, expected, quoted(text))
		}
	}
	return made
}

// RefuseValue is what a filter says of the value that it has just read: what was expected, and what it got.
func (r *Reader) RefuseValue(expected, got string) {
	if r.err == nil {
		r.fail(r.at, expected, got)
	}
}
