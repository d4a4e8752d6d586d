//! Small filters in the text format, for tests.

use weir_host::{Exchange, Host, Message, Module, Plugin, Worker};

/// The callbacks that a test may fill, with the number of their parameters, and what they return if the test does not say.
const CALLBACKS: &[(&str, usize, Option<u32>)] = &[
    ("proxy_on_context_create", 2, None),
    ("proxy_on_vm_start", 2, Some(1)),
    ("proxy_on_configure", 2, Some(1)),
    ("proxy_on_tick", 1, None),
    ("proxy_on_queue_ready", 2, None),
    ("proxy_on_request_headers", 3, Some(0)),
    ("proxy_on_request_body", 3, Some(0)),
    ("proxy_on_request_trailers", 2, Some(0)),
    ("proxy_on_response_headers", 3, Some(0)),
    ("proxy_on_response_body", 3, Some(0)),
    ("proxy_on_response_trailers", 2, Some(0)),
    ("proxy_on_http_call_response", 5, None),
    ("proxy_on_grpc_receive_initial_metadata", 3, None),
    ("proxy_on_grpc_receive", 3, None),
    ("proxy_on_grpc_receive_trailing_metadata", 3, None),
    ("proxy_on_grpc_close", 3, None),
    ("proxy_on_done", 1, Some(1)),
    ("proxy_on_log", 1, None),
    ("proxy_on_delete", 1, None),
];

/// The host calls of the ABI by the name that tests call them with (`$get`), and how many `i32` they take.
const IMPORTS: &[(&str, &str, usize)] = &[
    ("log", "proxy_log", 3),
    ("get", "proxy_get_header_map_value", 5),
    ("add", "proxy_add_header_map_value", 5),
    ("replace", "proxy_replace_header_map_value", 5),
    ("remove", "proxy_remove_header_map_value", 3),
    ("pairs", "proxy_get_header_map_pairs", 3),
    ("set_pairs", "proxy_set_header_map_pairs", 3),
    ("map_size", "proxy_get_header_map_size", 2),
    ("buffer", "proxy_get_buffer_bytes", 5),
    ("set_buffer", "proxy_set_buffer_bytes", 5),
    ("buffer_status", "proxy_get_buffer_status", 3),
    ("property", "proxy_get_property", 4),
    ("set_property", "proxy_set_property", 4),
    ("reply", "proxy_send_local_response", 8),
    ("effective", "proxy_set_effective_context", 1),
    ("done", "proxy_done", 0),
    ("status_of_call", "proxy_get_status", 3),
    ("foreign", "proxy_call_foreign_function", 6),
    ("tick_period", "proxy_set_tick_period_milliseconds", 1),
    ("time", "proxy_get_current_time_nanoseconds", 1),
    ("get_shared", "proxy_get_shared_data", 5),
    ("set_shared", "proxy_set_shared_data", 5),
    ("register_queue", "proxy_register_shared_queue", 3),
    ("resolve_queue", "proxy_resolve_shared_queue", 5),
    ("enqueue", "proxy_enqueue_shared_queue", 3),
    ("dequeue", "proxy_dequeue_shared_queue", 3),
    ("define_metric", "proxy_define_metric", 4),
    ("get_metric", "proxy_get_metric", 2),
    ("http_call", "proxy_http_call", 10),
    ("grpc_call", "proxy_grpc_call", 12),
    ("grpc_stream", "proxy_grpc_stream", 9),
    ("grpc_send", "proxy_grpc_send", 4),
    ("grpc_close", "proxy_grpc_close", 1),
    ("grpc_cancel", "proxy_grpc_cancel", 1),
];

/// Imports that only some versions of the ABI have.
const NEWER: &[(&str, &str, usize)] = &[
    ("continue", "proxy_continue_stream", 1),
    ("close", "proxy_close_stream", 1),
    ("log_level", "proxy_get_log_level", 1),
];
const OLDEST: &[(&str, &str, usize)] = &[
    ("configuration", "proxy_get_configuration", 2),
    ("continue_request", "proxy_continue_request", 0),
    ("continue_response", "proxy_continue_response", 0),
    ("clear_route_cache", "proxy_clear_route_cache", 0),
];

