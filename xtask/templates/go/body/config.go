package main

import (
	"weir/sdk/strictjson"
)

// most is how many bytes may be added.
const most = 8192

// config is what the filter does.
type config struct {
	// append is what is added behind the body.
	append string
}

// readConfig reads the configuration's JSON; no bytes at all mean the default. An error names the field, what was expected
// there and what stood there instead: see config.schema.json.
func readConfig(text string) (config, error) {
	read := config{append: "-- @name@\n"}
	if text == "" {
		return read, nil
	}
	reader := strictjson.New(text)
	for fields := reader.Object("append"); fields.Next(); {
		read.append = reader.StringWhere("at most 8192 bytes", func(text string) bool { return len(text) <= most })
	}
	return read, reader.End()
}
