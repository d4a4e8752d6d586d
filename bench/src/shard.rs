//! A share of a run, for a runner of its own, and the one run that the shares of several runners make.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

use crate::results::Results;

/// Which share, from 1, of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Shard> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
            _ => bail!("expected a share such as 1/4, got {text:?}"),
        }
    }
}

impl Shard {
    /// What falls to this share: every one falls to one, and two shares differ by one at most. Uses of a filter are
    /// dealt out and not ports, because the ports of a use are measured in the same rounds.
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let ours = |(at, _): &(usize, T)| at % self.count == self.index - 1;
        all.into_iter().enumerate().filter(ours).map(|(_, it)| it).collect()
    }
}

/// One run of the shares of several.
///
/// # Errors
/// There is none, they are of different scenarios or versions, or two have the same use of a filter.
pub fn merge(shares: Vec<Results>) -> Result<Results> {
    let mut shares = shares.into_iter();
    let mut whole = shares.next().context("there is nothing to merge")?;
    for share in shares {
        ensure!(
            (&share.scenarios, &share.versions, share.quick) == (&whole.scenarios, &whole.versions, whole.quick),
            "the shares are not of one run: other scenarios, or other versions"
        );
        if let Some(twice) = share.filters.iter().find(|it| whole.filters.iter().any(|known| known.name == it.name)) {
            bail!("{} stands in two shares", twice.name);
        }
        whole.filters.extend(share.filters);
        whole.incomplete = whole.incomplete.or(share.incomplete);
        whole.began = whole.began.min(share.began);
    }
    whole.filters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn every_one_falls_to_one_share() {
        let all: Vec<u32> = (0..7).collect();
        let shares = ["1/3", "2/3", "3/3"].map(|it| share(it).of(all.clone()));
        assert_eq!(shares, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["0/3", "4/3", "1", "1/0", "a/b", ""] {
            assert!(text.parse::<Shard>().unwrap_err().to_string().contains("such as 1/4"), "{text}");
        }
    }

    #[test]
    fn shares_make_the_run_that_one_machine_makes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/results.json");
        let mut whole = Results::read(&path).unwrap();
        let mut other = whole.filters[0].clone();
        other.name = "another".into();
        whole.filters.insert(0, other);
        let part = |at: &str| Results { filters: share(at).of(whole.filters.clone()), ..whole.clone() };
        assert_eq!(merge(vec![part("2/2"), part("1/2")]).unwrap(), whole);
        let twice = merge(vec![part("1/2"), part("1/2")]).unwrap_err().to_string();
        assert_eq!(twice, "another stands in two shares");
        let other = Results { quick: !whole.quick, ..part("2/2") };
        assert!(merge(vec![part("1/2"), other]).unwrap_err().to_string().contains("not of one run"));
        assert!(merge(Vec::new()).is_err());
    }
}
