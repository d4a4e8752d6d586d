package main

import "testing"

func TestGCRAGivesBackOneByOneAndDoesNotDrift(t *testing.T) {
	limit := limit{gcra, 7, 7, 10 * second}
	used := usage{}
	for range 7 {
		used = limit.charge(limit.at(used, now), now, 1)
	}
	if left, reset := limit.remaining(used, now), limit.reset(used, now); left != 0 || reset != 10*second {
		t.Errorf("got %d left, all of it in %d", left, reset)
	}
	wait := limit.wait(used, now, 1)
	if wait != 10*second/7+1 || limit.wait(used, now+wait-1, 1) == 0 || limit.wait(used, now+wait, 1) != 0 {
		t.Errorf("got a wait of %d", wait)
	}
	if limit.wait(used, now, 8) != never {
		t.Error("more than the capacity fits some day")
	}
}

func TestAClockThatIsSetBackGivesNobodyAnythingBack(t *testing.T) {
	limit := limit{gcra, 10, 10, 10 * second}
	used := limit.charge(usage{}, now, 10)
	back := limit.at(used, now-500*second)
	if limit.remaining(back, now-500*second) != 0 || limit.reset(back, now-500*second) > 20*second {
		t.Errorf("got %+v", back)
	}
}

func TestAFixedWindowGivesAllBackAtItsEnd(t *testing.T) {
	limit := limit{fixedWindow, 3, 3, 60 * second}
	used := limit.charge(limit.at(usage{}, now), now, 3)
	// 1000 seconds are 40 after the start of a window.
	if wait := limit.wait(used, now, 1); wait != 20*second {
		t.Errorf("got a wait of %d", wait)
	}
	if later := limit.at(used, now+20*second); !limit.isUnused(later) {
		t.Errorf("got %+v", later)
	}
}

func TestASlidingWindowFades(t *testing.T) {
	limit := limit{slidingWindow, 10, 10, 100 * second}
	used := limit.charge(limit.at(usage{}, now), now, 10)
	for _, test := range []struct {
		after uint64
		left  uint32
		wait  uint64
	}{{0, 0, 100*second + 10*second}, {100 * second, 0, 10 * second}, {150 * second, 5, 0}, {200 * second, 10, 0}} {
		later := limit.at(used, now+test.after)
		if left := limit.remaining(later, now+test.after); left != test.left {
			t.Errorf("after %d: %d left", test.after, left)
		}
		if wait := limit.wait(later, now+test.after, 1); wait != test.wait {
			t.Errorf("after %d: a wait of %d", test.after, wait)
		}
	}
}

func TestWhatWasUsedUnderOneLimitIsUsedUnderAnother(t *testing.T) {
	old, young := limit{fixedWindow, 100, 100, 3600 * second}, limit{gcra, 10, 10, second}
	used := old.charge(old.at(usage{}, now), now, 7)
	if left := young.remaining(young.adopt(used, old, now), now); left != 3 {
		t.Errorf("got %d left", left)
	}
}

// What Rust's standard library makes of the same parts: both ports know a key by the same number.
func TestADigestIsThatOfRust(t *testing.T) {
	var empty, text, client digest
	text.writeNumber(7)
	text.write("abc")
	client.writeNumber(7)
	client.writeByte(1)
	client.write("office")
	client.writeNumber(1<<64 - 1)
	for _, test := range []struct {
		digest *digest
		sum    uint64
	}{{&empty, 0xd1fba762150c532c}, {&text, 0x5d91a342422b6a0a}, {&client, 0xd23fd3a5ab85836c}} {
		if sum := test.digest.sum(); sum != test.sum {
			t.Errorf("got %#x, expected %#x", sum, test.sum)
		}
	}
}
