package main

import (
	"slices"
	"strings"

	"weir/sdk/strictjson"
)

const (
	// mostPolicies is how many there may be: each costs every request it is for two calls to the host.
	mostPolicies = 16
	// mostSlots is how many slots a policy may have.
	mostSlots   = 1 << 20
	mostRetries = 1000
	mostHops    = 32
	// mostUnits is how many units of anything there may be.
	mostUnits = 1_000_000_000
	// longestWindow is in seconds: a year.
	longestWindow = 31_536_000
	// longestReturn is how long everything may take to come back, in seconds: sums of nanoseconds stay far below 64 bits.
	longestReturn = 10 * longestWindow
)

var (
	dialects   = []string{"draft-11", "draft-03", "x-ratelimit", "x-ratelimit-epoch"}
	algorithms = []string{"gcra", "fixed-window", "sliding-window"}
)

// config is everything that was configured.
type config struct {
	policies []policy
	trust    trust
	// exempt are requests that no policy is for.
	exempt   exempt
	dialects []dialect
	// upstream is merge, replace or keep.
	upstream string
	// shadowHeader is the request header that tells the upstream which policies in shadow were exceeded.
	shadowHeader string
	answer       answer
	state        state
}

// state is how budgets are kept.
type state struct {
	// name is what plugins share that share the budgets of policies with the same name.
	name string
	// slots is how many keys each policy has room for.
	slots uint32
	// retries is how often a write may conflict before a request is undecided.
	retries uint32
	// admitUndecided tells whether a request is let through of which it is not known whether it exceeds anything.
	admitUndecided bool
}

// readConfig reads the configuration's JSON; no bytes at all mean ten requests in ten seconds for each client's address. An
// error names the field, what was expected there and what stood there instead: see config.schema.json.
func readConfig(text string) (config, error) {
	read := config{
		dialects:     []dialect{draft11},
		upstream:     merge,
		shadowHeader: "x-ratelimit-shadowed",
		answer:       answer{status: 429, kind: problem},
		state:        state{name: "default", slots: 4096, retries: 32},
	}
	if text == "" {
		read.policies = []policy{{
			name:  "default",
			key:   []part{{kind: partClient, client: client{v4: 32, v6: 64}}},
			limit: limit{gcra, 10, 10, 10 * second},
			cost:  cost{otherwise: 1},
		}}
		return read, nil
	}
	r := strictjson.New(text)
	hasPolicies := false
	for fields := r.Object("policies", "trust", "exempt", "headers", "limited", "state"); fields.Next(); {
		switch fields.Field() {
		case "policies":
			hasPolicies = true
			read.policies = readPolicies(r)
		case "trust":
			read.trust = readTrust(r)
		case "exempt":
			read.exempt = readExempt(r)
		case "headers":
			readHeaders(r, &read)
		case "limited":
			read.answer = readAnswer(r, read.answer)
		case "state":
			read.state = readState(r, read.state)
		}
	}
	if !hasPolicies {
		r.Refuse("policies", "an array", "nothing")
	}
	return read, r.End()
}

func readTrust(r *strictjson.Reader) (read trust) {
	const either = `either "hops" or "networks"`
	fields := r.Object("hops", "networks")
	for fields.Next() {
		if read.reads() {
			r.RefuseValue(either, "both")
		} else if fields.Field() == "hops" {
			read.hops = int(r.Integer(1, mostHops))
		} else {
			read.networks = readNetworks(r)
		}
	}
	if !read.reads() {
		r.RefuseValue(either, "neither")
	}
	return read
}

func readHeaders(r *strictjson.Reader, into *config) {
	for fields := r.Object("dialects", "upstream", "shadow"); fields.Next(); {
		switch fields.Field() {
		case "dialects":
			into.dialects = readDialects(r)
		case "upstream":
			into.upstream = r.Word(merge, replace, keep)
		case "shadow":
			into.shadowHeader = readHeaderName(r)
		}
	}
}

func readDialects(r *strictjson.Reader) (read []dialect) {
	for elements := r.Array(len(dialects)); elements.Next(); {
		next := dialect(slices.Index(dialects, r.Word(dialects...)))
		// Two that write the same headers are as good as one that stands twice.
		if !r.Failed() && slices.ContainsFunc(read, next.clashes) {
			r.RefuseValue("dialects with headers of their own", "one whose headers another writes")
		}
		read = append(read, next)
	}
	return read
}

func readAnswer(r *strictjson.Reader, read answer) answer {
	for fields := r.Object("status", "body"); fields.Next(); {
		if fields.Field() == "status" {
			read.status = uint32(r.Integer(400, 599))
			continue
		}
		switch r.Kind() {
		case strictjson.KindString:
			read.kind = r.Word(problem, none)
		case strictjson.KindObject:
			readText(r, &read)
		default:
			r.RefuseValue(`"problem", "none" or an object`, "something else")
		}
	}
	return read
}

