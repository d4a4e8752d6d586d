package main

import (
	"math"
	"net/netip"
	"slices"

	"weir/sdk/headers"
)

const (
	// sourceAddress is the property that holds the downstream's address as the proxy sees it, with its port.
	sourceAddress = "source\x00address"
	// consumer is the property in which a filter earlier in the chain says who the client is.
	consumer = "weir.consumer"
	// claimOf is what stands before the name of a claim that such a filter is sure of.
	claimOf = "weir.claim."
)

// partKind is what a part of a key is.
type partKind int

const (
	// partHeader is the value of a request header; of several, that of the first.
	partHeader partKind = iota
	partQuery
	partCookie
	// partPath is the whole path.
	partPath
	// partPaths is the first of some patterns that fits, and what it captures. The policy is for requests that fit one.
	partPaths
	partMethod
	// partMethods means that the policy is for requests with one of some methods.
	partMethods
	// partClient is the client's address.
	partClient
	// partProperty is the value of a property: what another filter knows, by its path.
	partProperty
)

// part is one part of a key. A request has the same key as another where all parts are the same.
type part struct {
	kind    partKind
	name    string
	routes  []route
	methods []string
	client  client
}

// client is how addresses of clients are told apart: by so many bits, and by networks that share one budget each.
type client struct {
	v4, v6 int
	groups []group
}

// group are clients that are one.
type group struct {
	name     string
	networks []netip.Prefix
}

// facts is what is known of a request, each thing found out when it is first asked for.
type facts struct {
	headers    headers.Map
	properties func(path string) (string, bool)
	trust      trust

	target, normal *string
	address        *netip.Addr
}

// header returns the first header of this name. A host that refuses has none.
func (f *facts) header(name string) (string, bool) {
	value, found, err := f.headers.Get(name)
	return value, found && err == nil
}

func (f *facts) property(path string) (string, bool) {
	return f.properties(path)
}

func (f *facts) requestTarget() string {
	if f.target == nil {
		target, _ := f.header(":path")
		f.target = &target
	}
	return *f.target
}

func (f *facts) path() string {
	if f.normal == nil {
		path := normalPath(f.requestTarget())
		f.normal = &path
	}
	return *f.normal
}

// client returns the client's address; the zero one where nobody knows it.
func (f *facts) client() netip.Addr {
	if f.address == nil {
		text, _ := f.property(sourceAddress)
		source := parseAddress(text)
		if f.trust.reads() {
			forwarded, _ := f.headers.All("x-forwarded-for")
			source = f.trust.client(source, forwarded)
		}
		f.address = &source
	}
	return *f.address
}

func (f *facts) cookie(name string) (string, bool) {
	values, _ := f.headers.All("cookie")
	for _, value := range values {
		if cookie, found := cookieIn(value, name); found {
			return cookie, true
		}
	}
	return "", false
}

// digestKey digests the key of a request; false where the policy is not for it. A part that the request does not have is one
// like any other, the same for all who lack it, unless skipMissing: then the policy is not for them.
func digestKey(parts []part, facts *facts, skipMissing bool, digest *digest) bool {
	value := func(text string, found bool) bool {
		if !found {
			// No text is as long as this.
			digest.writeNumber(math.MaxUint64)
			return !skipMissing
		}
		digest.write(text)
		return true
	}
	for _, part := range parts {
		isFor := true
		switch part.kind {
		case partPaths:
			isFor = digestPaths(part.routes, facts.path(), digest)
		case partMethods:
			method, found := facts.header(":method")
			isFor = found && slices.Contains(part.methods, method)
		case partPath:
			digest.write(facts.path())
		case partClient:
			if address := facts.client(); address.IsValid() {
				part.client.digest(address, digest)
			} else {
				isFor = value("", false)
			}
		case partHeader:
			isFor = value(facts.header(part.name))
		case partQuery:
			isFor = value(queryIn(facts.requestTarget(), part.name))
		case partCookie:
			isFor = value(facts.cookie(part.name))
		case partMethod:
			isFor = value(facts.header(":method"))
		case partProperty:
			isFor = value(facts.property(part.name))
		}
		if !isFor {
			return false
		}
	}
	return true
}

func digestPaths(routes []route, path string, digest *digest) bool {
	for _, route := range routes {
		if captured, fits := route.captures(path); fits {
			digest.write(route.text)
			for _, text := range captured {
				digest.write(text)
			}
			return true
		}
	}
	return false
}

func (c client) digest(address netip.Addr, digest *digest) {
	for _, group := range c.groups {
		if contain(group.networks, address) {
			digest.writeByte(1)
			digest.write(group.name)
			return
		}
	}
	length := c.v6
	if address.Is4() {
		length = c.v4
	}
	network, _ := address.Prefix(length)
	digest.write(string(network.Addr().AsSlice()))
}
