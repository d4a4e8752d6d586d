//! Sets, appends and removes request and response headers.
//!
//! This file only translates between the proxy's callbacks and [`config`] and [`operations`], which decide.

mod config;
mod operations;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, LogLevel};
use weir_kit::headers::HostHeaders;
use weir_kit::host;
use weir_kit::plugins::Plugins;

use config::Config;
use operations::{Operation, apply};

thread_local! {
    static PLUGINS: Plugins<Config> = const { Plugins::new() };
}

proxy_wasm::main! {{
    host::report_panics();
    proxy_wasm::set_root_context(|id| Box::new(Root { id }));
    // Asking the root context for each stream's context would cost one more look into the SDK's table a request.
    proxy_wasm::set_http_context(|_, root| {
        Box::new(Stream { config: PLUGINS.with(|plugins| plugins.get(root)).unwrap_or_default() })
    });
}}

/// One plugin in this VM, known by its id.
#[derive(Debug)]
struct Root {
    id: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match Config::read(&host::plugin_configuration(size)) {
            Ok(config) => {
                PLUGINS.with(|plugins| plugins.configure(self.id, config));
                true
            }
            Err(error) => {
                host::log(LogLevel::Error, error.message());
                false
            }
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        PLUGINS.with(|plugins| plugins.remove(self.id));
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
