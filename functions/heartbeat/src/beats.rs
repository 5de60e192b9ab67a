//! Whether the beats of one strategy are fresh: stale, missing and unreadable are the same.

use shared::records::Vitals;
use shared::records::fields::{Corrupt, Fields, Found};
use shared::store::Item;
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use crate::finding::Since;

/// Oldest `last_heartbeat` that is fresh.
pub const BEAT: Millis = Millis::from_secs(120);
/// Oldest scheduled minute of decide and execute that is fresh.
pub const TICK: Millis = Millis::from_secs(180);
/// Oldest look of reconcile that is fresh.
pub const RECONCILE: Millis = Millis::from_minutes(15);

/// A beat that is not fresh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The attribute.
    pub name: &'static str,
    /// The beat itself, or what is wrong with it.
    pub since: Since,
    /// In words.
    pub detail: String,
}

/// Every beat of a strategy that is not fresh.
pub fn stale(vitals: &Vitals, item: &Item, now: Timestamp) -> Vec<Stale> {
    let beats = [
        ("last_heartbeat", vitals.last_heartbeat.clone().map(Some), BEAT),
        ("last_decided_at", vitals.last_decided_at.clone().map(Some), TICK),
        ("last_executed_at", vitals.last_executed_at.clone().map(Some), TICK),
        ("last_reconciled_at", reconciled(vitals, item, now), RECONCILE),
    ];
    beats.into_iter().filter_map(|(name, beat, limit)| judge(name, beat, limit, now)).collect()
}

/// Reconcile's look; before the first one it counts from the moment at which the strategy was applied.
fn reconciled(vitals: &Vitals, item: &Item, now: Timestamp) -> Result<Option<Timestamp>, Corrupt> {
    match vitals.last_reconciled_at.clone()? {
        Some(at) => Ok(Some(at)),
        None if now.since(applied_at(item)?) > RECONCILE => Ok(None),
        None => Ok(Some(now)),
    }
}

/// `intent_seq` starts at apply's Unix second and rises by one with every intent.
fn applied_at(item: &Item) -> Result<Timestamp, Corrupt> {
    let seq: u64 = Fields::of(Table::TradingState, item).need("intent_seq", Found::number)?;
    Ok(Timestamp::from_millis(i64::try_from(seq).unwrap_or(i64::MAX).saturating_mul(1_000)))
}

fn judge(
    name: &'static str,
    beat: Result<Option<Timestamp>, Corrupt>,
    limit: Millis,
    now: Timestamp,
) -> Option<Stale> {
    let unreadable = |problem: String| Stale {
        name,
        since: Since::seen(format!("{name} {problem}"), now),
        detail: format!("{name} is {problem}"),
    };
    match beat {
        Ok(Some(at)) if is_fresh(at, limit, now) => None,
        Ok(Some(at)) => Some(Stale {
            name,
            since: Since::at(at),
            detail: format!("{name} is {at}, {} s old", now.since(at).as_secs()),
        }),
        Ok(None) => Some(unreadable("missing".to_owned())),
        Err(corrupt) => Some(unreadable(corrupt.problem.to_string())),
    }
}

/// A beat from further ahead than it may lie behind says nothing either.
fn is_fresh(at: Timestamp, limit: Millis, now: Timestamp) -> bool {
    now.since(at) <= limit && at.since(now) <= limit
}
