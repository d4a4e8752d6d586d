//! What the workers of one proxy share: the clock, data, queues, metrics, and the other services.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::abi::{MetricType, Status};
use crate::callout::{Answer, Callout, GrpcAnswer, GrpcCall, GrpcEvent, GrpcScript, Script};

/// What one proxy's workers share. Clones are the same host; two hosts know nothing of each other.
#[derive(Clone, Default)]
pub struct Host(Arc<Mutex<Shared>>);

/// A function that a guest calls by name with bytes, and that answers with bytes.
pub(crate) type ForeignFunction = Arc<dyn Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync>;

struct Shared {
    /// Since 1970.
    now: Duration,
    /// By the VM's identifier.
    data: BTreeMap<String, SharedData>,
    next_cas: u32,
    /// By token, which is the place in the list and one.
    queues: Vec<Queue>,
    metrics: BTreeMap<(String, MetricType), Metric>,
    clusters: BTreeMap<String, Option<Script>>,
    grpc: BTreeMap<String, Option<GrpcScript>>,
    functions: BTreeMap<String, ForeignFunction>,
    vms: u64,
}

/// By key: a value, and the number that has to be named to replace it.
type SharedData = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

struct Queue {
    vm_id: String,
    name: Vec<u8>,
    items: VecDeque<Vec<u8>>,
    /// The VM and root context that asked last; and how often it is to be told that something came.
    owner: (u64, u32),
    told: usize,
}

/// What a metric holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The sum of what was added.
    Counter(u64),
    /// What it was set to.
    Gauge(u64),
    /// What was recorded, in order.
    Histogram(Vec<u64>),
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            // The first second of 2026: a clock that starts at nothing hides faults.
            now: Duration::from_secs(1_767_225_600),
            data: BTreeMap::new(),
            next_cas: 1,
            queues: Vec::new(),
            metrics: BTreeMap::new(),
            clusters: BTreeMap::new(),
            grpc: BTreeMap::new(),
            functions: BTreeMap::from([("clear_route_cache".to_owned(), clear_route_cache())]),
            vms: 0,
        }
    }
}

/// The one foreign function of Envoy's that has an effect on nothing here.
fn clear_route_cache() -> ForeignFunction {
    Arc::new(|_| Ok(Vec::new()))
}

impl Host {
    /// A host with no clusters, at the start of the year 2026.
    pub fn new() -> Host {
        Host::default()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, since 1970.
    pub fn now(&self) -> Duration {
        self.lock().now
    }

    /// Sets the clock; never backwards. What falls due meanwhile happens when a worker looks: see
    /// [`Worker::advance`](crate::Worker::advance).
    pub fn set_now(&self, now: Duration) {
        let mut shared = self.lock();
        shared.now = shared.now.max(now);
    }

    /// Gives a cluster that HTTP calls can go to. `script` answers each; a cluster that is not given is unknown.
    pub fn cluster(&self, name: &str, script: impl FnMut(&Callout) -> Answer + Send + 'static) {
        self.lock().clusters.insert(name.to_owned(), Some(Box::new(script)));
    }

    /// Gives a cluster that gRPC calls can go to. `script` answers each thing that a filter does on one.
    pub fn grpc_cluster(&self, name: &str, script: impl FnMut(&GrpcCall, GrpcEvent) -> GrpcAnswer + Send + 'static) {
        self.lock().grpc.insert(name.to_owned(), Some(Box::new(script)));
    }

    /// Gives a foreign function. Others are `NotFound`, as one is that Envoy does not know.
    pub fn foreign_function(
        &self,
        name: &str,
        function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + Send + Sync + 'static,
    ) {
        self.lock().functions.insert(name.to_owned(), Arc::new(function));
    }

    /// What a metric holds, `None` for one that no filter defined.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        self.metrics().remove(name)
    }

