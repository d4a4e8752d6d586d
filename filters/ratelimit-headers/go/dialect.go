package main

import (
	"strconv"
	"strings"

	"weir/sdk/headers"
)

// dialect is a way to tell the client how it stands, by its place in dialects.
type dialect int

const (
	// draft11 is RateLimit-Policy and RateLimit, of draft-ietf-httpapi-ratelimit-headers-11.
	draft11 dialect = iota
	// draft03 is RateLimit-Limit, -Remaining and -Reset, of draft-polli-ratelimit-headers-03.
	draft03
	// xRateLimit is X-RateLimit-Limit, -Remaining and -Reset, the last in seconds from now.
	xRateLimit
	// xRateLimitEpoch is the same, the last in seconds since 1970.
	xRateLimitEpoch
)

// What becomes of such headers that the upstream sent.
const (
	// merge leaves whichever is stricter: the one that leaves less, or as much for longer.
	merge = "merge"
	// replace puts ours in their place.
	replace = "replace"
	// keep leaves them, and ours out.
	keep = "keep"
)

// shown is a policy as the client is to see it. Window and reset are in seconds; the name needs no escapes.
type shown struct {
	name      string
	quota     uint32
	window    uint64
	remaining uint32
	reset     uint64
}

var (
	draft11Names    = []string{"ratelimit-policy", "ratelimit"}
	draft03Names    = []string{"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}
	xRateLimitNames = []string{"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
)

// names returns the names of a dialect's fields.
func (d dialect) names() []string {
	switch d {
	case draft11:
		return draft11Names
	case draft03:
		return draft03Names
	}
	return xRateLimitNames
}

// clashes tells whether two dialects write the same fields.
func (d dialect) clashes(other dialect) bool {
	return d.names()[0] == other.names()[0]
}

func number[N uint32 | uint64](n N) string {
	return strconv.FormatUint(uint64(n), 10)
}

func list(policies []shown, write func(shown) string) string {
	written := make([]string, len(policies))
	for i, policy := range policies {
		written[i] = write(policy)
	}
	return strings.Join(written, ", ")
}

// tightest returns the policy that leaves least, or as much for longest; there is at least one.
func tightest(policies []shown) shown {
	least := policies[0]
	for _, policy := range policies {
		if policy.remaining < least.remaining || policy.remaining == least.remaining && policy.reset > least.reset {
			least = policy
		}
	}
	return least
}

// fields returns the fields that say how these policies stand; none where there is no policy. now is in seconds since 1970.
func (d dialect) fields(policies []shown, now uint64) [][2]string {
	if len(policies) == 0 {
		return nil
	}
	least := tightest(policies)
	var values []string
	switch d {
	case draft11:
		values = []string{
			list(policies, func(p shown) string { return `"` + p.name + `";q=` + number(p.quota) + ";w=" + number(p.window) }),
			list(policies, func(p shown) string { return `"` + p.name + `";r=` + number(p.remaining) + ";t=" + number(p.reset) }),
		}
	case draft03:
		quotas := list(policies, func(p shown) string { return number(p.quota) + ";w=" + number(p.window) })
		values = []string{number(least.quota) + ", " + quotas, number(least.remaining), number(least.reset)}
	default:
		if d == xRateLimitEpoch {
			least.reset += now
		}
		values = []string{number(least.quota), number(least.remaining), number(least.reset)}
	}
	var fields [][2]string
	for i, name := range d.names() {
		fields = append(fields, [2]string{name, values[i]})
	}
	return fields
}

// write writes the fields to a response, and does to those of the upstream what is to be done.
func (d dialect) write(message headers.Map, upstream string, policies []shown, now uint64) error {
	fields := d.fields(policies, now)
	if len(fields) == 0 {
		return nil
	}
	var err error
	switch {
	case upstream == keep:
		for _, name := range d.names() {
			if _, found, err := message.Get(name); found || err != nil {
				return err
			}
		}
	case upstream == merge && d == draft11:
		if fields, err = mergeLists(message, fields); err != nil {
			return err
		}
	case upstream == merge:
		theirs, found, err := message.Get(d.names()[1])
		if err != nil {
			return err
		}
		if left, ok := firstInteger(theirs); found && ok && left < uint64(tightest(policies).remaining) {
			return nil
		}
	}
	for _, field := range fields {
		if err := message.Set(field[0], field[1]); err != nil {
			return err
		}
	}
	return nil
}

// mergeLists returns the lists of both, in which no policy stands twice: of a name that both have, the stricter one stays.
// Where what the upstream sent is not to be understood, ours stand in its place.
func mergeLists(message headers.Map, fields [][2]string) ([][2]string, error) {
	// Most upstreams send none, and one that says no more than what its policies are has nothing to be stricter with.
	if _, found, err := message.Get(draft11Names[1]); !found || err != nil {
		return fields, err
	}
	var ours, theirs [2][]member
	for i, name := range draft11Names {
		values, err := message.All(name)
		if err != nil {
			return nil, err
		}
		var ok bool
		if theirs[i], ok = members(strings.Join(values, ", ")); !ok {
			return fields, nil
		}
		ours[i], _ = members(fields[i][1])
	}
	// Whether the upstream's policy of this name stays, and ours does not.
	isTheirs := func(name string) bool {
		our, their := named(ours[1], name), named(theirs[1], name)
		return our == nil || their != nil && their.isStricter(*our)
	}
	merged := make([][2]string, 2)
	for i, name := range draft11Names {
		var texts []string
		for _, member := range ours[i] {
			if !isTheirs(member.name) {
				texts = append(texts, member.text)
			}
		}
		for _, member := range theirs[i] {
			if isTheirs(member.name) {
				texts = append(texts, member.text)
			}
		}
		merged[i] = [2]string{name, strings.Join(texts, ", ")}
	}
	return merged, nil
}

func named(members []member, name string) *member {
	for i := range members {
		if members[i].name == name {
			return &members[i]
		}
	}
	return nil
}

// isStricter tells whether a member leaves less than another, or as much for longer.
func (m member) isStricter(than member) bool {
	left, says := m.integer("r")
	other, otherSays := than.integer("r")
	if !says || !otherSays {
		return says
	}
	if left != other {
		return left < other
	}
	lasts, saysTime := m.integer("t")
	otherLasts, otherSaysTime := than.integer("t")
	return saysTime && (!otherSaysTime || lasts > otherLasts)
}

// firstInteger returns the integer that a field begins with: a list of draft-03 has its own value first.
func firstInteger(value string) (uint64, bool) {
	if end := strings.IndexAny(value, ",;"); end >= 0 {
		value = value[:end]
	}
	number, err := strconv.ParseUint(strings.Trim(value, " \t\r\n\f"), 10, 64)
	return number, err == nil
}
