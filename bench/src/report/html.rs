//! The page: one file without anything from outside, for light and dark, for a desk and a phone.
//!
//! Bars are boxes whose widths are shares of the line they stand in, so that they flow with the page and their words keep
//! their size; only curves are drawn.

use std::fmt::Write as _;

use weir_common::thousands;

use super::{added, adds, memory_per_vm, place, short, spread, svg};
use crate::results::{Figure, FilterResults, Load, Results, Series};
use crate::scenario::Scenario;
use crate::stats::Ratio;
use crate::subject::What;

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut body = String::new();
    let machine = &results.machine;
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        body,
        "<h1>What the filters cost</h1><p class=\"soft\">{} · Envoy {} · {}, {} cores · <code>{}</code></p>",
        escape(&results.began.replace('T', " ").replace('Z', " UTC")),
        escape(results.versions.get("envoy").map_or("", String::as_str)),
        escape(&machine.processor),
        machine.cores,
        escape(&results.command),
    );
    if let Some(why) = &results.incomplete {
        let _ = write!(
            body,
            "<p class=\"warn\">This run is not whole: {}. What was finished until then is below.</p>",
            escape(why)
        );
    } else if results.quick {
        body.push_str("<p class=\"warn\">A quick run: few rounds and short ones, for a look and not for quoting.</p>");
    }
    for filter in &results.filters {
        section(&mut body, filter, &results.scenarios);
    }
    method(&mut body, results);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>What the filters cost</title><link rel=\"icon\" href=\"data:,\">\
         <style>\n{}</style></head><body><main>{body}</main></body></html>\n",
        include_str!("style.css")
    )
}

/// The text as it may stand in a page.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn section(body: &mut String, filter: &FilterResults, scenarios: &[Scenario]) {
    let _ = write!(body, "<section><h2 id=\"{0}\">{0}</h2>", escape(&filter.name));
    for module in &filter.modules {
        if let Some(place) = place(filter, &module.label) {
            let _ = write!(
                body,
                "<p class=\"place\"><strong>{}</strong> adds {}.</p>",
                escape(&module.label),
                escape(&instructions_words(filter, &module.label, &place))
            );
        }
    }
    if let Some(note) = &filter.note {
        let _ = write!(body, "<p>{}</p>", escape(note));
    }
    instructions(body, filter, scenarios);
    counts(body, filter);
    curves(body, filter);
    if !filter.load.is_empty() {
        body.push_str("<h3>Under load, beside no filter</h3>");
        body.push_str("<p class=\"soft\">The dot is the middle of the rounds, the line reaches from the least to the greatest. The last row is the bare listener once more: what crosses the mark or that row's reach is no difference.</p>");
        for load in &filter.load {
            under_load(body, load, scenarios);
        }
    }
    body.push_str("</section>");
}

fn instructions_words(filter: &FilterResults, label: &str, place: &str) -> String {
    let own = adds(filter, |it| it.label == label).map_or(String::new(), |(_, it)| added(&it));
    format!("{own} instructions to a request in Envoy: {place}")
}

fn class(what: What) -> &'static str {
    match what {
        What::Bare | What::Control | What::Noop => "noop",
        What::Lua => "lua",
        What::Native => "native",
        What::Port => "port",
    }
}

fn summary_of<'a>(scenarios: &'a [Scenario], name: &str) -> &'a str {
    scenarios.iter().find(|it| it.name == name).map_or("", |it| it.summary.as_str())
}

