//! What the account was worth, beside the same money bought and held.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::chart::{Frame, Scale, line, together};
use super::{axes, none};
use crate::paper::outcome::{EquityPoint, Outcome};
use crate::paper::show;

/// The most points of a line.
const POINTS: usize = 720;

/// The chart and its legend.
pub(super) fn figure(outcome: &Outcome) -> Markup {
    let every = together(outcome.equity.len(), POINTS);
    let points: Vec<&EquityPoint> = outcome.equity.chunks(every).filter_map(|chunk| chunk.last()).collect();
    html! {
        section #equity {
            h2 { "Equity" }
            @if let Some(last) = points.last() {
                (legend(outcome, last))
                @for frame in Frame::BOTH { (chart(outcome, &points, frame)) }
            } @else { (none("The account was not marked.")) }
        }
    }
}

fn legend(outcome: &Outcome, last: &EquityPoint) -> Markup {
    let quote = &outcome.run.quote;
    html! {
        p.legend {
            span { i.key.line.accent {} "equity " b { (show::money(last.equity)) } " " (quote) }
            span { i.key.line.other {} "buy-and-hold " b { (show::money(last.buy_and_hold)) } " " (quote) }
            span { i.key.line.start {} "start " (show::money(outcome.run.equity_at_start)) }
        }
    }
}

fn chart(outcome: &Outcome, points: &[&EquityPoint], frame: Frame) -> Markup {
    let start = outcome.run.equity_at_start;
    let values = points.iter().flat_map(|point| [point.equity, point.buy_and_hold]).chain([start]);
    let x = Scale::of_time(&outcome.run, frame);
    let Some(y) = Scale::of_values(&values.collect::<Vec<_>>(), frame) else { return html! {} };
    let drawn = |value: fn(&EquityPoint) -> Decimal| {
        // Both begin with the same money at the first minute.
        let first = (frame.x0(), y.at(start));
        line([first].into_iter().chain(points.iter().map(|point| (x.time(point.at), y.at(value(point))))))
    };
    html! {
        svg.chart.(frame.class) viewBox=(frame.view_box()) role="img" aria-label=(label(outcome)) {
            (axes::values(frame, &y))
            (axes::times(frame, &outcome.run, &x))
            path.stroke.start d=(format!("M{} {}H{}", frame.x0(), y.at(start), frame.x1())) {}
            path.stroke.other d=(drawn(|point| point.buy_and_hold)) {}
            path.stroke.accent d=(drawn(|point| point.equity)) {}
            @if frame.hover { (hover(points, frame, &x)) }
        }
    }
}

fn label(outcome: &Outcome) -> String {
    let (gain, held) = (show::signed(outcome.pnl), show::signed(outcome.buy_and_hold));
    format!("Equity over time: {gain} {quote}, buy-and-hold {held} {quote}", quote = outcome.run.quote)
}

/// Columns that show both values when the pointer rests on them.
fn hover(points: &[&EquityPoint], frame: Frame, x: &Scale) -> Markup {
    let (top, height) = (frame.y0(), frame.y1() - frame.y0());
    let starts = [frame.x0()].into_iter().chain(points.iter().map(|point| x.time(point.at)));
    html! {
        g.hover {
            @for (point, from) in points.iter().zip(starts) {
                @let width = (x.time(point.at) - from).max(Decimal::ZERO);
                rect x=(from) y=(top) width=(width) height=(height) { title { (title(point)) } }
            }
        }
    }
}

fn title(point: &EquityPoint) -> String {
    let (equity, held) = (show::money(point.equity), show::money(point.buy_and_hold));
    format!("{} UTC\nequity {equity}\nbuy-and-hold {held}", show::minute(point.at))
}
