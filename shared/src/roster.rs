//! The strategies of one shard with their state and settings: what every tick reads first.

use crate::ids::StrategyId;
use crate::records::{self, Corrupt};
use crate::settings::Settings;
use crate::state::StrategyState;
use crate::store::{Item, Key, ReadError, ReadTables};

/// One strategy as the tables describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its id.
    pub id: StrategyId,
    /// Its state.
    pub state: Result<StrategyState, Unfit>,
    /// Its settings.
    pub settings: Result<Settings, Unfit>,
}

/// Why an item cannot be worked with: the strategy counts as `halted`, the others run on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not there.
    #[error("no item {0}")]
    Absent(Key),
    /// It is damaged.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// Why a shard's strategies cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The shard's item is missing or damaged.
    #[error(transparent)]
    Shard(#[from] Unfit),
}

/// Reads a shard's strategies: one read for the shard, one batch for all its strategies.
pub async fn members(tables: &impl ReadTables, shard: u32) -> Result<Vec<Member>, RosterError> {
    let key = records::shard::key(shard);
    let item = tables.get(std::slice::from_ref(&key)).await?.pop().flatten().ok_or(Unfit::Absent(key))?;
    let ids = records::shard::decode(&item).map_err(Unfit::Corrupt)?.strategies;
    let keys: Vec<Key> =
        ids.iter().flat_map(|id| [records::state::key(id), records::strategy_config::key(id)]).collect();
    let mut items = tables.get(&keys).await?.into_iter();
    let mut members = Vec::with_capacity(ids.len());
    for id in ids {
        let (state, settings) = (items.next().flatten(), items.next().flatten());
        members.push(Member {
            state: read(state, records::state::key(&id), records::state::decode),
            settings: read(settings, records::strategy_config::key(&id), records::strategy_config::decode),
            id,
        });
    }
    Ok(members)
}

/// Decodes what was read under `key`.
pub fn read<T>(
    item: Option<Item>,
    key: Key,
    decode: impl Fn(&Item) -> Result<T, Corrupt>,
) -> Result<T, Unfit> {
    match item {
        Some(item) => Ok(decode(&item)?),
        None => Err(Unfit::Absent(key)),
    }
}
