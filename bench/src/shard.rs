//! The one run that the shares of several runners make.

use anyhow::{Context, Result, bail, ensure};

use crate::results::Results;

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
    use weir_common::Shard;

    use super::*;

    fn share(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn shares_make_the_run_that_one_machine_makes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/results.json");
        let mut whole = Results::read(&path).unwrap();
        let mut other = whole.filters[0].clone();
        other.name = "another".into();
        whole.filters.insert(0, other);
        let part = |at: &str| Results { filters: share(at).take(whole.filters.clone()), ..whole.clone() };
        assert_eq!(merge(vec![part("2/2"), part("1/2")]).unwrap(), whole);
        let twice = merge(vec![part("1/2"), part("1/2")]).unwrap_err().to_string();
        assert_eq!(twice, "another stands in two shares");
        let other = Results { quick: !whole.quick, ..part("2/2") };
        assert!(merge(vec![part("1/2"), other]).unwrap_err().to_string().contains("not of one run"));
        assert!(merge(Vec::new()).is_err());
    }
}
