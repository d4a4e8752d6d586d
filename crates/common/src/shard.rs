//! One of several equal shares of the work, for a runner that does its share.

use std::fmt;
use std::str::FromStr;

/// The share of that number, counted from 1, of so many. It is written `2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if 1 <= number && number <= of => Ok(Shard { number, of }),
            _ => Err(format!("expected I/N with I from 1 to N, such as 1/4, found {text:?}")),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Shard {
    /// What falls to this share: every N-th, so that what costs alike and stands together is spread.
    pub fn take<T>(self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_leave_nothing_out() {
        let all: Vec<u32> = (0..10).collect();
        let shares: Vec<Vec<u32>> = (1..=4).map(|number| Shard { number, of: 4 }.take(all.clone())).collect();
        assert_eq!(shares.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 2]);
        let mut together = shares.concat();
        together.sort();
        assert_eq!(together, all);
    }

    #[test]
    fn every_one_falls_to_one_share() {
        let all: Vec<u32> = (0..7).collect();
        let shares = ["1/3", "2/3", "3/3"].map(|it| it.parse::<Shard>().unwrap().take(all.clone()));
        assert_eq!(shares, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
    }

    #[test]
    fn a_share_is_one_of_so_many() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(Shard { number: 2, of: 4 }.to_string(), "2/4");
        for wrong in ["0/4", "5/4", "0/3", "4/3", "1", "a/b", "1/0", ""] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("such as 1/4"), "{wrong}");
        }
    }
}