fn instructions(body: &mut String, filter: &FilterResults, scenarios: &[Scenario]) {
    let measured = scenarios.iter().filter(|it| filter.instructions.iter().any(|found| found.scenario == it.name));
    let measured: Vec<_> = measured.collect();
    if measured.is_empty() {
        return;
    }
    let figures = filter.instructions.iter().filter_map(|it| it.added()).map(|it| it.median);
    let most = figures.fold(1.0, f64::max);
    body.push_str("<h3>Instructions added to a request in Envoy</h3>");
    for scenario in measured {
        let _ = write!(
            body,
            "<figure class=\"card\" style=\"margin:.6rem 0\"><figcaption>{}</figcaption>",
            escape(&scenario.summary)
        );
        for it in filter.instructions.iter().filter(|it| it.scenario == scenario.name) {
            let Some(figure) = it.added() else { continue };
            let width = (figure.median / most * 100.0).clamp(0.0, 100.0);
            let bar = format!("<span class=\"bar\" style=\"width:{width:.1}%\"></span>");
            row(body, class(it.what), &it.label, &bar, &added(&figure));
        }
        body.push_str("</figure>");
    }
}

fn row(body: &mut String, class: &str, name: &str, track: &str, value: &str) {
    let _ = write!(
        body,
        "<div class=\"row {class}\"><span class=\"name\">{}</span><span class=\"track\">{track}</span><span class=\"value\">{}</span></div>",
        escape(name),
        escape(value)
    );
}

fn counts(body: &mut String, filter: &FilterResults) {
    if filter.counts.is_empty() {
        return;
    }
    body.push_str("<h3>Counted in process, for each request</h3><div class=\"card scroll\"><table><thead><tr><th>port</th><th class=\"words\">scenario</th><th>guest instructions</th><th>host calls</th><th>callbacks</th><th>memory</th></tr></thead><tbody>");
    for (label, scenarios) in &filter.counts {
        for (scenario, counts) in scenarios {
            let named = |calls: &std::collections::BTreeMap<String, u64>| {
                calls.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
            };
            let _ = write!(
                body,
                "<tr><td>{}</td><td class=\"words\">{}</td><td>{}</td><td title=\"{}\">{}</td><td title=\"{}\">{}</td><td>{} KiB</td></tr>",
                escape(label),
                escape(scenario),
                thousands(counts.instructions),
                escape(&named(&counts.host_calls)),
                counts.calls(),
                escape(&named(&counts.callbacks)),
                counts.crossed(),
                thousands(counts.memory / 1024),
            );
        }
    }
    body.push_str("</tbody></table></div>");
}

fn curves(body: &mut String, filter: &FilterResults) {
    if filter.curves.is_empty() {
        return;
    }
    body.push_str("<h3>How guest instructions grow</h3><div class=\"grid\">");
    for curve in &filter.curves {
        let drawing = svg::curve(&curve.label, &curve.over, &curve.points);
        let _ = write!(
            body,
            "<figure class=\"card\"><h4>{}</h4><p class=\"soft\">over {}</p>{drawing}<figcaption>{}</figcaption></figure>",
            escape(&curve.label),
            escape(&curve.over),
            escape(&curve.words())
        );
    }
    body.push_str("</div>");
}

fn under_load(body: &mut String, load: &Load, scenarios: &[Scenario]) {
    let rate = load.rate.map_or(String::new(), |rate| format!(", open loop at {} requests/s", thousands(rate.into())));
    let _ = write!(
        body,
        "<div class=\"card\"><h4>{}</h4><p class=\"soft\">{} {}{rate}.</p>",
        escape(&load.scenario),
        escape(summary_of(scenarios, &load.scenario)),
        load.rounds()
    );
    let shown =
        if load.rate.is_some() { [Figure::CpuTime, Figure::Throughput] } else { [Figure::Start, Figure::First] };
    for figure in shown {
        ratios(body, load, figure);
    }
    let memory = memory_per_vm(load, scenarios);
    if !memory.is_empty() {
        let _ = write!(body, "<p class=\"soft\">Memory for each VM: {}.</p>", escape(&memory));
    }
    table(body, load);
    body.push_str("</div>");
}

