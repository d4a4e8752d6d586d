//! What host calls see and change: the state of one VM, of its contexts, and of the streams they are for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wasmi::{Global, Memory, StoreLimits, TypedFunc};

use crate::abi::{LogLevel, MetricType};
use crate::callout::{Callout, GrpcAnswer, GrpcCall};
use crate::headers::{Header, HeaderMap, MapKind};
use crate::host::Host;
use crate::message::Message;
use crate::plugin::Plugin;
use crate::report::{Counts, LogLine, Trap};

/// A way of a stream, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request = 0,
    Response = 1,
}

/// One message on its way through the filters.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: Option<HeaderMap>,
    /// The piece of the body that goes through the filters now.
    pub(crate) chunk: Vec<u8>,
    /// What a filter holds back.
    pub(crate) buffered: Option<Vec<u8>>,
}

/// What is known of a stream beside its messages: what properties tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// The client's address.
    pub source: String,
    /// The address that the client connected to.
    pub destination: String,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: String,
    /// The connection's number.
    pub connection: u64,
    /// The route's name.
    pub route: String,
    /// The virtual host's name.
    pub virtual_host: String,
    /// The upstream cluster's name.
    pub cluster: String,
    /// The upstream's address.
    pub upstream: String,
}

impl Default for StreamInfo {
    fn default() -> StreamInfo {
        StreamInfo {
            source: "127.0.0.1:50000".into(),
            destination: "127.0.0.1:10000".into(),
            protocol: "HTTP/1.1".into(),
            connection: 1,
            route: String::new(),
            virtual_host: "host".into(),
            cluster: "upstream".into(),
            upstream: "127.0.0.1:8000".into(),
        }
    }
}

/// What the filters of one stream share.
#[derive(Debug)]
pub(crate) struct StreamState {
    pub(crate) ways: [Passing; 2],
    pub(crate) info: StreamInfo,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) started: Duration,
    pub(crate) finished: Option<Duration>,
    pub(crate) response_code: Option<u16>,
    pub(crate) code_details: Option<String>,
    pub(crate) upstream_reached: bool,
    pub(crate) bytes: [u64; 2],
}

impl StreamState {
    pub(crate) fn new(info: StreamInfo, started: Duration) -> StreamState {
        let passing = |kind| Passing { headers: HeaderMap::new(kind), ..Passing::default() };
        StreamState {
            ways: [passing(MapKind::Request), passing(MapKind::Response)],
            info,
            filter_state: BTreeMap::new(),
            started,
            finished: None,
            response_code: None,
            code_details: None,
            upstream_reached: false,
            bytes: [0; 2],
        }
    }
}

/// A stream's state, from the driver and from every filter's VM.
pub(crate) type SharedStream = Arc<Mutex<StreamState>>;

pub(crate) fn lock(stream: &SharedStream) -> MutexGuard<'_, StreamState> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which bytes a context's body buffer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Body {
    #[default]
    None,
    Chunk,
    Buffered,
}

/// A context of the guest: the VM's (0), a root, or a stream's.
#[derive(Debug, Default)]
pub(crate) struct Context {
    /// The root that it belongs to; its own number for a root.
    pub(crate) root: u32,
    /// Whether the guest was told of it.
    pub(crate) created: bool,
    pub(crate) stream: Option<SharedStream>,
    /// Which messages' headers and trailers the guest may look at now.
    pub(crate) headers: [bool; 2],
    pub(crate) trailers: [bool; 2],
    pub(crate) body: [Body; 2],
    /// Whether the last callback for the body held it back.
    pub(crate) buffering: [bool; 2],
    pub(crate) end_of_stream: bool,
    /// In `proxy_on_log`, where everything can be read and nothing changed.
    pub(crate) logging: bool,
    /// Whether the stream was answered because the VM is dead.
    pub(crate) failed: bool,
}

/// What a host call asks of the driver, done when the guest has returned.
#[derive(Debug)]
pub(crate) enum Action {
    Continue {
        context: u32,
        way: Way,
    },
    Close {
        context: u32,
    },
    LocalReply {
        context: u32,
        reply: LocalReply,
    },
    /// The root context that asked for it is done.
    Done,
}

/// An answer that does not come from the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Further headers.
    pub headers: Vec<Header>,
    /// The gRPC status, where one was given.
    pub grpc_status: Option<u32>,
    /// What the property `response.code_details` says.
    pub details: String,
}

/// What will happen to a VM later.
#[derive(Debug)]
pub(crate) enum Later {
    Tick { root: u32, generation: u64 },
    HttpReply { root: u32, token: u32, response: Option<Message> },
    Grpc { root: u32, token: u32, answer: GrpcAnswer },
}

/// A timer of a root context.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timer {
    pub(crate) period: Duration,
    /// Grows when it is set anew, so that what was scheduled before is told from what counts.
    pub(crate) generation: u64,
}

/// What a gRPC token stands for.
#[derive(Debug)]
pub(crate) struct OpenGrpc {
    pub(crate) call: GrpcCall,
    pub(crate) local_closed: bool,
    pub(crate) remote_closed: bool,
}

