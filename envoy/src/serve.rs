//! `weir-envoy serve`: a chain of filters for a developer to talk to, reloaded on a word.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::admin;
use crate::bootstrap::{Cluster, Filter, Listener, Protocol};
use crate::envoy::{Envoy, Plan};
use crate::http::Server;
use crate::log::{Line, Log};
use crate::runtime::Runtime;
use crate::scratch::{self, Scratch};
use crate::signals::stop_requested;
use crate::upstream::UpstreamUrl;

/// The name of the one listener and the one cluster.
const LISTENER: &str = "weir";

/// A name and what stands behind its `=`: `hello-header=dist/hello-header.wasm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The rest.
    pub value: String,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                Ok(Named { name: name.into(), value: value.into() })
            }
            _ => Err(format!("expected NAME=…, found {text:?}")),
        }
    }
}

/// What `serve` is asked.
#[derive(Clone, Debug)]
pub struct Serve {
    /// The native binary.
    pub envoy: PathBuf,
    /// Where state files go.
    pub state: PathBuf,
    /// The port on 127.0.0.1; 0 lets the kernel choose.
    pub port: u16,
    /// Where requests go; an echo of this process by default.
    pub upstream: Option<UpstreamUrl>,
    /// The chain, first to see the request first: name and module.
    pub filters: Vec<Named>,
    /// Configurations by the filter's name: a text, or `@FILE`, read anew at each reload.
    pub configs: Vec<Named>,
}

impl Serve {
    /// Serves until Ctrl-C, SIGTERM or the end of the standard input, and gives the exit code.
    ///
    /// # Errors
    /// The port is taken, a file cannot be read, Envoy does not start or ends, or it refuses the first chain.
    pub fn run(self) -> Result<i32> {
        self.check()?;
        let runtime = Runtime::find(crate::Kind::Native, Some(&self.envoy))?;
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?
            .block_on(self.serve(&runtime))
    }

    fn check(&self) -> Result<()> {
        let names: Vec<_> = self.filters.iter().map(|it| it.name.as_str()).collect();
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            bail!("--filter names {:?} twice; a chain needs names that differ", twice.1);
        }
        if let Some(lost) = self.configs.iter().find(|it| !names.contains(&it.name.as_str())) {
            bail!("--config is for {:?}, and the chain has {}", lost.name, names.join(", "));
        }
        check_port(self.port)
    }

    async fn serve(self, runtime: &Runtime) -> Result<i32> {
        let stopped = stop_requested()?;
        tokio::pin!(stopped);
        let echo = Server::echo().await?;
        let modules = Modules::new(&self.state)?;
        let first = self.listener(&modules)?;
        let clusters = vec![self.cluster(echo.port)?];
        let plan = Plan { clusters, listeners: vec![first.clone()], ..Plan::default() };
        let log = Arc::new(Log::watched(show));
        let start = async {
            let envoy = Envoy::start(runtime, &plan, &self.state, log).await?;
            check_served(&envoy).await?;
            anyhow::Ok(envoy)
        };
        let envoy = tokio::select! {
            started = start => started?,
            _ = &mut stopped => return Ok(0),
        };
        println!("{}", self.ready(runtime, &envoy).await?);
        let mut chain = Chain { version: 1, current: first, refused: None };
        let mut input = BufReader::new(tokio::io::stdin()).lines();
        let mut alive = tokio::time::interval(std::time::Duration::from_millis(200));
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                line = input.next_line() => match line.context("cannot read the standard input")?.as_deref().map(str::trim) {
                    None => break,
                    Some("") => {}
                    Some("reload") => println!("reload: {}", self.reload(&envoy, &modules, &mut chain).await),
                    Some(other) => println!("unknown command {other:?}; the one there is: reload"),
                },
                _ = alive.tick() => if let Some(status) = envoy.ended() {
                    eprintln!("error: Envoy ended ({status}); it said:\n{}", envoy.log.explanation());
                    drop((envoy, modules));
                    // As below.
                    std::process::exit(1);
                },
            }
        }
        tokio::task::block_in_place(|| envoy.stop());
        // The standard input's reader cannot be interrupted, and must not keep this process.
        drop((envoy, modules));
        println!("stopped");
        std::process::exit(0)
    }

    /// Gives Envoy the modules and configurations as they are now, and says what came of it.
    async fn reload(&self, envoy: &Envoy, modules: &Modules, chain: &mut Chain) -> String {
        let next = match self.listener(modules) {
            Ok(next) if next == chain.current => return "nothing has changed".into(),
            // Envoy remembers a module that did not load, and says why only the first time.
            Ok(next) if chain.refused.as_ref() == Some(&next) => return "nothing has changed since the refusal".into(),
            Ok(next) => next,
            Err(error) => return format!("not done, the old chain goes on serving: {error:#}"),
        };
        chain.version += 1;
        match envoy.reload(&chain.version.to_string(), std::slice::from_ref(&next)).await {
            Ok(()) => {
                (chain.current, chain.refused) = (next, None);
                "done".into()
            }
            Err(error) => {
                chain.refused = Some(next);
                format!("refused, the old chain goes on serving: {error:#}")
            }
        }
    }

    fn listener(&self, modules: &Modules) -> Result<Listener> {
        let configs: BTreeMap<_, _> = self.configs.iter().map(|it| (it.name.as_str(), it.value.as_str())).collect();
        let filters = self.filters.iter().map(|it| {
            let configuration = configs.get(it.name.as_str()).map(|text| configuration(text)).transpose()?;
            Ok(Filter { name: it.name.clone(), wasm: modules.take(Path::new(&it.value))?, configuration })
        });
        Ok(Listener {
            name: LISTENER.into(),
            port: self.port,
            filters: filters.collect::<Result<_>>()?,
            others: Vec::new(),
            cluster: LISTENER.into(),
            authority: self.upstream.as_ref().map(|it| it.authority.clone()),
        })
    }

    fn cluster(&self, echo: u16) -> Result<Cluster> {
        match &self.upstream {
            Some(url) => url.cluster(LISTENER),
            None => Ok(Cluster {
                name: LISTENER.into(),
                host: Ipv4Addr::LOCALHOST.to_string(),
                port: echo,
                tls: None,
                protocol: Protocol::Http1,
                tells_thread: false,
            }),
        }
    }

    async fn ready(&self, runtime: &Runtime, envoy: &Envoy) -> Result<String> {
        let chain: Vec<_> = self.filters.iter().map(|it| it.name.as_str()).collect();
        let chain = chain.join(" -> ");
        let upstream = self.upstream.as_ref().map_or("an echo of the request".into(), ToString::to_string);
        let ports = admin::ports(envoy.admin).await?;
        let (_, port) = ports.first().context("Envoy does not listen")?;
        let (id, admin) = (envoy.id(), envoy.admin);
        Ok(format!(
            "ready\n  envoy     {runtime}\n  process   {id}\n  admin     http://{admin}/\n  chain     {chain}\n  upstream  \
             {upstream}\n  try       curl -i http://127.0.0.1:{port}/\n  stop      Ctrl-C"
        ))
    }
}

