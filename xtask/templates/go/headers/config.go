package main

import (
	"strings"

	"weir/sdk/strictjson"
)

// mostValue is how many bytes the header's value may have.
const mostValue = 256

// config is what the filter does.
type config struct {
	// value is the value of the header.
	value string
}

// readConfig reads the configuration's JSON; no bytes at all mean the default. An error names the field, what was expected
// there and what stood there instead: see config.schema.json.
func readConfig(text string) (config, error) {
	read := config{value: "hello"}
	if text == "" {
		return read, nil
	}
	reader := strictjson.New(text)
	for fields := reader.Object("value"); fields.Next(); {
		read.value = reader.StringWhere("at most 256 bytes without CR, LF and NUL", isValue)
	}
	return read, reader.End()
}

// isValue tells whether these bytes can stand in a header without ending it (RFC 9110, section 5.5).
func isValue(value string) bool {
	return len(value) <= mostValue && !strings.ContainsAny(value, "\r\n\x00")
}
