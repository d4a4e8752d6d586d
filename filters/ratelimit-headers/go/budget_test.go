package main

import (
	"bytes"
	"fmt"
	"testing"
)

// workers is shared data as Envoy keeps it. Before each write it lets another worker go first, if there is one.
type workers struct {
	values   map[string][]byte
	versions map[string]uint32
	other    func(key string)
	writes   int
	refuses  bool
}

func newWorkers() *workers {
	return &workers{values: map[string][]byte{}, versions: map[string]uint32{}}
}

func (w *workers) get(key string) ([]byte, uint32, error) {
	if w.refuses {
		return nil, 0, errRefused
	}
	return bytes.Clone(w.values[key]), w.versions[key], nil
}

func (w *workers) put(key string, value []byte, version uint32) error {
	if w.refuses {
		return errRefused
	}
	if other := w.other; other != nil {
		w.other = nil
		other(key)
		w.other = other
	}
	known := w.versions[key]
	if known == 0 {
		known = unwritten
	}
	if version != known {
		return errConflict
	}
	w.writes++
	w.values[key], w.versions[key] = bytes.Clone(value), w.versions[key]+1
	return nil
}

const now = 1_000 * second

// opened returns budgets of these policies, whose tables have been opened.
func opened(t *testing.T, shared *workers, policies ...policy) budgets {
	b := budgets{policies: policies, shared: shared, retries: 2, now: now}
	for i, policy := range policies {
		table, err := openTable(shared, "test", fmt.Sprint(i), ways, now, policy.limit)
		if err != nil {
			t.Fatal(err)
		}
		b.tables = append(b.tables, table)
	}
	return b
}

func of(quota uint32) policy {
	return policy{limit: limit{gcra, quota, quota, 60 * second}}
}

func both(cost uint32) []claim {
	return []claim{{0, 1, cost}, {1, 1, cost}}
}

func TestAllPoliciesAreChargedOrNone(t *testing.T) {
	b := opened(t, newWorkers(), of(10), of(2))
	for _, remaining := range []uint32{9, 8} {
		if v := b.admit(both(1)); v.outcome != allowed || v.standings[0].remaining != remaining {
			t.Fatalf("got %+v", v)
		}
	}
	v := b.admit(both(1))
	if v.outcome != limited || v.wait != 30*second || v.standings[0].remaining != 8 || !v.standings[1].exceeded {
		t.Errorf("got %+v", v)
	}
}

func TestAPolicyInShadowLimitsNobody(t *testing.T) {
	shadow := of(1)
	shadow.shadow = true
	b := opened(t, newWorkers(), of(10), shadow)
	b.admit(both(1))
	if v := b.admit(both(1)); v.outcome != allowed || !v.standings[1].exceeded || v.standings[0].remaining != 8 {
		t.Errorf("got %+v", v)
	}
}

func TestAnotherWorkerIsMetAndItsChargeIsNotLost(t *testing.T) {
	shared := newWorkers()
	b := opened(t, shared, of(10))
	claims := []claim{{0, 1, 1}}
	once := true
	shared.other = func(string) {
		if once {
			once = false
			b.admit(claims)
		}
	}
	v := b.admit(claims)
	if v.outcome != allowed || v.standings[0].conflicts != 1 || v.standings[0].remaining != 8 {
		t.Errorf("got %+v", v)
	}
}

func TestWhoIsAlwaysSecondIsUndecidedAndChargesNothing(t *testing.T) {
	shared := newWorkers()
	b := opened(t, shared, of(10), of(10))
	shared.other = func(key string) {
		// Somebody writes the second policy's set whenever it is about to be written.
		if key == b.tables[1].key(0) {
			shared.versions[key]++
		}
	}
	if v := b.admit(both(3)); v.outcome != undecided {
		t.Errorf("got %+v", v)
	}
	shared.other = nil
	if v := b.admit(both(0)); v.standings[0].remaining != 10 || v.standings[1].remaining != 10 {
		t.Errorf("charges were not taken back: %+v", v)
	}
}

func TestAHostThatRefusesLeavesNothingKnown(t *testing.T) {
	shared := newWorkers()
	b := opened(t, shared, of(10))
	shared.refuses = true
	if v := b.admit([]claim{{0, 1, 1}}); v.outcome != undecided {
		t.Errorf("got %+v", v)
	}
	if _, err := openTable(shared, "a", "b", 1, now, of(1).limit); err != errRefused {
		t.Errorf("got %v", err)
	}
}

func TestAResponseIsChargedEvenBeyondWhatIsLeft(t *testing.T) {
	b := opened(t, newWorkers(), of(2))
	settled, ok := b.settle(claim{0, 1, 1}, 3)
	if !ok || settled.remaining != 0 {
		t.Errorf("got %+v", settled)
	}
	if v := b.admit([]claim{{0, 1, 1}}); v.outcome != limited || v.wait != 60*second {
		t.Errorf("got %+v", v)
	}
}

func TestNoKeyIsTakenToHaveUsedLessThanItHas(t *testing.T) {
	shared := newWorkers()
	b := opened(t, shared, of(100))
	for key := range uint64(ways) {
		b.admit([]claim{{0, key, uint32(10 + key)}})
	}
	if v := b.admit([]claim{{0, 99, 1}}); !v.standings[0].evicted || v.standings[0].remaining != 100-1 {
		t.Errorf("got %+v", v)
	}
	// The key that made room had used 10, and so may any that is not in the table.
	if v := b.admit([]claim{{0, 100, 1}}); v.standings[0].remaining != 100-10-1 {
		t.Errorf("got %+v", v)
	}
	for key := range uint64(ways) {
		if v := b.admit([]claim{{0, key, 0}}); v.standings[0].remaining > 100-10-uint32(key) {
			t.Errorf("key %d: got %+v", key, v)
		}
	}
}

func TestATableOutlivesAConfiguration(t *testing.T) {
	shared := newWorkers()
	b := opened(t, shared, of(10))
	b.admit([]claim{{0, 1, 4}})
	again := opened(t, shared, of(20))
	if again.tables[0] != b.tables[0] {
		t.Errorf("got another table: %+v", again.tables[0])
	}
	if v := again.admit([]claim{{0, 1, 0}}); v.standings[0].remaining != 16 {
		t.Errorf("got %+v", v)
	}
}
