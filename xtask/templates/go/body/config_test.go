package main

import "testing"

func TestReadConfig(t *testing.T) {
	for _, test := range []struct{ text, append string }{
		{"", "-- @name@\n"},
		{"{}", "-- @name@\n"},
		{`{"append":"1"}`, "1"},
	} {
		read, err := readConfig(test.text)
		if err != nil || read.append != test.append {
			t.Errorf("%s: got %q and %v", test.text, read.append, err)
		}
	}
}

func TestARefusalNamesTheField(t *testing.T) {
	_, err := readConfig(`{"append":1}`)
	if err == nil || err.Error() != "append: expected a string, got a number (line 1, column 11)" {
		t.Errorf("got %v", err)
	}
}
