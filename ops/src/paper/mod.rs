//! `tradai paper`, the main job: the four functions trade replayed candles with simulated money, and every
//! decision is explained.

pub mod check;
pub mod command;
pub mod gather;
pub mod input;
pub mod json;
pub mod minds;
pub mod options;
pub mod outcome;
pub mod progress;
pub mod recording;
pub mod report;
pub mod run;
#[cfg(test)]
mod sample;
pub(crate) mod show;
pub mod summary;
mod tally;
pub mod tape;
pub mod venues;

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::ids::Env;
use shared::lambda::SystemClock;
use shared::ports::AskModel as _;
use shared::tables::{Names, PREFIX};
use shared::time::{Millis, Timestamp};
use sim::exchange::{Candle, Trade};
use sim::world::{MODEL_HOST, World, WorldConfig};

use crate::apply::apply;
use crate::bad_input::BadInput;
use crate::probe::{self, Line};
use crate::retires;
use gather::{Gathered, gather};
use input::Input;
use options::Options;
use outcome::{EquityPoint, ModelUse, Outcome, Run, TableUse};
use run::{BNB_PRICE, FIRST_STATUS, Marks, Person, STAGE, Stage, Trouble};
use tape::{Count, Tape};

/// Quote in the account at the start.
const CASH: i64 = 10_000;
/// BNB in the account at the start, in hundredths: fees are paid in it until it is used up, then in what is
/// received, so that every way of paying fees occurs.
const BNB_HUNDREDTHS: i64 = 10;

/// Nothing fails in the last minutes, so that the end is judged at rest.
const QUIET_END: Millis = Millis::from_minutes(20);

