//! `tradai strategy apply`: makes a strategy of a stage what its file says.

use std::path::{Path, PathBuf};

use shared::ids::{AccountId, StrategyId};
use shared::model::Servers;
use shared::records::{self, Shard};
use shared::settings::{Loaded, Settings};
use shared::status::Status;
use shared::store::{Item, ReadTables, ScanTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::apply::{Applied, NotApplied, apply};
use crate::bad_input::BadInput;
use crate::fits::{fits, models};
use crate::not_done::NotDone;
use crate::person::Person;
use crate::probe;
use crate::stage::{Stage, Which};

/// What can be done with strategies.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Make a strategy what its file says; a new one begins stopped
    Apply(Options),
}

/// Which file, and where.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The strategy's file; ops/strategies/demo.toml shows how one looks
    pub file: PathBuf,
    /// The stage.
    #[command(flatten)]
    pub which: Which,
    /// The shard of a new account [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub shard: Option<u32>,
    /// Ask its models nothing before it is applied
    #[arg(long)]
    pub no_probe: bool,
}

/// Reads the file.
pub fn read(file: &Path) -> Result<(Loaded, String), BadInput> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        BadInput::new(format!(
            "{name}: the file cannot be read ({error}); give the path of a strategy's file"
        ))
    })?;
    Ok((Settings::from_toml(&text, &name).map_err(BadInput::new)?, name))
}

/// A strategy's file, and how it is applied.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What it says.
    pub loaded: &'a Loaded,
    /// Its name.
    pub file: &'a str,
    /// The shard of a new account.
    pub shard: Option<u32>,
    /// Whether its models are asked one question each before.
    pub probes: bool,
}

/// Applies what was read of a file, and says field by field what it is and what it was.
pub async fn apply_file(
    stage: &Stage,
    wanted: Wanted<'_>,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    let Wanted { loaded, file, shard, probes } = wanted;
    let (settings, servers) = (&loaded.settings, stage.servers().await?);
    let cautions = fits(settings, &servers, file, now)?;
    for line in loaded.notes.iter().map(ToString::to_string).chain(cautions) {
        person.tell(&line)?;
    }
    if probes {
        probe_chain(stage, settings, &servers, file, person, now).await?;
    }
    let shard = place(stage, settings, shard).await?;
    let applied = apply(&stage.tables, settings, shard, Status::Stopped, now).await;
    let applied = applied.map_err(|error| not_applied(error, file))?;
    tell(stage, settings, shard, &applied, person)
}

/// Asks each model one question inside decide. The first one must answer; a fallback that does not is told.
async fn probe_chain(
    stage: &Stage,
    settings: &Settings,
    servers: &Servers,
    file: &str,
    person: &mut Person<'_>,
    now: Timestamp,
) -> Result<(), NotDone> {
    for (field, model) in models(settings) {
        let probe = probe::in_decide(stage, model, now).await;
        let not_known =
            |why| NotDone::Refused(format!("{why}; apply it with --no-probe if that is to be so"));
        let Some(probe) = probe.map_err(not_known)? else {
            let env = &stage.names.env;
            return person.tell(&format!(
                "{field}: {model} is not probed: stage {env} has no decide function yet; once it is deployed: tradai model \
                 probe {model} --env {env}"
            ));
        };
        match (probe.error.is_empty(), field) {
            (true, _) => person.tell(&probe::told(&probe, servers.is_priced(model, now)))?,
            (false, "model") => {
                let error = probe::shorten(&probe.error);
                let mend = "mend that or name another, or apply it with --no-probe";
                return Err(NotDone::input(format!(
                    "{file}: {field}: {model} cannot be asked: {error}; {mend}"
                )));
            }
            (false, _) => person.tell(&format!(
                "warning: {field}: {model} cannot be asked: {}",
                probe::shorten(&probe.error)
            ))?,
        }
    }
    Ok(())
}

