//! Lets a request pass whose `x-api-key` is among the configured ones.
//!
//! This file only translates between the proxy's callbacks and [`config`], which decides.

mod config;

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MapType};
use weir_kit::headers::{Headers, HostHeaders};
use weir_kit::host;

use config::Config;

/// Where a request carries its key.
const HEADER: &str = "x-api-key";

proxy_wasm::main! {{
    host::report_panics();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One plugin in one VM. Several may live side by side, each with its own configuration.
#[derive(Debug, Default)]
struct Root {
    config: Rc<Config>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match Config::read(&host::plugin_configuration(size)) {
            Ok(config) => {
                self.config = Rc::new(config);
                true
            }
            Err(error) => {
                host::log(LogLevel::Error, error.message());
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { config: Rc::clone(&self.config) }))
    }
}

/// One request and its response, under the configuration that was in force when the request arrived.
#[derive(Debug)]
struct Stream {
    config: Rc<Config>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let mut headers = HostHeaders::REQUEST;
        let given = hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, HEADER).ok().flatten();
        // Where the host refuses to take the key away, the request is refused as well: the key must not go on.
        if given.is_some_and(|key| self.config.knows(&key)) && headers.remove(HEADER).is_ok() {
            return Action::Continue;
        }
        if hostcalls::send_http_response(401, Vec::new(), Some(b"unauthorized\n")).is_err() {
            host::log(LogLevel::Error, "the proxy refused an answer; the request waits until it times out");
        }
        Action::Pause
    }
}
