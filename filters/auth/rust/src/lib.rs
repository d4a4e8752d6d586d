//! Lets requests through by JWT, API key, HTTP Basic or signed request, as rules say, and tells the upstream who it is.
//!
//! This file only translates between the proxy's callbacks and the modules below, which decide: [`auth`] first of all.

// A build that leaves kinds out has code that only those need, which the linker drops; the lints look at the whole one.
#![cfg_attr(
    not(all(
        feature = "api-key",
        feature = "basic",
        feature = "eddsa",
        feature = "es256",
        feature = "es384",
        feature = "hs",
        feature = "ps",
        feature = "rs",
        feature = "signature"
    )),
    allow(dead_code, irrefutable_let_patterns, unused_imports, unused_variables)
)]

#[cfg(not(any(feature = "api-key", feature = "basic", feature = "jwt", feature = "signature")))]
compile_error!("a build needs a kind of credential: see the features in Cargo.toml");
#[cfg(all(
    feature = "jwt",
    not(any(feature = "eddsa", feature = "es256", feature = "es384", feature = "hs", feature = "ps", feature = "rs"))
))]
compile_error!("tokens need an algorithm, and each brings tokens along: name that feature in place of \"jwt\"");

#[cfg(feature = "api-key")]
mod api_key;
mod auth;
#[cfg(any(feature = "basic", feature = "jwt", feature = "signature"))]
mod base64;
#[cfg(feature = "basic")]
mod basic;
#[cfg(any(feature = "basic", feature = "jwt"))]
mod cache;
mod challenge;
mod config;
#[cfg(any(feature = "api-key", test))]
mod hex;
mod identity;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
mod jwk;
#[cfg(feature = "jwt")]
mod jwks;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "jwt")]
mod keys;
mod metrics;
mod path;
mod place;
mod refusal;
#[cfg(feature = "signature")]
mod replay;
mod request;
mod rules;
#[cfg(feature = "signature")]
mod signature;
#[cfg(feature = "jwt")]
mod sources;
#[cfg(test)]
mod vectors;

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use weir_kit::clock::{Clock, HostClock};
use weir_kit::headers::{Headers, HostHeaders, Refused};
use weir_kit::shared::HostSharedData;
use weir_kit::{LogLevel, host, property};

use auth::{Auth, Decision, Memory, Refusal};
use config::Config;
use metrics::Metrics;
use refusal::Reason;
use request::Request;
#[cfg(feature = "signature")]
use signature::Hashing;

proxy_wasm::main! {{
    host::report_panics();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One plugin in one VM. Several may live side by side, each with its own configuration.
#[derive(Debug, Default)]
struct Root {
    plugin: Rc<Plugin>,
    #[cfg(feature = "jwt")]
    sources: sources::Sources,
}

/// What a plugin's streams share.
#[derive(Debug, Default)]
struct Plugin {
    auth: Auth,
    memory: RefCell<Memory>,
    metrics: Metrics,
}

impl Context for Root {
    #[cfg(feature = "jwt")]
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _: usize) {
        self.sources.on_answer(&self.plugin, token, headers, body_size);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let config = match Config::read(&host::plugin_configuration(size)) {
            Ok(config) => config,
            Err(error) => {
                host::log(LogLevel::Error, error.message());
                return false;
            }
        };
        #[cfg(feature = "jwt")]
        let memory = Memory::new(&config.auth, self.sources.configure(config.sources));
        #[cfg(not(feature = "jwt"))]
        let memory = Memory::new(&config.auth);
        let memory = RefCell::new(memory);
        self.plugin = Rc::new(Plugin { auth: config.auth, memory, metrics: Metrics::define() });
        true
    }

    #[cfg(feature = "jwt")]
    fn on_tick(&mut self) {
        self.sources.on_tick(&self.plugin);
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            plugin: Rc::clone(&self.plugin),
            #[cfg(feature = "signature")]
            body: Body::Unsigned,
        }))
    }
}

/// One request, under the configuration that was in force when it arrived.
#[derive(Debug)]
struct Stream {
    plugin: Rc<Plugin>,
    #[cfg(feature = "signature")]
    body: Body,
}

