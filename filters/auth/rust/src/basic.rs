//! HTTP Basic (RFC 7617) with passwords that are kept as bcrypt has them.
//!
//! A bcrypt is slow on purpose, and a filter that is slow stops every connection of its worker. So a name and a password
//! that were found good, or bad, are remembered by their digest, and no more than a configured number of them is worked
//! out in a second: who tries passwords is refused before he is a burden, and who is known goes on undisturbed.

mod hash;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::base64;
use crate::cache::Recent;
use crate::refusal::Reason;
pub(crate) use hash::{Hash, HashError};

/// The most bytes of name and password, encoded.
const MOST_CREDENTIAL: usize = 512;
/// The most bytes of a password: bcrypt looks at no more, and takes the NUL at the end for one of them.
const MOST_PASSWORD: usize = 71;
/// How many good ones are remembered by each worker, and how many bad ones.
const GOOD: usize = 1024;
const BAD: usize = 256;

/// Who may come in, with what password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Users {
    /// Names, of which none stands twice, and hashes of passwords. Never empty.
    pub users: Vec<(String, Hash)>,
    /// How many passwords each worker works out in a second.
    pub checks_per_second: u32,
}

/// What a worker remembers of [`Users`].
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    good: Recent<[u8; 32]>,
    bad: Recent<[u8; 32]>,
    second: i64,
    checks: u32,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { good: Recent::new(GOOD), bad: Recent::new(BAD), second: 0, checks: 0 }
    }
}

impl Users {
    /// Whose name and password stand in what follows `Basic` in the header. `now` is in seconds.
    ///
    /// # Errors
    /// They are nobody's, they are malformed, or too many passwords were worked out in this second.
    pub(crate) fn check(&self, credential: &[u8], memory: &mut Memory, now: i64) -> Result<&str, Reason> {
        if credential.len() > MOST_CREDENTIAL {
            return Err(Reason::TooLong);
        }
        let pair = base64::standard(credential).ok_or(Reason::Malformed)?;
        let at = pair.iter().position(|byte| *byte == b':').ok_or(Reason::Malformed)?;
        let (name, password) = (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default());
        let user = self.users.iter().find(|(known, _)| known.as_bytes() == name);

        // The same work for a name that nobody has: how long an answer takes must not tell who there is.
        let (owner, hash) = match (user, self.users.first()) {
            (Some((owner, hash)), _) => (Some(owner), hash),
            (None, Some((_, hash))) => (None, hash),
            (None, None) => return Err(Reason::Unknown),
        };
        let digest = digest(hash, name, password);
        let good = match owner {
            Some(_) if memory.good.contains(&digest) => true,
            _ if memory.bad.contains(&digest) => false,
            _ => {
                memory.spend(now, self.checks_per_second)?;
                let fits = !password.is_empty() && password.len() <= MOST_PASSWORD && !password.contains(&0);
                let good = hash.verifies(if fits { password } else { b"-" }) && fits && owner.is_some();
                if good {
                    memory.good.insert(digest)
                } else {
                    memory.bad.insert(digest)
                }
                good
            }
        };
        owner.filter(|_| good).map(String::as_str).ok_or(Reason::Unknown)
    }
}

impl Memory {
    /// Takes one of this second's checks. A clock that steps back begins another second.
    fn spend(&mut self, now: i64, most: u32) -> Result<(), Reason> {
        if self.second != now {
            (self.second, self.checks) = (now, 0);
        }
        if self.checks >= most {
            return Err(Reason::Busy);
        }
        self.checks += 1;
        Ok(())
    }
}

/// What is remembered in place of a name and a password. The salt of the hash is in it, so that one that is remembered
/// for a password is none for the password that follows it.
fn digest(hash: &Hash, name: &[u8], password: &[u8]) -> [u8; 32] {
    let length = (name.len() as u32).to_le_bytes();
    Sha256::new()
        .chain_update(hash.bytes())
        .chain_update(length)
        .chain_update(name)
        .chain_update(password)
        .finalize()
        .into()
}

