package main

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// second is how many nanoseconds there are in one.
const second = 1_000_000_000

// algorithm is how a quota comes back.
type algorithm uint8

const (
	// gcra is the generic cell rate algorithm: units come back one by one, evenly, and up to the capacity may be spent at
	// once.
	gcra algorithm = iota
	// fixedWindow gives all of it back at once, when a window ends; windows are aligned to 1970.
	fixedWindow
	// slidingWindow gives back as fast as it was used in the window before this one, taken as even over that window.
	slidingWindow
)

// limit is a quota and how it comes back.
type limit struct {
	algorithm algorithm
	// quota is how many units there are in a window, from 1 to 10^9.
	quota uint32
	// capacity is how many may be spent at once, from 1 to 10^9; a window's is its quota.
	capacity uint32
	// window is its length in nanoseconds, from one second to one year. capacity / quota windows are at most ten years, so
	// that no sum here comes near the end of 64 bits.
	window uint64
}

// usage is what is kept of one key; all zeros where it has used nothing. Times are nanoseconds since 1970.
type usage struct {
	// time is, for gcra, when everything will have come back; for windows, when the one in hand began.
	time uint64
	// count is, for gcra, what is to be added to time, in quota-ths of a nanosecond; for windows, the units used in the one
	// in hand.
	count uint32
	// before is, for sliding windows, the units used in the window before.
	before uint32
}

// usageSize is how many bytes a usage takes in shared data.
const usageSize = 16

func (u usage) appendTo(bytes []byte) []byte {
	bytes = binary.LittleEndian.AppendUint64(bytes, u.time)
	bytes = binary.LittleEndian.AppendUint32(bytes, u.count)
	return binary.LittleEndian.AppendUint32(bytes, u.before)
}

func usageOf(bytes []byte) usage {
	order := binary.LittleEndian
	return usage{order.Uint64(bytes), order.Uint32(bytes[8:]), order.Uint32(bytes[12:])}
}

// less tells whether gcra has used less, of two usages.
func (u usage) less(other usage) bool {
	return u.time < other.time || u.time == other.time && u.count < other.count
}

// join returns what is not less than either of two usages at one moment.
func (l limit) join(one, other usage) usage {
	if l.algorithm != gcra {
		return usage{max(one.time, other.time), max(one.count, other.count), max(one.before, other.before)}
	}
	if one.less(other) {
		return other
	}
	return one
}

// most is how many units a key may owe: what is charged after a response may exceed the capacity, and this bounds by how
// much.
func (l limit) most() uint32 {
	return uint32(min(2*uint64(l.capacity), math.MaxUint32))
}

// span is how long units take to come back: whole nanoseconds, and the rest in quota-ths of one.
func (l limit) span(units uint32) (whole uint64, rest uint32) {
	quota := uint64(l.quota)
	// Two factors below 2^31: no overflow.
	part := uint64(units) * (l.window % quota)
	return uint64(units)*(l.window/quota) + part/quota, uint32(part % quota)
}

// at returns the usage as it is now, which must come before anything is asked of it or charged to it.
//
// A clock that was set back gives nobody units back, and holds nobody for longer than everything that may be owed takes to
// come back.
func (l limit) at(used usage, now uint64) usage {
	if l.algorithm != gcra {
		return l.windowAt(used, now)
	}
	whole, rest := l.span(l.most())
	latest := usage{time: now + whole, count: rest}
	switch {
	case !(usage{time: now}).less(used):
		return usage{}
	case latest.less(used):
		return latest
	}
	return used
}

func (l limit) windowAt(used usage, now uint64) usage {
	start := now - now%l.window
	// A window that has not begun was begun by a worker whose clock is ahead by a little: it counts as begun. One that is
	// further ahead was begun before the clock was set back.
	if used.time > now {
		if used.time-now >= l.window {
			used.time = start
		}
		return used
	}
	switch passed := (now - used.time) / l.window; {
	case passed == 0:
		return used
	case passed == 1 && l.algorithm == slidingWindow:
		return usage{time: start, before: used.count}
	}
	return usage{time: start}
}

// charge charges units, whether there are as many or not.
func (l limit) charge(used usage, now uint64, cost uint32) usage {
	if l.algorithm != gcra {
		used.count = uint32(min(uint64(used.count)+uint64(cost), uint64(l.most())))
		return used
	}
	if used.time < now {
		used = usage{time: now}
	}
	whole, rest := l.span(cost)
	sum, quota := uint64(used.count)+uint64(rest), uint64(l.quota)
	return usage{time: used.time + whole + sum/quota, count: uint32(sum % quota)}
}

