//! How much of its quota a key has used: GCRA, fixed windows and sliding windows, in integers.
//!
//! Times are nanoseconds since 1970. A [`State`] is what is kept of one key, and a [`Limit`] is what it is kept under.
//! Nothing drifts: GCRA keeps the fraction of a nanosecond that a division leaves.

use weir_kit::clock::SECOND;

/// How a quota comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// The generic cell rate algorithm: units come back one by one, evenly, and up to `capacity` may be spent at once.
    Gcra = 0,
    /// All of it at once, when a window ends; windows are aligned to 1970, so that a day's begins at midnight UTC.
    FixedWindow = 1,
    /// As fast as it was used in the window before this one, taken as even over that window.
    SlidingWindow = 2,
}

/// A quota and how it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub algorithm: Algorithm,
    /// Units in a window, from 1 to 10^9.
    pub quota: u32,
    /// Units that may be spent at once, from 1 to 10^9; a window's is its quota.
    pub capacity: u32,
    /// The window's length in nanoseconds, from one second to one year. `capacity / quota` windows are at most ten
    /// years, so that no sum here comes near the end of 64 bits.
    pub window: u64,
}

/// What is kept of one key; all zeros where it has used nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// GCRA: when everything will have come back. Windows: when the one in hand began.
    time: u64,
    /// GCRA: what is to be added to `time`, in `quota`-ths of a nanosecond. Windows: units used in the one in hand.
    count: u32,
    /// Sliding windows: units used in the window before.
    before: u32,
}

impl State {
    /// How many bytes [`State::encode`] makes.
    pub(crate) const SIZE: usize = 16;

    pub(crate) fn encode(self) -> [u8; State::SIZE] {
        let (time, count, before) = (self.time.to_le_bytes(), self.count.to_le_bytes(), self.before.to_le_bytes());
        let mut bytes = [0; State::SIZE];
        for (place, byte) in bytes.iter_mut().zip(time.into_iter().chain(count).chain(before)) {
            *place = byte;
        }
        bytes
    }

    pub(crate) fn decode(bytes: [u8; State::SIZE]) -> State {
        let bits = u128::from_le_bytes(bytes);
        State { time: bits as u64, count: (bits >> 64) as u32, before: (bits >> 96) as u32 }
    }

    /// Of two states at one moment, what is not less than either.
    pub(crate) fn join(self, other: State, limit: &Limit) -> State {
        match limit.algorithm {
            Algorithm::Gcra => {
                if (other.time, other.count) > (self.time, self.count) {
                    other
                } else {
                    self
                }
            }
            Algorithm::FixedWindow | Algorithm::SlidingWindow => State {
                time: self.time.max(other.time),
                count: self.count.max(other.count),
                before: self.before.max(other.before),
            },
        }
    }
}

impl Limit {
    /// The most units that a key may owe: what is charged after a response may exceed the capacity, and this bounds by
    /// how much.
    fn most(&self) -> u32 {
        self.capacity.saturating_mul(2)
    }

    /// How long `units` take to come back: whole nanoseconds, and the rest in `quota`-ths of one.
    fn span(&self, units: u32) -> (u64, u32) {
        let (units, quota) = (u64::from(units), u64::from(self.quota.max(1)));
        // Two factors below 2^31: no overflow.
        let rest = units * (self.window % quota);
        let whole = units.saturating_mul(self.window / quota).saturating_add(rest / quota);
        (whole, (rest % quota) as u32)
    }

    fn window_start(&self, now: u64) -> u64 {
        now - now % self.window.max(1)
    }

    /// The state as it is at `now`, which must come before anything is asked of it or charged to it.
    ///
    /// A clock that was set back gives nobody units back, and holds nobody for longer than everything that may be owed
    /// takes to come back.
    pub(crate) fn at(&self, state: State, now: u64) -> State {
        match self.algorithm {
            Algorithm::Gcra => {
                let (whole, rest) = self.span(self.most());
                let latest = (now.saturating_add(whole), rest);
                if (state.time, state.count) <= (now, 0) {
                    State::default()
                } else if (state.time, state.count) > latest {
                    State { time: latest.0, count: latest.1, before: 0 }
                } else {
                    state
                }
            }
            Algorithm::FixedWindow | Algorithm::SlidingWindow => self.window_at(state, now),
        }
    }

    fn window_at(&self, state: State, now: u64) -> State {
        let start = self.window_start(now);
        // A window that has not begun was begun by a worker whose clock is ahead by a little: it counts as begun. One that
        // is further ahead was begun before the clock was set back.
        if state.time > now {
            return if state.time - now < self.window { state } else { State { time: start, ..state } };
        }
        match (now - state.time) / self.window.max(1) {
            0 => state,
            1 if self.algorithm == Algorithm::SlidingWindow => State { time: start, count: 0, before: state.count },
            _ => State { time: start, count: 0, before: 0 },
        }
    }

    /// Charges `cost` units, whether there are as many or not.
    pub(crate) fn charge(&self, state: State, now: u64, cost: u32) -> State {
        match self.algorithm {
            Algorithm::Gcra => {
                let (time, count) = if state.time < now { (now, 0) } else { (state.time, state.count) };
                let (whole, rest) = self.span(cost);
                let (sum, quota) = (u64::from(count) + u64::from(rest), u64::from(self.quota.max(1)));
                let time = time.saturating_add(whole).saturating_add(sum / quota);
                State { time, count: (sum % quota) as u32, before: 0 }
            }
            Algorithm::FixedWindow | Algorithm::SlidingWindow => {
                State { count: state.count.saturating_add(cost).min(self.most()), ..state }
            }
        }
    }

