//! Figures that hold on a noisy machine: ratios within a round, with their spread. Pure.

use serde::Serialize;

/// A ratio to the bare listener over several rounds: the middle one, the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// The median of the rounds.
    pub median: f64,
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

impl Ratio {
    /// The ratios of each round, `ours` to `bare` in the same place; `None` without a round that has both.
    pub fn of(ours: &[Option<f64>], bare: &[Option<f64>]) -> Option<Ratio> {
        let pairs = ours.iter().zip(bare).filter_map(|(ours, bare)| Some((*ours)? / (*bare)?));
        Ratio::over(pairs.filter(|it| it.is_finite()))
    }

    /// The median and the spread of some figures.
    pub fn over(figures: impl IntoIterator<Item = f64>) -> Option<Ratio> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (low, high) = (*figures.first()?, *figures.last()?);
        let (below, above) = (figures[(figures.len() - 1) / 2], figures[figures.len() / 2]);
        Some(Ratio { median: f64::midpoint(below, above), low, high })
    }

    /// Whether the spread holds a figure.
    pub fn holds(&self, figure: f64) -> bool {
        (self.low..=self.high).contains(&figure)
    }

    /// Whether two spreads have a figure in common: then no difference is told.
    pub fn overlaps(&self, other: &Ratio) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// The difference to the bare listener in words: `none` within the spread, or within that of the control, which is the
    /// bare listener measured once more; else `+12 %`.
    pub fn words(&self, control: Option<&Ratio>) -> String {
        if self.holds(1.0) || control.is_some_and(|it| it.overlaps(self)) {
            return "none".into();
        }
        match (self.median - 1.0) * 100.0 {
            small if small.abs() < 1.0 => format!("{small:+.1} %"),
            percent => format!("{percent:+.0} %"),
        }
    }
}

/// How a cost grows with what it was measured over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Shape {
    /// It does not: less than a twentieth over all.
    Flat,
    /// Each more costs about as much as the one before.
    Linear,
    /// Each more costs less.
    Below,
    /// Each more costs more.
    Above,
    /// It falls.
    Falling,
}

/// The shape of a curve of at least three points, ascending by x: what one more costs in the last stretch beside what it
/// costs in the first.
pub fn shape(points: &[(f64, f64)]) -> Shape {
    let ([first, second, ..], [.., before, last]) = (points, points) else { return Shape::Flat };
    let slope = |from: &(f64, f64), to: &(f64, f64)| (to.1 - from.1) / (to.0 - from.0);
    let growth = last.1 - first.1;
    if growth.abs() < first.1.abs().max(1.0) * 0.05 {
        return Shape::Flat;
    }
    if growth < 0.0 {
        return Shape::Falling;
    }
    match (slope(first, second), slope(before, last)) {
        (early, late) if early > 0.0 && late < early * 0.6 => Shape::Below,
        (early, late) if early <= 0.0 || late > early * 1.6 => Shape::Above,
        _ => Shape::Linear,
    }
}

/// The shape in words, with what one more costs where that is about the same everywhere.
pub fn shape_words(points: &[(f64, f64)], unit: &str) -> String {
    match (shape(points), points) {
        (Shape::Flat, _) => "flat: it makes no difference".into(),
        (Shape::Linear, [first, .., last]) => {
            let slope = (last.1 - first.1) / (last.0 - first.0);
            let slope = if slope < 10.0 { format!("{slope:.2}") } else { weir_common::thousands(slope.round() as u64) };
            format!("linear: about {slope} {unit} for each")
        }
        (Shape::Linear, _) => "linear".into(),
        (Shape::Below, _) => "less than linear: each more costs less".into(),
        (Shape::Above, _) => "more than linear: each more costs more".into(),
        (Shape::Falling, _) => "falling".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // The machine was twice as slow in the second round; the filter cost the same share of it.
        let ratio = Ratio::of(&[Some(11.0), Some(22.0), None], &[Some(10.0), Some(20.0), Some(1.0)]).unwrap();
        assert_eq!((ratio.low, ratio.median, ratio.high), (1.1, 1.1, 1.1));
        assert_eq!(ratio.words(None), "+10 %");
        assert_eq!(Ratio::of(&[None], &[Some(1.0)]), None);
        assert_eq!(Ratio::over([3.0, 1.0, 2.0, 4.0]).unwrap().median, 2.5);
    }

    #[test]
    fn a_difference_within_the_spread_is_none() {
        let ratio = |low, median, high| Ratio { low, median, high };
        assert_eq!(ratio(0.98, 1.05, 1.2).words(None), "none");
        assert_eq!(ratio(1.01, 1.05, 1.2).words(None), "+5 %");
        assert_eq!(ratio(0.5, 0.75, 0.9).words(None), "-25 %");
        assert_eq!(ratio(1.001, 1.003, 1.004).words(None), "+0.3 %");
        assert_eq!(ratio(1.01, 1.05, 1.2).words(Some(&ratio(0.9, 1.0, 1.02))), "none");
        assert!(ratio(1.0, 1.1, 1.2).overlaps(&ratio(1.2, 1.3, 1.4)));
        assert!(!ratio(1.0, 1.1, 1.2).overlaps(&ratio(1.21, 1.3, 1.4)));
    }

    #[test]
    fn a_curve_has_a_shape() {
        let curve = |f: fn(f64) -> f64| [1.0, 10.0, 100.0, 1000.0].map(|x| (x, f(x)));
        assert_eq!(shape(&curve(|_| 7000.0)), Shape::Flat);
        assert_eq!(shape(&curve(|x| 7000.0 + x / 10.0)), Shape::Flat);
        assert_eq!(shape(&curve(|x| 500.0 + 20.0 * x)), Shape::Linear);
        assert_eq!(shape(&curve(|x| 500.0 + 200.0 * x.log2())), Shape::Below);
        assert_eq!(shape(&curve(|x| 500.0 + x.powf(1.5))), Shape::Above);
        assert_eq!(shape(&curve(|x| 5000.0 - x)), Shape::Falling);
        assert_eq!(shape_words(&curve(|x| 500.0 + 20.0 * x), "instructions"), "linear: about 20 instructions for each");
    }
}