/// The shard: where the strategy stands already, else where its account's other strategies stand, else as given.
async fn place(stage: &Stage, settings: &Settings, given: Option<u32>) -> Result<u32, NotDone> {
    let shards = shards(&stage.tables.scan(Table::Ledgers).await?)?;
    let own = shards.iter().find(|shard| shard.strategies.contains(&settings.strategy_id));
    let of_account = of_account(stage, &shards, settings).await?;
    let stands = match (own.map(|shard| shard.shard), of_account) {
        (Some(own), Some(others)) if own != others => {
            return Err(NotDone::input(format!(
                "account {} trades in shard {others} and strategy {} stands in shard {own}; all strategies of an \
                 account are in one shard",
                settings.account, settings.strategy_id
            )));
        }
        (own, others) => own.or(others),
    };
    match (given, stands) {
        (Some(given), Some(stands)) if given != stands => Err(NotDone::input(format!(
            "--shard {given}: account {} trades in shard {stands}; leave --shard out",
            settings.account
        ))),
        (given, stands) => Ok(stands.or(given).unwrap_or(0)),
    }
}

/// The shards of the ledgers that were read; a damaged one may hold anything.
pub fn shards(ledgers: &[Item]) -> Result<Vec<Shard>, NotDone> {
    let is_shard = |item: &&Item| heartbeat::scan::hash_of(Table::Ledgers, item).starts_with("shard#");
    let read = ledgers.iter().filter(is_shard).map(records::shard::decode);
    read.collect::<Result<_, _>>().map_err(|corrupt| NotDone::Refused(corrupt.to_string()))
}

/// Where other strategies of the same account stand.
async fn of_account(stage: &Stage, shards: &[Shard], settings: &Settings) -> Result<Option<u32>, NotDone> {
    for shard in shards {
        let others: Vec<&StrategyId> =
            shard.strategies.iter().filter(|id| **id != settings.strategy_id).collect();
        let keys: Vec<_> = others.into_iter().map(records::strategy_config::key).collect();
        if keys.is_empty() {
            continue;
        }
        let items = stage.tables.get(&keys).await?;
        let accounts = items.iter().flatten().filter_map(|item| records::strategy_config::remains(item).ok());
        if accounts.map(|one| one.account).any(|account: AccountId| account == settings.account) {
            return Ok(Some(shard.shard));
        }
    }
    Ok(None)
}

fn not_applied(error: NotApplied, file: &str) -> NotDone {
    let refused = |error: NotApplied, mend: &str| NotDone::input(format!("{file}: {error}; {mend}"));
    match error {
        NotApplied::Read(error) => error.into(),
        NotApplied::Shard(corrupt) => NotDone::Refused(corrupt.to_string()),
        NotApplied::Write(error) => {
            NotDone::of_write(error, "not applied: somebody changed it at the same moment; apply it again")
        }
        NotApplied::Claimed { .. } => refused(error, "watch another market, or trade from another account"),
        NotApplied::Moves { .. } => {
            refused(error, "stop it, close its positions, and apply again once nothing of it lives")
        }
    }
}

fn tell(
    stage: &Stage,
    settings: &Settings,
    shard: u32,
    applied: &Applied,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let (id, env) = (&settings.strategy_id, &stage.names.env);
    for key in &applied.made {
        person.tell(&format!("made: {key}"))?;
    }
    for changed in &applied.changed {
        person.tell(&changed.to_string())?;
    }
    person.tell(&match (applied.made.is_empty(), applied.changed.is_empty()) {
        (true, true) => format!("{id} is as the file says already, in shard {shard} of stage {env}"),
        (true, false) => {
            format!("{id} is as the file says from its next tick, in shard {shard} of stage {env}")
        }
        (false, _) if applied.made.contains(&records::state::key(id)) => {
            format!(
                "{id} is stopped, in shard {shard} of stage {env}; to trade: tradai start {id} --env {env}"
            )
        }
        (false, _) => format!("{id} is as the file says, in shard {shard} of stage {env}; its status stays"),
    })
}
