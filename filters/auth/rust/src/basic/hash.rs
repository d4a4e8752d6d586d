//! A password as bcrypt has it: `$2y$10$`, 22 characters of salt, 31 of hash.

use base64ct::{Base64Bcrypt, Encoding};

/// The costs that are taken. Each step doubles the work; what a step is worth in time, the README says.
pub(crate) const COSTS: std::ops::RangeInclusive<u32> = 4..=12;

/// What a password is held against.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hash {
    cost: u32,
    salt: [u8; 16],
    /// The first 23 bytes of bcrypt's 24: what its text form keeps.
    hash: [u8; 23],
}

/// Why a text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashError {
    /// It is not of bcrypt's form.
    Malformed,
    /// Its cost is not among [`COSTS`].
    Cost,
}

impl Hash {
    /// Reads what `htpasswd -B` writes, and `crypt` of the BSDs: the versions `2a`, `2b` and `2y`, which are the same for
    /// passwords that are short enough.
    ///
    /// # Errors
    /// It is no such text, or one of a cost that is not taken.
    pub(crate) fn read(text: &str) -> Result<Hash, HashError> {
        let mut parts = text.split('$');
        let (Some(""), Some("2a" | "2b" | "2y"), Some(cost), Some(rest), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(HashError::Malformed);
        };
        let (salt, hash) = rest.split_at_checked(22).ok_or(HashError::Malformed)?;
        if hash.len() != 31 || cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HashError::Malformed);
        }
        let cost = cost.parse().map_err(|_| HashError::Malformed)?;
        if !COSTS.contains(&cost) {
            return Err(HashError::Cost);
        }
        Ok(Hash { cost, salt: decode(salt)?, hash: decode(hash)? })
    }

    /// Whether this is the password. It takes as long as the cost says, whatever the outcome.
    pub(super) fn verifies(&self, password: &[u8]) -> bool {
        let full = work(self.cost, self.salt, password);
        super::same(full.get(..23).unwrap_or_default(), &self.hash)
    }

    /// Salt and hash: what makes this one different from others.
    pub(super) fn bytes(&self) -> [u8; 39] {
        let mut bytes = [0; 39];
        for (place, byte) in bytes.iter_mut().zip(self.salt.iter().chain(&self.hash)) {
            *place = *byte;
        }
        bytes
    }

    #[cfg(test)]
    pub(super) fn make(cost: u32, salt: [u8; 16], password: &[u8]) -> Hash {
        let full = work(cost, salt, password);
        Hash { cost, salt, hash: full[..23].try_into().unwrap() }
    }
}

/// bcrypt itself, which wants the NUL behind a password that C's strings have, and takes 1 to 72 bytes.
fn work(cost: u32, salt: [u8; 16], password: &[u8]) -> [u8; 24] {
    let mut terminated = [password, &[0]].concat();
    terminated.truncate(72);
    bcrypt::bcrypt(cost, salt, &terminated)
}

/// Bits beyond the last byte are not looked at, as bcrypt's own tools do.
fn decode<const LENGTH: usize>(text: &str) -> Result<[u8; LENGTH], HashError> {
    // The strict decoder wants those bits to be zero: the last character is made so.
    let spare = text.len() * 6 - LENGTH * 8;
    let alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (start, last) = text.split_at_checked(text.len() - 1).ok_or(HashError::Malformed)?;
    let value = alphabet.find(last).ok_or(HashError::Malformed)? >> spare << spare;
    let last = alphabet.get(value..=value).ok_or(HashError::Malformed)?;
    let bytes = Base64Bcrypt::decode_vec(&[start, last].concat()).map_err(|_| HashError::Malformed)?;
    bytes.try_into().map_err(|_| HashError::Malformed)
}

// Not the hash itself: it belongs in no log.
impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From jBCrypt's published tests, of the costs that are quick.
    #[test]
    fn verifies_the_vectors_of_jbcrypt() {
        for (password, text) in [
            ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
            ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
            ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
            ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
            ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"),
        ] {
            let hash = Hash::read(text).unwrap();
            assert!(hash.verifies(password.as_bytes()), "{text}");
            assert!(!hash.verifies(format!("{password}x").as_bytes()), "{text}");
            for version in ["$2b$", "$2y$"] {
                assert_eq!(Hash::read(&text.replace("$2a$", version)), Ok(hash.clone()));
            }
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let good = "$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
        for text in [
            "",
            "$",
            "secret",
            "$2y$06$",
            "$apr1$x$y",
            "$2x$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}x"),
            &format!("{good}$"),
            &good.replace("m0C", "m0é"),
            &good.replace("m0C", "m0+"),
            &good.replace("$06$", "$6$"),
            &good.replace("$06$", "$+6$"),
            &good.replace("fxe", "fx="),
        ] {
            assert_eq!(Hash::read(text), Err(HashError::Malformed), "{text}");
        }
        for cost in ["00", "03", "13", "31", "99"] {
            assert_eq!(Hash::read(&good.replace("$06$", &format!("${cost}$"))), Err(HashError::Cost), "{cost}");
        }
        for cost in ["04", "12"] {
            assert!(Hash::read(&good.replace("$06$", &format!("${cost}$"))).is_ok(), "{cost}");
        }
    }

    #[test]
    fn a_hash_is_not_shown() {
        let hash = Hash::read("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe").unwrap();
        assert_eq!(format!("{hash:?}"), "Hash(…)");
    }
}
