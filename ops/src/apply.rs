//! `strategy apply`: the first state, the settings and the shard of a strategy, through the same types and
//! conditions as the functions.

use shared::ids::StrategyId;
use shared::records::{self, shard::Shard};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Attr, Cond, Path, ReadError, ReadTables, Write, WriteAct, WriteError, WriteTables};
use shared::time::Timestamp;

/// Why a strategy was not applied.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The tables did not take it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The shard's item is damaged.
    #[error(transparent)]
    Shard(#[from] records::Corrupt),
}

/// Puts a new strategy's state and settings, and its id into the shard. A strategy that exists keeps its
/// state and gets the settings.
pub async fn apply(
    tables: &(impl ReadTables + WriteTables),
    settings: &Settings,
    shard: u32,
    status: Status,
    now: Timestamp,
) -> Result<(), NotApplied> {
    let id = &settings.strategy_id;
    let config = Write {
        key: records::strategy_config::key(id),
        act: WriteAct::Put(records::strategy_config::encode(settings)),
        conds: Vec::new(),
    };
    tables.write(vec![config]).await?;
    let state = records::state::encode(&StrategyState::first(id.clone(), status, now));
    match tables.write(vec![Write::put_if_absent(records::state::key(id), state)]).await {
        Ok(()) | Err(WriteError::Lost { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    join(tables, id, shard).await
}

/// Adds the strategy to its shard, on the condition that nobody changed the shard meanwhile.
async fn join(
    tables: &(impl ReadTables + WriteTables),
    id: &StrategyId,
    number: u32,
) -> Result<(), NotApplied> {
    let key = records::shard::key(number);
    let write = match tables.get(std::slice::from_ref(&key)).await?.pop().flatten() {
        None => {
            let first = Shard { shard: number, strategies: vec![id.clone()] };
            Write::put_if_absent(key, records::shard::encode(&first))
        }
        Some(item) => {
            let mut shard = records::shard::decode(&item)?;
            if shard.strategies.contains(id) {
                return Ok(());
            }
            let before = records::shard::strategies_attr(&shard.strategies);
            shard.strategies.push(id.clone());
            let after: Attr = records::shard::strategies_attr(&shard.strategies);
            let path = Path::of("strategies");
            Write::update(
                key,
                vec![shared::store::Change::Set(path.clone(), after)],
                vec![Cond::Equals(path, before)],
            )
        }
    };
    Ok(tables.write(vec![write]).await?)
}
