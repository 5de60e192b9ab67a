//! What heartbeat reads: whole tables, each read alone.

use shared::ports::ScanTables;
use shared::store::{Attr, Item, ReadError};
use shared::tables::Table;

/// Everything that was read, and everything that could not be.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Every strategy's state.
    pub states: Result<Vec<Item>, ReadError>,
    /// Every shared ledger.
    pub ledgers: Result<Vec<Item>, ReadError>,
}

/// Reads the tables. A read that fails hides no other.
pub async fn scan(tables: &impl ScanTables) -> Scan {
    let states = tables.scan(Table::TradingState).await;
    let ledgers = tables.scan(Table::Ledgers).await;
    Scan { states, ledgers }
}

impl Scan {
    /// Each read that failed.
    pub fn failures(&self) -> impl Iterator<Item = String> {
        let named = [("trading-state", self.states.as_ref().err()), ("ledgers", self.ledgers.as_ref().err())];
        named.into_iter().filter_map(|(table, error)| error.map(|error| format!("{table}: {error}")))
    }
    /// Whether every fact that may stand in an item was readable.
    pub const fn is_whole(&self) -> bool {
        self.states.is_ok() && self.ledgers.is_ok()
    }
}

/// The partition key of an item; the tables never give one without it.
pub fn hash_of(table: Table, item: &Item) -> String {
    match item.get(table.hash_key()) {
        Some(Attr::S(hash)) => hash.clone(),
        Some(
            Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::M(_) | Attr::Foreign(_),
        )
        | None => String::new(),
    }
}