fn ratios(body: &mut String, load: &Load, figure: Figure) {
    let found: Vec<(&Series, Ratio)> =
        load.series.iter().filter_map(|it| Some((it, load.ratio(it, figure)?))).collect();
    let others = || found.iter().filter(|(it, _)| it.what != What::Bare);
    let (low, high) = others().fold((0.9_f64, 1.1_f64), |(low, high), (_, it)| (low.min(it.low), high.max(it.high)));
    if others().next().is_none() {
        return;
    }
    let (low, high) = (low - (high - low) * 0.04, high + (high - low) * 0.04);
    let at = |value: f64| (value - low) / (high - low) * 100.0;
    let _ = write!(body, "<h4>{}</h4>", escape(figure.words()));
    for (series, ratio) in others() {
        let track = format!(
            "<span class=\"one\" style=\"left:{:.1}%\"></span><span class=\"reach\" style=\"left:{:.1}%;width:{:.1}%\"></span><span class=\"dot\" style=\"left:{:.1}%\"></span>",
            at(1.0),
            at(ratio.low),
            at(ratio.high) - at(ratio.low),
            at(ratio.median)
        );
        let words = load.words(series, figure).unwrap_or_default();
        row(body, class(series.what), &series.label, &track, &format!("×{:.2}, {words}", ratio.median));
    }
}

fn table(body: &mut String, load: &Load) {
    let figures = Figure::ALL.iter().filter(|figure| load.series.iter().any(|it| load.ratio(it, **figure).is_some()));
    let figures: Vec<Figure> = figures.copied().collect();
    body.push_str("<details><summary>All figures: the middle of the rounds, and the ratio with its spread</summary><div class=\"scroll\"><table><thead><tr><th></th>");
    for figure in &figures {
        let _ = write!(body, "<th>{}</th>", escape(figure.words()));
    }
    body.push_str("</tr></thead><tbody>");
    for series in &load.series {
        let _ = write!(body, "<tr><td>{}</td>", escape(&series.label));
        for figure in &figures {
            let plain =
                Ratio::over(series.figures(*figure).into_iter().flatten()).map_or("–".into(), |it| short(it.median));
            let ratio = load.ratio(series, *figure).filter(|_| series.what != What::Bare);
            let ratio = ratio.map_or(String::new(), |it| format!("<br><span class=\"soft\">{}</span>", spread(&it)));
            let _ = write!(body, "<td>{plain}{ratio}</td>");
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table></div></details>");
}

fn method(body: &mut String, results: &Results) {
    let versions: Vec<_> = results.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = write!(
        body,
        "<section><h2>How it was measured</h2>\
         <p><strong>In process</strong>: the WebAssembly instructions that the module executes in an interpreter, counted by the module itself; the same in every run on every machine.</p>\
         <p><strong>Instructions in Envoy</strong>: 200 requests on one connection under valgrind's callgrind, one worker, less those of a bare listener in the same process; ± is half of the spread over the runs.</p>\
         <p><strong>Under load</strong>: an Envoy of its own for each contender, one after the other in rounds. Throughput and CPU time are those of a closed loop, latencies those of an open loop at a fixed rate, counted from when a request was due. Every ratio is to the bare listener of the same round.</p>\
         <p class=\"soft\">{} · {} MiB of memory · Linux {} · load {} when it began</p>",
        escape(&versions.join(" · ")),
        thousands(results.machine.memory_mib),
        escape(&results.machine.kernel),
        escape(&results.machine.load),
    );
    body.push_str("<details><summary>Modules</summary><div class=\"scroll\"><table><thead><tr><th>port</th><th>bytes</th><th class=\"words\">SHA-256</th><th class=\"words\">compiler</th></tr></thead><tbody>");
    for module in results.filters.iter().flat_map(|it| &it.modules) {
        let _ = write!(
            body,
            "<tr><td>{}</td><td>{}</td><td class=\"words\"><code>{}</code></td><td class=\"words\">{}</td></tr>",
            escape(&module.label),
            thousands(module.bytes),
            escape(module.sha256.get(..16).unwrap_or(&module.sha256)),
            escape(&module.toolchain)
        );
    }
    body.push_str("</tbody></table></div></details></section>");
}