/// What a root context has while an answer is delivered.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) http: Option<Message>,
    pub(crate) grpc_initial: Option<HeaderMap>,
    pub(crate) grpc_trailing: Option<HeaderMap>,
    pub(crate) grpc_message: Vec<u8>,
    pub(crate) status: (u32, String),
}

/// Which host calls are allowed now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Restriction {
    #[default]
    None,
    /// While the module starts: WASI and logging.
    Start,
    /// In the allocator: logging, and what a runtime's own clock needs.
    Allocator,
}

/// Called before each host call with its name.
pub(crate) type Hook = Box<dyn FnMut(&str) + Send>;

/// The exports that the host needs to reach into the guest.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) memory: Memory,
    pub(crate) allocate: Option<(String, TypedFunc<u32, u32>)>,
    pub(crate) stack: Memory,
    pub(crate) height: Global,
    pub(crate) calls: Global,
}

/// The state of one VM.
pub(crate) struct VmState {
    pub(crate) host: Host,
    pub(crate) number: u64,
    pub(crate) plugin: Plugin,
    pub(crate) reach: Option<Reach>,
    pub(crate) limits: StoreLimits,
    pub(crate) contexts: BTreeMap<u32, Context>,
    pub(crate) next_context: u32,
    /// The context that is called, and the one that the guest asked to act for.
    pub(crate) current: u32,
    pub(crate) effective: u32,
    pub(crate) configuring: bool,
    pub(crate) restriction: Restriction,
    pub(crate) trap: Option<Trap>,
    /// A local reply was asked for in this call: whatever the guest returns, the stream stops.
    pub(crate) stop: bool,
    pub(crate) actions: Vec<Action>,
    pub(crate) later: Vec<(Duration, Later)>,
    pub(crate) timers: BTreeMap<u32, Timer>,
    pub(crate) metrics: BTreeMap<u32, (MetricType, String)>,
    /// The last number given out of each kind: of metrics, and of calls.
    pub(crate) metric_numbers: [u32; 3],
    pub(crate) call_numbers: [u32; 3],
    pub(crate) http_calls: BTreeMap<u32, Callout>,
    pub(crate) grpc_calls: BTreeMap<u32, OpenGrpc>,
    pub(crate) callouts: Vec<Callout>,
    pub(crate) grpc_log: Vec<GrpcCall>,
    pub(crate) delivered: Delivered,
    /// The root context said that it is not done yet.
    pub(crate) pending_done: bool,
    pub(crate) log: Vec<LogLine>,
    pub(crate) counts: Counts,
    pub(crate) hook: Option<Hook>,
    pub(crate) random: u64,
}

impl VmState {
    pub(crate) fn new(host: &Host, plugin: &Plugin) -> VmState {
        let number = host.next_vm();
        VmState {
            host: host.clone(),
            number,
            reach: None,
            limits: wasmi::StoreLimitsBuilder::new().memory_size(plugin.memory).build(),
            plugin: plugin.clone(),
            contexts: BTreeMap::from([(0, Context::default())]),
            next_context: 1,
            current: 0,
            effective: 0,
            configuring: false,
            restriction: Restriction::None,
            trap: None,
            stop: false,
            actions: Vec::new(),
            later: Vec::new(),
            timers: BTreeMap::new(),
            metrics: BTreeMap::new(),
            metric_numbers: [0, 1, 2],
            call_numbers: [0, 1, 2],
            http_calls: BTreeMap::new(),
            grpc_calls: BTreeMap::new(),
            callouts: Vec::new(),
            grpc_log: Vec::new(),
            delivered: Delivered::default(),
            pending_done: false,
            log: Vec::new(),
            counts: Counts::default(),
            hook: None,
            random: number,
        }
    }

    /// The number of the context that a host call is for.
    pub(crate) fn acting(&self) -> u32 {
        if self.contexts.contains_key(&self.effective) && self.effective != 0 { self.effective } else { self.current }
    }

    /// The context that a host call is for.
    pub(crate) fn context(&mut self) -> &mut Context {
        let acting = self.acting();
        self.contexts.entry(acting).or_default()
    }

    /// The root context of the one that a host call is for.
    pub(crate) fn root(&self) -> u32 {
        self.contexts.get(&self.acting()).map_or(0, |it| it.root)
    }

    pub(crate) fn add_context(&mut self, root: u32, stream: Option<SharedStream>) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        let root = if root == 0 { id } else { root };
        self.contexts.insert(id, Context { root, stream, ..Context::default() });
        id
    }

    pub(crate) fn log(&mut self, level: LogLevel, message: &[u8]) {
        if level >= self.plugin.log_level {
            self.log.push(LogLine { level, message: String::from_utf8_lossy(message).into_owned() });
        }
    }

    /// The next number of a kind: 0, 1 or 2 in the last two bits, counting in the others.
    pub(crate) fn next(numbers: &mut [u32; 3], kind: usize) -> u32 {
        match numbers.get_mut(kind) {
            Some(number) => {
                *number += 4;
                *number
            }
            None => 0,
        }
    }
}

impl std::fmt::Debug for VmState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VmState").field("number", &self.number).field("trap", &self.trap).finish_non_exhaustive()
    }
}
