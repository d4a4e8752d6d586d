package main

import "testing"

func TestOnlyAWholeKeyIsKnown(t *testing.T) {
	config, err := readConfig(`{"keys":["first","second"]}`)
	if err != nil || !config.knows("first") || !config.knows("second") {
		t.Fatalf("got %v and %v", config, err)
	}
	for _, other := range []string{"", "f", "firs", "first ", "First", "secons", "\xff"} {
		if config.knows(other) {
			t.Errorf("%q is known", other)
		}
	}
}

func TestARefusalNamesTheField(t *testing.T) {
	for text, message := range map[string]string{
		"{}":               "keys: expected an array, got nothing (line 1, column 3)",
		`{"keys":[]}`:      "keys: expected at least one key, got none (line 1, column 12)",
		`{"keys":["a",1]}`: "keys[1]: expected a string, got a number (line 1, column 14)",
	} {
		if _, err := readConfig(text); err == nil || err.Error() != message {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
