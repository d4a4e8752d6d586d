//! What the filters' unit tests share: stand-ins for the proxy, and texts that are broken at random.
//!
//! It is a dev-dependency only, and part of no module.

mod dice;
mod headers;
mod mutate;
mod properties;
mod schema;
mod shared;
mod written;

pub use dice::Dice;
pub use headers::{STUCK, TestHeaders};
pub use mutate::{Agreement, agree, mutate};
pub use properties::TestProperties;
pub use schema::Schema;
pub use shared::TestSharedData;
pub use written::{hex, hold_to};
