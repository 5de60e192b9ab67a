//! The commands that operate a stage, from the environment to the exit code.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use shared::ids::{OrderId, StrategyId};
use shared::lambda::SystemClock;
use sim::clock::{Now, RealClock};

use crate::models::Models;
use crate::not_done::NotDone;
use crate::paper::minds;
use crate::person::{Person, name};
use crate::probe::Line;
use crate::stage::{Stage, Which};
use crate::strategy::Wanted;
use crate::wait::wait;
use crate::{approvals, approve, emergency_stop, gate, model, reject, replay, start, status, stop, strategy};

/// A command with what it was given.
#[derive(Debug, Clone)]
pub enum Command {
    /// `tradai approvals`.
    Approvals(Which),
    /// `tradai approve`.
    Approve(approve::Options),
    /// `tradai reject`.
    Reject(reject::Options),
    /// `tradai gate`.
    Gate(gate::Command),
    /// `tradai model`.
    Model(model::Command),
    /// `tradai strategy`.
    Strategy(strategy::Command),
    /// `tradai status`.
    Status(status::Options),
    /// `tradai stop`.
    Stop(stop::Options),
    /// `tradai start`.
    Start(start::Options),
    /// `tradai emergency-stop`.
    EmergencyStop(emergency_stop::Options),
    /// `tradai replay`.
    Replay(replay::Options),
}

/// Does it and says how it ended: 0 when done, 1 when refused, 2 when what was given cannot be used.
pub fn run(command: &Command) -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the operator's program reads the environment")]
    let variable = |name: &str| std::env::var(name).ok();
    let mut person = Person { out: &mut io::stdout(), input: &mut io::stdin().lock() };
    match wait(attempt(command, variable, &mut person)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
        Some(Err(not_done)) => {
            eprintln!("tradai: {}", not_done.to_string().replace('\n', " "));
            not_done.exit_code()
        }
    }
}

async fn attempt(
    command: &Command,
    variable: impl Fn(&str) -> Option<String>,
    person: &mut Person<'_>,
) -> Result<(), NotDone> {
    let reach = |which: &Which| Stage::reach(which, &variable);
    match command {
        Command::Approvals(which) => approvals::list(&reach(which)?, person, RealClock.now()).await,
        Command::Approve(given) => {
            let (id, by) = (order(&given.order_id)?, name(given.by.as_deref(), &variable)?);
            let stage = reach(&given.which)?;
            approve::ask_and_approve(&stage, &id, &by, given.yes, person, || RealClock.now()).await
        }
        Command::Reject(given) => {
            let (id, by) = (order(&given.order_id)?, name(given.by.as_deref(), &variable)?);
            reject::reject(&reach(&given.which)?, &id, &by, person, RealClock.now()).await
        }
        Command::Gate(gate::Command::Reset(given)) => {
            let (id, by) = (strategy_of(&given.strategy_id)?, name(given.by.as_deref(), &variable)?);
            gate::reset(&reach(&given.which)?, &id, given.gate, &by, person, RealClock.now()).await
        }
        Command::Model(model::Command::Resume(given)) => {
            let by = name(given.by.as_deref(), &variable)?;
            model::resume(&reach(&given.which)?, &by, person, RealClock.now()).await
        }
        Command::Model(model::Command::Lower(given)) => {
            let by = name(given.options.by.as_deref(), &variable)?;
            model::lower(&reach(&given.options.which)?, &given.model, &by, person).await
        }
        Command::Model(model::Command::Probe(given)) => match &given.env {
            Some(env) => {
                let stage = reach(&Which { env: env.clone() })?;
                model::probe_on(&stage, &given.model, person, RealClock.now()).await
            }
            None => {
                let mut models = Models::read(given.servers.as_deref(), &variable)?;
                let line = Line { transport: minds::internet()?, clock: Arc::new(SystemClock) };
                model::probe(&mut models, &given.model, &line, person).await
            }
        },
        Command::Strategy(strategy::Command::Apply(given)) => {
            let (loaded, file) = strategy::read(&given.file)?;
            let (stage, now) = (reach(&given.which)?, RealClock.now());
            let wanted = Wanted { loaded: &loaded, file: &file, shard: given.shard, probes: !given.no_probe };
            strategy::apply_file(&stage, wanted, person, now).await
        }
        Command::Status(given) => {
            let id = given.strategy_id.as_deref().map(strategy_of).transpose()?;
            status::show(&reach(&given.which)?, id.as_ref(), person, RealClock.now()).await
        }
        Command::Stop(given) => {
            let (id, by) = (strategy_of(&given.strategy_id)?, name(given.by.as_deref(), &variable)?);
            stop::stop(&reach(&given.which)?, &id, &by, person, || RealClock.now()).await
        }
        Command::Start(given) => {
            let id = strategy_of(&given.strategy_id)?;
            start::start(&reach(&given.which)?, &id, person, RealClock.now()).await
        }
        Command::EmergencyStop(given) => {
            let only = given.strategy_id.as_deref().map(strategy_of).transpose()?;
            let by = name(given.by.as_deref(), &variable)?;
            let order =
                emergency_stop::Order { only: only.as_ref(), by: &by, reason: given.reason.as_deref() };
            emergency_stop::stop(&reach(&given.which)?, &order, person, || RealClock.now()).await
        }
        Command::Replay(given) => {
            let wanted = given.wanted(RealClock.now())?;
            replay::replay(&reach(&given.which)?, &wanted, person).await
        }
    }
}

fn strategy_of(id: &str) -> Result<StrategyId, NotDone> {
    StrategyId::parse(id).map_err(NotDone::input)
}

fn order(id: &str) -> Result<OrderId, NotDone> {
    OrderId::parse(id).map_err(NotDone::input)
}
