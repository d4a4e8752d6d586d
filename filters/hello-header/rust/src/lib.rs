//! Sets, appends and removes request and response headers.
//!
//! This file only translates between the proxy's callbacks and [`config`] and [`operations`], which decide.

mod config;
mod operations;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use weir_kit::headers::HostHeaders;
use weir_kit::host;

use config::Config;
use operations::{Operation, apply};

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
        carry_out(&self.config.request, HostHeaders::REQUEST)
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        carry_out(&self.config.response, HostHeaders::RESPONSE)
    }
}

/// A message is let through even where the host refuses an operation: the log says so.
fn carry_out(operations: &[Operation], mut headers: HostHeaders) -> Action {
    if apply(operations, &mut headers).is_err() {
        host::log(LogLevel::Warn, "the proxy refused an operation on a header");
    }
    Action::Continue
}
