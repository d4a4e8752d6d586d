//! How the cost grows: with the chain, the body, and what a filter names of its own.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use weir_cases::manifest::bench::Scale;

use crate::counts::{self, Play};
use crate::profile;
use crate::scenario::{PLAIN, Scenario};
use crate::stats::shape_words;
use crate::subject::Subject;

/// Instructions of the guest for each request, over something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// The port.
    pub label: String,
    /// What it is over: `filters in the chain`.
    pub over: String,
    /// How many of it, and the instructions.
    pub points: Vec<(u32, u64)>,
}

impl Curve {
    /// A word on the curve's shape.
    pub fn words(&self) -> String {
        let points: Vec<_> = self.points.iter().map(|(x, y)| (f64::from(*x), *y as f64)).collect();
        shape_words(&points, "instructions")
    }
}

const CHAINS: [u8; 5] = [1, 2, 3, 5, 10];
const BODIES: [u32; 4] = [0, 1 << 10, 16 << 10, 64 << 10];

/// The curves of a filter, for each of its ports, over the plain scenario; none where that is not among them.
///
/// # Errors
/// A module cannot be run, or answers otherwise than it should: names port and what it is over.
pub fn curves(subject: &Subject, scenarios: &[Scenario]) -> Result<Vec<Curve>> {
    let mut curves = Vec::new();
    let Some(plain) = scenarios.iter().find(|it| it.name == PLAIN) else { return Ok(curves) };
    for port in &subject.ports {
        let module = profile::counting(&port.wasm)?;
        let count = |scenario: &Scenario| -> Result<u64> {
            let play = Play::new(subject, scenario).context("there is no such request")?;
            Ok(play.counts(&module)?.instructions)
        };
        let context = |over: &str| format!("{}, over {over}", port.label);
        let mut add = |over: &str, points: Result<Vec<(u32, u64)>>| -> Result<()> {
            let points = points.with_context(|| context(over))?;
            curves.push(Curve { label: port.label.clone(), over: over.into(), points });
            Ok(())
        };
        let chains = CHAINS.map(|chain| Ok((chain.into(), count(&Scenario { chain, ..plain.clone() })?)));
        add("filters in the chain", chains.into_iter().collect())?;
        let bodies = BODIES.map(|body| {
            let mut scenario = plain.clone();
            scenario.request.method = "POST".into();
            (scenario.request.body, scenario.answer.body) = (body as usize, body as usize);
            Ok((body, count(&scenario)?))
        });
        add("bytes of body each way", bodies.into_iter().collect())?;
        for scale in &subject.bench.scale {
            let points = scale.values.iter().map(|n| Ok((*n, scaled(subject, plain, scale, *n, &module)?)));
            add(&scale.what, points.collect())?;
        }
    }
    Ok(curves)
}

fn scaled(subject: &Subject, plain: &Scenario, scale: &Scale, n: u32, module: &weir_host::Module) -> Result<u64> {
    let each = (0..n).map(|at| fill(&scale.each, at)).collect::<Result<Vec<_>>>()?.join(",");
    let configuration = scale.configuration.replace("${each}", &each);
    let mut play = Play::new(subject, plain).context("there is no such request")?;
    play.configuration = Some(&configuration);
    // Every one of it has come by before any is counted.
    play.warm = play.warm.max(n);
    let headers = |number: u32| -> Result<Vec<(String, String)>> {
        let own = scale.headers.iter().map(|(name, value)| Ok((name.clone(), fill(value, number % n)?)));
        let own = own.collect::<Result<Vec<_>>>()?;
        let usual = subject.headers(plain).into_iter().filter(|(name, _)| own.iter().all(|it| it.0 != *name));
        Ok(usual.chain(own.iter().cloned()).collect())
    };
    headers(0)?;
    let mut worker = play.worker(module)?;
    let request = |number| counts::request(plain, &headers(number).unwrap_or_default());
    Ok(play.counts_of(&mut worker, request)?.instructions)
}

/// The text with `${n}` and then each `${sha256:TEXT}` filled in.
///
/// # Errors
/// A `${` has no end, or names something else.
fn fill(text: &str, n: u32) -> Result<String> {
    let text = text.replace("${n}", &n.to_string());
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("${") {
        let (inner, tail) = after.split_once('}').with_context(|| format!("{text:?}: `${{` without an end"))?;
        let Some(what) = inner.strip_prefix("sha256:") else {
            bail!("{text:?}: expected `${{n}}` or `${{sha256:TEXT}}`, got `${{{inner}}}`");
        };
        out.push_str(before);
        out.extend(Sha256::digest(what).iter().map(|byte| format!("{byte:02x}")));
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_filled_in() {
        assert_eq!(fill("k${n}", 7).unwrap(), "k7");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(fill("${sha256:abc}-${n}", 1).unwrap(), format!("{abc}-1"));
        assert!(fill("${m}", 1).unwrap_err().to_string().contains("got `${m}`"));
        assert!(fill("${sha256:a", 1).is_err());
    }
}