    /// Every metric by its name; where two of different types have one name, the histogram before the gauge before the
    /// counter.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        self.lock().metrics.iter().map(|((name, _), metric)| (name.clone(), metric.clone())).collect()
    }

    /// What the VMs of this identifier share under a key.
    pub fn shared_data(&self, vm_id: &str, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.read_shared(vm_id, key.as_ref()).ok().map(|(value, _)| value)
    }

    pub(crate) fn read_shared(&self, vm_id: &str, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.lock().data.get(vm_id).and_then(|it| it.get(key)).cloned().ok_or(Status::NotFound)
    }

    /// Writes, if `cas` is 0 or the number that the value has: so 0 overwrites whatever is there.
    pub(crate) fn write_shared(&self, vm_id: &str, key: &[u8], value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let mut shared = self.lock();
        let next = shared.next_cas;
        let data = shared.data.entry(vm_id.to_owned()).or_default();
        if data.get(key).is_some_and(|(_, number)| cas != 0 && cas != *number) {
            return Err(Status::CasMismatch);
        }
        data.insert(key.to_vec(), (value, next));
        shared.next_cas = next.checked_add(1).unwrap_or(1);
        Ok(())
    }

    pub(crate) fn register_queue(&self, vm_id: &str, name: &[u8], owner: (u64, u32)) -> u32 {
        let mut shared = self.lock();
        let at = shared.queues.iter().position(|it| it.vm_id == vm_id && it.name == name).unwrap_or_else(|| {
            let queue = Queue { vm_id: vm_id.into(), name: name.into(), items: VecDeque::new(), owner, told: 0 };
            shared.queues.push(queue);
            shared.queues.len() - 1
        });
        if let Some(queue) = shared.queues.get_mut(at) {
            queue.owner = owner;
        }
        at as u32 + 1
    }

    pub(crate) fn resolve_queue(&self, vm_id: &str, name: &[u8]) -> Result<u32, Status> {
        let found = self.lock().queues.iter().position(|it| it.vm_id == vm_id && it.name == name);
        found.map(|at| at as u32 + 1).ok_or(Status::NotFound)
    }

    pub(crate) fn enqueue(&self, token: u32, item: Vec<u8>) -> Result<(), Status> {
        let mut shared = self.lock();
        let at = (token as usize).checked_sub(1).ok_or(Status::NotFound)?;
        let queue = shared.queues.get_mut(at).ok_or(Status::NotFound)?;
        queue.items.push_back(item);
        queue.told += 1;
        Ok(())
    }

    pub(crate) fn dequeue(&self, token: u32) -> Result<Vec<u8>, Status> {
        let mut shared = self.lock();
        let at = (token as usize).checked_sub(1).ok_or(Status::NotFound)?;
        shared.queues.get_mut(at).ok_or(Status::NotFound)?.items.pop_front().ok_or(Status::Empty)
    }

    /// The queues that something came to since this VM was told last: the root context, and the token, once for each
    /// thing that came.
    pub(crate) fn queue_news(&self, vm: u64) -> Vec<(u32, u32)> {
        let mut news = Vec::new();
        for (queue, token) in self.lock().queues.iter_mut().zip(1..).filter(|(queue, _)| queue.owner.0 == vm) {
            news.extend(std::iter::repeat_n((queue.owner.1, token), std::mem::take(&mut queue.told)));
        }
        news
    }

    /// Defines a metric. One name is one metric for every VM; the same name with another type is another metric.
    pub(crate) fn define_metric(&self, kind: MetricType, name: &str) {
        let new = match kind {
            MetricType::Counter => Metric::Counter(0),
            MetricType::Gauge => Metric::Gauge(0),
            MetricType::Histogram => Metric::Histogram(Vec::new()),
        };
        self.lock().metrics.entry((name.to_owned(), kind)).or_insert(new);
    }

    /// Looks at a metric that was defined, or changes it.
    pub(crate) fn with_metric<T>(
        &self,
        name: &str,
        kind: MetricType,
        look: impl FnOnce(&mut Metric) -> T,
    ) -> Option<T> {
        self.lock().metrics.get_mut(&(name.to_owned(), kind)).map(look)
    }

    pub(crate) fn has_cluster(&self, name: &str) -> bool {
        let shared = self.lock();
        shared.clusters.contains_key(name) || shared.grpc.contains_key(name)
    }

    /// The scripted answer. The script runs without the lock, so that it may look at the host.
    pub(crate) fn answer(&self, callout: &Callout) -> Answer {
        let script = self.lock().clusters.get_mut(&callout.cluster).and_then(Option::take);
        let Some(mut script) = script else { return Answer::reset() };
        let answer = script(callout);
        if let Some(place) = self.lock().clusters.get_mut(&callout.cluster) {
            place.get_or_insert(script);
        }
        answer
    }

    /// Likewise for gRPC; `None` where the cluster does not speak it.
    pub(crate) fn grpc_answer(&self, call: &GrpcCall, event: GrpcEvent) -> Option<GrpcAnswer> {
        let mut script = self.lock().grpc.get_mut(&call.cluster).and_then(Option::take)?;
        let answer = script(call, event);
        if let Some(place) = self.lock().grpc.get_mut(&call.cluster) {
            place.get_or_insert(script);
        }
        Some(answer)
    }

    pub(crate) fn function(&self, name: &str) -> Option<ForeignFunction> {
        self.lock().functions.get(name).cloned()
    }

    /// A number that no other VM of this host has.
    pub(crate) fn next_vm(&self) -> u64 {
        let mut shared = self.lock();
        shared.vms += 1;
        shared.vms
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        f.debug_struct("Host").field("now", &shared.now).field("vms", &shared.vms).finish_non_exhaustive()
    }
}