/// What every guest has beside its callbacks: `$say` logs bytes; `$number` logs `= ` and a number; `$out` logs what a host
/// call gave at 5000 and 5004; `$long` logs the 64-bit number at 5008; `$dump` logs the pairs of a map, one a line.
const LIBRARY: &str = r#"
(memory (export "memory") 4)
(global $heap (mut i32) (i32.const 65536))
(func (export "malloc") (param $size i32) (result i32) (local $at i32)
  (local.set $at (global.get $heap))
  (global.set $heap (i32.add (global.get $heap) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -8))))
  (local.get $at))
(func $say (param i32 i32) (drop (call $log (i32.const 2) (local.get 0) (local.get 1))))
(func $digits (param $end i32) (param $value i64) (result i32)
  (loop $next
    (local.set $end (i32.sub (local.get $end) (i32.const 1)))
    (i32.store8 (local.get $end) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $value) (i64.const 10)))))
    (local.set $value (i64.div_u (local.get $value) (i64.const 10)))
    (br_if $next (i64.ne (local.get $value) (i64.const 0))))
  (local.get $end))
(func $say_long (param $value i64) (local $at i32)
  (local.set $at (i32.sub (call $digits (i32.const 4096) (local.get $value)) (i32.const 2)))
  (i32.store16 (local.get $at) (i32.const 0x203d))
  (call $say (local.get $at) (i32.sub (i32.const 4096) (local.get $at))))
(func $number (param i32) (call $say_long (i64.extend_i32_u (local.get 0))))
(func $long (call $say_long (i64.load (i32.const 5008))))
(func $out (call $say (i32.load (i32.const 5000)) (i32.load (i32.const 5004))))
(func $dump (param $map i32) (local $at i32) (local $lengths i32) (local $count i32)
  (drop (call $pairs (local.get $map) (i32.const 5000) (i32.const 5004)))
  (if (i32.load (i32.const 5004)) (then
    (local.set $lengths (i32.add (i32.load (i32.const 5000)) (i32.const 4)))
    (local.set $count (i32.load (i32.load (i32.const 5000))))
    (local.set $at (i32.add (local.get $lengths) (i32.mul (local.get $count) (i32.const 8))))
    (loop $next
      (i32.store8 (i32.add (local.get $at) (i32.load (local.get $lengths))) (i32.const 61))
      (call $say (local.get $at) (i32.add (i32.const 1) (i32.add (i32.load (local.get $lengths)) (i32.load offset=4 (local.get $lengths)))))
      (local.set $at (i32.add (local.get $at) (i32.add (i32.const 2) (i32.add (i32.load (local.get $lengths)) (i32.load offset=4 (local.get $lengths))))))
      (local.set $lengths (i32.add (local.get $lengths) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br_if $next (local.get $count))))))
"#;

/// A filter in the making.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    callbacks: Vec<(String, String)>,
    imports: String,
    more: String,
    marker: Option<&'static str>,
}

/// A filter that speaks 0.2.1.
pub(crate) fn filter() -> Filter {
    Filter::default()
}

impl Filter {
    /// What a callback does. A piece `'text'` stands for the text's pointer and length; parameters are `(local.get 0)` and so
    /// on; `(return …)` says what it returns.
    pub(crate) fn on(mut self, callback: &str, body: &str) -> Filter {
        let name = if callback.starts_with('_') { callback.to_owned() } else { format!("proxy_on_{callback}") };
        self.callbacks.push((name, body.to_owned()));
        self
    }

    /// Further fields of the module.
    pub(crate) fn with(mut self, more: &str) -> Filter {
        self.more.push_str(more);
        self
    }

    /// A further import.
    pub(crate) fn import(mut self, import: &str) -> Filter {
        self.imports.push_str(import);
        self
    }

    /// Another version of the ABI: `0_1_0` or `0_2_0`.
    pub(crate) fn abi(mut self, marker: &'static str) -> Filter {
        self.marker = Some(marker);
        self
    }