// takeBack takes back a charge that was made a moment ago, and led to the usage charged.
func (l limit) takeBack(used, charged usage, cost uint32) usage {
	if l.algorithm != gcra {
		if used.time == charged.time {
			used.count -= min(used.count, cost)
		}
		return used
	}
	whole, rest := l.span(cost)
	count := used.count - rest
	if used.count < rest {
		whole, count = whole+1, used.count+l.quota-rest
	}
	if used.time < whole {
		return usage{}
	}
	return usage{time: used.time - whole, count: count}
}

// never is a wait for what never comes.
const never = math.MaxUint64

// wait is how long it takes until so many units are left, in nanoseconds: 0 where they are now.
func (l limit) wait(used usage, now uint64, cost uint32) uint64 {
	if cost > l.capacity {
		return never
	}
	switch l.algorithm {
	case gcra:
		after := l.charge(used, now, cost)
		whole, rest := l.span(l.capacity)
		full := usage{time: now + whole, count: rest}
		if !full.less(after) {
			return 0
		}
		early := after.time - full.time
		if after.count > rest {
			early++
		}
		return early
	case fixedWindow:
		if uint64(used.count)+uint64(cost) <= uint64(l.capacity) {
			return 0
		}
		return l.end(used, now)
	}
	if uint64(used.count)+uint64(cost) <= uint64(l.capacity) {
		weight, faded := l.weight(used, now), l.faded(l.capacity-used.count-cost, used.before)
		return weight - min(weight, faded)
	}
	// Not in this window: in the next one, what was used in this one fades.
	return l.end(used, now) + l.window - l.faded(l.capacity-cost, used.count)
}

// faded is how much of a window may be left for what was used in the window before it to count for no more than free.
func (l limit) faded(free, used uint32) uint64 {
	if used <= free {
		return l.window
	}
	high, low := bits.Mul64(uint64(free), l.window)
	quotient, _ := bits.Div64(high, low, uint64(used))
	return quotient
}

// end is how long until the window in hand ends.
func (l limit) end(used usage, now uint64) uint64 {
	end := used.time + l.window
	return end - min(end, now)
}

// weight is what part of a window is left, in nanoseconds: what the window before still counts for.
func (l limit) weight(used usage, now uint64) uint64 {
	return min(l.end(used, now), l.window)
}

// level is how much is used, in units that are so small that no two usages that differ look the same: 128 bits.
type level struct{ high, low uint64 }

func (l level) less(other level) bool {
	return l.high < other.high || l.high == other.high && l.low < other.low
}

// plus adds a product.
func (l level) plus(a, b uint64) level {
	high, low := bits.Mul64(a, b)
	sum, carry := bits.Add64(l.low, low, 0)
	return level{l.high + high + carry, sum}
}

func (l limit) level(used usage, now uint64) level {
	switch {
	case l.algorithm == gcra && used.time < now:
		return level{}
	case l.algorithm == gcra:
		return level{}.plus(used.time-now, uint64(l.quota)).plus(uint64(used.count), 1)
	case l.algorithm == slidingWindow:
		return level{}.plus(uint64(used.before), l.weight(used, now)).plus(uint64(used.count), l.window)
	}
	return level{}.plus(uint64(used.count), l.window)
}

// used is how many units are used; one that has come back in part is still used.
func (l limit) used(used usage, now uint64) uint32 {
	level := l.level(used, now).plus(l.window-1, 1)
	if level.high >= l.window {
		return l.most()
	}
	quotient, _ := bits.Div64(level.high, level.low, l.window)
	return uint32(min(quotient, uint64(l.most())))
}

// remaining is how many units are left.
func (l limit) remaining(used usage, now uint64) uint32 {
	return l.capacity - min(l.capacity, l.used(used, now))
}

// reset is how long until nothing is used any more, in nanoseconds; with windows that have not been touched, until the one
// in hand ends.
func (l limit) reset(used usage, now uint64) uint64 {
	switch {
	case l.algorithm == gcra:
		reset := used.time - min(used.time, now)
		if used.count > 0 {
			reset++
		}
		return reset
	case l.algorithm == slidingWindow && used.count > 0:
		return l.end(used, now) + l.window
	}
	return l.end(used, now)
}

// adopt returns the same use under this limit of a usage that was kept under another.
func (l limit) adopt(used usage, other limit, now uint64) usage {
	if l == other {
		return used
	}
	units := min(other.used(other.at(used, now), now), l.most())
	return l.charge(l.at(usage{}, now), now, units)
}

// isUnused tells whether this is the usage of a key that has used nothing.
func (l limit) isUnused(used usage) bool {
	return used.count == 0 && used.before == 0 && (l.algorithm != gcra || used.time == 0)
}

// seconds is how many whole seconds are not shorter than these nanoseconds.
func seconds(nanoseconds uint64) uint64 {
	whole := nanoseconds / second
	if nanoseconds%second > 0 {
		whole++
	}
	return whole
}
