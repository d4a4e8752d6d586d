//! What a filter is started with: what stands in Envoy's `PluginConfig`.

use std::time::Duration;

use crate::abi::LogLevel;
use crate::module::Module;

/// What becomes of the streams of a VM that trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Those at hand are answered 503, and so is every later one.
    #[default]
    Closed,
    /// Those at hand are answered 503; later ones go on without the filter.
    Open,
    /// Those at hand are answered 503; for a later one the VM is made anew, if the last one has been dead for a second.
    Reload,
}

/// One filter of a chain.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// The module.
    pub module: Module,
    /// The plugin's name, as the property `plugin_name` shows it.
    pub name: String,
    /// Which of the module's root contexts is meant.
    pub root_id: String,
    /// VMs with the same identifier share data and queues.
    pub vm_id: String,
    /// The plugin's configuration.
    pub configuration: Vec<u8>,
    /// The VM's configuration.
    pub vm_configuration: Vec<u8>,
    /// Environment variables, for WASI.
    pub environment: Vec<(String, String)>,
    /// What becomes of streams after a trap.
    pub failure_policy: FailurePolicy,
    /// Whether `StopIteration` from a callback for headers holds back only the headers, and not the body.
    pub allow_on_headers_stop_iteration: bool,
    /// Less grave lines are not kept; `proxy_get_log_level` tells the guest.
    pub log_level: LogLevel,
    /// How many instructions one call into the guest may take. More is a trap.
    pub fuel: u64,
    /// How many bytes the guest's memory may grow to; Envoy's bound is 1 GiB.
    pub memory: usize,
}

impl Plugin {
    /// A module with no configuration and Envoy's defaults.
    pub fn new(module: &Module) -> Plugin {
        Plugin {
            module: module.clone(),
            name: String::new(),
            root_id: String::new(),
            vm_id: String::new(),
            configuration: Vec::new(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            failure_policy: FailurePolicy::default(),
            allow_on_headers_stop_iteration: false,
            log_level: LogLevel::Trace,
            fuel: 200_000_000,
            memory: 1 << 30,
        }
    }

    /// The plugin with this configuration.
    pub fn configured(mut self, configuration: impl AsRef<[u8]>) -> Plugin {
        self.configuration = configuration.as_ref().to_vec();
        self
    }
}

/// How long a VM has to be dead before it is made anew.
pub(crate) const RELOAD_AFTER: Duration = Duration::from_secs(1);
