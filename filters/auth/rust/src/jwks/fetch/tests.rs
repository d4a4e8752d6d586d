use weir_testing::TestSharedData;

use super::*;
use crate::vectors;

const NONE: [usize; 0] = [];

/// Some moment, in milliseconds.
const T: u64 = 1_700_000_000_000;

fn source() -> Source {
    Source {
        cluster: "idp".into(),
        authority: "idp.example".into(),
        path: "/jwks".into(),
        allowed: vec![],
        ttl: 300_000,
        cooldown: 30_000,
        timeout: 5_000,
    }
}

fn body(keys: &[&str]) -> Vec<u8> {
    format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
}

fn workers(count: usize) -> Vec<Fetcher> {
    (0..count).map(|_| Fetcher::new(source())).collect()
}

/// Ticks all workers and names those that are to fetch.
fn tick(workers: &mut [Fetcher], data: &TestSharedData, now: u64) -> Vec<usize> {
    let steps = workers.iter_mut().map(|worker| worker.tick(data, now).0);
    steps.enumerate().filter(|(_, step)| *step == Step::Fetch).map(|(index, _)| index).collect()
}

fn count(worker: &Fetcher) -> Option<usize> {
    worker.keys().map(KeySet::len)
}

#[test]
fn one_worker_fetches_for_all() {
    let (data, mut workers) = (TestSharedData::default(), workers(4));
    assert_eq!(tick(&mut workers, &data, T), [0]);
    // While it asks, nobody else does.
    for later in [0, 100, 4_999] {
        assert_eq!(tick(&mut workers, &data, T + later), NONE);
    }
    assert_eq!(workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T + 200), Ok(true));
    assert_eq!(count(&workers[0]), Some(1));
    assert_eq!(
        workers.iter_mut().map(|worker| worker.tick(&data, T + 300).1).collect::<Vec<_>>(),
        [false, true, true, true]
    );
    assert!(workers.iter().all(|worker| count(worker) == Some(1) && !worker.hurries()));
    assert_eq!(data.keys(), 2);
}

#[test]
fn keys_are_asked_for_again_when_their_time_is_over_and_serve_until_then() {
    let (data, mut workers) = (TestSharedData::default(), workers(2));
    tick(&mut workers, &data, T);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T).unwrap();
    assert_eq!(tick(&mut workers, &data, T + 299_999), NONE);
    assert_eq!(tick(&mut workers, &data, T + 300_000), [0]);
    assert_eq!(workers.iter().map(count).collect::<Vec<_>>(), [Some(1), Some(1)]);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY, vectors::RS_KEY]), T + 300_100).unwrap();
    tick(&mut workers, &data, T + 301_000);
    assert_eq!(workers.iter().map(count).collect::<Vec<_>>(), [Some(2), Some(2)]);
    assert_eq!(tick(&mut workers, &data, T + 600_099), NONE);
    assert_eq!(tick(&mut workers, &data, T + 600_100), [0]);
}

#[test]
fn a_fetch_that_fails_drops_no_keys_and_waits_for_its_turn() {
    let (data, mut workers) = (TestSharedData::default(), workers(2));
    tick(&mut workers, &data, T);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T).unwrap();
    let due = T + 300_000;
    assert_eq!(tick(&mut workers, &data, due), [0]);
    workers[0].failed(&data);
    assert_eq!(tick(&mut workers, &data, due + 29_999), NONE);
    assert_eq!(tick(&mut workers, &data, due + 30_000), [0]);
    for (text, why) in [
        (b"<html>".to_vec(), SetError::Malformed),
        (body(&[]), SetError::Empty(None)),
        (body(&[vectors::ED_KEY, vectors::ED_KEY]), SetError::Twins),
    ] {
        assert_eq!(workers[0].arrived(&data, &text, due + 30_001), Err(why));
    }
    assert_eq!(tick(&mut workers, &data, due + 30_002), NONE);
    assert_eq!(workers.iter().map(count).collect::<Vec<_>>(), [Some(1), Some(1)]);
    // A worker that comes later finds the good keys, not the bad answer.
    let mut late = Fetcher::new(source());
    late.recall(&data);
    assert_eq!(count(&late), Some(1));
}

#[test]
fn without_any_keys_the_next_attempt_comes_soon() {
    let (data, mut workers) = (TestSharedData::default(), workers(1));
    assert_eq!(tick(&mut workers, &data, T), [0]);
    workers[0].failed(&data);
    assert!(workers[0].hurries());
    assert_eq!(tick(&mut workers, &data, T + 999), NONE);
    assert_eq!(tick(&mut workers, &data, T + 1_000), [0]);
}

