package main

import (
	"encoding/hex"
	"fmt"
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
		if got := verdict(string(text)); got != expected {
			t.Errorf("%q:\ngot      %s\nexpected %s", text, got, expected)
		}
	}
}

func verdict(text string) string {
	read, err := readConfig(text)
	if err != nil {
		return err.Error()
	}
	said := "taken"
	for _, list := range []struct {
		name       string
		operations []operation
	}{{"request", read.request}, {"response", read.response}} {
		for _, o := range list.operations {
			said += fmt.Sprintf(" %s:%s:%x:%x", list.name, o.op, o.name, o.value)
		}
	}
	return said
}
