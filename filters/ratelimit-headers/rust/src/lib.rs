//! Limits how many requests a client may make, over all workers, and tells it so in headers.
//!
//! This file only translates between the proxy's callbacks and the modules that decide.

mod answer;
mod bucket;
mod budget;
mod config;
mod cost;
mod dialect;
mod exempt;
mod key;
mod path;
mod policy;
mod running;
mod slots;
mod structured;

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use weir_kit::LogLevel;
use weir_kit::clock::{Clock, HostClock};
use weir_kit::host;

use budget::{Outcome, Standing};
use config::Config;
use running::Running;

proxy_wasm::main! {{
    host::report_panics();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One plugin in one VM. Several may live side by side, each with its own configuration.
#[derive(Debug, Default)]
struct Root {
    running: Option<Rc<Running>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let config = Config::read(&host::plugin_configuration(size)).map_err(|error| error.message().to_owned());
        match config.and_then(|config| Running::start(config).map_err(str::to_owned)) {
            Ok(running) => {
                self.running = Some(Rc::new(running));
                true
            }
            Err(message) => {
                host::log(LogLevel::Error, &message);
                false
            }
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { running: self.running.clone(), standings: Vec::new(), now: 0 }))
    }
}

/// One request and its response, under the configuration that was in force when the request arrived.
#[derive(Debug)]
struct Stream {
    /// None only in a plugin whose configuration was refused, which a proxy sends no request to.
    running: Option<Rc<Running>>,
    /// How the policies stand that are for a request that was let through.
    standings: Vec<Standing>,
    /// When that was found out, in nanoseconds since 1970.
    now: u64,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(running) = self.running.clone() else {
            return Action::Continue;
        };
        let now = HostClock.now().ok();
        let verdict = running.decide(now);
        running.count(&verdict);
        if let Some((reply, details)) = running.answer(&verdict, now.unwrap_or_default()) {
            if reply.send(details).is_err() {
                host::log(LogLevel::Error, "the proxy refused the answer to a request that is limited");
            }
            return Action::Pause;
        }
        running.mark(&verdict.standings);
        if verdict.outcome == Outcome::Allowed {
            self.standings = verdict.standings;
            self.now = now.unwrap_or_default();
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(running) = self.running.clone().filter(|_| !self.standings.is_empty()) else {
            return Action::Continue;
        };
        running.settle(&mut self.standings);
        running.tell(&self.standings, self.now);
        Action::Continue
    }
}