/// Why a run did not end with an outcome.
#[derive(Debug, thiserror::Error)]
pub enum NotRun {
    /// What was given cannot be used.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// The world could not be made.
    #[error(transparent)]
    World(#[from] sim::world::NoWorld),
    /// The strategy could not be applied.
    #[error(transparent)]
    Apply(#[from] crate::apply::NotApplied),
    /// What the run left behind cannot be read.
    #[error(transparent)]
    Gather(#[from] gather::NotGathered),
}

/// A finished run: what it found out, and the world that it left.
pub struct Finished {
    /// What it found out.
    pub outcome: Outcome,
    /// The world, for whoever wants to look.
    pub stage: Stage,
}

/// Reads what is given and runs the main job. `watch` is told of every minute: its number, its time, the
/// equity and how many orders rest.
pub async fn paper(
    options: &Options,
    variable: impl Fn(&str) -> Option<String>,
    watch: impl FnMut(u64, Timestamp, Decimal, usize),
) -> Result<Finished, NotRun> {
    let Prepared { input, chosen, .. } = prepare(options, variable).await?;
    trade(options, input, chosen, watch).await
}

/// What a run begins with.
pub struct Prepared {
    /// The strategy and the candles.
    pub input: Input,
    /// Who decides.
    pub chosen: minds::Chosen,
    /// What a person should know before the first minute, one line each: notes of the input, too.
    pub said: Vec<String>,
}

/// Reads what is given, and asks each real model of the chain one question: a run whose model cannot be asked does not
/// begin.
pub async fn prepare(
    options: &Options,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Prepared, NotRun> {
    let mut chosen = minds::choose(options, variable)?;
    let mut input = input::read(options)?;
    minds::name_model(&options.model, &chosen, &mut input.settings, &mut input.notes);
    if let Some(path) = &options.record {
        tape::check(path)?;
    }
    let mut said = Vec::new();
    if let minds::Chosen::Real(models) = &mut chosen {
        let line = Line { transport: minds::internet()?, clock: Arc::new(SystemClock) };
        said = probe::chain(models, &input.settings, &line).await?;
        let ends = retires::cautions(&input.settings, models.servers(), line.clock.now());
        said.extend(ends.into_iter().map(|line| format!("warning: {line}")));
        input.notes.extend(said.iter().cloned());
    }
    Ok(Prepared { input, chosen, said })
}

/// Trades the candles of `input`, minute after minute.
pub async fn trade(
    options: &Options,
    input: Input,
    chosen: minds::Chosen,
    mut watch: impl FnMut(u64, Timestamp, Decimal, usize),
) -> Result<Finished, NotRun> {
    let stage = set_up(options, &input, chosen).await?;
    let mut marks = Marks::default();
    let (quote, base) = (input.symbol.quote.as_str(), input.symbol.base.as_str());
    let start_equity = stage.equity(quote, base);
    for candle in &input.candles {
        stage.minute(candle.open_time).await;
        marks.ticks = marks.ticks.saturating_add(1);
        let equity = stage.equity(quote, base);
        if candle.open_time.minute_number().rem_euclid(60) == 0 {
            marks.equity.push(mark(&input, candle, equity));
        }
        if let Some(failed) = stage.mind.tape().failed() {
            return Err(failed.into());
        }
        watch(marks.ticks, candle.open_time, equity, stage.world.exchange.open_orders().len());
    }
    let outcome = conclude(options, input, &stage, marks, start_equity).await?;
    Ok(Finished { outcome, stage })
}

/// The world of a run before its first minute.
pub async fn set_up(options: &Options, input: &Input, chosen: minds::Chosen) -> Result<Stage, NotRun> {
    let env = Env::parse(STAGE).map_err(BadInput::new)?;
    let start = input.candles.first().map_or(Timestamp::from_millis(0), |candle| candle.open_time);
    let end = input.candles.last().map_or(start, |candle| candle.open_time);
    let world = World::new(WorldConfig {
        names: Names { prefix: PREFIX.to_owned(), env: env.clone() },
        account: input.settings.account.to_string(),
        symbol: input.symbol.clone(),
        candles: input.candles.clone(),
        cash: Decimal::from(CASH),
        bnb: Decimal::new(BNB_HUNDREDTHS, 2),
        policy: chosen.policy(),
        seed: options.seed,
        start: start - Millis::from_minutes(1),
    })?;
    let now = world.clock.now();
    // Applied by a person before the first minute, over a network that works.
    apply(&world.aws_ports(&world.network()).tables, &input.settings, 0, FIRST_STATUS, now).await?;
    let clock = minds::clock(&chosen, &world);
    let strategy = input.settings.strategy_id.as_str();
    let tape = Arc::new(Tape::new(chosen.recording(), options.record.as_deref(), strategy, clock)?);
    if let minds::Chosen::Real(models) = &chosen {
        tape.begin_real(models.servers(), &input.settings);
    }
    let network = tape.over(world.network(), Some(MODEL_HOST));
    let plan = options.faults.plan();
    let trouble = Trouble::new(&world, network, plan, options.seed, start, end - QUIET_END);
    let mind = minds::mind(chosen, &world, &trouble.network(), tape)?;
    let person = Person::new(&world, &input.settings, options.approve);
    Ok(Stage::new(env, world, trouble, mind, person))
}

/// The account beside the same money bought at the first open and held.
fn mark(input: &Input, candle: &Candle, equity: Decimal) -> EquityPoint {
    let held = Decimal::from(CASH) + held_profit(&input.candles, candle.open);
    EquityPoint { at: candle.open_time, equity, buy_and_hold: held.round_dp(2) }
}

/// What the starting cash would have made, bought at the first open and held until `price`.
fn held_profit(candles: &[Candle], price: Decimal) -> Decimal {
    let first = candles.first().map_or(price, |candle| candle.open);
    let growth = price.checked_div(first).unwrap_or(Decimal::ONE) - Decimal::ONE;
    Decimal::from(CASH) * growth
}

/// What a run found out: `marks` are of its minutes, `start_equity` is of before the first.
pub async fn conclude(
    options: &Options,
    input: Input,
    stage: &Stage,
    marks: Marks,
    start_equity: Decimal,
) -> Result<Outcome, NotRun> {
    // Read before gathering, which reads the tables too.
    let meters = stage.world.aws.meters();
    let tables = stage.world.aws_ports(&stage.world.network()).tables;
    let Gathered { decisions, model, orders, fills, positions } = gather(&tables).await?;
    let Count { calls, answered, missing, models, failure } = stage.mind.tape().count();
    let (servers, began) = (stage.mind.servers(), input.candles.first().map(|candle| candle.open_time));
    let is_known = |model: &String| began.is_none_or(|at| servers.is_priced(model, at));
    let is_assumed = !models.iter().all(is_known);
    let model = ModelUse { calls, answered, not_recorded: missing, failure, is_assumed, ..model };
    let trades = stage.world.exchange.trades();
    let end = stage.equity(input.symbol.quote.as_str(), input.symbol.base.as_str());
    let last = input.candles.last().map_or(Decimal::ZERO, |candle| candle.close);
    Ok(Outcome {
        ticks: marks.ticks,
        decisions,
        model,
        orders,
        fills,
        positions,
        equity: marks.equity,
        bars: run::bars(&input.candles),
        pages: gather::pages(&stage.world),
        pnl: (end - start_equity).round_dp(2),
        buy_and_hold: held_profit(&input.candles, last).round_dp(2),
        fees: fees(&trades),
        fees_in_quote: fees_in_quote(&trades, &input).round_dp(2),
        differences: check::books(stage),
        violations: check::rules(stage, &input.settings, options.faults),
        ddb: TableUse { calls: meters.ddb_calls, rru: meters.ddb_rru, wru: meters.ddb_wru },
        faults: stage.trouble.counts(),
        run: told(options, input, start_equity),
    })
}

fn told(options: &Options, input: Input, start_equity: Decimal) -> Run {
    let from = input.candles.first().map_or(Timestamp::from_millis(0), |candle| candle.open_time);
    let to = input.candles.last().map_or(from, |candle| candle.open_time + Millis::from_minutes(1));
    Run {
        days: options.days,
        seed: options.seed,
        strategy: input.settings.strategy_id.to_string(),
        symbol: input.symbol.to_string(),
        quote: input.symbol.quote.to_string(),
        model: options.model.to_string(),
        faults: options.faults.to_string(),
        safety_mode: input.settings.safety_mode.as_str().to_owned(),
        approve: options.approve.to_string(),
        from,
        to,
        equity_at_start: start_equity,
        notes: input.notes,
    }
}

fn fees(trades: &[Trade]) -> BTreeMap<String, Decimal> {
    let mut fees: BTreeMap<String, Decimal> = BTreeMap::new();
    for trade in trades {
        let sum = fees.entry(trade.commission_asset.to_string()).or_default();
        *sum = (*sum + trade.commission).normalize();
    }
    fees
}

fn fees_in_quote(trades: &[Trade], input: &Input) -> Decimal {
    let value = |trade: &Trade| match &*trade.commission_asset {
        asset if asset == input.symbol.base.as_str() => trade.commission * trade.price,
        "BNB" => trade.commission * BNB_PRICE,
        _ => trade.commission,
    };
    trades.iter().map(value).sum()
}
