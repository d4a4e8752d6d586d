use weir_testing::Dice;

use super::*;

/// A moment of 2026.
const NOW: u64 = 1_780_000_000 * SECOND + 123_456_789;

fn limit(algorithm: Algorithm, quota: u32, capacity: u32, seconds: u64) -> Limit {
    Limit { algorithm, quota, capacity, window: seconds * SECOND }
}

fn gcra(quota: u32, capacity: u32, seconds: u64) -> Limit {
    limit(Algorithm::Gcra, quota, capacity, seconds)
}

fn fixed(quota: u32, seconds: u64) -> Limit {
    limit(Algorithm::FixedWindow, quota, quota, seconds)
}

fn sliding(quota: u32, seconds: u64) -> Limit {
    limit(Algorithm::SlidingWindow, quota, quota, seconds)
}

/// Takes `cost` units if there are as many.
fn take(limit: &Limit, state: &mut State, now: u64, cost: u32) -> bool {
    let here = limit.at(*state, now);
    let fits = limit.fits(here, now, cost);
    if fits {
        *state = limit.charge(here, now, cost);
    }
    fits
}

/// How many requests of one unit are let through at this moment.
fn burst(limit: &Limit, state: &mut State, now: u64) -> u32 {
    (0..10_000).take_while(|_| take(limit, state, now, 1)).count() as u32
}

fn some(dice: &mut Dice) -> Limit {
    let algorithm = [Algorithm::Gcra, Algorithm::FixedWindow, Algorithm::SlidingWindow][dice.below(3)];
    let scale = [3, 10, 1000][dice.below(3)];
    let quota = 1 + dice.below(scale) as u32;
    let capacity = if algorithm == Algorithm::Gcra { 1 + dice.below(30) as u32 } else { quota };
    limit(algorithm, quota, capacity, 1 + dice.below(60) as u64)
}

/// From a few nanoseconds to up to 2^(10 + `scale`) of them.
fn while_later(dice: &mut Dice, scale: usize) -> u64 {
    let scale = dice.below(scale);
    dice.below(1 << (10 + scale)) as u64
}

#[test]
fn a_state_is_kept_as_it_is() {
    let state = State { time: 0x0102_0304_0506_0708, count: 0x090a_0b0c, before: 0x0d0e_0f10 };
    assert_eq!(State::decode(state.encode()), state);
    assert_eq!(state.encode()[..9], [8, 7, 6, 5, 4, 3, 2, 1, 0x0c]);
    assert_eq!(State::decode([0; State::SIZE]), State::default());
}

#[test]
fn gcra_lets_a_burst_through_and_then_one_by_one() {
    let limit = gcra(10, 5, 1);
    let mut state = State::default();
    assert_eq!(burst(&limit, &mut state, NOW), 5);
    assert!(!take(&limit, &mut state, NOW + SECOND / 10 - 1, 1));
    assert!(take(&limit, &mut state, NOW + SECOND / 10, 1));
    assert!(!take(&limit, &mut state, NOW + SECOND / 10, 1));
    assert_eq!(burst(&limit, &mut state, NOW + 9 * SECOND), 5);
}

#[test]
fn gcra_does_not_drift() {
    // A third of a second is no whole number of nanoseconds, and neither is a seventh of a minute.
    for (quota, seconds) in [(3, 1), (7, 60), (999_999_937, 1), (999_999_937, 31_536_000)] {
        let limit = gcra(quota, 2, seconds);
        let (mut state, mut now, mut taken) = (State::default(), NOW, 0_u64);
        for _ in 0..3000 {
            now += limit.wait(limit.at(state, now), now, 1).unwrap();
            assert!(take(&limit, &mut state, now, 1));
            taken += 1;
        }
        // The last one is let through as soon as the ones before it have come back, to the nanosecond.
        let due = u128::from(taken - 2) * u128::from(limit.window);
        assert_eq!(u128::from(now - NOW), due.div_ceil(u128::from(quota)), "{quota} in {seconds}");
    }
}