#[test]
fn an_unknown_key_is_asked_for_once_in_a_cooldown() {
    let (data, mut workers) = (TestSharedData::default(), workers(3));
    tick(&mut workers, &data, T);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T).unwrap();
    tick(&mut workers, &data, T + 1);
    // Tokens with unknown keys come to all workers, all the time.
    let mut fetches = Vec::new();
    for now in (T + 10..T + 100_000).step_by(10) {
        workers.iter_mut().for_each(|worker| worker.want(now));
        for worker in tick(&mut workers, &data, now) {
            fetches.push(now - T);
            workers[worker].arrived(&data, &body(&[vectors::ED_KEY]), now).unwrap();
        }
    }
    assert_eq!(fetches, [30_000, 60_000, 90_000]);
}

#[test]
fn newer_keys_answer_an_older_question() {
    let (data, mut workers) = (TestSharedData::default(), workers(2));
    tick(&mut workers, &data, T);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T).unwrap();
    tick(&mut workers, &data, T + 1);
    workers[0].want(T + 40_000);
    assert_eq!(tick(&mut workers, &data, T + 40_000), [0]);
    workers[1].want(T + 40_050);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY, vectors::RS_KEY]), T + 40_100).unwrap();
    assert_eq!(tick(&mut workers, &data, T + 80_000), NONE);
    assert!(!workers[1].hurries());
}

#[test]
fn who_does_not_come_back_is_waited_for_no_longer_than_his_timeout() {
    let (data, mut workers) = (TestSharedData::default(), workers(2));
    assert_eq!(tick(&mut workers, &data, T), [0]);
    // The VM of the first is gone.
    let mut rest = workers.split_off(1);
    assert_eq!(tick(&mut rest, &data, T + 4_999), NONE);
    assert_eq!(tick(&mut rest, &data, T + 5_000), [0]);
}

#[test]
fn workers_that_ask_at_once_are_told_apart_by_the_version() {
    let (data, mut workers) = (TestSharedData::default(), workers(1));
    tick(&mut workers, &data, T);
    workers[0].failed(&data);
    data.conflict(1);
    assert_eq!(tick(&mut workers, &data, T + 1_000), NONE);
    assert_eq!(tick(&mut workers, &data, T + 1_001), [0]);
    // The outcome is written whoever else writes.
    data.conflict(TRIES - 1);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T + 1_002).unwrap();
    let mut late = Fetcher::new(source());
    late.recall(&data);
    assert_eq!(count(&late), Some(1));
}

#[test]
fn a_clock_that_steps_back_stops_nothing() {
    let (data, mut workers) = (TestSharedData::default(), workers(1));
    tick(&mut workers, &data, T);
    workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T).unwrap();
    let earlier = T - 86_400_000;
    assert_eq!(tick(&mut workers, &data, earlier), [0]);
    workers[0].failed(&data);
    assert_eq!(tick(&mut workers, &data, earlier + 29_999), NONE);
    assert_eq!(tick(&mut workers, &data, earlier + 30_000), [0]);
}

#[test]
fn a_proxy_without_shared_data_is_no_trap() {
    let (data, mut workers) = (TestSharedData::default(), workers(1));
    data.break_down(true);
    assert_eq!(tick(&mut workers, &data, T), NONE);
    workers[0].recall(&data);
    workers[0].failed(&data);
    assert_eq!(workers[0].arrived(&data, &body(&[vectors::ED_KEY]), T), Ok(true));
    assert_eq!(count(&workers[0]), Some(1));
}

#[test]
fn what_another_wrote_there_is_as_good_as_nothing() {
    let (data, mut workers) = (TestSharedData::default(), workers(1));
    for junk in [&b""[..], b"\x02", &[1; 33], &[0xff; 33], &[1; 34]] {
        data.overwrite(&workers[0].note_key, junk).unwrap();
        data.overwrite(&workers[0].body_key, b"junk").unwrap();
        let mut fresh = Fetcher::new(source());
        fresh.recall(&data);
        assert_eq!(count(&fresh), None);
        tick(&mut workers, &data, T);
    }
}

#[test]
fn sources_that_differ_share_nothing() {
    let names: Vec<Fetcher> = [
        source(),
        Source { cluster: "x".into(), ..source() },
        Source { path: "/other".into(), ..source() },
        Source { authority: "other".into(), ..source() },
        Source { allowed: vec![Algorithm::Es256], ..source() },
    ]
    .into_iter()
    .map(Fetcher::new)
    .collect();
    for (index, one) in names.iter().enumerate() {
        assert!(names[..index].iter().all(|other| other.note_key != one.note_key && other.body_key != one.body_key));
    }
}
