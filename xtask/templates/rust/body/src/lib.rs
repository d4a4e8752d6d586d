//! Adds a line to the body of every response.
//!
//! This file only translates between the proxy's callbacks and [`config`], which decides.

mod config;

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel};
use weir_kit::headers::{Headers, HostHeaders};
use weir_kit::host;

use config::Config;

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
    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let mut headers = HostHeaders::RESPONSE;
        // The length that the upstream announced is not that of what the client gets.
        if !end_of_stream && headers.remove("content-length").is_err() {
            host::log(LogLevel::Warn, "the proxy refused to remove a header");
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let append = self.config.append.as_bytes();
        if end_of_stream && hostcalls::set_buffer(BufferType::HttpResponseBody, size, 0, append).is_err() {
            host::log(LogLevel::Warn, "the proxy refused a change of the body");
        }
        Action::Continue
    }
}
