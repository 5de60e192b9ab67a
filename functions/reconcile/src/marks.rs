//! How far reconcile has seen, kept in the account ledger's `cursors`: per symbol the last trade, and per
//! strategy what it had then, so that trades of orders that have ended since are known as ours.
//!
//! | entry | value |
//! |---|---|
//! | `BTC-USDT` | the last trade's id, `-` before the first one |
//! | `opened` | when the opening balance was taken |
//! | `strategy#demo` | its `intent_seq` at the last whole look |
//! | `position#demo.1677628800` | its symbol: it was live at the last whole look |

use std::collections::BTreeMap;

use shared::ids::{PositionId, StrategyId, Symbol};

/// The cursor of a symbol that had no trade yet.
pub const BEFORE_THE_FIRST: &str = "-";

const STRATEGY: &str = "strategy#";
const POSITION: &str = "position#";

/// Where reading a symbol's trades goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// The symbol was never looked at: what has traded so far is in the opening balance.
    New,
    /// It had no trade yet.
    Start,
    /// After this trade.
    After(String),
}

/// The cursor of a symbol.
pub fn cursor(cursors: &BTreeMap<String, String>, symbol: &Symbol) -> Cursor {
    match cursors.get(&symbol.to_string()).map(String::as_str) {
        None => Cursor::New,
        Some(BEFORE_THE_FIRST) => Cursor::Start,
        Some(id) => Cursor::After(id.to_owned()),
    }
}

/// `intent_seq` of a strategy at the last whole look.
pub fn seen_intents(cursors: &BTreeMap<String, String>, id: &StrategyId) -> Option<u64> {
    cursors.get(&format!("{STRATEGY}{id}"))?.parse().ok()
}

/// Positions that were live at the last whole look.
pub fn seen_positions(cursors: &BTreeMap<String, String>) -> impl Iterator<Item = PositionId> {
    cursors.keys().filter_map(|name| PositionId::parse(name.strip_prefix(POSITION)?).ok())
}

/// Whether an entry is one of a strategy or a position: replaced as a whole with every whole look.
pub fn is_of_strategies(name: &str) -> bool {
    name.starts_with(STRATEGY) || name.starts_with(POSITION)
}

/// The entry of a strategy.
pub fn of_strategy(id: &StrategyId, intent_seq: u64) -> (String, String) {
    (format!("{STRATEGY}{id}"), intent_seq.to_string())
}

/// The entry of a live position.
pub fn of_position(id: &PositionId, symbol: &Symbol) -> (String, String) {
    (format!("{POSITION}{id}"), symbol.to_string())
}