/// Whether two digests are the same, in constant time.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding};
    use weir_testing::Dice;

    use super::*;

    fn encode(pair: &str) -> Vec<u8> {
        Base64::encode_string(pair.as_bytes()).into_bytes()
    }

    fn users() -> Users {
        let user =
            |name: &str, password: &str| (name.to_owned(), Hash::make(4, *b"0123456789abcdef", password.as_bytes()));
        Users {
            users: vec![user("ann", "s3cret:with colon"), user("ben", "pässword"), user("", "empty name")],
            checks_per_second: 1000,
        }
    }

    #[test]
    fn a_user_comes_in_with_his_password_and_no_other() {
        let (users, mut memory) = (users(), Memory::default());
        // Twice: worked out, and remembered.
        for _ in 0..2 {
            for (pair, wanted) in [
                ("ann:s3cret:with colon", Ok("ann")),
                ("ben:pässword", Ok("ben")),
                (":empty name", Ok("")),
                ("ann:pässword", Err(Reason::Unknown)),
                ("ann:s3cret", Err(Reason::Unknown)),
                ("ann:", Err(Reason::Unknown)),
                ("ann:S3cret:with colon", Err(Reason::Unknown)),
                ("Ann:s3cret:with colon", Err(Reason::Unknown)),
                ("cid:s3cret:with colon", Err(Reason::Unknown)),
                ("ann:s3cret:with colon\0", Err(Reason::Unknown)),
                ("ann", Err(Reason::Malformed)),
                ("", Err(Reason::Malformed)),
            ] {
                assert_eq!(users.check(&encode(pair), &mut memory, 0), wanted, "{pair}");
            }
        }
    }

    #[test]
    fn what_is_no_base64_is_malformed() {
        let (users, mut memory) = (users(), Memory::default());
        for text in ["YW5uOng", "YW5uOng=\n", "=", "a", "é", "YW5uOng= YW5uOng="] {
            assert_eq!(users.check(text.as_bytes(), &mut memory, 0), Err(Reason::Malformed), "{text}");
        }
        assert_eq!(users.check(&[b'A'; MOST_CREDENTIAL + 1], &mut memory, 0), Err(Reason::TooLong));
    }

    #[test]
    fn a_password_is_worked_out_once() {
        let (mut users, mut memory) = (users(), Memory::default());
        users.checks_per_second = 2;
        for _ in 0..1000 {
            assert_eq!(users.check(&encode("ann:s3cret:with colon"), &mut memory, 7), Ok("ann"));
            assert_eq!(users.check(&encode("ann:wrong"), &mut memory, 7), Err(Reason::Unknown));
        }
        // The second's share is used up: who is known still comes in, who is not waits.
        assert_eq!(users.check(&encode("ann:other"), &mut memory, 7), Err(Reason::Busy));
        assert_eq!(users.check(&encode("cid:x"), &mut memory, 7), Err(Reason::Busy));
        assert_eq!(users.check(&encode("ann:s3cret:with colon"), &mut memory, 7), Ok("ann"));
        assert_eq!(users.check(&encode("ann:other"), &mut memory, 8), Err(Reason::Unknown));
        assert_eq!(users.check(&encode("ben:pässword"), &mut memory, 6), Ok("ben"));
    }

    #[test]
    fn who_tries_passwords_drives_out_no_one_who_is_known() {
        let (mut users, mut memory) = (users(), Memory::default());
        users.checks_per_second = u32::MAX;
        assert_eq!(users.check(&encode("ann:s3cret:with colon"), &mut memory, 0), Ok("ann"));
        for guess in 0..2 * BAD {
            assert_eq!(users.check(&encode(&format!("ann:{guess}")), &mut memory, 0), Err(Reason::Unknown));
        }
        users.checks_per_second = 0;
        assert_eq!(users.check(&encode("ann:s3cret:with colon"), &mut memory, 1), Ok("ann"));
    }

    #[test]
    fn a_password_that_bcrypt_would_cut_off_is_nobodys() {
        let long = "p".repeat(MOST_PASSWORD);
        let hash = Hash::make(4, [7; 16], long.as_bytes());
        let users = Users { users: vec![("ann".into(), hash)], checks_per_second: 10 };
        let mut memory = Memory::default();
        assert_eq!(users.check(&encode(&format!("ann:{long}")), &mut memory, 0), Ok("ann"));
        for more in ["p", "pp", "px"] {
            assert_eq!(users.check(&encode(&format!("ann:{long}{more}")), &mut memory, 0), Err(Reason::Unknown));
        }
    }

    #[test]
    fn any_bytes_are_refused() {
        let (mut users, mut memory) = (users(), Memory::default());
        users.checks_per_second = 5;
        let mut dice = Dice(11);
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..dice.below(40)).map(|_| b"QUJDOnh5/+= :\xff\0"[dice.below(15)]).collect();
            assert!(users.check(&text, &mut memory, 0).is_err());
        }
    }
}
