//! `tradai emergency-stop`: first everything that acts, then tell people. It goes on past what fails.

use std::collections::BTreeSet;

use shared::ids::StrategyId;
use shared::page::{Message, Publish};
use shared::records::{self, Shard};
use shared::store::{Key, ReadTables, ScanTables};
use shared::tables::{Function, Table, Topic};
use shared::time::Timestamp;

use crate::halt::{self, Acknowledged, acknowledged};
use crate::not_done::NotDone;
use crate::person::Person;
use crate::stage::{Stage, Which};
use crate::strategy::shards;
use crate::wake;

/// What to stop, where, and in whose name.
#[derive(Debug, Clone, clap::Args)]
#[command(group = clap::ArgGroup::new("whom").required(true).args(["strategy_id", "all"]))]
pub struct Options {
    /// The strategy
    pub strategy_id: Option<String>,
    /// Every strategy of the stage, whatever its status
    #[arg(long)]
    pub all: bool,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// Why, for those who are told
    #[arg(long, value_name = "WHY")]
    pub reason: Option<String>,
    /// Who stops them [default: the user's name]
    #[arg(long = "as", value_name = "NAME")]
    pub by: Option<String>,
}

/// What is done.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// One strategy; none means all.
    pub only: Option<&'a StrategyId>,
    /// Who stops them.
    pub by: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Stops them one after the other, has execute act on it, tells the alerts topic, and names whatever is not known to be
/// stopped.
pub async fn stop(
    stage: &Stage,
    order: &Order<'_>,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let keys = whom(stage, order).await?;
    let mut failed = Vec::new();
    for key in &keys {
        match halt::stop(stage, key, order.by, now).await {
            Ok(()) => person.tell(&format!("{}: stopped", key.hash))?,
            Err(error @ NotDone::Input(_)) if order.only.is_some() => return Err(error),
            // It was removed meanwhile.
            Err(NotDone::Input(_)) => {}
            Err(NotDone::Refused(why)) => failed.push(format!("{}: {why}", key.hash)),
        }
    }
    for why in wake_all(stage, &keys, now).await {
        person.tell(&format!("{why}; it acts on it with its next tick, within a minute"))?;
    }
    failed.extend(unacknowledged(stage, &keys, person).await);
    match tell(stage, order, keys.len(), now).await {
        Ok(()) => person.tell("the alerts topic was told")?,
        Err(why) => failed.push(format!("nobody was told: {why}")),
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(NotDone::Refused(format!("not known to be stopped whole: {}", failed.join("; ")))),
    }
}

/// Every strategy that has a state, sound or not.
async fn whom(stage: &Stage, order: &Order<'_>) -> Result<Vec<Key>, NotDone> {
    if let Some(id) = order.only {
        return Ok(vec![records::state::key(id)]);
    }
    let items = stage.tables.scan(Table::TradingState).await.map_err(|error| {
        let function = stage.names.function(Function::Execute);
        NotDone::Refused(format!(
            "nothing is stopped, {error}; if nothing else works: aws lambda put-function-concurrency --function-name \
             {function} --reserved-concurrent-executions 0"
        ))
    })?;
    let hash = |item| heartbeat::scan::hash_of(Table::TradingState, item);
    Ok(items.iter().map(|item| Key { table: Table::TradingState, hash: hash(item), range: None }).collect())
}

/// Execute for every shard in which one of them stands; why it could not be woken.
async fn wake_all(stage: &Stage, keys: &[Key], now: Timestamp) -> Vec<String> {
    let ledgers = stage.tables.scan(Table::Ledgers).await.map_err(NotDone::from);
    let shards = match ledgers.and_then(|ledgers| shards(&ledgers)) {
        Ok(shards) => shards,
        Err(error) => return vec![error.to_string()],
    };
    let stopped: BTreeSet<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
    let concerned = |shard: &&Shard| shard.strategies.iter().any(|id| stopped.contains(id.as_str()));
    let mut failed = Vec::new();
    for shard in shards.iter().filter(concerned) {
        failed.extend(wake::execute(stage, &shards, shard.shard, now).await.err());
    }
    failed
}

/// A line for each strategy: those that execute has acknowledged are shown, the others come back.
async fn unacknowledged(stage: &Stage, keys: &[Key], person: &mut Person<'_>) -> Vec<String> {
    let items = match stage.tables.get(keys).await {
        Ok(items) => items,
        Err(error) => return vec![error.to_string()],
    };
    let mut open = Vec::new();
    for (key, item) in keys.iter().zip(items) {
        let id = &key.hash;
        match item.as_ref().map(acknowledged) {
            Some(Acknowledged::Yes(lives)) => {
                open.extend(
                    person.tell(&format!("{id}: acknowledged, {lives}")).err().map(|why| why.to_string()),
                );
            }
            Some(Acknowledged::No(why)) => open.push(format!("{id}: {why}")),
            None => {}
        }
    }
    open
}

async fn tell(stage: &Stage, order: &Order<'_>, count: usize, now: Timestamp) -> Result<(), String> {
    let (env, by) = (&stage.names.env, order.by);
    let whom = order.only.map_or_else(|| format!("all {count} strategies"), |id| format!("strategy {id}"));
    let why = order.reason.unwrap_or("no reason was given");
    let message = Message {
        topic: Topic::Alerts,
        subject: format!("[manual] emergency stop ({env})"),
        body: format!(
            "Emergency stop of {whom} of stage {env} by {by} at {now}: {why}. See tradai status --env {env}."
        ),
    };
    let topics = stage.topics.of(&stage.names).await.map_err(|error| error.to_string())?;
    topics.publish(&message).await.map_err(|error| error.to_string())
}
