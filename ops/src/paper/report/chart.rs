//! Where values land on a chart: exact decimals to the end, rounded to a tenth of a unit when written.

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use crate::paper::outcome::Run;
use crate::paper::show;

/// The drawing area, in units of the view box; the browser scales it to the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Which of the two the style sheet shows.
    pub(super) class: &'static str,
    /// Of the view box.
    pub(super) width: i64,
    /// Of the view box.
    pub(super) height: i64,
    /// Room for the labels of values.
    pub(super) left: i64,
    /// The most labels along the time axis.
    pub(super) labels: i64,
    /// Whether there is room for tooltips: a phone cannot hover.
    pub(super) hover: bool,
}

/// Room on the right.
const RIGHT: i64 = 12;
/// Room above.
const TOP: i64 = 10;
/// Room for the labels of times.
const BOTTOM: i64 = 24;
/// Steps of the time axis, in hours.
const HOURS: [i64; 12] = [1, 2, 3, 6, 12, 24, 48, 72, 120, 168, 336, 744];
const HOUR_MS: i64 = 3_600_000;
/// About so many lines for values.
const VALUE_STEPS: i64 = 7;

impl Frame {
    /// For screens.
    pub(super) const WIDE: Frame =
        Frame { class: "wide", width: 960, height: 300, left: 64, labels: 9, hover: true };
    /// For phones: the same chart in fewer units, so that its text stays readable.
    pub(super) const NARROW: Frame =
        Frame { class: "narrow", width: 400, height: 260, left: 52, labels: 4, hover: false };
    /// Both; one of them is shown.
    pub(super) const BOTH: [Frame; 2] = [Frame::WIDE, Frame::NARROW];

    /// The same frame in another height.
    pub(super) const fn of_height(self, height: i64) -> Frame {
        Frame { height, ..self }
    }
    /// The left edge of the plot.
    pub(super) fn x0(self) -> Decimal {
        self.left.into()
    }
    /// The right edge of the plot.
    pub(super) fn x1(self) -> Decimal {
        (self.width - RIGHT).into()
    }
    /// The upper edge of the plot.
    pub(super) fn y0(self) -> Decimal {
        TOP.into()
    }
    /// The lower edge of the plot.
    pub(super) fn y1(self) -> Decimal {
        (self.height - BOTTOM).into()
    }
    /// The view box.
    pub(super) fn view_box(self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }
}

/// A straight map from values to units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: Decimal,
    high: Decimal,
    from: Decimal,
    to: Decimal,
}

impl Scale {
    /// Of a run's time, from left to right.
    pub(super) fn of_time(run: &Run, frame: Frame) -> Scale {
        Scale { low: ms(run.from), high: ms(run.to), from: frame.x0(), to: frame.x1() }
    }
    /// Of values, from the bottom up, with a little air; nothing when there are none.
    pub(super) fn of_values(values: &[Decimal], frame: Frame) -> Option<Scale> {
        let (low, high) = (values.iter().min()?, values.iter().max()?);
        let air = high.checked_sub(*low)?.max(high.abs() / Decimal::from(500)) / Decimal::from(16);
        let (low, high) = (low.checked_sub(air)?, high.checked_add(air)?);
        Some(Scale { low, high, from: frame.y1(), to: frame.y0() })
    }
    /// Where a value lands; what lies outside lands on the edge.
    pub(super) fn at(&self, value: Decimal) -> Decimal {
        let span = self.high.checked_sub(self.low);
        let share = value.checked_sub(self.low).zip(span).and_then(|(part, span)| part.checked_div(span));
        let share = share.unwrap_or_default().clamp(Decimal::ZERO, Decimal::ONE);
        (self.from + (self.to - self.from) * share).round_dp(1).normalize()
    }
    /// Where a moment lands.
    pub(super) fn time(&self, at: Timestamp) -> Decimal {
        self.at(ms(at))
    }
    /// Round values to draw lines at.
    pub(super) fn values(&self) -> Vec<Decimal> {
        let Some(step) =
            self.high.checked_sub(self.low).and_then(|span| step(span / Decimal::from(VALUE_STEPS)))
        else {
            return Vec::new();
        };
        let mut line = (self.low / step).ceil() * step;
        let mut lines = Vec::new();
        while line <= self.high && lines.len() < 20 {
            lines.push(line);
            line += step;
        }
        lines
    }
}

