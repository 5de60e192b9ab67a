//! `tradai emergency-stop`: first everything that acts, then tell people. It goes on past what fails, its own output
//! included.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};
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

/// Calls under way at one time: nobody waits for the strategy before, and no table is overrun.
const AT_ONCE: usize = 32;

/// Stops them, has execute act on it, tells the alerts topic, and names whatever is not known to be stopped.
pub async fn stop(
    stage: &Stage,
    order: &Order<'_>,
    person: &mut Person<'_>,
    clock: impl Fn() -> Timestamp,
) -> Result<(), NotDone> {
    let (keys, now) = (whom(stage, order).await?, clock());
    let mut report = Report { person, unheard: None, failed: Vec::new() };
    let stopping = keys.iter().map(|key| async move { (key, halt::stop(stage, key, order.by, now).await) });
    let mut stopping = stream::iter(stopping).buffer_unordered(AT_ONCE);
    while let Some((key, stopped)) = stopping.next().await {
        match stopped {
            Ok(()) => report.tell(&format!("{}: stopped", key.hash)),
            Err(error @ NotDone::Input(_)) if order.only.is_some() => return Err(error),
            // It was removed meanwhile.
            Err(NotDone::Input(_)) => {}
            Err(NotDone::Refused(why)) => report.fail(format!("{}: {why}", key.hash)),
        }
    }
    for why in wake_all(stage, &keys, &clock).await {
        report.tell(&format!("{why}; it acts on it with its next tick, within a minute"));
    }
    look(stage, &keys, &mut report).await;
    match tell(stage, order, keys.len(), now).await {
        Ok(()) => report.tell("the alerts topic was told"),
        Err(why) => report.fail(format!("nobody was told: {why}")),
    }
    report.end()
}

/// What is said, and what failed.
struct Report<'a, 'p> {
    person: &'a mut Person<'p>,
    /// Why the person could not be told everything.
    unheard: Option<String>,
    failed: Vec<String>,
}

impl Report<'_, '_> {
    fn tell(&mut self, text: &str) {
        if let Err(error) = self.person.tell(text) {
            self.unheard = Some(error.to_string());
        }
    }
    fn fail(&mut self, why: String) {
        self.failed.push(why);
    }
    fn end(mut self) -> Result<(), NotDone> {
        self.failed.extend(self.unheard);
        match self.failed.is_empty() {
            true => Ok(()),
            false => {
                Err(NotDone::Refused(format!("not known to be stopped whole: {}", self.failed.join("; "))))
            }
        }
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
async fn wake_all(stage: &Stage, keys: &[Key], clock: &impl Fn() -> Timestamp) -> Vec<String> {
    let ledgers = stage.tables.scan(Table::Ledgers).await.map_err(NotDone::from);
    let shards = match ledgers.and_then(|ledgers| shards(&ledgers)) {
        Ok(shards) => shards,
        Err(error) => return vec![error.to_string()],
    };
    let stopped: BTreeSet<&str> = keys.iter().map(|key| key.hash.as_str()).collect();
    let concerned = |shard: &&Shard| shard.strategies.iter().any(|id| stopped.contains(id.as_str()));
    let concerned: Vec<u32> = shards.iter().filter(concerned).map(|shard| shard.shard).collect();
    let waking = concerned.into_iter().map(|number| wake::execute(stage, &shards, number, clock));
    let woken: Vec<Result<(), String>> = stream::iter(waking).buffer_unordered(AT_ONCE).collect().await;
    woken.into_iter().filter_map(Result::err).collect()
}

/// A line for each strategy: those that execute has acknowledged are shown, the others have failed.
async fn look(stage: &Stage, keys: &[Key], report: &mut Report<'_, '_>) {
    let items = match stage.tables.get(keys).await {
        Ok(items) => items,
        Err(error) => return report.fail(error.to_string()),
    };
    for (key, item) in keys.iter().zip(items) {
        let id = &key.hash;
        match item.as_ref().map(acknowledged) {
            Some(Acknowledged::Yes(lives)) => report.tell(&format!("{id}: acknowledged, {lives}")),
            Some(Acknowledged::No(why)) => report.fail(format!("{id}: {why}")),
            None => {}
        }
    }
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
