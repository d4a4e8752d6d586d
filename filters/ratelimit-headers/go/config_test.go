package main

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// TestReadsWhatIsWrittenDown holds this port against the texts that every port reads alike: see configurations.txt.
func TestReadsWhatIsWrittenDown(t *testing.T) {
	file, err := os.ReadFile("../configurations.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	if len(lines) < 200 {
		t.Fatalf("only %d texts are written down", len(lines))
	}
	for _, line := range lines {
		digits, expected, _ := strings.Cut(line, "\t")
		text, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		got := "taken"
		if _, err := readConfig(string(text)); err != nil {
			got = err.Error()
		}
		if got != expected {
			t.Errorf("%q:\ngot      %s\nexpected %s", text, got, expected)
		}
	}
}
