//! Whether the books of every account equal its exchange: opening plus movements, asset by asset, exactly.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use shared::tables::Table;
use sim::exchange::Exchange;

use super::Failure;
use super::world::World;

/// What the accounts hold and what the books say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Accounts compared.
    pub accounts: u64,
    /// Trades at the exchanges.
    pub trades: u64,
    /// Differences in words, at most a few of them.
    pub differences: Vec<String>,
    /// How many accounts differ.
    pub differing: u64,
}

/// Most differences that are told.
const TOLD: usize = 5;

/// Compares every account.
pub fn compare(world: &World) -> Result<Comparison, Failure> {
    let mut found = Comparison::default();
    let ledgers = ledgers(world)?;
    for (account, exchange) in world.venues.accounts() {
        found.accounts = found.accounts.saturating_add(1);
        found.trades = found.trades.saturating_add(u64::try_from(exchange.trades().len()).unwrap_or(0));
        let books = ledgers.get(&account).cloned().unwrap_or_default();
        let difference = exchange.audit().and_then(|()| equal(&account, &books, &exchange));
        if let Err(difference) = difference {
            found.differing = found.differing.saturating_add(1);
            if found.differences.len() < TOLD {
                found.differences.push(difference);
            }
        }
    }
    Ok(found)
}

type Sums = BTreeMap<String, Decimal>;

fn equal(account: &str, books: &Sums, exchange: &Exchange) -> Result<(), String> {
    for (asset, balance) in exchange.balances() {
        let held = balance.free + balance.locked;
        let booked = books.get(asset.as_ref()).copied().unwrap_or_default();
        if held != booked {
            return Err(format!("{account}: books {booked} {asset}, venue {held}"));
        }
    }
    Ok(())
}

/// Opening plus every movement, by account and asset.
fn ledgers(world: &World) -> Result<BTreeMap<String, Sums>, Failure> {
    let items = world.items(Table::Ledgers)?;
    Ok(items.iter().filter_map(|item| Some((account_of(item)?, sums(item)))).collect())
}

fn account_of(item: &Map<String, Value>) -> Option<String> {
    let id = item.get("ledger_id")?.get("S")?.as_str()?;
    id.strip_prefix("account#").map(str::to_owned)
}

fn sums(item: &Map<String, Value>) -> Sums {
    let mut sums = Sums::new();
    let maps = ["opening", "fills", "external"].into_iter().filter_map(|name| item.get(name)?.get("M"));
    for (asset, number) in maps.filter_map(Value::as_object).flatten() {
        let amount = number.get("N").and_then(Value::as_str).and_then(|text| text.parse().ok());
        let sum = sums.entry(asset.clone()).or_default();
        *sum = sum.saturating_add(amount.unwrap_or_default());
    }
    sums
}
