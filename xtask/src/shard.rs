//! One of several equal shares of the ports, for a runner that builds or tests its share.

use std::str::FromStr;

use crate::project::Port;

/// The share of that number, counted from 1, of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    number: usize,
    of: usize,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if 1 <= number && number <= of => Ok(Shard { number, of }),
            _ => Err(format!("expected I/N with I from 1 to N, such as 2/4, found {text:?}")),
        }
    }
}

impl Shard {
    /// The ports of this share: every N-th, so that the ports of one filter, which cost alike, are spread.
    pub(crate) fn take(self, ports: Vec<Port>) -> Vec<Port> {
        ports.into_iter().skip(self.number - 1).step_by(self.of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Project;

    #[test]
    fn shares_are_even_and_leave_nothing_out() {
        let port = Project::find().unwrap().ports().unwrap().remove(0);
        let ports: Vec<Port> = (0..10).map(|at| Port { filter: format!("f{at}"), ..port.clone() }).collect();
        let shares: Vec<Vec<Port>> = (1..=4).map(|number| Shard { number, of: 4 }.take(ports.clone())).collect();
        assert_eq!(shares.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2, 2]);
        let mut all: Vec<String> = shares.concat().into_iter().map(|port| port.filter).collect();
        all.sort();
        assert_eq!(all, ports.into_iter().map(|port| port.filter).collect::<Vec<_>>());
    }

    #[test]
    fn a_share_is_one_of_so_many() {
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        for wrong in ["0/4", "5/4", "1", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
