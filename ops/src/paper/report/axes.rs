//! The lines behind a chart and their labels.

use maud::{Markup, html};
use rust_decimal::Decimal;

use super::chart::{Frame, Scale, moments};
use crate::paper::outcome::Run;
use crate::paper::show;

/// Lines for values, labelled on the left.
pub(super) fn values(frame: Frame, scale: &Scale) -> Markup {
    let (x0, x1) = (frame.x0(), frame.x1());
    html! {
        g.axis {
            @for value in scale.values() {
                @let y = scale.at(value);
                path d=(format!("M{x0} {y}H{x1}")) {}
                text x=(x0 - Decimal::from(6)) y=(y + Decimal::from(4)) text-anchor="end" {
                    (show::grouped(&show::exact(value)))
                }
            }
        }
    }
}

/// Marks for times, labelled below.
pub(super) fn times(frame: Frame, run: &Run, scale: &Scale) -> Markup {
    let (y0, y1) = (frame.y0(), frame.y1());
    html! {
        g.axis {
            @for (at, label) in moments(run, frame.labels) {
                @let x = scale.time(at);
                path.faint d=(format!("M{x} {y0}V{y1}")) {}
                text x=(x) y=(y1 + Decimal::from(17)) text-anchor=(anchor(frame, x)) { (label) }
            }
        }
    }
}

/// A label at the right edge would not fit around its mark.
fn anchor(frame: Frame, x: Decimal) -> &'static str {
    if frame.x1() - x < Decimal::from(14) { "end" } else { "middle" }
}
