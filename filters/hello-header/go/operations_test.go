package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// pairs is a header map as RFC 9110 has it: a list of pairs, in which names know no case. It refuses the name x-stuck.
type pairs [][2]string

var errRefused = errors.New("refused")

func check(name string) error {
	if name == "x-stuck" {
		return errRefused
	}
	return nil
}

func (p *pairs) Get(name string) (string, bool, error) {
	for _, pair := range *p {
		if strings.EqualFold(pair[0], name) {
			return pair[1], true, check(name)
		}
	}
	return "", false, check(name)
}

func (p *pairs) All(string) ([]string, error) { panic("nothing asks for all") }

func (p *pairs) Set(name, value string) error {
	if err := p.Remove(name); err != nil {
		return err
	}
	return p.Append(name, value)
}

func (p *pairs) Append(name, value string) error {
	if err := check(name); err != nil {
		return err
	}
	*p = append(*p, [2]string{name, value})
	return nil
}

func (p *pairs) Remove(name string) error {
	*p = slices.DeleteFunc(*p, func(pair [2]string) bool { return strings.EqualFold(pair[0], name) })
	return check(name)
}

func TestApply(t *testing.T) {
	for _, test := range []struct {
		name       string
		before     pairs
		operations []operation
		after      pairs
	}{
		{"set leaves one", pairs{{"x-a", "1"}, {"X-A", "2"}, {"x-b", ""}}, []operation{{set, "x-a", "3"}}, pairs{{"x-b", ""}, {"x-a", "3"}}},
		{"append adds one", pairs{{"x-a", "1"}}, []operation{{appendTo, "x-a", "2"}}, pairs{{"x-a", "1"}, {"x-a", "2"}}},
		{"set-if-absent respects an empty value", pairs{{"x-a", ""}}, []operation{{setIfAbsent, "x-a", "2"}}, pairs{{"x-a", ""}}},
		{"set-if-absent respects any bytes", pairs{{"x-a", "\xff"}}, []operation{{setIfAbsent, "x-a", "2"}}, pairs{{"x-a", "\xff"}}},
		{"set-if-absent adds one", nil, []operation{{setIfAbsent, "x-a", "2"}}, pairs{{"x-a", "2"}}},
		{"remove takes all", pairs{{"x-a", "1"}, {"X-a", "\xff"}, {"x-b", ""}}, []operation{{remove, "x-a", ""}}, pairs{{"x-b", ""}}},
		{"order is kept", nil, []operation{{setIfAbsent, "x-a", "2"}, {appendTo, "x-a", "1"}}, pairs{{"x-a", "2"}, {"x-a", "1"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slices.Clone(test.before)
			if err := apply(test.operations, &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.after) {
				t.Errorf("got %q, expected %q", got, test.after)
			}
		})
	}
}

func TestOneRefusalDoesNotStopTheOthers(t *testing.T) {
	for _, op := range ops {
		var got pairs
		err := apply([]operation{{op, "x-stuck", ""}, {appendTo, "x-a", "1"}}, &got)
		if !errors.Is(err, errRefused) || !slices.Equal(got, pairs{{"x-a", "1"}}) {
			t.Errorf("%s: got %v and %q", op, err, got)
		}
	}
}
