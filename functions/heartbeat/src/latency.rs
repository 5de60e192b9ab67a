//! How fast a venue answers, from the counts that the functions leave in its ledger: pure.

use rust_decimal::Decimal;
use shared::records::venue::{Window, windows};
use shared::store::Item;
use shared::time::{Millis, Timestamp};

/// How far back calls count.
const SPAN: Millis = Millis::from_minutes(15);
/// Fewest calls that say anything.
const FEWEST_CALLS: u32 = 20;
/// The largest healthy share of slow calls, in percent.
const MOST_SLOW: Decimal = Decimal::ONE;

/// The calls of one venue in the last quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency {
    /// How many there were, about.
    pub calls: u32,
    /// How many took over a second.
    pub slow: u32,
    /// Their share in percent; none where there are too few calls to say.
    pub share: Option<Decimal>,
    /// When the first window with a slow one began.
    pub slow_since: Option<Timestamp>,
}

impl Latency {
    /// Whether too many were slow.
    pub fn is_too_slow(&self) -> bool {
        self.share.is_some_and(|share| share > MOST_SLOW)
    }
}

/// The calls that an item counts; none in an item of something else, or one that cannot be read (which is a
/// finding of its own).
pub fn of(item: &Item, now: Timestamp) -> Latency {
    let windows: Vec<Window> = windows(item).unwrap_or_default();
    let recent: Vec<&Window> = windows.iter().filter(|window| now.since(window.from) < SPAN).collect();
    let sum = |of: fn(&Window) -> u32| recent.iter().map(|window| of(window)).fold(0, u32::saturating_add);
    let slow = sum(|window| window.tally.slow);
    // Calls are a sample: no fewer were made than were slow.
    let calls = sum(|window| window.tally.calls).max(slow);
    let share = Decimal::from(slow).saturating_mul(Decimal::ONE_HUNDRED).checked_div(calls.into());
    let slow_since = recent.iter().filter(|window| window.tally.slow > 0).map(|window| window.from).min();
    Latency {
        calls,
        slow,
        share: share.filter(|_| calls >= FEWEST_CALLS).map(|share| share.round_dp(2)),
        slow_since,
    }
}
