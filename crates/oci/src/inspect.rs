//! What a module or an image holds, for people and for programs.

use serde::Serialize;
use weir_common::thousands;
use weir_shrink::about::About;
use weir_shrink::symbols::Symbols;

use crate::digest::Digest;
use crate::facts::Facts;
use crate::words::table;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub source: String,
    /// The image that holds the module, if one does.
    pub image: Option<InImage>,
    /// What the image says of its filter.
    pub facts: Facts,
    /// The digest of the module itself.
    pub module: Digest,
    /// The module's bytes.
    pub bytes: u64,
    /// What the module says of itself.
    #[serde(flatten)]
    pub about: About,
    /// The functions by the size of their bodies, largest first; empty where no symbols are there.
    pub functions_by_size: Vec<Sized>,
    /// What is attached to the image, by type.
    pub attached: Vec<String>,
}

/// An image that holds a module.
#[derive(Debug, Serialize)]
pub struct InImage {
    /// The repository, with its registry if it has one.
    pub name: String,
    /// The tag, if it has one.
    pub tag: Option<String>,
    /// The manifest's digest.
    pub digest: Digest,
    /// The name of the layout.
    pub layout: Option<&'static str>,
}

/// A function and the bytes of its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sized {
    /// In bytes.
    pub bytes: u32,
    /// Its name.
    pub name: String,
}

/// The functions of a module by the size of their bodies, largest first.
pub fn by_size(symbols: &Symbols) -> Vec<Sized> {
    let sized = symbols.functions.iter().filter_map(|function| {
        let body = function.body.as_ref()?;
        Some(Sized { bytes: body.end.saturating_sub(body.start), name: function.name.clone() })
    });
    let mut sized: Vec<Sized> = sized.collect();
    sized.sort_by(|one, two| two.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&two.name)));
    sized
}

/// The report for people, with the `top` largest functions.
pub fn text(report: &Report, top: usize) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            rows.push(vec![name.to_owned(), value.to_owned()]);
        }
    };
    let Report { facts, about, .. } = report;
    row("source", &report.source);
    if let Some(image) = &report.image {
        let tag = image.tag.as_deref().map(|tag| format!(":{tag}")).unwrap_or_default();
        row("image", &format!("{}{tag} ({})", image.name, image.layout.unwrap_or("unknown")));
        row("digest", &image.digest.to_string());
        row("attached", &report.attached.join(", "));
    }
    row("filter", &facts.filter);
    row("summary", &facts.summary);
    row("language", &facts.language);
    row("version", &facts.version);
    row("license", &facts.license);
    row("built with", &facts.toolchain);
    row("size profile", &facts.size_profile);
    row("built from", &facts.source_digest);
    row("revision", &facts.revision);
    row("sources", &facts.source);
    row("of", &facts.time().unwrap_or_default());
    row("envoy", &envoys(facts));
    row("module", &report.module.to_string());
    row("bytes", &thousands(report.bytes));
    row("abi", about.abi.as_deref().unwrap_or("none that Envoy knows"));
    row("features", &about.features.join(", "));
    row("memory", &format!("{} pages of 64 KiB", about.memory_pages));
    row("functions", &thousands(about.functions as u64));
    row("callbacks", &about.callbacks.join(", "));
    let mut text = table(&rows);
    let members = |what: &str, members: Vec<Vec<String>>| format!("\n{what}\n{}", table(&members));
    let imports = about.imports.iter().map(|it| vec![format!("  {}.{}", it.module, it.name), it.what.clone()]);
    text += &members("imports", imports.collect());
    let exports = about.exports.iter().map(|it| vec![format!("  {}", it.name), it.what.clone()]);
    text += &members("exports", exports.collect());
    if top > 0 && !report.functions_by_size.is_empty() {
        let share = |bytes: u32| f64::from(bytes) * 100.0 / report.bytes.max(1) as f64;
        let row = |it: &Sized| {
            let bytes = format!("  {:>9}", thousands(u64::from(it.bytes)));
            vec![bytes, format!("{:>5.1} %", share(it.bytes)), it.name.clone()]
        };
        text += &members("largest functions", report.functions_by_size.iter().take(top).map(row).collect());
    }
    text
}

fn envoys(facts: &Facts) -> String {
    match (facts.minimum_envoy.as_str(), facts.tested_envoy.as_str()) {
        ("", "") => String::new(),
        ("", tested) => format!("tested with {tested}"),
        (minimum, "") => format!("{minimum} or newer"),
        (minimum, tested) => format!("{minimum} or newer, tested with {tested}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_shrink::symbols::Function;

    #[test]
    fn functions_come_by_size_and_imports_have_none() {
        let function = |index, body, name: &str| Function { index, body, name: name.into() };
        let functions = vec![
            function(0, None, "env.proxy_log"),
            function(1, Some(10..20), "small"),
            function(2, Some(20..99), "large"),
        ];
        let sized = by_size(&Symbols { sha256: String::new(), functions });
        let expected = [Sized { bytes: 79, name: "large".into() }, Sized { bytes: 10, name: "small".into() }];
        assert_eq!(sized, expected);
    }
}
