//! Why a request is refused: a word for the operator's log and metrics, and a status for the client.

/// Everything that a request can be refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No rule matches the request.
    NoRule,
    /// The path could be read in more than one way, so that no rule can be trusted to match it.
    AmbiguousPath,
    /// The request brings no credential of a kind that the rule asks for.
    Missing,
    /// A credential stands in more than one place, or more than once in one.
    Repeated,
    /// The credential is longer than anything is read of.
    TooLong,
    /// The credential is not of the form that its kind has.
    Malformed,
    /// The token says `crit`, and of something that is not understood here.
    Critical,
    /// The token is of another type (`typ`) than is taken here.
    Type,
    /// The token's algorithm is none that is known here, `none` among them, or not the one that its key is for.
    Algorithm,
    /// No key has the name that the token or the signature says.
    UnknownKey,
    /// No keys were fetched yet: the fault is not the client's.
    NoKeys,
    /// The signature is not one by the key.
    Signature,
    /// The token's claims are not what RFC 7519 says, or one that is needed is missing.
    Claims,
    /// The token or the signature is valid no more.
    Expired,
    /// The token or the signature is not valid yet, or made in the future.
    NotYet,
    /// The token is of another issuer.
    Issuer,
    /// The token is for another audience.
    Audience,
    /// The key, or the name and the password, are nobody's.
    Unknown,
    /// Passwords are being checked as fast as the configuration allows.
    Busy,
    /// The signature leaves out a part of the request that it has to cover.
    Coverage,
    /// The body is not the one whose digest was signed, or there is no digest.
    Digest,
    /// The signature was used before.
    Replayed,
    /// The table of used signatures is full: taking another would mean to forget one.
    ReplayFull,
    /// The proxy refused a call that the decision needs.
    Host,
}

/// Every reason with the word that metrics and logs have for it, in the order of the enumeration.
pub(crate) const WORDS: [(Reason, &str); 24] = [
    (Reason::NoRule, "no_rule"),
    (Reason::AmbiguousPath, "ambiguous_path"),
    (Reason::Missing, "missing"),
    (Reason::Repeated, "repeated"),
    (Reason::TooLong, "too_long"),
    (Reason::Malformed, "malformed"),
    (Reason::Critical, "critical"),
    (Reason::Type, "type"),
    (Reason::Algorithm, "algorithm"),
    (Reason::UnknownKey, "unknown_key"),
    (Reason::NoKeys, "no_keys"),
    (Reason::Signature, "signature"),
    (Reason::Claims, "claims"),
    (Reason::Expired, "expired"),
    (Reason::NotYet, "not_yet"),
    (Reason::Issuer, "issuer"),
    (Reason::Audience, "audience"),
    (Reason::Unknown, "unknown"),
    (Reason::Busy, "busy"),
    (Reason::Coverage, "coverage"),
    (Reason::Digest, "digest"),
    (Reason::Replayed, "replayed"),
    (Reason::ReplayFull, "replay_full"),
    (Reason::Host, "host"),
];

impl Reason {
    /// Its word.
    pub(crate) fn word(self) -> &'static str {
        WORDS.get(self as usize).map_or("", |(_, word)| word)
    }

    /// The status of the response (RFC 6750, section 3.1; RFC 9110).
    pub(crate) fn status(self) -> u16 {
        match self {
            Reason::AmbiguousPath | Reason::Repeated => 400,
            Reason::NoRule => 403,
            Reason::NoKeys | Reason::Busy | Reason::ReplayFull | Reason::Host => 503,
            _ => 401,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        for (index, (reason, word)) in WORDS.iter().enumerate() {
            assert_eq!(*reason as usize, index);
            assert_eq!(reason.word(), *word);
            assert!(!WORDS[..index].iter().any(|(_, other)| other == word));
        }
        assert_eq!(Reason::Host as usize + 1, WORDS.len());
    }
}
