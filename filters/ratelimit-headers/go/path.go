package main

import (
	"strconv"
	"strings"
)

// route is a pattern of paths as the configuration has it, and what it means.
type route struct {
	// text tells it from every other route.
	text string
	kind string
	// path is the one of an exact route or of a prefix.
	path string
	// segments are those of a template: literals, and the marks below.
	segments []segment
}

// segment is what a segment of a template stands for.
type segment struct {
	// kind is a literal's "", or one of captured, anything and theRest.
	kind string
	text string
}

const (
	exact    = "exact"
	prefixed = "prefix"
	template = "template"

	// captured is {name}: any text that is not empty, which is part of the key.
	captured = "{}"
	// anything is *: any text that is not empty, which is not.
	anything = "*"
	// theRest is **, at the end: the rest, whatever it is.
	theRest = "**"
)

// readTemplate reads a template such as /users/{id}/posts. It is none where it does not begin with a slash, or a segment is
// no literal without braces and stars, no {name}, no *, and no ** at the end.
func readTemplate(text string) ([]segment, bool) {
	rest, found := strings.CutPrefix(text, "/")
	if !found {
		return nil, false
	}
	var segments []segment
	for _, part := range strings.Split(rest, "/") {
		if len(segments) > 0 && segments[len(segments)-1].kind == theRest {
			return nil, false
		}
		inner, opens := strings.CutPrefix(part, "{")
		name, closes := strings.CutSuffix(inner, "}")
		switch {
		case part == anything || part == theRest:
			segments = append(segments, segment{kind: part})
		case opens && closes && name != "" && !strings.ContainsAny(name, "{}*"):
			segments = append(segments, segment{kind: captured})
		case !(opens && closes) && !strings.ContainsAny(part, "{}*"):
			segments = append(segments, segment{text: part})
		default:
			return nil, false
		}
	}
	return segments, true
}

// captures returns what a path has in the places of {name}, in their order, where it is one of this pattern.
func (r route) captures(path string) (texts []string, fits bool) {
	switch r.kind {
	case exact:
		return nil, path == r.path
	case prefixed:
		below, found := strings.CutPrefix(path, r.path)
		return nil, found && (below == "" || strings.HasSuffix(r.path, "/") || strings.HasPrefix(below, "/"))
	}
	rest, found := strings.CutPrefix(path, "/")
	if !found {
		return nil, false
	}
	parts := strings.Split(rest, "/")
	for i, segment := range r.segments {
		if segment.kind == theRest {
			return texts, true
		}
		if i == len(parts) || segment.kind == "" && parts[i] != segment.text || segment.kind != "" && parts[i] == "" {
			return nil, false
		}
		if segment.kind == captured {
			texts = append(texts, parts[i])
		}
	}
	return texts, len(parts) == len(r.segments)
}

// normalPath returns the path of a request target, without query and fragment, and with characters that need no escape (RFC
// 3986, section 2.3) unescaped: they mean the same, and would be a way around a limit.
func normalPath(target string) string {
	if end := strings.IndexAny(target, "?#"); end >= 0 {
		target = target[:end]
	}
	return unescaped(target, func(char byte) bool {
		return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9' ||
			strings.IndexByte("-._~", char) >= 0
	})
}

// unescaped returns a text with %XX replaced by the character that it stands for, where that is wanted.
func unescaped(text string, wanted func(byte) bool) string {
	if strings.IndexByte(text, '%') < 0 {
		return text
	}
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if char, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil && wanted(byte(char)) {
				plain.WriteByte(byte(char))
				i += 2
				continue
			}
		}
		plain.WriteByte(text[i])
	}
	return plain.String()
}

// formText unescapes a text of a form (application/x-www-form-urlencoded), in which a plus is a space.
func formText(text string) string {
	return unescaped(strings.ReplaceAll(text, "+", " "), func(byte) bool { return true })
}

// queryIn returns the value of the first parameter of this name in the query of a request target, unescaped.
func queryIn(target, name string) (string, bool) {
	_, query, found := strings.Cut(target, "?")
	if !found {
		return "", false
	}
	query, _, _ = strings.Cut(query, "#")
	for _, pair := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if formText(key) == name {
			return formText(value), true
		}
	}
	return "", false
}

// cookieIn returns the value of the first cookie of this name in a header's value (RFC 6265, section 4.2).
func cookieIn(value, name string) (string, bool) {
	const blank = " \t\r\n\f"
	for _, pair := range strings.Split(value, ";") {
		key, text, found := strings.Cut(pair, "=")
		if found && strings.Trim(key, blank) == name {
			return strings.Trim(text, blank), true
		}
	}
	return "", false
}