    /// Takes back a charge of `cost` units that was made a moment ago to the window that began at `began`.
    pub(crate) fn take_back(&self, state: State, began: State, cost: u32) -> State {
        match self.algorithm {
            Algorithm::Gcra => {
                let (whole, rest) = self.span(cost);
                let (borrow, count) = match state.count.checked_sub(rest) {
                    Some(count) => (0, count),
                    None => (1, state.count + self.quota - rest),
                };
                match state.time.checked_sub(whole + borrow) {
                    Some(time) => State { time, count, before: 0 },
                    None => State::default(),
                }
            }
            _ if state.time == began.time => State { count: state.count.saturating_sub(cost), ..state },
            _ => state,
        }
    }

    /// Whether `cost` units are left.
    pub(crate) fn fits(&self, state: State, now: u64, cost: u32) -> bool {
        self.wait(state, now, cost) == Some(0)
    }

    /// How long until `cost` units are left, in nanoseconds; none where they never will be.
    pub(crate) fn wait(&self, state: State, now: u64, cost: u32) -> Option<u64> {
        if cost > self.capacity {
            return None;
        }
        Some(match self.algorithm {
            Algorithm::Gcra => {
                let after = self.charge(state, now, cost);
                let (whole, rest) = self.span(self.capacity);
                let early = after.time.saturating_sub(now.saturating_add(whole));
                match (after.time, after.count) <= (now.saturating_add(whole), rest) {
                    true => 0,
                    false => early + u64::from(after.count > rest),
                }
            }
            Algorithm::FixedWindow => {
                let free = self.capacity.saturating_sub(state.count);
                if cost <= free { 0 } else { self.end(state, now) }
            }
            Algorithm::SlidingWindow => self.wait_sliding(state, now, cost),
        })
    }

    fn wait_sliding(&self, state: State, now: u64, cost: u32) -> u64 {
        if let Some(free) = self.capacity.checked_sub(state.count).and_then(|free| free.checked_sub(cost)) {
            return self.weight(state, now).saturating_sub(self.faded(free, state.before));
        }
        // Not in this window: in the next one, what was used in this one fades.
        let free = self.capacity.saturating_sub(cost);
        self.end(state, now) + (self.window - self.faded(free, state.count))
    }

    /// How much of a window may be left for `used` units of the window before it to count for no more than `free`.
    fn faded(&self, free: u32, used: u32) -> u64 {
        if used <= free {
            return self.window;
        }
        (u128::from(free) * u128::from(self.window) / u128::from(used)) as u64
    }

    /// How long until the window in hand ends.
    fn end(&self, state: State, now: u64) -> u64 {
        state.time.saturating_add(self.window).saturating_sub(now)
    }

    /// What part of a window is left, in nanoseconds: what the window before still counts for.
    fn weight(&self, state: State, now: u64) -> u64 {
        self.end(state, now).min(self.window)
    }

    /// How much is used, in units that are so small that no two states that differ look the same. For comparing only.
    pub(crate) fn level(&self, state: State, now: u64) -> u128 {
        let window = u128::from(self.window);
        match self.algorithm {
            Algorithm::Gcra if state.time < now => 0,
            Algorithm::Gcra => u128::from(state.time - now) * u128::from(self.quota) + u128::from(state.count),
            Algorithm::FixedWindow => u128::from(state.count) * window,
            Algorithm::SlidingWindow => {
                u128::from(state.before) * u128::from(self.weight(state, now)) + u128::from(state.count) * window
            }
        }
    }

    /// How many units are used; one that has come back in part is still used.
    pub(crate) fn used(&self, state: State, now: u64) -> u32 {
        let used = self.level(state, now).div_ceil(u128::from(self.window.max(1)));
        u32::try_from(used).unwrap_or(u32::MAX).min(self.most())
    }

    /// How many units are left.
    pub(crate) fn remaining(&self, state: State, now: u64) -> u32 {
        self.capacity.saturating_sub(self.used(state, now))
    }

    /// How long until nothing is used any more, in nanoseconds; with windows that have not been touched, until the one in
    /// hand ends.
    pub(crate) fn reset(&self, state: State, now: u64) -> u64 {
        match self.algorithm {
            Algorithm::Gcra => state.time.saturating_sub(now) + u64::from(state.count > 0),
            Algorithm::SlidingWindow if state.count > 0 => self.end(state, now).saturating_add(self.window),
            Algorithm::FixedWindow | Algorithm::SlidingWindow => self.end(state, now),
        }
    }

    /// The same use under this limit of a state that was kept under another.
    pub(crate) fn adopt(&self, state: State, other: &Limit, now: u64) -> State {
        if self == other {
            return state;
        }
        let used = other.used(other.at(state, now), now).min(self.most());
        self.charge(self.at(State::default(), now), now, used)
    }

    /// Whether the state is one of a key that has used nothing.
    pub(crate) fn is_unused(&self, state: State) -> bool {
        state.count == 0 && state.before == 0 && (self.algorithm != Algorithm::Gcra || state.time == 0)
    }
}

/// Whole seconds that are not shorter than these nanoseconds.
pub(crate) fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(SECOND)
}

#[cfg(test)]
mod tests;