#[test]
fn gcra_is_the_bucket_that_leaks_evenly() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    for _ in 0..300 {
        let limit = Limit { algorithm: Algorithm::Gcra, ..some(&mut dice) };
        let (mut state, mut now) = (State::default(), NOW);
        // The model: what is in the bucket, in `quota`-ths of a nanosecond.
        let mut level = 0_u128;
        for _ in 0..100 {
            let passed = while_later(&mut dice, 24);
            now += passed;
            level = level.saturating_sub(u128::from(passed) * u128::from(limit.quota));
            let cost = dice.below(limit.capacity as usize + 2) as u32;
            let after = level + u128::from(cost) * u128::from(limit.window);
            let fits = after <= u128::from(limit.capacity) * u128::from(limit.window);
            assert_eq!(take(&limit, &mut state, now, cost), fits, "{limit:?}");
            if fits {
                level = after;
            }
            let here = limit.at(state, now);
            assert_eq!(limit.level(here, now), level);
            assert_eq!(limit.reset(here, now), level.div_ceil(u128::from(limit.quota)) as u64);
        }
    }
}

#[test]
fn a_fixed_window_gives_its_quota_once() {
    let limit = fixed(3, 60);
    let start = NOW - NOW % (60 * SECOND);
    let mut state = State::default();
    assert_eq!(burst(&limit, &mut state, start), 3);
    assert_eq!(burst(&limit, &mut state, start + 60 * SECOND - 1), 0);
    assert_eq!(limit.wait(limit.at(state, NOW), NOW, 1), Some(start + 60 * SECOND - NOW));
    assert_eq!(burst(&limit, &mut state, start + 60 * SECOND), 3);
    assert_eq!(burst(&limit, &mut state, start + 600 * SECOND), 3);
}

#[test]
fn a_fixed_window_of_a_day_begins_at_midnight() {
    let limit = fixed(1, 86_400);
    let midnight = 1_780_012_800 * SECOND;
    let mut state = State::default();
    assert!(take(&limit, &mut state, midnight - 1, 1));
    assert!(!take(&limit, &mut state, midnight - 1, 1));
    assert!(take(&limit, &mut state, midnight, 1));
}

#[test]
fn a_sliding_window_weighs_the_one_before() {
    let limit = sliding(10, 10);
    let start = NOW - NOW % (10 * SECOND);
    let mut state = State::default();
    assert_eq!(burst(&limit, &mut state, start + 9 * SECOND), 10);
    // All of it still counts when the next window begins, and a tenth less with every second.
    for (second, let_through) in [(10, 0), (11, 1), (12, 1), (15, 3), (19, 4), (20, 1)] {
        assert_eq!(burst(&limit, &mut state, start + second * SECOND), let_through, "{second}");
    }
    assert_eq!(burst(&limit, &mut state, start + 40 * SECOND), 10);
}

#[test]
fn no_window_of_any_place_holds_twice_what_a_fixed_one_would() {
    // At the seam of two fixed windows twice the quota goes through; a sliding one lets through hardly more than it.
    let start = NOW - NOW % (10 * SECOND);
    let at_the_seam = |limit: &Limit| {
        let mut state = State::default();
        (0..200).filter(|step| take(limit, &mut state, start + 9 * SECOND + step * SECOND / 100, 1)).count()
    };
    assert_eq!(at_the_seam(&fixed(10, 10)), 20);
    assert_eq!(at_the_seam(&sliding(10, 10)), 10);
}

#[test]
fn what_remains_is_what_fits() {
    let mut dice = Dice(0x1234_5678_9abc_def2);
    for _ in 0..2000 {
        let limit = some(&mut dice);
        let (mut state, mut now) = (State::default(), NOW);
        for _ in 0..20 {
            now += while_later(&mut dice, 26);
            let here = limit.at(state, now);
            let remaining = limit.remaining(here, now);
            assert!(remaining == 0 || limit.fits(here, now, remaining), "{limit:?} {here:?}");
            assert!(!limit.fits(here, now, remaining + 1), "{limit:?} {here:?}");
            take(&limit, &mut state, now, dice.below(limit.capacity as usize + 1) as u32);
        }
    }
}

