//! The page in a real browser: that it stands by itself, fits a phone, and can be read in light and dark.
//!
//! Chromium loads the page into frames as wide as a desk and a phone, a script looks at what came of it, and the browser
//! prints the document with the script's findings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::report::html;
use crate::results::Results;

/// The widths that the page has to fit, in CSS pixels.
const WIDTHS: [u32; 2] = [390, 1100];

/// A browser that hangs must not hang a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is looked at in each frame. Contrast is that of WCAG 2: 4.5 to 1 for words.
const SCRIPT: &str = r#"
const light = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
const look = frame => {
    const page = frame.contentDocument, root = page.documentElement, found = [], width = frame.clientWidth;
    if (root.scrollWidth > root.clientWidth) found.push(`it is ${root.scrollWidth} wide`);
    if (page.querySelectorAll('section').length < 2) found.push('it has no sections');
    if (frame.contentWindow.performance.getEntriesByType('resource').length) found.push('it loads something');
    page.querySelectorAll('h1, h2, h3, p, td, th, .name, .value, figcaption').forEach(e => {
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) found.push(`${e.className || e.tagName} has a contrast of ${contrast.toFixed(1)}`);
    });
    page.querySelectorAll('.bar, .reach, .dot').forEach(e => {
        const [inner, outer] = [e.getBoundingClientRect(), e.parentElement.getBoundingClientRect()];
        if (inner.left < outer.left - 6 || inner.right > outer.right + 6) found.push('a bar leaves its line');
    });
    const dark = light(getComputedStyle(page.body).backgroundColor) < 0.2;
    return `${width} wide, ${dark ? 'dark' : 'light'}: ` + (found.length ? [...new Set(found)].join('; ') : 'good');
};
addEventListener('load', () => { document.getElementById('found').textContent =
    [...document.querySelectorAll('iframe')].map(look).join('\n'); });
"#;

/// Looks at a run's page in light and in dark, and gives a line for each width and colour.
///
/// # Errors
/// There is no browser, or something is wrong with the page.
pub fn check(results: &Results, state: &Path) -> Result<Vec<String>> {
    let chromium = find()?;
    fs::create_dir_all(state).with_context(|| format!("cannot write under {}", state.display()))?;
    let folder = tempfile::Builder::new().prefix("page-").tempdir_in(state.canonicalize()?)?;
    let page = html::escape(&html::page(results));
    let frames = WIDTHS
        .map(|width| format!("<iframe style=\"border:0;width:{width}px;height:3000px\" srcdoc=\"{page}\"></iframe>"));
    let outer = folder.path().join("outer.html");
    let text = format!(
        "<!doctype html><meta charset=\"utf-8\"><pre id=\"found\"></pre>{}<script>{SCRIPT}</script>",
        frames.concat()
    );
    fs::write(&outer, text).with_context(|| format!("cannot write {}", outer.display()))?;
    let mut told = Vec::new();
    for (colour, setting) in [("light", 1), ("dark", 0)] {
        let said = browse(&chromium, &outer, &folder.path().join(colour), setting)?;
        let found = said.split_once("<pre id=\"found\">").and_then(|it| it.1.split_once("</pre>"));
        let found = found.map(|it| it.0.trim()).filter(|it| !it.is_empty());
        for line in found.context("the browser ran no script")?.lines() {
            ensure!(line.contains(colour) && line.ends_with(": good"), "the page in {colour}: {line}");
            told.push(line.to_owned());
        }
    }
    ensure!(told.len() == 2 * WIDTHS.len(), "the browser looked at {} pages", told.len());
    Ok(told)
}

fn find() -> Result<PathBuf> {
    let named = std::env::var_os("WEIR_CHROMIUM").map(PathBuf::from);
    let known = ["chromium", "chromium-browser", "google-chrome"].map(PathBuf::from);
    let runs = |program: &PathBuf| Command::new(program).arg("--version").output().is_ok_and(|it| it.status.success());
    named.into_iter().chain(known).find(runs).context(
        "a browser is missing, which is needed to look at the report; to mend it: apt-get install chromium, or name one \
         with WEIR_CHROMIUM",
    )
}

fn browse(chromium: &Path, page: &Path, profile: &Path, scheme: u8) -> Result<String> {
    let out = profile.with_extension("html");
    let mut command = Command::new(chromium);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--blink-settings=preferredColorScheme={scheme}"));
    command.arg(format!("--user-data-dir={}", profile.display())).arg("--dump-dom").arg("--virtual-time-budget=2000");
    command.arg(format!("file://{}", page.display()));
    command.stdout(fs::File::create(&out)?).stderr(std::process::Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", chromium.display()))?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("the browser did not end within {} seconds", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    fs::read_to_string(&out).context("the browser printed no document")
}
