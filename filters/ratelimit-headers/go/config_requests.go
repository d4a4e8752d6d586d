package main

import (
	"net/netip"
	"strings"

	"weir/sdk/strictjson"
)

// What is read from requests: the parts of a key, routes, who is exempt, and the small words that these are made of.

const (
	mostParts    = 8
	mostElements = 64
	// mostWord is how many bytes a header's name may have, or any other word that is compared to what a request holds.
	mostWord = 256
	// mostName is how many bytes the name of a policy, a state or a group may have.
	mostName = 64
	mostPath = 1024
)

func readKey(r *strictjson.Reader) (read []part) {
	for elements := r.Array(mostParts); elements.Next(); {
		read = append(read, readPart(r))
	}
	return read
}

func readPart(r *strictjson.Reader) (read part) {
	switch r.Kind() {
	case strictjson.KindString:
		switch r.Word("client", "consumer", "method", "path") {
		case "client":
			return part{kind: partClient, client: client{v4: 32, v6: 64}}
		case "consumer":
			return part{kind: partProperty, name: consumer}
		case "method":
			return part{kind: partMethod}
		}
		return part{kind: partPath}
	case strictjson.KindObject:
		fields := []string{"header", "query", "cookie", "paths", "methods", "client", "claim", "property"}
		readOneField(r, fields, func(field string) {
			switch field {
			case "header":
				read = part{kind: partHeader, name: readHeaderName(r)}
			case "query":
				read = part{kind: partQuery, name: readWord(r)}
			case "cookie":
				read = part{kind: partCookie, name: readWord(r)}
			case "paths":
				read = part{kind: partPaths, routes: readList(r, readRoute)}
			case "methods":
				read = part{kind: partMethods, methods: readMethods(r)}
			case "client":
				read = part{kind: partClient, client: readClient(r)}
			case "claim":
				read = part{kind: partProperty, name: claimOf + readWord(r)}
			case "property":
				read = part{kind: partProperty, name: strings.Join(readWords(r), "\x00")}
			}
		})
	default:
		r.RefuseValue("a string or an object", "something else")
	}
	return read
}

// readOneField reads an object that has one field.
func readOneField(r *strictjson.Reader, names []string, read func(field string)) {
	count := 0
	for fields := r.Object(names...); fields.Next(); count++ {
		read(fields.Field())
		if count > 0 {
			r.RefuseValue("one field", "a second")
		}
	}
	if count == 0 {
		r.RefuseValue("one field", "none")
	}
}

func readClient(r *strictjson.Reader) client {
	read := client{v4: 32, v6: 64}
	for fields := r.Object("v4", "v6", "groups"); fields.Next(); {
		switch fields.Field() {
		case "v4":
			read.v4 = int(r.Integer(0, 32))
		case "v6":
			read.v6 = int(r.Integer(0, 128))
		case "groups":
			read.groups = readList(r, readGroup)
		}
	}
	return read
}

func readGroup(r *strictjson.Reader) (read group) {
	for fields := r.Object("name", "networks"); fields.Next(); {
		if fields.Field() == "name" {
			read.name = readName(r)
		} else {
			read.networks = readNetworks(r)
		}
	}
	if read.name == "" {
		r.Refuse("name", "a string", "nothing")
	}
	if read.networks == nil {
		r.Refuse("networks", "an array", "nothing")
	}
	return read
}

func readRoute(r *strictjson.Reader) (read route) {
	readOneField(r, []string{exact, prefixed, template}, func(field string) {
		var text string
		if field == template {
			expected := `a template such as "/users/{id}/*", at the end of which "**" stands for the rest`
			read.segments = strictjson.TextAs(r, expected, func(written string) ([]segment, bool) {
				text = written
				segments, ok := readTemplate(written)
				return segments, ok && isPath(written)
			})
		} else {
			text = r.StringWhere(`a path, which begins with "/"`, isPath)
		}
		read.kind, read.path, read.text = field, text, field+" "+text
	})
	return read
}

// isPath tells whether this is a path such as a request can have once query and fragment are away.
func isPath(path string) bool {
	for i := 0; i < len(path); i++ {
		if path[i] <= ' ' || path[i] > '~' || path[i] == '?' || path[i] == '#' {
			return false
		}
	}
	return strings.HasPrefix(path, "/") && len(path) <= mostPath
}

func readExempt(r *strictjson.Reader) (read exempt) {
	for fields := r.Object("clients", "consumers", "methods", "paths", "headers"); fields.Next(); {
		switch fields.Field() {
		case "clients":
			read.clients = readNetworks(r)
		case "consumers":
			read.consumers = readWords(r)
		case "methods":
			read.methods = readMethods(r)
		case "paths":
			read.paths = readList(r, readRoute)
		case "headers":
			read.headers = readList(r, readExemptHeader)
		}
	}
	return read
}

func readExemptHeader(r *strictjson.Reader) (read exemptHeader) {
	for fields := r.Object("name", "values"); fields.Next(); {
		if fields.Field() == "name" {
			read.name = readHeaderName(r)
		} else {
			read.values = readWords(r)
		}
	}
	if read.name == "" {
		r.Refuse("name", "a string", "nothing")
	}
	if read.values == nil {
		r.Refuse("values", "an array", "nothing")
	}
	return read
}

// readName reads the name of a policy, a state or a group: it becomes part of keys of shared data and of metrics.
func readName(r *strictjson.Reader) string {
	return r.StringWhere(`a name: 1 to 64 letters, digits, "_" or "-"`, func(name string) bool {
		for i := 0; i < len(name); i++ {
			if !isAlpha(name[i]) && !isDigit(name[i]) && name[i] != '_' && name[i] != '-' {
				return false
			}
		}
		return 1 <= len(name) && len(name) <= mostName
	})
}

// readHeaderName reads the name of a header, in lower case.
func readHeaderName(r *strictjson.Reader) string {
	return strings.ToLower(r.StringWhere("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", isHTTPToken))
}

// readWord reads a word of any characters.
func readWord(r *strictjson.Reader) string {
	return r.StringWhere("1 to 256 bytes", isWord)
}

func isWord(word string) bool {
	return 1 <= len(word) && len(word) <= mostWord
}

func readWords(r *strictjson.Reader) []string {
	return readList(r, readWord)
}

func readMethods(r *strictjson.Reader) []string {
	return readList(r, func(r *strictjson.Reader) string {
		return r.StringWhere(`a method, such as "GET"`, isHTTPToken)
	})
}

func readNetworks(r *strictjson.Reader) []netip.Prefix {
	return readList(r, func(r *strictjson.Reader) netip.Prefix {
		expected := `a network such as "10.0.0.0/8", with no bit set behind its prefix, or an address`
		return strictjson.TextAs(r, expected, parseNetwork)
	})
}

// readList reads a list of at least one element.
func readList[T any](r *strictjson.Reader, element func(*strictjson.Reader) T) (read []T) {
	for elements := r.Array(mostElements); elements.Next(); {
		read = append(read, element(r))
	}
	if len(read) == 0 {
		r.RefuseValue("at least one element", "none")
	}
	return read
}

// isHTTPToken tells whether this is a token (RFC 9110, section 5.6.2).
func isHTTPToken(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == ':' || text[i] == '/' || !isToken(text[i]) {
			return false
		}
	}
	return isWord(text)
}