func readText(r *strictjson.Reader, into *answer) {
	into.kind, into.contentType = "", "text/plain; charset=utf-8"
	hasText := false
	for fields := r.Object("content_type", "text"); fields.Next(); {
		if fields.Field() == "text" {
			hasText = true
			into.text = r.StringWhere("at most 8192 bytes", func(text string) bool { return len(text) <= 8192 })
		} else {
			into.contentType = r.StringWhere("1 to 256 visible characters and spaces", isPrintable)
		}
	}
	if !hasText {
		r.Refuse("text", "a string", "nothing")
	}
}

func isPrintable(text string) bool {
	return isWord(text) && strings.IndexFunc(text, func(char rune) bool { return char < ' ' || char > '~' }) < 0
}

func readState(r *strictjson.Reader, read state) state {
	for fields := r.Object("name", "slots", "retries", "undecided"); fields.Next(); {
		switch fields.Field() {
		case "name":
			read.name = readName(r)
		case "slots":
			read.slots = uint32(r.Integer(1, mostSlots))
		case "retries":
			read.retries = uint32(r.Integer(0, mostRetries))
		case "undecided":
			read.admitUndecided = r.Word("reject", "admit") == "admit"
		}
	}
	return read
}

func readPolicies(r *strictjson.Reader) (read []policy) {
	for elements := r.Array(mostPolicies); elements.Next(); {
		next := readPolicy(r)
		if slices.ContainsFunc(read, func(known policy) bool { return known.name == next.name }) {
			r.Refuse("name", "a name that no other policy has", "one that another has")
		}
		read = append(read, next)
	}
	return read
}

func readPolicy(r *strictjson.Reader) (read policy) {
	var window uint64
	var burst uint32
	var costs bounds
	fields := r.Object(
		"name", "key", "missing", "algorithm", "quota", "window", "burst", "cost", "shadow", "exempt")
	for fields.Next() {
		switch fields.Field() {
		case "name":
			read.name = readName(r)
		case "key":
			read.key = readKey(r)
		case "missing":
			read.skipMissing = r.Word("share", "skip") == "skip"
		case "algorithm":
			read.limit.algorithm = algorithm(max(slices.Index(algorithms, r.Word(algorithms...)), 0))
		case "quota":
			read.limit.quota = readUnits(r, 1)
		case "window":
			window = r.Integer(1, longestWindow)
		case "burst":
			burst = readUnits(r, 1)
		case "cost":
			costs = readCost(r)
		case "shadow":
			read.shadow = r.Boolean()
		case "exempt":
			read.exempt = readExempt(r)
		}
	}
	quota := read.limit.quota
	read.limit.capacity, read.limit.window = quota, window*second
	if burst > 0 {
		read.limit.capacity = burst
	}
	switch {
	case read.name == "":
		r.Refuse("name", "a string", "nothing")
	case quota == 0:
		r.Refuse("quota", "an integer", "nothing")
	case window == 0:
		r.Refuse("window", "an integer", "nothing")
	case burst > 0 && read.limit.algorithm != gcra:
		r.Refuse("burst", `nothing, because only "gcra" has a burst`, "an integer")
	case uint64(read.limit.capacity)*window > longestReturn*uint64(quota):
		r.Refuse("burst", "a burst that comes back within ten years", "a larger one")
	}
	read.cost = costs.checked(r, read.limit.capacity)
	return read
}

func readUnits(r *strictjson.Reader, least uint64) uint32 {
	return uint32(r.Integer(least, mostUnits))
}

// bounds is a cost as it stands there: which header names it, and its bounds, where there are any.
type bounds struct {
	requestHeader, responseHeader string
	otherwise, least, most        *uint32
}

func readCost(r *strictjson.Reader) (read bounds) {
	units := func(least uint64) *uint32 {
		units := readUnits(r, least)
		return &units
	}
	if r.Kind() != strictjson.KindObject {
		return bounds{otherwise: units(1)}
	}
	for fields := r.Object("request_header", "response_header", "default", "least", "most"); fields.Next(); {
		switch fields.Field() {
		case "request_header":
			read.requestHeader = readHeaderName(r)
		case "response_header":
			read.responseHeader = readHeaderName(r)
		case "default":
			read.otherwise = units(0)
		case "least":
			read.least = units(0)
		case "most":
			read.most = units(1)
		}
	}
	if read.requestHeader != "" && read.responseHeader != "" {
		r.RefuseValue(`either "request_header" or "response_header"`, "both")
	}
	return read
}

// checked makes sure that no cost exceeds the capacity: a request that costs more than there ever is could never be let
// through.
func (b bounds) checked(r *strictjson.Reader, capacity uint32) cost {
	or := func(value *uint32, otherwise uint32) uint32 {
		if value == nil {
			return otherwise
		}
		return *value
	}
	least := uint32(0)
	if b.requestHeader != "" {
		least = 1
	}
	read := cost{b.requestHeader, b.responseHeader, or(b.otherwise, 1), or(b.least, least), or(b.most, capacity)}
	switch {
	case read.otherwise > capacity || read.most > capacity || or(b.least, 0) > read.most:
		r.Refuse("cost", `costs within the burst, and "least" within "most"`, "others")
	case b.requestHeader == "" && b.responseHeader == "" && (b.least != nil || b.most != nil):
		r.Refuse("cost", "a header that names the cost", "none")
	}
	return read
}
