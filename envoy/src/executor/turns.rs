//! Which cases may run at the same time.
//!
//! Envoy does not say whose VM trapped, and a hostile case wants to know: one of them runs at a time.
//!
//! What filters count is counted for the whole Envoy. So a case that expects something of a metric runs while no other
//! case of a filter with that metric does; all the rest run together.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use weir_cases::harness::Suite;
use weir_cases::{Case, Subject};

/// What cases wait for.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The locks of those modules that share metrics, by the modules' labels.
    metrics: HashMap<String, Arc<RwLock<()>>>,
    /// The lock of the hostile cases.
    hostile: Arc<Mutex<()>>,
}

/// A case's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _metrics: Among,
    _hostile: Option<OwnedMutexGuard<()>>,
}

/// Which cases of the same module may run meanwhile.
#[derive(Debug)]
enum Among {
    /// No metric is expected of the module.
    Any,
    /// With the other cases of the module.
    Together { _guard: OwnedRwLockReadGuard<()> },
    /// Without them.
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Turns {
    pub(super) fn new(suites: &[Suite]) -> Turns {
        let mut groups: Vec<(BTreeSet<&str>, Vec<&str>)> = Vec::new();
        for suite in suites {
            let steps = suite.cases.iter().flat_map(|case| &case.steps);
            let mut metrics: BTreeSet<_> =
                steps.flat_map(|step| step.expect.metrics.keys().map(String::as_str)).collect();
            if metrics.is_empty() {
                continue;
            }
            let mut labels = vec![suite.subject.label.as_str()];
            // Another port of the filter counts under the same names.
            for (others, theirs) in
                groups.extract_if(.., |(others, _)| !others.is_disjoint(&metrics)).collect::<Vec<_>>()
            {
                metrics.extend(others);
                labels.extend(theirs);
            }
            groups.push((metrics, labels));
        }
        let locks = groups.into_iter().flat_map(|(_, labels)| {
            let lock = Arc::new(RwLock::new(()));
            labels.into_iter().map(move |label| (label.to_owned(), Arc::clone(&lock)))
        });
        Turns { metrics: locks.collect(), hostile: Arc::default() }
    }

    pub(super) async fn take(&self, subject: &Subject, case: &Case) -> Turn {
        // First, so that none who waits for it keeps a case waiting that expects something of a metric.
        let hostile = if case.hostile { Some(Arc::clone(&self.hostile).lock_owned().await) } else { None };
        let metrics = match self.metrics.get(&subject.label).cloned() {
            None => Among::Any,
            Some(lock) if case.expects_metrics() => Among::Alone { _guard: lock.write_owned().await },
            Some(lock) => Among::Together { _guard: lock.read_owned().await },
        };
        Turn { _metrics: metrics, _hostile: hostile }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(label: &str, metrics: &[&str]) -> Suite {
        let cases = metrics.iter().map(|it| format!("[[case]]\nname = '{it}'\nexpect.metrics.{it} = 1\n"));
        let text: String = cases.chain(["[[case]]\nname = 'none'\nexpect.log = []\n".to_owned()]).collect();
        let subject = Subject { label: label.into(), wasm: "a.wasm".into() };
        Suite { subject, file: "f".into(), cases: weir_cases::parse("f", &text).unwrap() }
    }

    fn lock<'a>(turns: &'a Turns, label: &str) -> &'a Arc<RwLock<()>> {
        &turns.metrics[label]
    }

    #[tokio::test]
    async fn a_case_with_metrics_runs_without_the_others_of_its_module() {
        let suites = [suite("a", &["m"]), suite("b", &[])];
        let turns = Turns::new(&suites);
        let [with, without] = [0, 1].map(|at| &suites[0].cases[at]);
        let alone = turns.take(&suites[0].subject, with).await;
        assert!(matches!(alone._metrics, Among::Alone { .. }));
        assert!(matches!(turns.take(&suites[1].subject, without).await._metrics, Among::Any));
        assert!(lock(&turns, "a").try_read().is_err());
        drop(alone);
        let together = turns.take(&suites[0].subject, without).await;
        assert!(lock(&turns, "a").try_read().is_ok() && lock(&turns, "a").try_write().is_err());
        drop(together);
    }

    #[tokio::test]
    async fn one_hostile_case_runs_at_a_time() {
        let suites = [suite("a", &[])];
        let turns = Turns::new(&suites);
        let hostile = Case { hostile: true, ..suites[0].cases[0].clone() };
        let turn = turns.take(&suites[0].subject, &hostile).await;
        assert!(turns.hostile.try_lock().is_err());
        drop(turns.take(&suites[0].subject, &suites[0].cases[0]).await);
        drop(turn);
        assert!(turns.hostile.try_lock().is_ok());
    }

    #[test]
    fn modules_with_a_metric_in_common_share_a_lock() {
        let turns = Turns::new(&[suite("a", &["m"]), suite("b", &["n"]), suite("c", &["o"]), suite("d", &["n", "m"])]);
        assert!(Arc::ptr_eq(lock(&turns, "a"), lock(&turns, "d")) && Arc::ptr_eq(lock(&turns, "b"), lock(&turns, "d")));
        assert!(!Arc::ptr_eq(lock(&turns, "a"), lock(&turns, "c")));
    }
}