/// What serves, and what was last refused.
struct Chain {
    version: u32,
    current: Listener,
    refused: Option<Listener>,
}

/// Copies of modules under names that their content gives: Envoy loads a module again only when its path changes, and a
/// module that is being written must not be read.
#[derive(Debug)]
struct Modules(Scratch);

impl Modules {
    fn new(state: &Path) -> Result<Modules> {
        Ok(Modules(Scratch::new(state, scratch::MODULES)?))
    }

    fn take(&self, wasm: &Path) -> Result<PathBuf> {
        let bytes = std::fs::read(wasm).with_context(|| format!("cannot read {}; build it first", wasm.display()))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let copy = self.0.path().join(format!("{digest}.wasm"));
        if !copy.exists() {
            std::fs::write(&copy, bytes).with_context(|| format!("cannot write {}", copy.display()))?;
        }
        Ok(copy)
    }
}

/// A configuration as the command line gives it: a text, or a file behind an `@`.
fn configuration(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix('@') {
        Some(file) => std::fs::read(file).with_context(|| format!("cannot read the configuration {file}")),
        None => Ok(text.into()),
    }
}

/// Envoy would only say it in its log, after half a second.
fn check_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot listen on 127.0.0.1:{port} ({error}); choose another port with --port N"),
    }
}

async fn check_served(envoy: &Envoy) -> Result<()> {
    let states = admin::listeners(envoy.admin).await?;
    match states.into_iter().find_map(|it| it.refused) {
        Some(reason) => bail!("Envoy refuses the chain: {reason}; it said:\n{}", envoy.log.explanation()),
        None => Ok(()),
    }
}

/// Shows a filter's line as the filter's, and of Envoy's own only warnings and errors.
fn show(line: &Line) {
    if let Some(text) = shown(line) {
        println!("{text}");
    }
}

fn shown(line: &Line) -> Option<String> {
    if let Some((names, message)) = line.from_filter() {
        let name = names.split(' ').next().unwrap_or(names);
        return Some(format!("{name} {}: {message}", line.level));
    }
    // A reload's refusal is told by the reload, and Envoy's own end by the word "stopped".
    let told =
        ["Filesystem config update rejected", "lds: listener", "Plugin configured to fail", "caught ENVOY_SIGTERM"];
    let telling = line.level == "warning" || line.is_error() || line.level.is_empty();
    (telling && !told.iter().any(|it| line.text.starts_with(it)))
        .then(|| format!("envoy {}: {}", line.level, line.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_the_first_equals_sign() {
        assert_eq!("a=b=c".parse(), Ok(Named { name: "a".into(), value: "b=c".into() }));
        for wrong in ["a", "=b", "a b=c"] {
            assert!(wrong.parse::<Named>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_port_that_is_taken_is_told_with_the_mend() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let said = check_port(port).unwrap_err().to_string();
        assert!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("--port N"), "{said}");
        drop(taken);
        check_port(port).unwrap();
    }

    #[test]
    fn a_filters_line_is_shown_short_and_noise_is_not() {
        let show = |text: &str| shown(&Line::parse(text));
        assert_eq!(show("[7][info][wasm] wasm log hello hello: up").as_deref(), Some("hello info: up"));
        assert_eq!(show("[7][error][wasm] Wasm VM failed x").as_deref(), Some("envoy error: Wasm VM failed x"));
        assert_eq!(show("[7][info][main] starting"), None);
        assert_eq!(show("[7][warning][main] caught ENVOY_SIGTERM"), None);
    }

    #[test]
    fn a_module_is_known_by_its_content() {
        let state = tempfile::tempdir().unwrap();
        let modules = Modules::new(state.path()).unwrap();
        let wasm = state.path().join("a.wasm");
        let take = |bytes: &[u8]| {
            std::fs::write(&wasm, bytes).unwrap();
            modules.take(&wasm).unwrap()
        };
        let first = take(b"1");
        assert_ne!(first, take(b"2"));
        assert_eq!(first, take(b"1"));
        assert_eq!(std::fs::read(first).unwrap(), b"1");
    }
}
