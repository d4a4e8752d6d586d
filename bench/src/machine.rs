//! The machine that is measured on: what it is, which cores are whose, and what the kernel says of a process.

use std::fs;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// What a run was made on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// MiB of memory.
    pub memory_mib: u64,
    /// The kernel's release, without what who built it has added.
    pub kernel: String,
    /// The machine's load over a minute when the run began: how much else was going on.
    pub load: String,
}

impl Machine {
    /// This machine, now. What the kernel does not say is empty.
    pub fn now() -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let field = |text: &str, name: &str| -> String {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or("", |(_, value)| value).trim().to_owned()
        };
        let kib: u64 = field(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
        Machine {
            processor: field(&cpu, "model name"),
            cores: cores().len(),
            memory_mib: kib / 1024,
            kernel: numbers(&read("/proc/sys/kernel/osrelease")),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().into(),
        }
    }
}

/// `6.1.2` of `6.1.2-0-cloud`: the rest says where a machine stands, and nothing of what it can.
fn numbers(release: &str) -> String {
    release.chars().take_while(|it| it.is_ascii_digit() || *it == '.').collect()
}

/// The cores that this process may use: as it was at the first call, before any thread was pinned.
pub fn cores() -> &'static [usize] {
    static CORES: OnceLock<Vec<usize>> = OnceLock::new();
    CORES.get_or_init(|| {
        let set = sched_getaffinity(None);
        (0..CpuSet::MAX_CPU).filter(|core| set.as_ref().is_ok_and(|set| set.is_set(*core))).collect()
    })
}

/// Which cores are Envoy's, and which are the load's: none in common. `None` where there are too few to part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// Envoy's, one for each worker.
    pub envoy: Vec<usize>,
    /// The generator's and the upstream's.
    pub load: Vec<usize>,
}

impl Pins {
    /// The pins on this machine.
    pub fn here(workers: usize) -> Option<Pins> {
        Pins::of(cores(), workers)
    }

    fn of(cores: &[usize], workers: usize) -> Option<Pins> {
        (workers < cores.len()).then(|| Pins { envoy: cores[..workers].into(), load: cores[workers..].into() })
    }
}

/// The command that a process runs under to have these cores.
pub fn taskset(cores: &[usize]) -> Vec<String> {
    let list: Vec<_> = cores.iter().map(usize::to_string).collect();
    vec!["taskset".into(), "--cpu-list".into(), list.join(",")]
}

/// Keeps the calling thread, and those that it starts, on these cores.
///
/// # Errors
/// The kernel refuses.
pub fn pin_this_thread(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).context("cannot pin the load to its cores")
}

/// Nanoseconds that the threads of a process have run so far. Threads that have ended are not counted; Envoy's do not.
///
/// # Errors
/// The process is gone.
pub fn cpu_time(pid: i32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("Envoy is gone")? {
        let text = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        sum += text.split(' ').next().and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

/// KiB of a process that are in memory.
///
/// # Errors
/// The process is gone.
pub fn resident(pid: i32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("Envoy is gone")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the kernel does not say VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envoy_and_the_load_have_no_core_in_common() {
        assert_eq!(Pins::of(&[0, 3, 5], 1), Some(Pins { envoy: vec![0], load: vec![3, 5] }));
        assert_eq!(Pins::of(&[0, 1], 2), None);
        assert_eq!(taskset(&[0, 3]), ["taskset", "--cpu-list", "0,3"]);
    }

    #[test]
    fn a_kernels_release_is_its_numbers() {
        assert_eq!(["6.1.2-0-cloud-amd64\n", "6.12.0\n", ""].map(numbers), ["6.1.2", "6.12.0", ""]);
    }

    #[test]
    fn the_kernel_tells_of_a_process() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(cpu_time(pid).unwrap() > 0);
        assert!(resident(pid).unwrap() > 1000);
        assert!(Machine::now().cores > 0);
    }

    #[test]
    fn a_thread_that_is_pinned_still_knows_all_cores() {
        let all = cores();
        std::thread::spawn(move || {
            pin_this_thread(&all[..1]).unwrap();
            assert_eq!(cores(), all);
        })
        .join()
        .unwrap();
    }
}