/// The first of 1, 2, 5, 10, 20, … that is large enough.
fn step(least: Decimal) -> Option<Decimal> {
    let tens = (0..=8).rev().map(|places| Decimal::new(1, places));
    let tens = tens.chain((1..=12).map(|power| Decimal::from(10_i64.pow(power))));
    tens.flat_map(|ten| [1, 2, 5].map(|times| ten * Decimal::from(times))).find(|step| *step >= least)
}

/// Round moments to label, and their labels.
pub(super) fn moments(run: &Run, most: i64) -> Vec<(Timestamp, String)> {
    let span = run.to.since(run.from).0;
    let fits = |hours: &&i64| span / (**hours * HOUR_MS) <= most;
    let every = HOURS.iter().find(fits).copied().unwrap_or(744) * HOUR_MS;
    let first = run.from.day().start();
    let steps = 0..=(run.to.since(first).0 / every);
    let times = steps.map(|step| first + Millis(step * every));
    times.filter(|at| *at >= run.from).map(|at| (at, label(at))).collect()
}

/// `1 Mar` at midnight, `06:00` otherwise.
fn label(at: Timestamp) -> String {
    let clock = show::minute(at).chars().skip(11).collect::<String>();
    if clock != "00:00" {
        return clock;
    }
    let day = at.day().to_string();
    let mut parts = day.split('-').skip(1);
    let month = parts.next().and_then(|month| month.parse::<usize>().ok()).unwrap_or_default();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.get(month.wrapping_sub(1)).copied().unwrap_or_default();
    format!("{} {month}", parts.next().unwrap_or_default().trim_start_matches('0'))
}

/// A line through points.
pub(super) fn line(points: impl Iterator<Item = (Decimal, Decimal)>) -> String {
    let points: Vec<String> = points.map(|(x, y)| format!("{x} {y}")).collect();
    if points.is_empty() { String::new() } else { format!("M{}", points.join("L")) }
}

/// How many neighbours become one, so that a chart has at most so many points.
pub(super) fn together(many: usize, most: usize) -> usize {
    many.div_ceil(most).max(1)
}

fn ms(at: Timestamp) -> Decimal {
    at.as_millis().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::sample;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn values_land_between_the_edges() {
        let scale = Scale::of_values(&[dec("100"), dec("200")], Frame::WIDE).unwrap();
        assert_eq!(scale.at(dec("150")), (Frame::WIDE.y0() + Frame::WIDE.y1()) / Decimal::TWO);
        assert!(scale.at(dec("200")) > Frame::WIDE.y0());
        assert_eq!(scale.at(dec("9999")), Frame::WIDE.y0());
        assert_eq!(scale.at(dec("-9999")), Frame::WIDE.y1());
    }

    #[test]
    fn a_flat_line_and_no_line_have_a_scale_or_none() {
        assert_eq!(Scale::of_values(&[], Frame::WIDE), None);
        let flat = Scale::of_values(&[dec("5"), dec("5")], Frame::WIDE).unwrap();
        assert!(!flat.values().is_empty());
        let zero = Scale::of_values(&[Decimal::ZERO], Frame::WIDE).unwrap();
        assert_eq!(zero.at(Decimal::ZERO), Frame::WIDE.y1());
        assert!(zero.values().len() <= 20);
    }

    #[test]
    fn lines_are_drawn_at_round_values() {
        let scale = Scale::of_values(&[dec("19597"), dec("28447")], Frame::WIDE).unwrap();
        assert_eq!(scale.values(), ["20000", "22000", "24000", "26000", "28000"].map(dec));
    }

    #[test]
    fn days_are_labelled_and_hours_where_days_are_few() {
        let run = sample::idle().run;
        let hours: Vec<String> = moments(&run, 4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(hours, ["1 Mar", "06:00", "12:00", "18:00", "2 Mar"]);
        let run = sample::rich(21).run;
        assert!(moments(&run, 9).len() <= 10);
        assert!(moments(&run, 4).iter().all(|(_, label)| label.ends_with("Mar")));
    }
}
