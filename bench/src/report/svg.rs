//! Curves as SVG, small enough to stand on a phone at their own size, in colours that the page's style decides.

use std::fmt::Write as _;

use weir_common::thousands;

use super::html::escape;
use super::short;

/// The size of a drawing, in CSS pixels.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 190.0;

/// What is left free around the curve: for the numbers of the axes.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 22.0;

/// A line over points that ascend by x, from zero on both axes.
pub(super) fn curve(title: &str, over: &str, points: &[(u32, u64)]) -> String {
    let most_x = points.iter().map(|it| f64::from(it.0)).fold(1.0, f64::max);
    let most_y = nice(points.iter().map(|it| it.1 as f64).fold(1.0, f64::max));
    let x = |value: f64| LEFT + value / most_x * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / most_y * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(&format!("{title}, over {over}"))
    );
    // Writing to a string cannot fail, here and below.
    for part in 0..=2 {
        let value = most_y * f64::from(part) / 2.0;
        let at = y(value);
        let _ =
            write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>", WIDTH - RIGHT);
        let _ =
            write!(svg, "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, at + 4.0, tick(value));
    }
    for part in [0.0, 0.5, 1.0] {
        let value = most_x * part;
        let anchor = if part < 1.0 { "middle" } else { "end" };
        let at = if part < 1.0 { x(value) } else { WIDTH - 2.0 };
        let _ =
            write!(svg, "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>", HEIGHT - 5.0, tick(value));
    }
    let places: Vec<_> = points.iter().map(|it| (x(f64::from(it.0)), y(it.1 as f64))).collect();
    let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = write!(svg, "<polyline class=\"curve\" points=\"{}\"/>", line.join(" "));
    for ((x, y), (n, value)) in places.iter().zip(points) {
        let _ = write!(
            svg,
            "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"><title>{}: {}</title></circle>",
            thousands((*n).into()),
            thousands(*value)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A number on an axis: `2.5k`, `64k`, `1.2M`.
fn tick(value: f64) -> String {
    let trimmed = |value: f64, unit: &str| format!("{}{unit}", format!("{value:.1}").trim_end_matches(".0"));
    match value {
        it if it >= 1e6 => trimmed(it / 1e6, "M"),
        it if it >= 1e4 => trimmed(it / 1e3, "k"),
        it if it == it.round() => thousands(it as u64),
        it => short(it),
    }
}

/// The next number above that an axis may end with.
fn nice(value: f64) -> f64 {
    let magnitude = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.iter().map(|step| step * magnitude).find(|it| *it >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_stays_within_its_drawing() {
        let svg = curve("a <b>", "keys", &[(1, 100), (10, 900), (100, 8100)]);
        assert!(svg.contains("aria-label=\"a &lt;b&gt;, over keys\"") && !svg.contains("NaN"), "{svg}");
        for attribute in ["cx", "cy"] {
            for part in svg.split(&format!("{attribute}=\"")).skip(1) {
                let value: f64 = part.split('"').next().unwrap().parse().unwrap();
                assert!((0.0..=WIDTH).contains(&value), "{attribute} {value}");
            }
        }
    }

    #[test]
    fn axes_end_with_round_numbers() {
        assert_eq!([7.0, 101.0, 8100.0, 100.0].map(nice), [8.0, 150.0, 10000.0, 100.0]);
        assert_eq!([0.0, 2500.0, 65536.0, 1_200_000.0].map(tick), ["0", "2,500", "65.5k", "1.2M"]);
    }
}
