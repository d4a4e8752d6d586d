//! Cases in process: an executor of `weir-cases` that stands on `weir-host`, and the command that runs it.
//!
//! What Envoy itself adds to a message is added here, where a filter or a case could see it: `x-request-id`,
//! `x-forwarded-proto`, `server`, lengths. The rest is the host's.

pub mod e2e;
mod executor;
mod grpc;
mod wire;

pub use executor::HostExecutor;
