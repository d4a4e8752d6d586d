// Package strictjson reads configurations in JSON (RFC 8259), with errors that name the field.
//
// A filter says what it expects and gets it, or an error such as
// `request[0].op: expected one of "set", "remove", got "sett" (line 3, column 12)`. Nothing is read that was not asked
// for, and a field that is unknown or stands twice is refused. Every language of this workspace reads configurations
// like this, and says the same words.
package strictjson

import (
	"strconv"
	"strings"
)

// mostQuoted is how many bytes of what a person typed an error shows.
const mostQuoted = 40

// Reader is a position in a JSON text, and the path of the field that stands there. The first error stops it: from then
// on everything reads as nothing, and End returns the error.
type Reader struct {
	text string
	at   int
	path string
	err  error
}

// New starts at the beginning of text.
func New(text string) *Reader {
	return &Reader{text: text}
}

// Object is an object that is being read.
type Object struct {
	reader *Reader
	fields []string
	above  string
	seen   uint32
	first  bool
	index  int
}

// Object starts to read an object whose fields may have these names, at most 32:
//
//	for fields := reader.Object("name", "value"); fields.Next(); {
//		switch fields.Field() { … }
//	}
func (r *Reader) Object(fields ...string) *Object {
	r.open('{', "an object")
	return &Object{reader: r, fields: fields, above: r.path, first: true}
}

// Next tells whether another field follows, whose value must then be read.
func (o *Object) Next() bool {
	r := o.reader
	if r.err != nil {
		return false
	}
	r.path = o.above
	if !r.more('}', o.first, `"," or "}"`) {
		return false
	}
	o.first = false
	start := r.at
	if r.peek() != '"' {
		r.unexpected("the name of a field")
		return false
	}
	name := r.Text()
	if r.err != nil {
		return false
	}
	r.enter(name)
	o.index = indexOf(o.fields, name)
	if o.index < 0 {
		r.fail(start, oneOf(o.fields), "an unknown field")
		return false
	}
	bit := uint32(1) << o.index
	if o.seen&bit != 0 {
		r.fail(start, "one field of this name", "a second")
		return false
	}
	o.seen |= bit
	if r.peek() != ':' {
		r.unexpected(`":"`)
		return false
	}
	r.at++
	return true
}

// Field returns the name of the field whose value must be read.
func (o *Object) Field() string {
	return o.fields[o.index]
}

// Array is an array that is being read.
type Array struct {
	reader *Reader
	most   int
	above  string
	next   int
}

// Array starts to read an array of at most this many elements:
//
//	for elements := reader.Array(64); elements.Next(); {
//		list = append(list, reader.Text())
//	}
func (r *Reader) Array(most int) *Array {
	r.open('[', "an array")
	return &Array{reader: r, most: most, above: r.path}
}

// Next tells whether another element follows, which must then be read.
func (a *Array) Next() bool {
	r := a.reader
	if r.err != nil {
		return false
	}
	r.path = a.above
	if !r.more(']', a.next == 0, `"," or "]"`) {
		return false
	}
	if a.next == a.most {
		r.fail(r.at, "at most "+strconv.Itoa(a.most)+" elements", "more")
		return false
	}
	r.path += "[" + strconv.Itoa(a.next) + "]"
	a.next++
	return true
}

// Word reads a string that must be one of these words, and says which.
func (r *Reader) Word(words ...string) string {
	r.blank()
	start := r.at
	word := r.Text()
	if r.err == nil && indexOf(words, word) < 0 {
		r.fail(start, oneOf(words), quoted(word))
	}
	return word
}

// StringWhere reads a string that isValid accepts; expected says which those are.
func (r *Reader) StringWhere(expected string, isValid func(string) bool) string {
	r.blank()
	start := r.at
	text := r.Text()
	if r.err == nil && !isValid(text) {
		r.fail(start, expected, quoted(text))
	}
	return text
}

// End makes sure that nothing but white space is left, and returns the first error.
func (r *Reader) End() error {
	if r.err == nil && r.peek() >= 0 {
		r.unexpected("the end of the text")
	}
	return r.err
}

// Refuse is what a filter says of a field of the object that it has just read: what was expected, and what it got.
func (r *Reader) Refuse(field, expected, got string) {
	if r.err == nil {
		r.enter(field)
		r.fail(r.at, expected, got)
	}
}

// Failed tells whether something was refused.
func (r *Reader) Failed() bool {
	return r.err != nil
}

func (r *Reader) enter(field string) {
	if r.path != "" {
		r.path += "."
	}
	// A name that is a field of the filter's is shown as it is; one that a person mistyped may hold anything.
	plain := len(field) <= mostQuoted
	for i := 0; i < len(field); i++ {
		plain = plain && (isAlphanumeric(field[i]) || field[i] == '_' || field[i] == '-')
	}
	if plain {
		r.path += field
	} else {
		r.path += quoted(field)
	}
}

func (r *Reader) open(char int, expected string) {
	if r.err != nil {
		return
	}
	if r.peek() != char {
		r.unexpected(expected)
		return
	}
	r.at++
}

// more tells whether another element of an array or object follows; it steps over the comma before it, or over end.
func (r *Reader) more(end int, first bool, expected string) bool {
	switch next := r.peek(); {
	case next == end:
		r.at++
		return false
	case first:
		return true
	case next == ',':
		r.at++
		// A comma promises an element: a bracket after it is left for the element's reader to refuse.
		r.blank()
		return true
	}
	r.unexpected(expected)
	return false
}

// peek returns the next byte that is not white space, which stays to be read, or -1 at the end.
func (r *Reader) peek() int {
	r.blank()
	if r.at == len(r.text) {
		return -1
	}
	return int(r.text[r.at])
}

func (r *Reader) blank() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
	}
}
