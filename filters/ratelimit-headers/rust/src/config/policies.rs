//! The policies: quotas, costs, and whom they are for.

use weir_kit::clock::SECOND;
use weir_kit::json::{Error, Kind, Reader};

use super::requests;
use super::words::{header_name, name};
use crate::bucket::{Algorithm, Limit};
use crate::cost::{Cost, Named};
use crate::exempt::Exempt;
use crate::policy::Policy;

/// The most units of anything.
pub(super) const MOST_UNITS: u64 = 1_000_000_000;
/// The longest window in seconds: a year.
pub(super) const LONGEST_WINDOW: u64 = 31_536_000;
/// The longest that everything may take to come back, in seconds: sums of nanoseconds stay far below 64 bits.
const LONGEST_RETURN: u64 = 10 * LONGEST_WINDOW;

pub(super) const FIELDS: [&str; 10] =
    ["name", "key", "missing", "algorithm", "quota", "window", "burst", "cost", "shadow", "exempt"];
pub(super) const MISSING: [&str; 2] = ["share", "skip"];
pub(super) const ALGORITHMS: [&str; 3] = ["gcra", "fixed-window", "sliding-window"];
pub(super) const COST_FIELDS: [&str; 5] = ["request_header", "response_header", "default", "least", "most"];

pub(super) fn read(reader: &mut Reader<'_>, most: usize) -> Result<Vec<Policy>, Error> {
    let mut policies: Vec<Policy> = Vec::new();
    reader.array(most, &mut |reader| {
        let policy = policy(reader)?;
        if policies.iter().any(|known| known.name == policy.name) {
            return Err(reader.refuse("name", "a name that no other policy has", "one that another has"));
        }
        policies.push(policy);
        Ok(())
    })?;
    Ok(policies)
}

fn policy(reader: &mut Reader<'_>) -> Result<Policy, Error> {
    let (mut called, mut quota, mut window, mut burst, mut cost) = (None, None, None, None, None);
    let (mut key, mut skip_missing, mut algorithm, mut shadow) = (Vec::new(), false, Algorithm::Gcra, false);
    let mut exempt = Exempt::default();
    reader.object(&FIELDS, &mut |reader, field| {
        match field {
            0 => called = Some(name(reader)?),
            1 => key = requests::key(reader)?,
            2 => skip_missing = reader.word(&MISSING)? == 1,
            3 => {
                algorithm = match reader.word(&ALGORITHMS)? {
                    0 => Algorithm::Gcra,
                    1 => Algorithm::FixedWindow,
                    _ => Algorithm::SlidingWindow,
                }
            }
            4 => quota = Some(units(reader, 1)?),
            5 => window = Some(reader.integer(1, LONGEST_WINDOW)?),
            6 => burst = Some(units(reader, 1)?),
            7 => cost = Some(unchecked_cost(reader)?),
            8 => shadow = reader.boolean()?,
            _ => exempt = requests::exempt(reader)?,
        }
        Ok(())
    })?;
    let name = called.ok_or_else(|| reader.refuse("name", "a string", "nothing"))?;
    let quota = quota.ok_or_else(|| reader.refuse("quota", "an integer", "nothing"))?;
    let window = window.ok_or_else(|| reader.refuse("window", "an integer", "nothing"))?;
    if burst.is_some() && algorithm != Algorithm::Gcra {
        return Err(reader.refuse("burst", "nothing, because only \"gcra\" has a burst", "an integer"));
    }
    let capacity = burst.unwrap_or(quota);
    if u64::from(capacity) * window > LONGEST_RETURN * u64::from(quota) {
        return Err(reader.refuse("burst", "a burst that comes back within ten years", "a larger one"));
    }
    let cost = check_cost(reader, cost, capacity)?;
    let limit = Limit { algorithm, quota, capacity, window: window * SECOND };
    Ok(Policy { name, key, skip_missing, limit, cost, shadow, exempt })
}

fn units(reader: &mut Reader<'_>, least: u64) -> Result<u32, Error> {
    Ok(reader.integer(least, MOST_UNITS)? as u32)
}

/// A cost as it stands there: which header names it, and its bounds.
#[derive(Debug, Default)]
struct Unchecked {
    request_header: Option<String>,
    response_header: Option<String>,
    otherwise: Option<u32>,
    least: Option<u32>,
    most: Option<u32>,
}

fn unchecked_cost(reader: &mut Reader<'_>) -> Result<Unchecked, Error> {
    let mut cost = Unchecked::default();
    match reader.kind() {
        Kind::Object => reader.object(&COST_FIELDS, &mut |reader, field| {
            match field {
                0 => cost.request_header = Some(header_name(reader)?),
                1 => cost.response_header = Some(header_name(reader)?),
                2 => cost.otherwise = Some(units(reader, 0)?),
                3 => cost.least = Some(units(reader, 0)?),
                _ => cost.most = Some(units(reader, 1)?),
            }
            Ok(())
        })?,
        _ => cost.otherwise = Some(units(reader, 1)?),
    }
    if cost.request_header.is_some() && cost.response_header.is_some() {
        return Err(reader.refuse_value("either \"request_header\" or \"response_header\"", "both"));
    }
    Ok(cost)
}

/// A request that costs more than there ever is could never be let through: no cost may exceed the capacity.
fn check_cost(reader: &mut Reader<'_>, cost: Option<Unchecked>, capacity: u32) -> Result<Cost, Error> {
    let cost = cost.unwrap_or_default();
    let (otherwise, least, most) = (cost.otherwise.unwrap_or(1), cost.least, cost.most.unwrap_or(capacity));
    if otherwise > capacity || most > capacity || least.unwrap_or(0) > most {
        return Err(reader.refuse("cost", "costs within the burst, and \"least\" within \"most\"", "others"));
    }
    match (cost.request_header, cost.response_header) {
        (Some(header), _) => Ok(Cost::Request(Named { header, otherwise, least: least.unwrap_or(1), most })),
        (None, Some(header)) => Ok(Cost::Response(Named { header, otherwise, least: least.unwrap_or(0), most })),
        (None, None) if least.is_some() || cost.most.is_some() => {
            Err(reader.refuse("cost", "a header that names the cost", "none"))
        }
        (None, None) => Ok(Cost::Constant(otherwise)),
    }
}
