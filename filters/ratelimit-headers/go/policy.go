package main

import (
	"net/netip"
	"slices"
	"strings"

	"weir/sdk/headers"
)

// policy is one quota and whom it is for.
type policy struct {
	name string
	key  []part
	// skipMissing tells whether requests that lack a part of the key are none of this policy's; else they share a budget.
	skipMissing bool
	limit       limit
	cost        cost
	// shadow tells whether it only counts and marks.
	shadow bool
	exempt exempt
}

// claims returns the policies that are for a request. tables are those of the policies, in their order.
func claims(policies []policy, tables []table, facts *facts) []claim {
	var found []claim
	for i, policy := range policies {
		digest := tables[i].digest()
		if !policy.exempt.covers(facts) && digestKey(policy.key, facts, policy.skipMissing, digest) {
			found = append(found, claim{i, digest.sum(), policy.cost.before(facts)})
		}
	}
	return found
}

// exempt are requests that a policy is not for. One reason is enough.
type exempt struct {
	clients   []netip.Prefix
	consumers []string
	methods   []string
	paths     []route
	headers   []exemptHeader
}

// exemptHeader are requests with a header of this name that has one of these values.
type exemptHeader struct {
	name   string
	values []string
}

// covers tells whether this request is one of them.
func (e exempt) covers(facts *facts) bool {
	// Who the client is costs a call: it is not asked where it does not matter.
	if len(e.clients) > 0 && contain(e.clients, facts.client()) {
		return true
	}
	if isAmong(e.consumers, func() (string, bool) { return facts.property(consumer) }) ||
		isAmong(e.methods, func() (string, bool) { return facts.header(":method") }) {
		return true
	}
	for _, route := range e.paths {
		if _, fits := route.captures(facts.path()); fits {
			return true
		}
	}
	return slices.ContainsFunc(e.headers, func(header exemptHeader) bool {
		return isAmong(header.values, func() (string, bool) { return facts.header(header.name) })
	})
}

func isAmong(values []string, value func() (string, bool)) bool {
	if len(values) == 0 {
		return false
	}
	text, found := value()
	return found && slices.Contains(values, text)
}

// cost is where the cost of a request comes from, in units.
type cost struct {
	// requestHeader or responseHeader names it; what a response's says beyond otherwise, which is charged beforehand, is
	// charged afterwards.
	requestHeader, responseHeader string
	// otherwise is the cost where there is no such header, or it holds no number.
	otherwise uint32
	// least and most bound what a header says.
	least, most uint32
}

func (c cost) read(value string, found bool) uint32 {
	number, ok := decimal(strings.Trim(value, " \t\r\n\f"))
	if !found || !ok {
		return c.otherwise
	}
	return min(max(number, c.least), c.most)
}

// before is what is charged when the request arrives.
func (c cost) before(facts *facts) uint32 {
	if c.requestHeader == "" {
		return c.otherwise
	}
	return c.read(facts.header(c.requestHeader))
}

// after is what is still to be charged when the response arrives.
func (c cost) after(response headers.Map) uint32 {
	if c.responseHeader == "" {
		return 0
	}
	value, found, _ := response.Get(c.responseHeader)
	read := c.read(value, found)
	return read - min(read, c.otherwise)
}

// decimal reads a number in decimal digits; one that is larger than can be held is as large as can be.
func decimal(text string) (number uint32, ok bool) {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		number = uint32(min(uint64(number)*10+uint64(text[i]-'0'), 1<<32-1))
	}
	return number, text != ""
}
