package main

import (
	"net/netip"
	"slices"
	"testing"
)

func TestPatternsEndWhereASegmentDoes(t *testing.T) {
	for _, test := range []struct {
		kind, text, path string
		fits             bool
		captured         []string
	}{
		{exact, "/a", "/a", true, nil},
		{exact, "/a", "/a/", false, nil},
		{prefixed, "/a", "/a/b", true, nil},
		{prefixed, "/a", "/ab", false, nil},
		{prefixed, "/a/", "/a", false, nil},
		{template, "/u/{id}/*", "/u/7/x", true, []string{"7"}},
		{template, "/u/{id}/*", "/u/7/", false, nil},
		{template, "/u/{id}/*", "/u/7", false, nil},
		{template, "/u/**", "/u", true, nil},
		{template, "/u/**", "/v", false, nil},
		{template, "/u/{id}/**", "/u/7", true, []string{"7"}},
		{template, "/u/{id}/**", "/u/7/x/y", true, []string{"7"}},
	} {
		r := route{kind: test.kind, path: test.text}
		if test.kind == template {
			r.segments, _ = readTemplate(test.text)
		}
		if captured, fits := r.captures(test.path); fits != test.fits || !slices.Equal(captured, test.captured) {
			t.Errorf("%s %s: %s: got %q and %t", test.kind, test.text, test.path, captured, fits)
		}
	}
}

func TestEscapesAreNoWayAroundALimit(t *testing.T) {
	for target, path := range map[string]string{"/%61%2Fb?x#y": "/a%2Fb", "/%7e%": "/~%", "/a#b": "/a", "": "", "/%4": "/%4"} {
		if got := normalPath(target); got != path {
			t.Errorf("%s: got %s", target, got)
		}
	}
	if value, found := queryIn("/?a=1&%75=b+%63#u=d", "u"); !found || value != "b c" {
		t.Errorf("got %q", value)
	}
	if value, found := cookieIn("a=1; sid = x ;sid=y", "sid"); !found || value != "x" {
		t.Errorf("got %q", value)
	}
}

func TestNobodyBelievesWhatAClientWritesToTheLeft(t *testing.T) {
	network, _ := parseNetwork("10.0.0.0/8")
	networks, hops := trust{networks: []netip.Prefix{network}}, trust{hops: 2}
	for _, test := range []struct {
		trust             trust
		source, forwarded string
		client            string
	}{
		{networks, "192.0.2.1:80", "198.51.100.1", "192.0.2.1"},
		{networks, "10.0.0.1:80", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{networks, "10.0.0.1:80", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{networks, "10.0.0.1:80", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"},
		{hops, "192.0.2.1:80", "198.51.100.2 ,[::ffff:198.51.100.3]:80", "198.51.100.2"},
		{hops, "192.0.2.1:80", "198.51.100.2", "192.0.2.1"},
		{hops, "192.0.2.1:80", "unknown, 198.51.100.2", "192.0.2.1"},
	} {
		if client := test.trust.client(parseAddress(test.source), []string{test.forwarded}); client.String() != test.client {
			t.Errorf("%s: got %s", test.forwarded, client)
		}
	}
	for _, text := range []string{"", "192.0.2", "192.0.2.1:", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1%eth0", "\xff"} {
		if address := parseAddress(text); address.IsValid() {
			t.Errorf("%s: got %s", text, address)
		}
	}
}

func TestMembersOfAListHaveNames(t *testing.T) {
	found, ok := members(`"a \"b\", c";r=5; t=30 , token;r=7;pk=:YQ==:;x="q;r=9";r=8,"z"`)
	if !ok || len(found) != 3 || found[0].name != `a "b", c` || found[0].text != `"a \"b\", c";r=5; t=30` {
		t.Fatalf("got %q", found)
	}
	if left, ok := found[1].integer("r"); !ok || left != 8 {
		t.Errorf("got %d", left)
	}
	for _, list := range []string{
		"limit=100", `"a`, `"a\x"`, "\"\x7f\"", "5;r=1", `("a");r=1`, `"a" "b"`, `"a",`, ",", `"a",,"b"`, `"a";`, `"a";R=1`,
		`"a";r=`, `"a";r="`, "?1", `"a" ;r=1`,
	} {
		if found, ok := members(list); ok {
			t.Errorf("%s: got %q", list, found)
		}
	}
}

// pairs is a header map as RFC 9110 has it, as far as merging needs it.
type pairs map[string][]string

func (p pairs) Get(name string) (string, bool, error) {
	if values := p[name]; len(values) > 0 {
		return values[0], true, nil
	}
	return "", false, nil
}

func (p pairs) All(name string) ([]string, error)   { return p[name], nil }
func (p pairs) Set(name, value string) error        { p[name] = []string{value}; return nil }
func (p pairs) Append(name, value string) error     { p[name] = append(p[name], value); return nil }
func (p pairs) Remove(name string) error            { delete(p, name); return nil }
func (p pairs) is(name string, want ...string) bool { return slices.Equal(p[name], want) }

func TestOfOneNameTheStricterStays(t *testing.T) {
	message := pairs{
		"ratelimit-policy": {`"a";q=5;w=60, "up";q=7;w=1`},
		"ratelimit":        {`"a";r=3;t=9`, `"up";r=6;t=1, "b";r=99;t=1`},
	}
	ours := []shown{{"a", 10, 3600, 9, 360}, {"b", 10, 3600, 9, 360}}
	if err := draft11.write(message, merge, ours, 0); err != nil {
		t.Fatal(err)
	}
	if !message.is("ratelimit", `"b";r=9;t=360, "a";r=3;t=9, "up";r=6;t=1`) ||
		!message.is("ratelimit-policy", `"b";q=10;w=3600, "a";q=5;w=60, "up";q=7;w=1`) {
		t.Errorf("got %q", message)
	}
}

func TestACostStaysWithinItsBounds(t *testing.T) {
	named := cost{requestHeader: "x", otherwise: 2, least: 1, most: 50}
	for value, units := range map[string]uint32{"7": 7, " 7 ": 7, "0": 1, "99999999999999999999": 50, "-1": 2, "": 2, "7.5": 2} {
		if got := named.read(value, true); got != units {
			t.Errorf("%q: got %d", value, got)
		}
	}
	if got := named.read("", false); got != 2 {
		t.Errorf("got %d", got)
	}
}
