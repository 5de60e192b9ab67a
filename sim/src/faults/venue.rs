//! Faults that only an exchange has: requests that come late or twice, waits, and orders that nobody sees yet.

use http::Method;
use serde_json::Value;
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Response};

use super::dice::Roll;
use super::kind::Kind;
use super::{FaultyTransport, Outcome, answers};
use crate::service::Service;

/// How long after a fault fresh orders are hidden.
const HIDING: Millis = Millis::from_minutes(1);

/// A request on its way.
#[derive(Debug)]
pub(super) struct Late {
    due: Timestamp,
    request: Request,
    timeout: Millis,
}

/// `least` to `most`, by the shape of a roll.
fn between(shape: u32, least: i64, most: i64) -> i64 {
    least + i64::from(shape) % (most - least + 1)
}

impl FaultyTransport {
    /// Nobody answers now; the request arrives within its receive window, or long after it.
    pub(super) fn ghost(&self, roll: Roll, request: Request, timeout: Millis) -> Outcome {
        let wait = match roll.shape % 2 {
            0 => between(roll.shape / 2, 500, 4_000),
            _ => between(roll.shape / 2, 20_000, 180_000),
        };
        let due = self.clock.now() + Millis(wait);
        self.state().late.push(Late { due, request, timeout });
        self.lost(roll.kind, timeout, "late on the way out")
    }

    /// The late requests that have arrived by `now`, oldest first.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Late> {
        let mut state = self.state();
        let (mut due, rest): (Vec<Late>, Vec<Late>) =
            std::mem::take(&mut state.late).into_iter().partition(|late| late.due <= now);
        state.late = rest;
        due.sort_by_key(|late| late.due);
        due
    }

    /// At its own time, so that the exchange judges its receive window by the clock of its arrival.
    pub(super) async fn deliver(&self, late: Late) {
        match &self.exchange {
            Some(exchange) => drop(exchange.serve(late.request, late.due)),
            None => drop(self.inner.send(late.request, late.timeout).await),
        }
    }

    /// The request arrives twice, and one of the two answers is read. An order that did not rest is not repeated:
    /// no fault then, and none is counted.
    pub(super) async fn duplicate(&self, roll: Roll, request: Request, timeout: Millis) -> Outcome {
        let again = request.clone();
        let is_cancel = request.method() == Method::DELETE;
        let first = self.inner.send(request, timeout).await?;
        if !is_cancel && !rests(&first) {
            return Ok(first);
        }
        self.count(Kind::VenueDuplicate);
        let second = self.inner.send(again, timeout).await?;
        Ok(if roll.shape.is_multiple_of(2) { first } else { second })
    }

    /// Served, not answered, and for a while no query sees what is fresh.
    pub(super) async fn hide(&self, roll: Roll, request: Request, timeout: Millis) -> Outcome {
        if let Some(exchange) = &self.exchange {
            exchange.set_read_lag(Millis(between(roll.shape, 2_000, 8_000)));
            self.state().lag_until = Some(self.clock.now() + HIDING);
        }
        let _arrived = self.inner.send(request, timeout).await;
        self.lost(roll.kind, timeout, "lost on the way back, and not seen yet")
    }

    pub(super) fn show_fresh_orders(&self) {
        let was_hiding = self.state().lag_until.take().is_some();
        if let (true, Some(exchange)) = (was_hiding, &self.exchange) {
            exchange.set_read_lag(Millis(0));
        }
    }

    /// The exchange wants to be left alone, and counts who does not.
    pub(super) fn throttle(&self, roll: Roll) -> Response {
        let seconds = between(roll.shape, 5, 60);
        if let Some(exchange) = &self.exchange {
            exchange.throttled(self.clock.now(), Millis::from_secs(seconds));
        }
        self.clean(roll.kind, answers::venue_wait(seconds))
    }

    /// A proxy's page instead of the answer; half of the sends were made.
    pub(super) async fn bad_gateway(&self, roll: Roll, request: Request, timeout: Millis) -> Outcome {
        if request.method() != Method::GET && roll.shape.is_multiple_of(2) {
            let _arrived = self.inner.send(request, timeout).await;
        }
        Ok(self.clean(roll.kind, answers::html()))
    }
}

/// Whether an order's answer says that it is open.
fn rests(answer: &Response) -> bool {
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    matches!(body.get("status").and_then(Value::as_str), Some("NEW" | "PARTIALLY_FILLED"))
}
