//! Entries, exits and stops on the price: a mark for each order that traded.

use std::collections::BTreeMap;

use maud::{Markup, html};
use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::chart::{Frame, Scale};
use crate::paper::outcome::{FillRow, Outcome};
use crate::paper::show;

/// What kind of trade a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// Bought.
    Entry,
    /// Sold.
    Exit,
    /// Sold by the stop.
    Stop,
}

impl Leg {
    /// Every kind.
    pub(super) const ALL: [Leg; 3] = [Leg::Entry, Leg::Exit, Leg::Stop];
    /// Its name and the class of its colour.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Leg::Entry => "entry",
            Leg::Exit => "exit",
            Leg::Stop => "stop",
        }
    }
    /// Its shape around a point: ▲, ▼ or ✕, so that colour is not all that tells them apart.
    pub(super) const fn shape(self) -> &'static str {
        match self {
            Leg::Entry => "m0-7 6 11h-12z",
            Leg::Exit => "m0 7 6-11h-12z",
            Leg::Stop => "m-5-5 10 10m0-10-10 10",
        }
    }
    fn of(fill: &FillRow) -> Leg {
        let named = Leg::ALL.into_iter().find(|leg| leg.as_str() == fill.leg);
        named.unwrap_or(if fill.side == "buy" { Leg::Entry } else { Leg::Exit })
    }
}

/// All that one order traded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// What kind.
    pub(super) leg: Leg,
    /// Its last fill.
    pub(super) at: Timestamp,
    /// What it traded.
    pub(super) quantity: Decimal,
    notional: Decimal,
    order_id: String,
}

impl Mark {
    /// The average price.
    pub(super) fn price(&self) -> Decimal {
        self.notional.checked_div(self.quantity).unwrap_or_default()
    }
    /// `exit: 0.2 at 23,140.00, 2023-03-01 04:25, td0001e`.
    fn title(&self) -> String {
        let (quantity, price) = (show::exact(self.quantity), show::price(self.price()));
        format!(
            "{}: {quantity} at {price}\n{} UTC\n{}",
            self.leg.as_str(),
            show::minute(self.at),
            self.order_id
        )
    }
}

/// A mark for each order that traded, oldest first.
pub(super) fn marks(outcome: &Outcome) -> Vec<Mark> {
    let mut by_order: BTreeMap<&str, Mark> = BTreeMap::new();
    for fill in &outcome.fills {
        let mark = by_order.entry(&fill.order_id).or_insert_with(|| Mark {
            leg: Leg::of(fill),
            at: fill.at,
            quantity: Decimal::ZERO,
            notional: Decimal::ZERO,
            order_id: fill.order_id.clone(),
        });
        mark.at = mark.at.max(fill.at);
        mark.quantity = mark.quantity.saturating_add(fill.quantity);
        mark.notional = mark.notional.saturating_add(fill.price.saturating_mul(fill.quantity));
    }
    let mut marks: Vec<Mark> = by_order.into_values().collect();
    marks.sort_by_key(|mark| mark.at);
    marks
}

/// The marks of a price chart.
pub(super) fn drawn(marks: &[Mark], frame: Frame, x: &Scale, y: &Scale) -> Markup {
    html! {
        @for mark in marks {
            @let (x, y) = (x.time(mark.at), y.at(mark.price()));
            path class={ "mark " (mark.leg.as_str()) } d=(format!("M{x} {y}{}", mark.leg.shape())) {
                @if frame.hover { title { (mark.title()) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::sample;

    #[test]
    fn the_fills_of_one_order_make_one_mark_at_their_average() {
        let mut outcome = sample::rich(1);
        outcome.fills.truncate(2);
        outcome.fills[1].price = outcome.fills[0].price + Decimal::from(10);
        let marks = marks(&outcome);
        assert_eq!(marks.len(), 1);
        assert_eq!(marks[0].price(), outcome.fills[0].price + Decimal::from(5));
        assert_eq!(marks[0].quantity, Decimal::new(2, 1));
    }

    #[test]
    fn a_leg_that_has_no_name_is_known_by_its_side() {
        let mut fill = sample::rich(1).fills[0].clone();
        fill.leg = "other".to_owned();
        assert_eq!(Leg::of(&fill), Leg::Entry);
        fill.side = "sell".to_owned();
        assert_eq!(Leg::of(&fill), Leg::Exit);
    }
}
