//! Trying again, later and later, what may pass.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weir_common::say;

use crate::failure::Failure;

/// How often, and how long between.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How often at most, the first time counted.
    pub tries: u32,
    /// The first pause; each further one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { tries: 5, first: Duration::from_millis(250), most: Duration::from_secs(5) }
    }
}

impl Policy {
    /// The pause after the try of that number, counted from 1. `chance`, in `0.0..1.0`, takes away up to half of it, so
    /// that many clients that failed together do not come back together.
    pub fn pause(&self, number: u32, chance: f64) -> Duration {
        let factor = 1_u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.most).mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }

    /// Waits before another try, or gives the failure back where none is worth it.
    ///
    /// # Errors
    /// The failure, where it stays or was met often enough.
    pub async fn again(&self, number: u32, failure: Failure) -> Result<(), Failure> {
        if number >= self.tries || !failure.may_pass() {
            return Err(failure);
        }
        let pause = self.pause(number, chance());
        say!("{failure} (try {number} of {}; the next in {:.1} s)", self.tries, pause.as_secs_f64());
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Runs a request until it succeeds or is not worth another try.
    ///
    /// # Errors
    /// The last failure.
    pub async fn run<T, F: Future<Output = Result<T, Failure>>>(&self, request: impl Fn() -> F) -> Result<T, Failure> {
        let mut number = 1;
        loop {
            match request().await {
                Ok(found) => return Ok(found),
                Err(failure) => self.again(number, failure).await?,
            }
            number += 1;
        }
    }
}

/// The clock's last digits are chance enough to spread clients.
fn chance() -> f64 {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
    f64::from(nanos % 1_000_000) / 1_000_000.0
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::failure::Request;

    const QUICK: Policy = Policy { tries: 3, first: Duration::from_millis(1), most: Duration::from_millis(2) };

    fn failing(code: u16, times: u32) -> (u32, Result<(), Failure>) {
        let count = Cell::new(0);
        let request = || {
            count.set(count.get() + 1);
            let request = Request { registry: String::new(), what: String::new(), credentials: None };
            std::future::ready(if count.get() > times { Ok(()) } else { Err(Failure::of_status(request, code, "")) })
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let result = runtime.block_on(QUICK.run(request));
        (count.get(), result)
    }

    #[test]
    fn pauses_grow_to_a_limit_and_chance_shortens_them() {
        let policy = Policy::default();
        let pauses = [1, 2, 3, 6, 99].map(|number| policy.pause(number, 0.0).as_millis());
        assert_eq!(pauses, [250, 500, 1000, 5000, 5000]);
        assert_eq!(policy.pause(1, 1.0).as_millis(), 125);
    }

    #[test]
    fn what_passes_is_tried_until_it_does() {
        let (count, result) = failing(503, 2);
        assert_eq!(count, 3);
        result.unwrap();
        let (count, result) = failing(503, 9);
        assert_eq!(count, 3);
        assert!(result.is_err());
    }

    #[test]
    fn what_stays_is_tried_once() {
        assert_eq!(failing(403, 9).0, 1);
    }
}
