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

/// A market at 100 where enough trades for everything here.
pub(crate) const FLAT: ([i64; 4], i64) = ([100, 100, 100, 100], 1_000);
/// A minute without any trade.
pub(crate) const SILENT: ([i64; 4], i64) = ([100, 100, 100, 100], 0);

/// That market for `minutes` minutes.
pub(crate) fn flat(minutes: usize) -> Vec<([i64; 4], i64)> {
    vec![FLAT; minutes]
}
