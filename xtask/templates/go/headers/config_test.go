package main

import "testing"

func TestReadConfig(t *testing.T) {
	for _, test := range []struct{ text, value string }{
		{"", "hello"},
		{"{}", "hello"},
		{`{"value":"1"}`, "1"},
	} {
		read, err := readConfig(test.text)
		if err != nil || read.value != test.value {
			t.Errorf("%s: got %q and %v", test.text, read.value, err)
		}
	}
}

func TestARefusalNamesTheField(t *testing.T) {
	_, err := readConfig(`{"value":1}`)
	if err == nil || err.Error() != "value: expected a string, got a number (line 1, column 10)" {
		t.Errorf("got %v", err)
	}
}
