//! A proxy-wasm host in process: runs an HTTP filter without Envoy, as Envoy 1.40 would, and counts what it costs.
//!
//! A filter's module is compiled once ([`Module`]), put into a chain ([`Plugin`]) and started by a [`Worker`]. A worker plays
//! exchanges: a request goes in, the upstream answers, and out comes what the upstream and the client saw, what the filter
//! logged, which services it called, and how many instructions it took.
//!
//! ```
//! use weir_host::{Host, Message, Module, Plugin, Worker};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A filter that gives every response a header. Yours comes from `Module::read(path)`.
//! let wasm = wat::parse_str(r#"(module
//!     (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 16) "hello") (data (i32.const 32) "world")
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "malloc") (param i32) (result i32) (i32.const 1024))
//!     (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
//!         (call $add (i32.const 2) (i32.const 16) (i32.const 5) (i32.const 32) (i32.const 5))))"#)?;
//!
//! let host = Host::new();
//! let mut worker = Worker::new(&host, [Plugin::new(&Module::new(&wasm)?)])?;
//! let exchange = worker.exchange(&Message::request("GET", "/"), |_| Message::response(200).chunk("ok").into());
//!
//! let response = exchange.response.expect("a response");
//! assert_eq!(response.headers.get("hello"), Some(&b"world"[..]));
//! assert_eq!(exchange.counts.host_calls["proxy_add_header_map_value"], 1);
//! assert_eq!(exchange.counts.instructions, 7); // five constants, the call, and the function itself
//! # Ok(())
//! # }
//! ```
//!
//! # Other services
//!
//! [`Host::cluster`] scripts what an HTTP call gets, [`Host::grpc_cluster`] what a gRPC call gets. A filter that pauses a
//! stream until the answer comes is resumed when the clock is there.
//!
//! # Time
//!
//! The clock is the host's and moves only when it is told to: by [`Worker::advance`], and by [`Worker::exchange`], which
//! goes on to whatever falls due next while the stream waits. Ticks, answers and timeouts happen on their time, in an order
//! that is the same in every run.
//!
//! # Several workers
//!
//! Workers of one [`Host`] share data and queues by `vm_id`, and metrics, as Envoy's workers do. Each may run on a thread
//! of its own. A race is played with [`Worker::before_host_call`]: what one worker does there happens between two
//! host calls of the other.
//!
//! # When a filter traps
//!
//! A [`Trap`] says in which functions, by the names of the module's name section or of the `.symbols` file beside it, and
//! what the filter logged as an error in that call: a panic's message. The stream is answered 503 and the VM is dead,
//! as [`FailurePolicy`] says. A callback that takes more than [`Plugin::fuel`] instructions traps as well.
//!
//! # What differs from Envoy
//!
//! What Envoy itself adds to a message (`x-request-id`, `x-forwarded-proto`, `date`, `server`, `x-envoy-…`) is not added:
//! a request is what the caller says it is. Foreign functions are unknown unless [`Host::foreign_function`] gives them. There
//! is one route, and no protocol on a wire: a message is a list of headers, pieces of a body, and trailers. The property
//! `xds.node` knows only Envoy's name. Random numbers are the same in every run.

mod abi;
mod callout;
mod calls;
mod deliver;
mod drive;
mod guest;
mod headers;
mod host;
mod instrument;
mod message;
mod module;
mod names;
mod pairs;
mod plugin;
mod reply;
mod report;
mod show;
mod state;
mod stream;
mod vm;
mod worker;

pub use abi::{AbiVersion, LogLevel, MetricType, Status};
pub use callout::{Answer, Callout, GrpcAnswer, GrpcCall, GrpcEvent, GrpcFrame, Reply};
pub use headers::{Header, HeaderMap, MapKind};
pub use host::{Host, Metric};
pub use message::Message;
pub use module::{Module, ModuleError};
pub use names::SymbolsError;
pub use plugin::{FailurePolicy, Plugin};
pub use report::{Counts, LogLine, Trap};
pub use state::{LocalReply, StreamInfo};
pub use stream::End;
pub use vm::{StartCause, StartError};
pub use worker::{Exchange, StreamId, Worker};
