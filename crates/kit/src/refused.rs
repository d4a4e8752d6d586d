//! The one error of a call to the proxy.

/// The host refused a call: it has no such thing at this moment, or not for who asks. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;
