//! Which strategies one invocation serves: `shard#{k}` of `tradai-ledgers`.

use std::collections::BTreeSet;

use crate::ids::StrategyId;
use crate::records::attrs::{Draft, list, text};
use crate::records::fields::{Corrupt, Fields, Found, FromNumber, FromText, Problem, Read};
use crate::store::{Attr, Item, Key};
use crate::tables::Table;

/// The strategies of one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The shard's number.
    pub shard: u32,
    /// Its strategies, each once, in the order in which they were applied.
    pub strategies: Vec<StrategyId>,
}

/// Where each attribute is.
pub mod path {
    use crate::records::attrs::paths;

    paths!(strategies);
}

/// The item of a shard.
pub fn key(shard: u32) -> Key {
    Key { table: Table::Ledgers, hash: format!("shard#{shard}"), range: None }
}

/// The whole item.
pub fn encode(shard: &Shard) -> Item {
    Draft::under(key(shard.shard)).with("strategies", strategies_attr(&shard.strategies)).item()
}

/// The list of strategies.
pub fn strategies_attr(strategies: &[StrategyId]) -> Attr {
    list(strategies, text)
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<Shard, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    let ShardKey(shard) = fields.need("ledger_id", Found::word)?;
    Ok(Shard { shard, strategies: fields.need("strategies", each_once)? })
}

fn each_once(found: Found<'_>) -> Read<Vec<StrategyId>> {
    let strategies: Vec<StrategyId> = found.clone().list(Found::word)?;
    let mut seen = BTreeSet::new();
    match strategies.iter().find(|id| !seen.insert(*id)) {
        Some(twice) => Err(found.bad(twice.as_str(), "is there twice")),
        None => Ok(strategies),
    }
}

struct ShardKey(u32);

impl FromText for ShardKey {
    fn from_text(text: &str) -> Result<ShardKey, Problem> {
        let bad = |why: String| Problem::BadValue { value: text.to_owned(), why };
        let number = text.strip_prefix("shard#").ok_or_else(|| bad("not shard#{k}".to_owned()))?;
        u32::from_number(number).map(ShardKey).map_err(bad)
    }
}
