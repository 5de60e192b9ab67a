//! Decisions, incidents and pages over time, a lane for each kind.

use maud::{Markup, html};
use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::axes;
use super::chart::{Frame, Scale};
use crate::paper::outcome::{OrderRow, Outcome};
use crate::paper::{show, tally};

/// The height of a lane.
const LANE: i64 = 26;
/// Below and above all lanes.
const EDGES: i64 = 36;
/// Lanes with more marks than this have no tooltips: their marks overlap anyway, and the file stays small.
const TITLED: usize = 400;

/// What happened, when.
struct Event {
    at: Timestamp,
    what: String,
}

/// One row of the timeline.
struct Lane {
    name: &'static str,
    class: &'static str,
    events: Vec<Event>,
}

/// The timeline.
pub(super) fn figure(outcome: &Outcome) -> Markup {
    let lanes = lanes(outcome);
    html! {
        section #timeline {
            h2 { "Decisions, incidents and pages" }
            p.note {
                "An incident is an order that was refused, rejected or left without an answer, or a stop that traded."
            }
            @for frame in Frame::BOTH { (chart(outcome, &lanes, frame)) }
        }
    }
}

fn lanes(outcome: &Outcome) -> Vec<Lane> {
    let mut lanes: Vec<Lane> =
        ["open", "close", "cancel", "hold", "abstain"].map(|kind| decided(outcome, kind)).into();
    lanes.push(Lane { name: "incidents", class: "bad", events: incidents(outcome) });
    lanes.push(Lane { name: "pages", class: "bad", events: messages(outcome, true) });
    lanes.push(Lane { name: "notices", class: "accent", events: messages(outcome, false) });
    lanes
}

fn decided(outcome: &Outcome, kind: &'static str) -> Lane {
    let ones = outcome.decisions.iter().filter(|one| tally::kind(one) == kind);
    let events = ones.map(|one| Event { at: one.at, what: one.outcome.clone() }).collect();
    let class = match kind {
        "open" => "entry",
        "close" => "exit",
        "hold" => "muted",
        _ => "other",
    };
    Lane { name: kind, class, events }
}

fn incidents(outcome: &Outcome) -> Vec<Event> {
    let failed = outcome.orders.iter().filter(|order| is_incident(order)).map(|order| Event {
        at: order.at,
        what: format!("{} {}: {}", order.leg, order.status, show::clipped(&order.why, 120)),
    });
    let stops = outcome.orders.iter().filter(|order| order.leg == "stop" && !order.filled.is_zero());
    let stops = stops.map(|order| {
        let fills = outcome.fills.iter().filter(|fill| fill.order_id == order.order_id);
        let at = fills.map(|fill| fill.at).min().unwrap_or(order.at);
        Event { at, what: format!("stop traded: {}", order.order_id) }
    });
    let mut events: Vec<Event> = failed.chain(stops).collect();
    events.sort_by_key(|event| event.at);
    events
}

/// Of the contract's statuses, those that an order does not reach when all goes well.
fn is_incident(order: &OrderRow) -> bool {
    matches!(order.status.as_str(), "refused" | "rejected" | "unknown" | "expired")
}

fn messages(outcome: &Outcome, alerts: bool) -> Vec<Event> {
    let pages = outcome.pages.iter().filter(|page| (page.topic == "alerts") == alerts);
    pages.map(|page| Event { at: page.at, what: show::clipped(&page.subject, 120) }).collect()
}

fn chart(outcome: &Outcome, lanes: &[Lane], frame: Frame) -> Markup {
    let height = i64::try_from(lanes.len()).unwrap_or_default() * LANE + EDGES;
    let frame = Frame { left: 92, ..frame }.of_height(height);
    let x = Scale::of_time(&outcome.run, frame);
    html! {
        svg.chart.(frame.class) viewBox=(frame.view_box()) role="img" aria-label=(label(lanes)) {
            (axes::times(frame, &outcome.run, &x))
            @for (at, lane) in (0_i64..).zip(lanes) { (row(lane, frame, &x, at * LANE + LANE / 2 + 10)) }
        }
    }
}

fn label(lanes: &[Lane]) -> String {
    let counts = lanes.iter().map(|lane| format!("{} {}", lane.name, lane.events.len()));
    counts.collect::<Vec<_>>().join(", ")
}

fn row(lane: &Lane, frame: Frame, x: &Scale, y: i64) -> Markup {
    let titled = frame.hover && lane.events.len() <= TITLED;
    html! {
        g.lane {
            text.name x="0" y=(y + 4) { (lane.name) }
            text.many x=(frame.left - 8) y=(y + 4) text-anchor="end" { (show::count(lane.events.len())) }
            path.rail d=(format!("M{} {y}H{}", frame.x0(), frame.x1())) {}
            @if titled {
                @for event in &lane.events {
                    rect class=(lane.class) x=(x.time(event.at) - Decimal::ONE) y=(y - 8) width="3" height="16" rx="1" {
                        title { (show::minute(event.at)) " UTC\n" (event.what) }
                    }
                }
            } @else {
                path class={ "ticks " (lane.class) } d=(ticks(lane, x, y)) {}
            }
        }
    }
}

fn ticks(lane: &Lane, x: &Scale, y: i64) -> String {
    lane.events.iter().map(|event| format!("M{} {}v14", x.time(event.at), y - 7)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::sample;

    #[test]
    fn every_decision_is_in_one_lane() {
        let outcome = sample::rich(3);
        let lanes = lanes(&outcome);
        let decided: usize = lanes.iter().take(5).map(|lane| lane.events.len()).sum();
        assert_eq!(decided, outcome.decisions.len());
    }

    #[test]
    fn stops_and_refusals_are_incidents() {
        let outcome = sample::rich(21);
        let refused = outcome.orders.iter().filter(|order| order.status == "refused").count();
        let stops = outcome.orders.iter().filter(|one| one.leg == "stop" && one.status == "filled").count();
        assert!(refused > 0 && stops > 0);
        assert_eq!(incidents(&outcome).len(), refused + stops);
    }
}
