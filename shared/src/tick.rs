//! The event that wakes a function: it names work and carries no instruction.

use serde::Deserialize;

use crate::tables::Function;
use crate::time::{Millis, Timestamp};

/// What EventBridge Scheduler puts in place of the time; the emulator leaves it as it stands.
pub const PLACEHOLDER: &str = "<aws.scheduler.scheduled-time>";

/// One scheduled minute of one function for one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Which shard.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// The scheduled minute: the tick's identity, never the time of its arrival.
    pub scheduled_at: Timestamp,
}

/// Which kind of stage this is: what may be lax in `dev` is not in `paper` and `live`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageKind {
    /// A developer's account or an emulator.
    Dev,
    /// Real market data, no money.
    Paper,
    /// Money.
    Live,
}

impl StageKind {
    /// Every kind.
    pub const ALL: [StageKind; 3] = [StageKind::Dev, StageKind::Paper, StageKind::Live];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            StageKind::Dev => "dev",
            StageKind::Paper => "paper",
            StageKind::Live => "live",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<StageKind> {
        StageKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The event as it arrives.
#[derive(Debug, Clone, Deserialize)]
pub struct WireTick {
    shard: u32,
    of: u32,
    scheduled_at: String,
}

/// An event that names no work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTick {
    /// `of` is zero, or `shard` is not below it.
    #[error("shard {shard} of {of} does not exist")]
    NoSuchShard {
        /// The shard.
        shard: u32,
        /// Of how many.
        of: u32,
    },
    /// The time is not a time; the literal placeholder counts only in stage kind dev.
    #[error("scheduled_at {0:?} is not a time")]
    NotATime(String),
}

impl WireTick {
    /// Reads the event. `now` stands in for the literal placeholder in `dev` alone.
    pub fn read(&self, kind: StageKind, now: Timestamp) -> Result<Tick, BadTick> {
        if self.shard >= self.of {
            return Err(BadTick::NoSuchShard { shard: self.shard, of: self.of });
        }
        let scheduled_at = match (self.scheduled_at.as_str(), kind) {
            (PLACEHOLDER, StageKind::Dev) => now,
            (text, _) => Timestamp::parse(text).map_err(|_| BadTick::NotATime(text.to_owned()))?,
        };
        Ok(Tick { shard: self.shard, of: self.of, scheduled_at: scheduled_at.minute() })
    }
}

impl Tick {
    /// Whether it is older than its function's period: such a tick is dropped, a fresh one is on its way.
    pub fn is_too_old(&self, function: Function, now: Timestamp) -> bool {
        now.since(self.scheduled_at) >= Millis::from_minutes(function.period_minutes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(scheduled_at: &str) -> WireTick {
        WireTick { shard: 0, of: 1, scheduled_at: scheduled_at.to_owned() }
    }

    #[test]
    fn the_placeholder_is_a_time_in_dev_alone() {
        let now = Timestamp::parse("2023-03-01T00:00:20Z").unwrap();
        let minute = Timestamp::parse("2023-03-01T00:00:00Z").unwrap();
        assert_eq!(wire(PLACEHOLDER).read(StageKind::Dev, now).unwrap().scheduled_at, minute);
        for kind in [StageKind::Paper, StageKind::Live] {
            assert!(matches!(wire(PLACEHOLDER).read(kind, now), Err(BadTick::NotATime(_))));
        }
    }

    #[test]
    fn a_tick_older_than_its_period_is_dropped() {
        let at = |text| Timestamp::parse(text).unwrap();
        let tick = wire("2023-03-01T00:00:00Z").read(StageKind::Live, at("2023-03-01T00:00:01Z")).unwrap();
        assert!(!tick.is_too_old(Function::Decide, at("2023-03-01T00:00:59.999Z")));
        assert!(tick.is_too_old(Function::Decide, at("2023-03-01T00:01:00Z")));
        assert!(!tick.is_too_old(Function::Reconcile, at("2023-03-01T00:04:59Z")));
    }

    #[test]
    fn a_shard_that_does_not_exist_is_refused() {
        let bad = WireTick { shard: 1, of: 1, scheduled_at: "2023-03-01T00:00:00Z".into() };
        let now = Timestamp::from_millis(0);
        assert_eq!(bad.read(StageKind::Dev, now), Err(BadTick::NoSuchShard { shard: 1, of: 1 }));
    }
}
