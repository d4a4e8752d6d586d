package main

import (
	"crypto/subtle"

	"weir/sdk/strictjson"
)

const (
	mostKeys = 64
	mostKey  = 256
)

// config is what the filter does.
type config struct {
	// keys are those of which a request must have one.
	keys []string
}

// readConfig reads the configuration's JSON. An error names the field, what was expected there and what stood there
// instead: see config.schema.json.
func readConfig(text string) (config, error) {
	var read config
	given := false
	reader := strictjson.New(text)
	for fields := reader.Object("keys"); fields.Next(); {
		given = true
		for elements := reader.Array(mostKeys); elements.Next(); {
			read.keys = append(read.keys, reader.StringWhere("a key of 1 to 256 bytes", isKey))
		}
	}
	switch {
	case !given:
		reader.Refuse("keys", "an array", "nothing")
	case len(read.keys) == 0:
		reader.Refuse("keys", "at least one key", "none")
	}
	return read, reader.End()
}

func isKey(key string) bool {
	return 1 <= len(key) && len(key) <= mostKey
}

// knows tells whether this is one of the keys. How long the answer takes tells nothing about the keys but their lengths.
func (c config) knows(given string) bool {
	known := 0
	for _, key := range c.keys {
		known |= subtle.ConstantTimeCompare([]byte(key), []byte(given))
	}
	return known == 1
}
