package main

// budgets is what a request meets: the policies, their tables, and the data that all workers share.
type budgets struct {
	policies []policy
	// tables are those of the policies, in their order.
	tables []table
	shared sharedData
	// retries is how often a write may conflict, in one request, before it is undecided.
	retries uint32
	// now is in nanoseconds since 1970.
	now uint64
}

// outcome is what becomes of a request.
type outcome int

const (
	// allowed means that every policy that is for it has been charged; those in shadow that had too little left have not.
	allowed outcome = iota
	// limited means that at least one has too little left, and none was charged.
	limited
	// undecided means that shared data was too busy or is out of order, and nothing is known.
	undecided
)

// claim is a policy that is for the request in hand: its place among the policies, for which key, and what the request
// costs.
type claim struct {
	policy      int
	fingerprint uint64
	cost        uint32
}

// standing is how one policy stands after a request.
type standing struct {
	claim
	// exceeded tells whether it had too little left for the request.
	exceeded bool
	// remaining is how many units are left, and reset how many nanoseconds until all of them have come back.
	remaining uint32
	reset     uint64
	// conflicts is how often a write met that of another worker.
	conflicts uint32
	// evicted tells whether another key had to make room in the table.
	evicted bool
}

// verdict is what becomes of a request, and how each policy that is for it stands.
type verdict struct {
	outcome outcome
	// wait is how long until all policies would have enough for a request that is limited, if nobody else came.
	wait      uint64
	standings []standing
}

// admit charges a request to all the policies that claim it, or to none.
func (b budgets) admit(claims []claim) verdict {
	var v verdict
	places := make([]*place, len(claims))
	for i, claim := range claims {
		place, err := b.read(claim)
		if err != nil {
			v.outcome = undecided
		}
		v.standings = append(v.standings, b.standing(claim, place))
		places[i] = place
	}
	if v.outcome == undecided {
		return v
	}
	for i, standing := range v.standings {
		if standing.exceeded && !b.policies[standing.policy].shadow {
			v.outcome = limited
			v.wait = max(v.wait, b.limit(standing.claim).wait(places[i].used, b.now, standing.cost))
		}
	}
	if v.outcome == allowed {
		b.chargeAll(&v, places)
	}
	return v
}

// chargeAll charges the policies one after the other, and takes all charges back where one of them fails.
func (b budgets) chargeAll(v *verdict, places []*place) {
	type charge struct {
		claim claim
		used  usage
	}
	var charged []charge
	retries := b.retries
	for i := range v.standings {
		standing := &v.standings[i]
		if standing.exceeded {
			continue
		}
		used, fits, err := b.charge(standing, places[i], &retries)
		switch {
		case err != nil:
			v.outcome = undecided
		case fits:
			charged = append(charged, charge{standing.claim, used})
			continue
		case b.policies[standing.policy].shadow:
			continue
		default:
			v.outcome, v.wait = limited, b.waitNow(standing.claim)
		}
		for _, charge := range charged {
			b.takeBack(charge.claim, charge.used)
		}
		return
	}
}

// charge charges one policy, again and again while other workers are faster. It does not fit where meanwhile too little is
// left.
func (b budgets) charge(s *standing, here *place, retries *uint32) (used usage, fits bool, err error) {
	limit := b.limit(s.claim)
	for {
		if here == nil {
			if here, err = b.read(s.claim); err != nil {
				return used, false, err
			}
		}
		conflicts, evicted := s.conflicts, s.evicted
		if limit.wait(here.used, b.now, s.cost) > 0 {
			*s = b.standing(s.claim, here)
			s.conflicts, s.evicted = conflicts, evicted
			return used, false, nil
		}
		used = limit.charge(here.used, b.now, s.cost)
		evicted, err = here.write(b.shared, limit, used, b.now)
		switch {
		case err == nil:
			s.remaining, s.reset, s.evicted = limit.remaining(used, b.now), limit.reset(used, b.now), evicted
			return used, true, nil
		case err != errConflict:
			return used, false, err
		}
		s.conflicts++
		if *retries == 0 {
			return used, false, err
		}
		*retries--
		here = nil
	}
}

// settle charges what a response turned out to cost beyond what was charged before, whether there is as much or not, and
// says how the policy stands then. Where shared data is too busy, it is not charged.
func (b budgets) settle(c claim, cost uint32) (standing, bool) {
	limit := b.limit(c)
	for conflicts := uint32(0); ; conflicts++ {
		place, err := b.read(c)
		if err != nil {
			return standing{}, false
		}
		used := limit.charge(place.used, b.now, cost)
		evicted, err := place.write(b.shared, limit, used, b.now)
		if err == nil {
			settled := standing{claim: c, conflicts: conflicts, evicted: evicted}
			settled.remaining, settled.reset = limit.remaining(used, b.now), limit.reset(used, b.now)
			return settled, true
		}
		if err != errConflict || conflicts == b.retries {
			return standing{}, false
		}
	}
}

// takeBack takes a charge back that led to the usage charged. Where other workers are faster again and again it stays: that
// gives nobody more than is theirs.
func (b budgets) takeBack(c claim, charged usage) {
	limit := b.limit(c)
	for range b.retries + 1 {
		place, err := b.read(c)
		if err != nil {
			return
		}
		used := limit.takeBack(place.used, charged, c.cost)
		if _, err := place.write(b.shared, limit, used, b.now); err != errConflict {
			return
		}
	}
}

func (b budgets) limit(c claim) limit {
	return b.policies[c.policy].limit
}

func (b budgets) read(c claim) (*place, error) {
	return b.tables[c.policy].read(b.shared, c.fingerprint, b.limit(c), b.now)
}

// standing is how a policy stands at a place, before anything is charged; where nothing is known, as if nothing were left.
func (b budgets) standing(c claim, place *place) standing {
	s := standing{claim: c}
	if place != nil {
		limit := b.limit(c)
		s.exceeded = limit.wait(place.used, b.now, c.cost) > 0
		s.remaining, s.reset = limit.remaining(place.used, b.now), limit.reset(place.used, b.now)
	}
	return s
}

func (b budgets) waitNow(c claim) uint64 {
	place, err := b.read(c)
	if err != nil {
		return never
	}
	return b.limit(c).wait(place.used, b.now, c.cost)
}
