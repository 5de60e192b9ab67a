//! Scenarios over the simulated exchange: what is sent, what rests, and that every book agrees afterwards.

mod authority;
mod crash;
mod damage;
mod dry_run;
mod entries;
mod exits;
mod faults;
mod gates;
mod incident;
mod interleavings;
mod journal;
mod keys;
mod permission;
mod protection;
mod races;
mod time;

use shared::ids::PositionId;

use crate::testing::{Bench, bench, market};

/// A market at 100 where enough trades for everything here.
pub(crate) const FLAT: ([i64; 4], i64) = ([100, 100, 100, 100], 1_000);
/// A minute without any trade.
pub(crate) const SILENT: ([i64; 4], i64) = ([100, 100, 100, 100], 0);

/// That market for `minutes` minutes.
pub(crate) fn flat(minutes: usize) -> Vec<([i64; 4], i64)> {
    vec![FLAT; minutes]
}

/// One unit bought at 100 in minute 0, its stop at 90.
pub(crate) fn holding(candles: &[([i64; 4], i64)]) -> (Bench, PositionId) {
    let bench = bench(candles);
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    assert_eq!(bench.resting(), ["SELL 0.999"]);
    (bench, id)
}
