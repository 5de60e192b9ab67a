//! `tradai start`: the strategy warms up, and decide lets it run. It takes no hold away.

use shared::ids::StrategyId;
use shared::records;
use shared::roster;
use shared::state::StrategyState;
use shared::status::{Hold, Status};
use shared::store::{Change, Cond, ReadTables, ScanTables, Write, WriteTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::not_done::NotDone;
use crate::person::Person;
use crate::stage::{Stage, Which};
use crate::strategy::shards;

/// What to start, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The strategy
    pub strategy_id: String,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
}

/// Sets `warmup` on condition of the status that was read. The one step up from there is decide's: with enough closed
/// candles and a clean look of reconcile it is `running`, usually with the next tick.
pub async fn start(
    stage: &Stage,
    id: &StrategyId,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let state = fit_to_start(stage, id).await?;
    if matches!(state.status, Status::Warmup | Status::Running) {
        return person.tell(&format!("{id} is {} already{}", state.status.as_str(), holds(&state, now)));
    }
    let status = records::state::path::status();
    let changes = vec![
        Change::Set(status.clone(), records::state::status_attr(Status::Warmup)),
        Change::Remove(records::state::path::halt_reason()),
    ];
    let as_read = Cond::Equals(status, records::state::status_attr(state.status));
    let write = Write::update(records::state::key(id), changes, vec![as_read]);
    stage.tables.write(vec![write]).await.map_err(|error| {
        NotDone::of_write(error, "not started: its status has just changed; look again with tradai status")
    })?;
    let was = state.halt_reason.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
    person.tell(&format!("{id} is in warmup; it was {}{was}", state.status.as_str()))?;
    person.tell(&format!(
        "decide lets it run once it has seen enough candles and reconcile found the books right{}",
        holds(&state, now)
    ))
}

/// The state of a strategy whose items are all there: what would be served by nobody is not started.
async fn fit_to_start(stage: &Stage, id: &StrategyId) -> Result<StrategyState, NotDone> {
    let (env, keys) = (&stage.names.env, [records::state::key(id), records::strategy_config::key(id)]);
    let mut found = stage.tables.get(&keys).await?.into_iter();
    let mut next = || found.next().flatten();
    let (state, config) = (next(), next());
    if state.is_none() {
        return Err(NotDone::input(format!("no strategy {id} in stage {env}; check STRATEGY_ID and --env")));
    }
    let [state_key, config_key] = keys;
    let unfit = |unfit: roster::Unfit| {
        NotDone::Refused(format!(
            "not started: {unfit}; tradai strategy apply FILE --env {env} mends settings"
        ))
    };
    let state = roster::read(state, state_key, records::state::decode).map_err(unfit)?;
    roster::read(config, config_key, records::strategy_config::decode).map_err(unfit)?;
    let shards = shards(&stage.tables.scan(Table::Ledgers).await?)?;
    if shards.iter().any(|shard| shard.strategies.contains(id)) {
        return Ok(state);
    }
    Err(NotDone::Refused(format!(
        "not started: {id} stands in no shard, so no function serves it; tradai strategy apply FILE --env {env} adds it"
    )))
}

/// What still forbids it to open, whatever its status is.
fn holds(state: &StrategyState, now: Timestamp) -> String {
    let held = state.holds.iter().map(|(hold, since)| {
        let (name, minutes) = (hold.as_str(), now.since(*since).as_secs().div_euclid(60));
        format!("{name} for {minutes} min, {}", clears(*hold))
    });
    let held: Vec<String> = held.collect();
    if held.is_empty() {
        String::new()
    } else {
        format!("; it opens nothing while held: {}", held.join("; "))
    }
}

const fn clears(hold: Hold) -> &'static str {
    match hold {
        Hold::Divergence => "until books equal venue",
        Hold::RejectionGate => "until its cooldown is over",
        Hold::PnlGate => "until midnight UTC",
        Hold::ModelOff => "until the model is resumed and its next cycle",
        Hold::Crash => "until the fall has left its window",
        Hold::VenueBan => "until the ban is over",
    }
}
