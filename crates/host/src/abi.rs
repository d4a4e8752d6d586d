//! The numbers of the ABI, as proxy-wasm 0.1.0, 0.2.0 and 0.2.1 give them.

use std::fmt;

/// A version of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbiVersion {
    /// 0.1.0: header callbacks are not told the end of the stream; a missing header is an empty one.
    V0_1_0,
    /// 0.2.0.
    V0_2_0,
    /// 0.2.1, which adds `proxy_get_log_level`.
    V0_2_1,
}

impl AbiVersion {
    pub(crate) fn of_marker(export: &str) -> Option<AbiVersion> {
        match export {
            "proxy_abi_version_0_1_0" => Some(AbiVersion::V0_1_0),
            "proxy_abi_version_0_2_0" => Some(AbiVersion::V0_2_0),
            "proxy_abi_version_0_2_1" => Some(AbiVersion::V0_2_1),
            _ => None,
        }
    }
}

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AbiVersion::V0_1_0 => "0.1.0",
            AbiVersion::V0_2_0 => "0.2.0",
            AbiVersion::V0_2_1 => "0.2.1",
        })
    }
}

/// What a host call returns, other than that all went well (0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// There is no such thing.
    NotFound = 1,
    /// An argument is out of its range, or what it names is not there now.
    BadArgument = 2,
    /// A property cannot be written as bytes.
    SerializationFailure = 3,
    /// Bytes cannot be read.
    ParseFailure = 4,
    /// A pointer leads out of memory, or the guest gave no memory.
    InvalidMemoryAccess = 6,
    /// The queue is empty.
    Empty = 7,
    /// Somebody else wrote in between.
    CasMismatch = 8,
    /// The host could not do it.
    InternalFailure = 10,
    /// Envoy does not do it.
    Unimplemented = 12,
}

macro_rules! numbered {
    ($(#[$doc:meta])* $visibility:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[$variant_doc])* $variant = $number),*
        }

        impl $name {
            /// The one with this number; [`Status::BadArgument`] where there is none.
            pub(crate) fn of(number: u32) -> Result<$name, Status> {
                match number {
                    $($number => Ok($name::$variant),)*
                    _ => Err(Status::BadArgument),
                }
            }
        }
    };
}

numbered! {
    /// How grave a line of the log is.
    pub LogLevel {
        /// Every step.
        Trace = 0,
        /// For the developer.
        Debug = 1,
        /// As it should be.
        Info = 2,
        /// Not as it should be.
        Warn = 3,
        /// Wrong.
        Error = 4,
        /// What a panic of the Rust SDK is logged as.
        Critical = 5,
    }
}

numbered! {
    /// Which map of headers a call means.
    pub(crate) MapType {
        /// The request's headers.
        RequestHeaders = 0,
        /// The request's trailers.
        RequestTrailers = 1,
        /// The response's headers.
        ResponseHeaders = 2,
        /// The response's trailers.
        ResponseTrailers = 3,
        /// What a gRPC call got first.
        GrpcInitialMetadata = 4,
        /// What a gRPC call got last.
        GrpcTrailingMetadata = 5,
        /// The headers that an HTTP call got.
        CallHeaders = 6,
        /// The trailers that an HTTP call got.
        CallTrailers = 7,
    }
}

numbered! {
    /// Which buffer a call means.
    pub(crate) BufferType {
        /// The request's body: this chunk, or all that is buffered.
        RequestBody = 0,
        /// The response's body.
        ResponseBody = 1,
        /// A TCP stream's, which an HTTP filter has none of.
        DownstreamData = 2,
        /// Likewise.
        UpstreamData = 3,
        /// The body that an HTTP call got.
        CallBody = 4,
        /// The message that a gRPC call got.
        GrpcMessage = 5,
        /// The configuration of the VM.
        VmConfiguration = 6,
        /// The configuration of the plugin, while it is configured.
        PluginConfiguration = 7,
        /// What comes with a foreign function.
        CallData = 8,
    }
}

numbered! {
    /// Which way of a stream a call means.
    pub(crate) StreamType {
        /// To the upstream.
        Request = 0,
        /// To the client.
        Response = 1,
        /// TCP, from the client.
        Downstream = 2,
        /// TCP, from the upstream.
        Upstream = 3,
    }
}

numbered! {
    /// What a metric is.
    pub MetricType {
        /// It grows.
        Counter = 0,
        /// It is set.
        Gauge = 1,
        /// It collects values.
        Histogram = 2,
    }
}