/// What is known of a request's body.
#[cfg(feature = "signature")]
#[derive(Debug)]
enum Body {
    /// Nobody signed it.
    Unsigned,
    /// It is held back until it was seen whole: its digest so far, whose signature it belongs to, and how much was read.
    Signed(Box<Hashing>, Option<usize>, usize),
    /// It was refused, and nothing more of it goes anywhere.
    Refused,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, ends: bool) -> Action {
        let plugin = Rc::clone(&self.plugin);
        match self.judge(&plugin, ends) {
            Ok(()) => Action::Continue,
            Err(refusal) => plugin.refuse(&refusal),
        }
    }

    #[cfg(feature = "signature")]
    fn on_http_request_body(&mut self, size: usize, ends: bool) -> Action {
        match &mut self.body {
            Body::Unsigned => return Action::Continue,
            Body::Refused => return Action::Pause,
            Body::Signed(hashing, _, read) => match weir_kit::body::request(*read, size.saturating_sub(*read)) {
                Ok(piece) => {
                    hashing.update(&piece);
                    *read += piece.len();
                }
                Err(Refused) => return self.end_body(Some(Reason::Host)),
            },
        }
        if ends { self.end_body(None) } else { Action::Pause }
    }

    #[cfg(feature = "signature")]
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // The body ended before them, without saying so.
        self.end_body(None)
    }
}

impl Stream {
    /// Judges the request, and rewrites it where it may pass.
    fn judge<'a>(&mut self, plugin: &'a Plugin, ends: bool) -> Result<(), Refusal<'a>> {
        let host_refused = |_: Refused| Refusal { reason: Reason::Host, credential: None, need: None };
        let mut headers = HostHeaders::REQUEST;
        let pairs = headers.pairs().map_err(host_refused)?;
        let now = HostClock.now().map_err(host_refused)? / 1_000_000;
        let request = Request::new(&pairs, ends);
        let mut memory = plugin.memory.borrow_mut();
        let allowed = match auth::decide(&plugin.auth, &mut memory, &request, &HostSharedData, now) {
            Decision::Allow(allowed) => allowed,
            Decision::Refuse(refusal) => return Err(refusal),
        };
        identity::rewrite(&plugin.auth, &request, &allowed, &mut headers, &mut |name, value| {
            property::set(name, value)
        })
        .map_err(host_refused)?;
        #[cfg(feature = "signature")]
        if let Some((digest, credential)) = allowed.body {
            let hashing = digest.start();
            if !ends {
                self.body = Body::Signed(Box::new(hashing), Some(credential), 0);
            } else if !hashing.agrees() {
                return Err(Refusal { reason: Reason::Digest, credential: Some(credential), need: Some(allowed.need) });
            }
        }
        Ok(())
    }

    /// The body is there, whole: it goes on if it is the one that was signed.
    #[cfg(feature = "signature")]
    fn end_body(&mut self, failed: Option<Reason>) -> Action {
        match std::mem::replace(&mut self.body, Body::Refused) {
            Body::Signed(hashing, credential, _) => {
                let reason = failed.or_else(|| if hashing.agrees() { None } else { Some(Reason::Digest) });
                match reason {
                    Some(reason) => self.plugin.refuse(&Refusal { reason, credential, need: None }),
                    None => {
                        self.body = Body::Unsigned;
                        Action::Continue
                    }
                }
            }
            Body::Unsigned => {
                self.body = Body::Unsigned;
                Action::Continue
            }
            Body::Refused => Action::Pause,
        }
    }
}

impl Plugin {
    /// Answers in place of the upstream, and tells the operator why.
    fn refuse(&self, refusal: &Refusal<'_>) -> Action {
        host::log(LogLevel::Info, &challenge::log_line(&self.auth, refusal));
        self.metrics.refused(refusal.reason);
        // A reply that the host does not take leaves the request where it is: it goes nowhere.
        let _ = challenge::reply(&self.auth, refusal).send(refusal.reason.word());
        Action::Pause
    }
}
