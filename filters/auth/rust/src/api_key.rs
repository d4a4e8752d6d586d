//! API keys, of which only digests are known here.
//!
//! A key is random and long, so that a plain SHA-256 of it tells nobody what it is; a password is neither: see
//! [`crate::basic`].

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::refusal::Reason;

/// The most bytes of a key.
pub(crate) const MOST_KEY: usize = 1024;

/// The digest of a key.
pub(crate) type KeyDigest = [u8; 32];

/// The keys that are taken, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKeys(Vec<(KeyDigest, String)>);

impl ApiKeys {
    /// # Errors
    /// Two keys are the same; the second part names the place of the second one in the list.
    pub(crate) fn new(mut keys: Vec<(KeyDigest, String)>) -> Result<ApiKeys, usize> {
        for (index, (digest, _)) in keys.iter().enumerate() {
            if keys.iter().take(index).any(|(other, _)| other == digest) {
                return Err(index);
            }
        }
        keys.sort();
        Ok(ApiKeys(keys))
    }

    /// Whose key this is.
    ///
    /// The first four bytes of its digest find the place in the list, in a time that tells something of the digest; the
    /// whole digests are compared in constant time. What a client could learn about four bytes of digests brings him no
    /// nearer to a key: he would still have to find the other 28.
    ///
    /// # Errors
    /// It is nobody's, or longer than any.
    pub(crate) fn owner(&self, key: &[u8]) -> Result<&str, Reason> {
        if key.len() > MOST_KEY {
            return Err(Reason::TooLong);
        }
        let digest = KeyDigest::from(Sha256::digest(key));
        let start = self.0.partition_point(|(known, _)| prefix(known) < prefix(&digest));
        let same = self.0.iter().skip(start).take_while(|(known, _)| prefix(known) == prefix(&digest));
        let found = same.filter(|(known, _)| bool::from(known.ct_eq(&digest))).last();
        found.map(|(_, owner)| owner.as_str()).ok_or(Reason::Unknown)
    }
}

fn prefix(digest: &KeyDigest) -> [u8; 4] {
    let [a, b, c, d, ..] = *digest;
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    fn digest(key: &str) -> KeyDigest {
        Sha256::digest(key.as_bytes()).into()
    }

    #[test]
    fn the_digest_is_the_one_of_fips_180() {
        // The example for `abc` of FIPS 180-4.
        let known = hex::decode("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        let keys = ApiKeys::new(vec![(known.try_into().unwrap(), "acme".into())]).unwrap();
        assert_eq!(keys.owner(b"abc"), Ok("acme"));
        for key in
            ["", "ab", "abcd", "Abc", "abc\n", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]
        {
            assert_eq!(keys.owner(key.as_bytes()), Err(Reason::Unknown), "{key}");
        }
    }

    #[test]
    fn each_key_has_its_owner() {
        let names: Vec<String> = (0..1000).map(|number| format!("key {number}")).collect();
        let keys = ApiKeys::new(names.iter().map(|name| (digest(name), format!("of {name}"))).collect()).unwrap();
        for name in &names {
            assert_eq!(keys.owner(name.as_bytes()), Ok(format!("of {name}").as_str()));
            assert_eq!(keys.owner(format!("{name}x").as_bytes()), Err(Reason::Unknown));
        }
    }

    #[test]
    fn digests_that_begin_alike_are_told_apart() {
        let near = |last: u8| {
            let mut digest = digest("abc");
            digest[31] ^= last;
            digest
        };
        let keys = (0..4).map(|last| (near(last), last.to_string())).collect();
        assert_eq!(ApiKeys::new(keys).unwrap().owner(b"abc"), Ok("0"));
        let keys = (1..4).map(|last| (near(last), last.to_string())).collect();
        assert_eq!(ApiKeys::new(keys).unwrap().owner(b"abc"), Err(Reason::Unknown));
    }

    #[test]
    fn a_key_that_stands_twice_is_told() {
        let keys = vec![(digest("a"), "1".into()), (digest("b"), "2".into()), (digest("a"), "3".into())];
        assert_eq!(ApiKeys::new(keys), Err(2));
    }

    #[test]
    fn bounds_hold_to_the_byte() {
        let key = "k".repeat(MOST_KEY);
        let keys = ApiKeys::new(vec![(digest(&key), "a".into())]).unwrap();
        assert_eq!(keys.owner(key.as_bytes()), Ok("a"));
        assert_eq!(keys.owner(format!("{key}k").as_bytes()), Err(Reason::TooLong));
    }
}
