//! A header map without a proxy.

use weir_kit::headers::{Headers, Pairs, Refused};

/// The name whose every call is refused.
pub const STUCK: &str = "x-stuck";

/// A header map as RFC 9110 has it: a list of pairs, in which names know no case. Calls about [`STUCK`] are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestHeaders(pub Vec<(String, Vec<u8>)>);

impl TestHeaders {
    /// The map of these pairs, in this order.
    pub fn of(pairs: &[(&str, &[u8])]) -> TestHeaders {
        TestHeaders(pairs.iter().map(|(name, value)| (name.to_string(), value.to_vec())).collect())
    }

    fn check(name: &str) -> Result<(), Refused> {
        if name == STUCK { Err(Refused) } else { Ok(()) }
    }
}

impl Headers for TestHeaders {
    fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Refused> {
        TestHeaders::check(name)?;
        Ok(self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone()))
    }

    fn pairs(&self) -> Result<Pairs, Refused> {
        Ok(self.0.iter().map(|(name, value)| (name, value)).collect())
    }

    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        self.remove(name)?;
        self.append(name, value)
    }

    fn append(&mut self, name: &str, value: &[u8]) -> Result<(), Refused> {
        TestHeaders::check(name)?;
        self.0.push((name.to_owned(), value.to_vec()));
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Refused> {
        TestHeaders::check(name)?;
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        Ok(())
    }
}
