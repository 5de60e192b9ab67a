//! `tradai stop`: nothing more is opened, entries are taken back, stops go on resting; a person has taken over.

use shared::ids::StrategyId;
use shared::records;
use shared::store::{ReadTables, ScanTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::halt::{self, Acknowledged, acknowledged};
use crate::not_done::NotDone;
use crate::person::Person;
use crate::stage::{Stage, Which};
use crate::strategy::shards;
use crate::wake;

/// What to stop, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The strategy
    pub strategy_id: String,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Who stops it [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// Stops it, has execute act on it at once, and says what execute made of it. No confirmation: the system only does
/// less for it. It acts before it speaks: output that
/// fails keeps it from nothing.
pub async fn stop(
    stage: &Stage,
    id: &StrategyId,
    by: &str,
    person: &mut Person<'_>,
    clock: impl Fn() -> Timestamp,
) -> Result<(), NotDone> {
    let (key, now) = (records::state::key(id), clock());
    halt::stop(stage, &key, by, now).await?;
    let told = person.tell(&format!(
        "{id} is stopped by {by} at {now}: nothing is sent for it that is recorded after this"
    ));
    let woken = wake(stage, id, &clock).await;
    told?;
    if let Err(why) = woken {
        person.tell(&format!("{why}; it acts on it with its next tick, within a minute"))?;
    }
    let item = stage.tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
    match item.as_ref().map(acknowledged) {
        Some(Acknowledged::Yes(lives)) => person.tell(&format!("acknowledged by execute: {lives}")),
        Some(Acknowledged::No(why)) => Err(NotDone::Refused(format!("{id} is stopped, but {why}"))),
        None => Err(NotDone::Refused(format!("{id} has just been removed"))),
    }
}

async fn wake(stage: &Stage, id: &StrategyId, clock: &impl Fn() -> Timestamp) -> Result<(), String> {
    let ledgers = stage.tables.scan(Table::Ledgers).await.map_err(|error| error.to_string())?;
    let shards = shards(&ledgers).map_err(|error| error.to_string())?;
    let own = shards.iter().find(|shard| shard.strategies.contains(id));
    let own = own.ok_or_else(|| format!("{id} stands in no shard, so no function serves it"))?;
    wake::execute(stage, &shards, own.shard, clock).await
}