    /// The module's bytes.
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let marker = self.marker.unwrap_or("0_2_1");
        let versioned = match marker {
            "0_1_0" => OLDEST,
            "0_2_0" => &NEWER[..2],
            _ => NEWER,
        };
        let mut text = String::from("(module\n");
        for (name, import, count) in IMPORTS.iter().chain(versioned) {
            let parameters = " i32".repeat(*count);
            text += &format!("(import \"env\" \"{import}\" (func ${name} (param{parameters}) (result i32)))\n");
        }
        text += r#"(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
            (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))"#;
        text += &self.imports;
        text += LIBRARY;
        text += &format!("(func (export \"proxy_abi_version_{marker}\"))\n");
        let mut code = self.more.clone();
        for (name, body) in &self.callbacks {
            let known = CALLBACKS.iter().find(|it| it.0 == name);
            let (mut count, default) = known.map_or((0, None), |it| (it.1, it.2));
            if marker == "0_1_0" && name.ends_with("_headers") {
                count = 2;
            }
            let parameters = " i32".repeat(count);
            let result = default.map_or("", |_| "(result i32)");
            let last = default.map_or(String::new(), |it| format!("(i32.const {it})"));
            code += &format!("(func ${name} (export \"{name}\") (param{parameters}) {result}\n{body}\n{last})\n");
        }
        let (code, data) = place_texts(&code);
        text += &code;
        text += &data;
        text += ")";
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// The compiled module.
    pub(crate) fn module(&self) -> Module {
        Module::new(&self.wasm()).expect("a module")
    }

    /// A worker with this filter alone, on a host of its own.
    pub(crate) fn worker(&self) -> Worker {
        self.worker_on(&Host::new())
    }

    /// A worker with this filter alone.
    pub(crate) fn worker_on(&self, host: &Host) -> Worker {
        Worker::new(host, [Plugin::new(&self.module())]).expect("a filter that starts")
    }
}

/// Puts each `'text'` into memory, and its pointer and length where it stood.
fn place_texts(code: &str) -> (String, String) {
    let (mut out, mut data, mut at) = (String::new(), String::new(), 8192);
    for (index, piece) in code.split('\'').enumerate() {
        if index % 2 == 0 {
            out += piece;
            continue;
        }
        let bytes = unescape(piece);
        out += &format!("(i32.const {at}) (i32.const {})", bytes.len());
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        data += &format!("(data (i32.const {at}) \"{escaped}\")\n");
        at += bytes.len() + 8;
    }
    (out, data)
}

/// Two hexadecimal digits behind a backslash are a byte.
fn unescape(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first == b'\\' {
            let (digits, more) = rest.split_at(2);
            let digits = std::str::from_utf8(digits).expect("ASCII");
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            rest = more;
        } else {
            bytes.push(*first);
        }
    }
    bytes
}

/// The bytes of a list of pairs, written for [`Filter::on`].
pub(crate) fn pairs(list: &[(&str, &str)]) -> String {
    let number = |number: usize| (number as u32).to_le_bytes();
    let mut bytes = number(list.len()).to_vec();
    for (name, value) in list {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for part in list.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(part.bytes());
        bytes.push(0);
    }
    format!("'{}'", bytes.iter().map(|byte| format!("\\{byte:02x}")).collect::<String>())
}

/// Logs what a host call returns and, where it went well, what it gave.
pub(crate) fn show(call: &str) -> String {
    format!("(i64.store (i32.const 5000) (i64.const 0)) (call $number {call}) (call $out)\n")
}

/// Logs only what a host call returns.
pub(crate) fn status(call: &str) -> String {
    format!("(call $number {call})\n")
}

/// Where a host call is to put a pointer and a length.
pub(crate) const OUT: &str = "(i32.const 5000) (i32.const 5004)";

/// The texts of a log.
pub(crate) fn texts(exchange: &Exchange) -> Vec<&str> {
    exchange.log.iter().map(|line| line.message.as_str()).collect()
}

/// A GET of `/`.
pub(crate) fn get() -> Message {
    Message::request("GET", "/")
}

/// An upstream that answers 200 and `ok`.
pub(crate) fn ok(_: &Message) -> weir_host::Answer {
    Message::response(200).chunk("ok").into()
}
