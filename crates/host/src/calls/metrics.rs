//! Counters, gauges and histograms.

use wasmi::Linker;
use wasmi::errors::LinkerError;

use crate::abi::{MetricType, Status};
use crate::calls::call;
use crate::guest::{Guest, Outcome};
use crate::host::Metric;
use crate::state::VmState;

pub(super) fn define(linker: &mut Linker<VmState>) -> Result<(), LinkerError> {
    call!(linker, "proxy_define_metric", define_metric, kind, name, name_size, id_at);
    call!(linker, "proxy_increment_metric", increment, id, offset: i64);
    call!(linker, "proxy_record_metric", record, id, value: u64);
    call!(linker, "proxy_get_metric", get, id, value_at);
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, kind: u32, name: u32, name_size: u32, id_at: u32) -> Outcome {
    let name = guest.text(name, name_size)?;
    let kind = MetricType::of(kind)?;
    let state = guest.state();
    state.host.define_metric(kind, &name);
    let id = VmState::next(&mut state.metric_numbers, kind as usize);
    state.metrics.insert(id, (kind, name));
    guest.put(id_at, id)
}

/// The metric with this number, looked at or changed; the number alone says its type.
fn with<T>(guest: &mut Guest<'_>, id: u32, look: impl FnOnce(&mut Metric) -> T) -> Result<T, Status> {
    let state = guest.state();
    let (kind, name) = state.metrics.get(&id).ok_or(Status::NotFound)?;
    state.host.with_metric(name, *kind, look).ok_or(Status::NotFound)
}

fn increment(guest: &mut Guest<'_>, id: u32, offset: i64) -> Outcome {
    match MetricType::of(id & 3)? {
        MetricType::Histogram => return Err(Status::BadArgument),
        MetricType::Counter | MetricType::Gauge => {}
    }
    with(guest, id, |metric| match metric {
        Metric::Counter(value) if offset > 0 => {
            *value = value.wrapping_add_signed(offset);
            Ok(())
        }
        // A counter only grows.
        Metric::Counter(_) | Metric::Histogram(_) => Err(Status::BadArgument),
        Metric::Gauge(value) => {
            *value = value.wrapping_add_signed(offset);
            Ok(())
        }
    })?
}

fn record(guest: &mut Guest<'_>, id: u32, number: u64) -> Outcome {
    with(guest, id, |metric| match metric {
        Metric::Counter(value) => *value = value.wrapping_add(number),
        Metric::Gauge(value) => *value = number,
        Metric::Histogram(values) => values.push(number),
    })
}

fn get(guest: &mut Guest<'_>, id: u32, value_at: u32) -> Outcome {
    if MetricType::of(id & 3)? == MetricType::Histogram {
        return Err(Status::BadArgument);
    }
    let value = with(guest, id, |metric| match metric {
        Metric::Counter(value) | Metric::Gauge(value) => *value,
        Metric::Histogram(_) => 0,
    })?;
    guest.write(value_at, &value.to_le_bytes())
}
