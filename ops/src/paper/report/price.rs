//! The price with entries and exits; the time in which something was held is shaded.

use maud::{Markup, html};
use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::chart::{Frame, Scale, line, together};
use super::marks::{self, Leg, Mark};
use super::{axes, none};
use crate::paper::outcome::{Bar, Outcome};
use crate::paper::show;

/// The most points of a line.
const POINTS: usize = 720;

/// One hour, or neighbouring hours as one.
struct Span {
    bar: Bar,
    end: Timestamp,
}

impl Span {
    fn middle(&self) -> Timestamp {
        self.bar.at + Millis(self.end.since(self.bar.at).0 / 2)
    }
}

/// The chart and its legend.
pub(super) fn figure(outcome: &Outcome) -> Markup {
    let spans = merged(&outcome.bars);
    let marks = marks::marks(outcome);
    html! {
        section #price {
            h2 { "Price" }
            @if spans.is_empty() { (none("No hour of the market was seen.")) } @else {
                (legend(outcome, &marks))
                @for frame in Frame::BOTH { (chart(outcome, &spans, &marks, frame)) }
            }
        }
    }
}

fn legend(outcome: &Outcome, marks: &[Mark]) -> Markup {
    html! {
        p.legend {
            span { i.key.line.ink {} (outcome.run.symbol) ", hourly close and range" }
            @for leg in Leg::ALL {
                span {
                    svg.glyph viewBox="-8 -8 16 16" aria-hidden="true" {
                        path class={ "mark " (leg.as_str()) } d=(format!("M0 0{}", leg.shape())) {}
                    }
                    (leg.as_str()) " (" (show::count(marks.iter().filter(|mark| mark.leg == leg).count())) ")"
                }
            }
            span { i.key.shade {} "position held" }
        }
    }
}

fn chart(outcome: &Outcome, spans: &[Span], marks: &[Mark], frame: Frame) -> Markup {
    let edges = spans.iter().flat_map(|one| [one.bar.low, one.bar.high]).chain(marks.iter().map(Mark::price));
    let x = Scale::of_time(&outcome.run, frame);
    let Some(y) = Scale::of_values(&edges.collect::<Vec<_>>(), frame) else { return html! {} };
    html! {
        svg.chart.(frame.class) viewBox=(frame.view_box()) role="img" aria-label=(label(outcome, marks)) {
            (held(outcome, frame, &x))
            (axes::values(frame, &y))
            (axes::times(frame, &outcome.run, &x))
            path.band d=(band(spans, &x, &y)) {}
            path.stroke.ink d=(closes(spans, &x, &y)) {}
            @if frame.hover { (hover(spans, frame, &x)) }
            (marks::drawn(marks, frame, &x, &y))
        }
    }
}

fn label(outcome: &Outcome, marks: &[Mark]) -> String {
    let ends = outcome.bars.first().zip(outcome.bars.last());
    let ends = ends.map(|(first, last)| (show::price(first.open), show::price(last.close)));
    let (first, last) = ends.unwrap_or_default();
    format!("{} from {first} to {last}, with {} trades", outcome.run.symbol, marks.len())
}

/// From high to high and back from low to low.
fn band(spans: &[Span], x: &Scale, y: &Scale) -> String {
    let there = spans.iter().map(|one| (x.time(one.middle()), y.at(one.bar.high)));
    let back = spans.iter().rev().map(|one| (x.time(one.middle()), y.at(one.bar.low)));
    format!("{}Z", line(there.chain(back)))
}

/// From the first price on, each close at the end of its hour.
fn closes(spans: &[Span], x: &Scale, y: &Scale) -> String {
    let first = spans.first().map(|one| (x.time(one.bar.at), y.at(one.bar.open)));
    line(first.into_iter().chain(spans.iter().map(|one| (x.time(one.end), y.at(one.bar.close)))))
}

fn held(outcome: &Outcome, frame: Frame, x: &Scale) -> Markup {
    let (top, height) = (frame.y0(), frame.y1() - frame.y0());
    html! {
        @for one in outcome.positions.iter().filter(|one| !one.bought.is_zero()) {
            @let from = x.time(one.opened_at);
            @let to = x.time(one.closed_at.unwrap_or(outcome.run.to));
            rect.shade x=(from) y=(top) width=((to - from).max(Decimal::ONE)) height=(height) {}
        }
    }
}

/// Columns that show what an hour was when the pointer rests on them.
fn hover(spans: &[Span], frame: Frame, x: &Scale) -> Markup {
    let (top, height) = (frame.y0(), frame.y1() - frame.y0());
    html! {
        g.hover {
            @for Span { bar, end } in spans {
                @let (from, end) = (x.time(bar.at), x.time(*end));
                rect x=(from) y=(top) width=((end - from).max(Decimal::ZERO)) height=(height) { title { (title(bar)) } }
            }
        }
    }
}

fn title(bar: &Bar) -> String {
    let (low, high) = (show::price(bar.low), show::price(bar.high));
    format!("{} UTC\nclose {}, range {low} to {high}", show::minute(bar.at), show::price(bar.close))
}

/// Neighbouring hours as one where there are too many to tell apart.
fn merged(bars: &[Bar]) -> Vec<Span> {
    bars.chunks(together(bars.len(), POINTS)).filter_map(merge).collect()
}

fn merge(bars: &[Bar]) -> Option<Span> {
    let (first, last) = (bars.first()?, bars.last()?);
    let high = bars.iter().map(|bar| bar.high).max()?;
    let low = bars.iter().map(|bar| bar.low).min()?;
    let bar = Bar { at: first.at, open: first.open, high, low, close: last.close };
    Some(Span { bar, end: last.at + Millis::from_minutes(60) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::sample;

    #[test]
    fn merged_hours_keep_the_extremes_and_the_ends() {
        let bars = sample::rich(1).bars;
        let Span { bar: one, end } = merge(&bars).unwrap();
        assert_eq!(end, bars[0].at + Millis::from_minutes(24 * 60));
        assert_eq!((one.open, one.close), (bars[0].open, bars[23].close));
        assert!(bars.iter().all(|bar| one.low <= bar.low && bar.high <= one.high));
        assert!(merge(&[]).is_none());
        let many: Vec<Bar> = bars.iter().cycle().take(5_000).cloned().collect();
        assert!(merged(&many).len() <= POINTS);
    }
}