#[test]
fn a_wait_is_as_long_as_it_must_be() {
    let mut dice = Dice(0x1234_5678_9abc_def3);
    for _ in 0..5000 {
        let limit = some(&mut dice);
        let (mut state, mut now) = (State::default(), NOW);
        for _ in 0..10 {
            now += while_later(&mut dice, 26);
            take(&limit, &mut state, now, dice.below(limit.capacity as usize + 1) as u32);
        }
        let cost = 1 + dice.below(limit.capacity as usize) as u32;
        let here = limit.at(state, now);
        let wait = limit.wait(here, now, cost).unwrap();
        let later = |passed: u64| limit.fits(limit.at(state, now + passed), now + passed, cost);
        assert!(later(wait), "{limit:?} {here:?} {cost}");
        assert!(wait == 0 || !later(wait - 1), "{limit:?} {here:?} {cost}");
        assert_eq!(limit.wait(here, now, limit.capacity + 1), None);
    }
}

#[test]
fn nothing_is_left_to_come_back_after_the_reset() {
    let mut dice = Dice(0x1234_5678_9abc_def4);
    for _ in 0..2000 {
        let limit = some(&mut dice);
        let mut state = State::default();
        for step in 0..10 {
            take(&limit, &mut state, NOW + step * SECOND, 1 + dice.below(3) as u32);
        }
        let now = NOW + 9 * SECOND;
        let reset = limit.reset(limit.at(state, now), now);
        let later = now + reset;
        assert_eq!(limit.remaining(limit.at(state, later), later), limit.capacity, "{limit:?}");
        assert_eq!(seconds(reset), reset.div_ceil(1_000_000_000));
    }
}

#[test]
fn a_clock_that_is_set_back_refills_nobody_and_locks_nobody_out() {
    for limit in [gcra(10, 10, 60), gcra(100, 20, 60), fixed(10, 60), sliding(10, 60)] {
        for back in [1, SECOND, 59 * SECOND, 61 * SECOND, 3600 * SECOND, 86_400 * 365 * SECOND] {
            let mut state = State::default();
            burst(&limit, &mut state, NOW);
            let now = NOW - back;
            assert_eq!(burst(&limit, &mut state, now), 0, "{limit:?} {back}");
            // A write after the step keeps it so.
            state = limit.charge(limit.at(state, now), now, 0);
            assert_eq!(burst(&limit, &mut state, now + 1), 0, "{limit:?} {back}");
            let longest = 3 * limit.window;
            assert_eq!(burst(&limit, &mut state, now + longest), limit.capacity, "{limit:?} {back}");
        }
    }
}

#[test]
fn a_worker_whose_clock_is_behind_a_little_opens_no_window_again() {
    for limit in [fixed(10, 60), sliding(10, 60)] {
        let start = NOW - NOW % (60 * SECOND);
        let mut state = State::default();
        let mut taken = 0;
        // Two workers around the seam of two windows, one of them a microsecond behind.
        for step in 0..40 {
            let now = start + step - 20;
            taken += u32::from(take(&limit, &mut state, if step % 2 == 0 { now } else { now - 1000 }, 1));
        }
        let at_most = if limit.algorithm == Algorithm::FixedWindow { 20 } else { 10 };
        assert!(taken <= at_most, "{taken}");
    }
}

#[test]
fn what_is_charged_afterwards_may_exceed_the_capacity_within_bounds() {
    for limit in [gcra(10, 10, 60), fixed(10, 60), sliding(10, 60)] {
        let charged = limit.charge(limit.at(State::default(), NOW), NOW, 15);
        assert_eq!((limit.used(charged, NOW), limit.remaining(charged, NOW)), (15, 0));
        let mut state = State::default();
        for _ in 0..9 {
            state = limit.charge(limit.at(state, NOW), NOW, 10);
        }
        assert_eq!(limit.used(limit.at(state, NOW), NOW), 20, "{limit:?}");
        let later = NOW + 3 * limit.window;
        assert_eq!(limit.remaining(limit.at(state, later), later), 10);
    }
    // What is beyond the bounds does not come back to haunt the next window either.
    let limit = sliding(10, 60);
    let start = NOW - NOW % limit.window;
    let mut state = limit.at(State::default(), start);
    for _ in 0..9 {
        state = limit.charge(state, start, 10);
    }
    let middle = start + limit.window * 3 / 2;
    assert_eq!(limit.used(limit.at(state, middle), middle), 10);
}

