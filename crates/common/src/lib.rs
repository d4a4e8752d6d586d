//! What the farm's programs have in common. It compiles in a moment, because `xtask` needs it.

mod marked;
pub mod out;
mod shard;
pub mod whole;
mod words;

pub use marked::replace_between;
pub use shard::Shard;
pub use words::{shown, thousands};
