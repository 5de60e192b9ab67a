//! What every turn of a tick shares, and one strategy's turn.

use shared::ids::{Env, StrategyId};
use shared::ports::{Clock, Level, Line, Log};
use shared::roster::Trail;
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::tick::Tick;
use shared::time::Timestamp;

use crate::market::Sight;
use crate::purse::Purse;

/// Everything through which decide touches the world. There is no way to send an order in it.
#[derive(Clone, Copy)]
pub struct Ports<'a, T, V, A> {
    /// The tables.
    pub tables: &'a T,
    /// Where the last tick found its shard.
    pub trail: &'a Trail,
    /// Opens the market data of a strategy's venue.
    pub venues: &'a V,
    /// The model.
    pub model: &'a A,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The log.
    pub log: &'a dyn Log,
}

/// What every turn of a tick shares.
pub struct Shift<'a, T, V, A> {
    /// The stage, part of every order id.
    pub env: &'a Env,
    /// The tick.
    pub tick: Tick,
    /// When this invocation is ended from outside.
    pub deadline: Timestamp,
    /// The world.
    pub ports: &'a Ports<'a, T, V, A>,
    /// What this invocation knows and owes of the dollars and providers that all share.
    pub purse: Purse,
}

impl<T, V, A> Shift<'_, T, V, A> {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
    /// A log line of one strategy.
    pub fn line(&self, level: Level, strategy: &StrategyId, what: &'static str) -> Line {
        Line::new(level, self.now(), what).with("strategy_id", strategy).with("trace", self.trace(strategy))
    }
    /// Writes a log line.
    pub fn write(&self, line: Line) {
        self.ports.log.write(line);
    }
    /// One id from decision to fill.
    pub fn trace(&self, strategy: &StrategyId) -> String {
        format!("{strategy}-{}", self.tick.scheduled_at.minute_number())
    }
}

/// One strategy's turn: its minute is claimed, and its model is due.
pub struct Turn<'a, T, V, A> {
    /// What every turn of this tick shares.
    pub shift: &'a Shift<'a, T, V, A>,
    /// Its settings.
    pub settings: Settings,
    /// Its state as read.
    pub state: StrategyState,
    /// What was seen of its markets.
    pub sight: Sight,
}

impl<T, V, A> Turn<'_, T, V, A> {
    /// The strategy.
    pub fn id(&self) -> &StrategyId {
        &self.settings.strategy_id
    }
    /// The minute that this turn decides for.
    pub fn minute(&self) -> Timestamp {
        self.shift.tick.scheduled_at
    }
    /// One id from decision to fill.
    pub fn trace(&self) -> String {
        self.shift.trace(self.id())
    }
    /// A log line.
    pub fn line(&self, level: Level, what: &'static str) -> Line {
        self.shift.line(level, self.id(), what)
    }
}
