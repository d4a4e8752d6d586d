package main

import (
	"strings"

	"weir/sdk/strictjson"
)

const (
	// mostOperations is how many operations each of the two lists may hold: every one is a call to the host in every
	// request.
	mostOperations = 64
	// mostName is how many bytes a header's name may have.
	mostName = 256
	// mostValue is how many bytes a header's value may have. Envoy refuses messages with more than 60 KiB of headers by
	// default.
	mostValue = 8192
)

// proxysOwn are headers that say how a message is framed and what becomes of its connection (RFC 9110, section 7.6.1):
// the proxy writes them, and a message in which they say something else can be taken for another one.
var proxysOwn = []string{
	"connection", "content-length", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade",
}

// config is what to do to the headers of every request and of its response.
type config struct {
	// request is carried out in order on the request before it goes upstream.
	request []operation
	// response is carried out in order on the response before it goes downstream.
	response []operation
}

// readConfig reads the configuration's JSON; no bytes at all mean the response header `hello: world`. An error names the
// field, what was expected there and what stood there instead: see config.schema.json.
func readConfig(text string) (config, error) {
	if text == "" {
		return config{response: []operation{{op: set, name: "hello", value: "world"}}}, nil
	}
	var read config
	reader := strictjson.New(text)
	for fields := reader.Object("request", "response"); fields.Next(); {
		if fields.Field() == "request" {
			read.request = readOperations(reader)
		} else {
			read.response = readOperations(reader)
		}
	}
	return read, reader.End()
}

func readOperations(reader *strictjson.Reader) []operation {
	var list []operation
	for elements := reader.Array(mostOperations); elements.Next(); {
		list = append(list, readOperation(reader))
	}
	return list
}

func readOperation(reader *strictjson.Reader) operation {
	var read operation
	hasValue := false
	for fields := reader.Object("op", "name", "value"); fields.Next(); {
		switch fields.Field() {
		case "op":
			read.op = reader.Word(ops...)
		case "name":
			read.name = reader.StringWhere("a header name: 1 to 256 letters, digits or !#$%&'*+-.^_`|~", isName)
		case "value":
			read.value = reader.StringWhere("at most 8192 bytes without CR, LF and NUL", isValue)
			hasValue = true
		}
	}
	switch {
	case read.op == "":
		reader.Refuse("op", "a string", "nothing")
	case read.name == "":
		reader.Refuse("name", "a string", "nothing")
	case isProxysOwn(read.name):
		reader.Refuse("name", "no header of framing or connection, which are the proxy's own", read.name)
	case read.op == remove && hasValue:
		reader.Refuse("value", `nothing, because "remove" takes no value`, "a string")
	case read.op != remove && !hasValue:
		reader.Refuse("value", "a string", "nothing")
	}
	return read
}

// isName tells whether this is a token (RFC 9110, section 5.6.2), which a pseudo-header such as `:path` is not.
func isName(name string) bool {
	for i := 0; i < len(name); i++ {
		char := name[i]
		isAlphanumeric := '0' <= char && char <= '9' || 'A' <= char && char <= 'Z' || 'a' <= char && char <= 'z'
		if !isAlphanumeric && strings.IndexByte("!#$%&'*+-.^_`|~", char) < 0 {
			return false
		}
	}
	return 1 <= len(name) && len(name) <= mostName
}

func isProxysOwn(name string) bool {
	for _, own := range proxysOwn {
		if len(own) != len(name) {
			continue
		}
		// In a token this bit makes a letter small and makes a letter of nothing else.
		same := true
		for i := range len(own) {
			same = same && own[i] == name[i]|0x20
		}
		if same {
			return true
		}
	}
	return false
}

// isValue tells whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
func isValue(value string) bool {
	return len(value) <= mostValue && !strings.ContainsAny(value, "\r\n\x00")
}