#[test]
fn a_charge_that_is_taken_back_was_never_made() {
    let mut dice = Dice(0x1234_5678_9abc_def5);
    for _ in 0..2000 {
        let limit = some(&mut dice);
        let mut state = State::default();
        for step in 0..5 {
            take(&limit, &mut state, NOW + step * SECOND, 1 + dice.below(3) as u32);
        }
        let now = NOW + 5 * SECOND;
        let before = limit.at(state, now);
        let cost = dice.below(limit.capacity as usize + 1) as u32;
        let charged = limit.charge(before, now, cost);
        let back = limit.at(limit.take_back(charged, charged, cost), now);
        assert_eq!(
            (limit.level(back, now), limit.used(back, now)),
            (limit.level(before, now), limit.used(before, now))
        );
    }
    // A window that began since has nothing of it.
    let limit = fixed(10, 60);
    let charged = limit.charge(limit.at(State::default(), NOW), NOW, 5);
    let later = limit.charge(limit.at(charged, NOW + 60 * SECOND), NOW + 60 * SECOND, 3);
    assert_eq!(limit.take_back(later, charged, 5), later);
}

#[test]
fn what_is_joined_is_not_less_than_either_now_or_later() {
    let mut dice = Dice(0x1234_5678_9abc_def6);
    for _ in 0..2000 {
        let limit = some(&mut dice);
        let mut states = [State::default(); 2];
        for state in &mut states {
            for step in 0..10 {
                take(&limit, state, NOW + step * SECOND, dice.below(4) as u32);
            }
        }
        let now = NOW + 9 * SECOND;
        let [one, other] = states.map(|state| limit.at(state, now));
        let joined = one.join(other, &limit);
        for passed in [0, 1, SECOND, 10 * SECOND, 59 * SECOND, 70 * SECOND] {
            let level = |state: State| limit.level(limit.at(state, now + passed), now + passed);
            assert!(level(joined) >= level(one) && level(joined) >= level(other), "{limit:?} {one:?} {other:?}");
        }
    }
}

#[test]
fn a_new_limit_refills_nobody() {
    let mut dice = Dice(0x1234_5678_9abc_def7);
    for _ in 0..3000 {
        let (old, new) = (some(&mut dice), some(&mut dice));
        let mut state = State::default();
        for step in 0..10 {
            take(&old, &mut state, NOW + step * SECOND, dice.below(4) as u32);
        }
        let now = NOW + 9 * SECOND;
        let used = old.used(old.at(state, now), now);
        let adopted = new.at(new.adopt(state, &old, now), now);
        assert_eq!(new.used(adopted, now), used.min(2 * new.capacity), "{old:?} {new:?}");
        assert_eq!(old.adopt(state, &old, now), state);
    }
}

#[test]
fn extremes_do_not_overflow() {
    let year = 31_536_000;
    for limit in [
        gcra(1_000_000_000, 1_000_000_000, year),
        gcra(100_000_000, 1_000_000_000, year),
        gcra(1, 10, year),
        gcra(1_000_000_000, 1, 1),
        fixed(1_000_000_000, year),
        sliding(1_000_000_000, year),
        sliding(1, 1),
    ] {
        let wild = [0, 1, u64::MAX, NOW];
        for time in wild {
            for now in wild {
                for (count, before) in [(0, 0), (u32::MAX, u32::MAX), (limit.quota - 1, 7)] {
                    let state = limit.at(State { time, count, before }, now);
                    let charged = limit.charge(state, now, limit.capacity);
                    let _ = (limit.wait(charged, now, 1), limit.reset(charged, now), limit.used(charged, now));
                    let _ = (limit.take_back(charged, state, 1), limit.level(state, now), charged.join(state, &limit));
                    let _ = (limit.adopt(state, &gcra(7, 3, 60), now), limit.remaining(state, now));
                }
            }
        }
        let mut state = State::default();
        assert!(take(&limit, &mut state, NOW, limit.capacity));
        assert_eq!(limit.remaining(limit.at(state, NOW), NOW), 0);
        assert!(!take(&limit, &mut state, NOW, 1));
    }
}
