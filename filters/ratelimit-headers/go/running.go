package main

import (
	"errors"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"

	"weir/sdk/headers"
	"weir/sdk/reply"
)

// running is a configuration in force, between the proxy and what decides.
type running struct {
	config config
	// tables are those of the policies, in their order, as are the counters.
	tables   []table
	counters []counters
	// undecided counts requests of which nothing was known.
	undecided proxywasm.MetricCounter
}

// counters are what is counted of one policy.
type counters struct {
	allowed, limited, shadowed, conflicts, evictions proxywasm.MetricCounter
}

// start puts a configuration into force: it opens the tables and defines the counters.
func start(config config) (*running, error) {
	r := &running{config: config, undecided: proxywasm.DefineCounterMetric("weir_ratelimit.undecided")}
	now := hostNow()
	for _, policy := range config.policies {
		table, err := openTable(hostData{}, config.state.name, policy.name, config.state.slots, now, policy.limit)
		if err != nil {
			return nil, errors.New("the proxy shares no data between its workers")
		}
		if table.slots() < config.state.slots {
			proxywasm.LogWarn("policy " + policy.name + " keeps the fewer slots that it has: see \"slots\" in the README")
		}
		define := func(what string) proxywasm.MetricCounter {
			return proxywasm.DefineCounterMetric("weir_ratelimit." + policy.name + "." + what)
		}
		r.tables = append(r.tables, table)
		r.counters = append(r.counters, counters{
			define("allowed"), define("limited"), define("shadowed"), define("conflicts"), define("evictions"),
		})
	}
	return r, nil
}

func (r *running) budgets(now uint64) budgets {
	return budgets{r.config.policies, r.tables, hostData{}, r.config.state.retries, now}
}

// decide decides what becomes of a request.
func (r *running) decide(now uint64) verdict {
	facts := &facts{headers: headers.Request, properties: hostProperty, trust: r.config.trust}
	if r.config.exempt.covers(facts) {
		return verdict{}
	}
	return r.budgets(now).admit(claims(r.config.policies, r.tables, facts))
}

func (r *running) count(v verdict) {
	if v.outcome == undecided {
		r.undecided.Increment(1)
	}
	for _, standing := range v.standings {
		counters, shadow := r.counters[standing.policy], r.config.policies[standing.policy].shadow
		switch {
		case standing.exceeded && shadow:
			counters.shadowed.Increment(1)
		case v.outcome == allowed:
			counters.allowed.Increment(1)
		case standing.exceeded:
			counters.limited.Increment(1)
		}
		r.countTrouble(standing)
	}
}

func (r *running) countTrouble(s standing) {
	if s.conflicts > 0 {
		r.counters[s.policy].conflicts.Increment(uint64(s.conflicts))
	}
	if s.evicted {
		r.counters[s.policy].evictions.Increment(1)
	}
}

// shown is what the client is told: how the policies that are enforced stand.
func (r *running) shown(standings []standing) []shown {
	var all []shown
	for _, s := range standings {
		if policy := r.config.policies[s.policy]; !policy.shadow {
			limit := policy.limit
			all = append(all, shown{policy.name, limit.quota, limit.window / second, s.remaining, seconds(s.reset)})
		}
	}
	return all
}

// exceeded returns the names of the policies that were exceeded: of those in shadow, or of those that are enforced.
func (r *running) exceeded(standings []standing, shadow bool) []string {
	var names []string
	for _, s := range standings {
		if policy := r.config.policies[s.policy]; s.exceeded && policy.shadow == shadow {
			names = append(names, policy.name)
		}
	}
	return names
}

// answer returns the answer to a request that is not let through, and why it is not.
func (r *running) answer(v verdict, now uint64) (answer reply.Reply, details string, isAnswered bool) {
	switch {
	case v.outcome == limited:
		answer = r.config.answer.limited(v.wait, r.exceeded(v.standings, false))
		shown := r.shown(v.standings)
		for _, dialect := range r.config.dialects {
			answer.Headers = append(answer.Headers, dialect.fields(shown, now/second)...)
		}
		return answer, "weir_ratelimit_limited", true
	case v.outcome == undecided && !r.config.state.admitUndecided:
		return r.config.answer.undecided(), "weir_ratelimit_undecided", true
	}
	return answer, "", false
}

// mark tells the upstream which policies in shadow were exceeded; what a client says of that is taken away.
func (r *running) mark(standings []standing) {
	shadows := false
	for _, policy := range r.config.policies {
		shadows = shadows || policy.shadow
	}
	if !shadows {
		return
	}
	name := r.config.shadowHeader
	var err error
	if exceeded := r.exceeded(standings, true); len(exceeded) > 0 {
		err = headers.Request.Set(name, strings.Join(exceeded, ", "))
	} else {
		err = headers.Request.Remove(name)
	}
	if err != nil {
		proxywasm.LogWarn("the proxy refused to mark a request")
	}
}

// settle charges what the response costs beyond what was charged before.
func (r *running) settle(standings []standing) {
	for i, s := range standings {
		cost := r.config.policies[s.policy].cost.after(headers.Response)
		if cost == 0 || s.exceeded {
			continue
		}
		settled, ok := r.budgets(hostNow()).settle(s.claim, cost)
		if !ok {
			proxywasm.LogWarn("a response's cost could not be charged")
			continue
		}
		standings[i] = settled
		r.countTrouble(settled)
	}
}

// tell tells the client how the policies stand, in the headers of a response to a request that came at that time.
func (r *running) tell(standings []standing, now uint64) {
	shown := r.shown(standings)
	for _, dialect := range r.config.dialects {
		if dialect.write(headers.Response, r.config.upstream, shown, now/second) != nil {
			proxywasm.LogWarn("the proxy refused a header of the response")
		}
	}
}
