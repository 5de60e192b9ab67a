//! `tradai cost`: what strategies cost a month, by line.
//!
//! fleet → measure → time → bill → show. One strategy and six live through the same minutes on this machine, wired as on
//! Lambda; what they were seen to use is scaled to a month and to many strategies, and priced from a dated table. Nothing
//! is read from a clock: the same command gives the same bytes.

pub mod bill;
pub mod command;
pub mod count;
pub mod exchanges;
pub mod fleet;
pub mod json;
pub mod measure;
pub mod options;
pub mod prices;
pub mod processor;
pub mod show;
pub mod stack;
#[cfg(test)]
mod tests;
pub mod time;
pub mod wire;

use shared::time::Day;

use crate::bad_input::BadInput;
use crate::paper::input::{self, Input};
use bill::{Bill, Terms};
use fleet::{HISTORY, Plan};
use measure::{LEAD_IN, Measured, measure};
use options::Options;
use processor::Processor;
use stack::Stack;
use time::Clockwork;

/// Minutes between decisions that are billed, a table each.
pub const EVERY: [u64; 2] = [25, 1];

/// Why there is no bill.
#[derive(Debug, thiserror::Error)]
pub enum NotCosted {
    /// What was given cannot be used.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// The resources cannot be priced.
    #[error(transparent)]
    Stack(#[from] stack::BadStack),
    /// The processor's time is not known.
    #[error(transparent)]
    Processor(#[from] processor::BadFile),
    /// The world could not be made.
    #[error(transparent)]
    World(#[from] sim::world::NoWorld),
    /// An account's exchange could not be made.
    #[error("exchange: {0}")]
    Exchange(#[from] sim::exchange::BadConfig),
    /// A strategy could not be applied.
    #[error(transparent)]
    Apply(#[from] crate::apply::NotApplied),
    /// The tables could not be weighed.
    #[error("the tables cannot be weighed: {0}")]
    Tables(String),
    /// A function failed, which is not what is to be priced.
    #[error("{function} failed while it was measured: {why}")]
    Failed {
        /// Which.
        function: &'static str,
        /// Its words.
        why: String,
    },
}

/// What was found, and what it costs.
#[derive(Debug, Clone)]
pub struct Costs {
    /// What was asked.
    pub options: Options,
    /// What the stage is made of.
    pub stack: Stack,
    /// The day on which the processor's time was measured.
    pub processor_on: String,
    /// The strategy.
    pub strategy: String,
    /// The model.
    pub model: String,
    /// What was measured and its bill, for each of [`EVERY`].
    pub tables: Vec<(Measured, Bill)>,
}

/// Measures and prices.
pub async fn cost(options: &Options) -> Result<Costs, NotCosted> {
    let (stack, processor) = (Stack::of(options.kind)?, Processor::measured()?);
    let minutes = usize::try_from(options.minutes).unwrap_or(usize::MAX);
    let input = bundled(LEAD_IN.saturating_add(minutes))?;
    let plan = Plan {
        settings: &input.settings,
        symbol: &input.symbol,
        candles: &input.candles,
        kind: options.kind,
        stack: &stack,
        lead_in: LEAD_IN,
    };
    let terms = Terms {
        clockwork: Clockwork { processor: &processor, stack: &stack, waits: options.waits },
        kind: options.kind,
        free_tier: options.free_tier,
        model: &input.settings.model,
        day: Day::parse(prices::READ_ON).map_err(BadInput::new)?,
    };
    let mut tables = Vec::new();
    for every in EVERY {
        let measured = measure(&plan, every).await?;
        let bill = terms.bill(&measured);
        tables.push((measured, bill));
    }
    let (strategy, model) = (input.settings.strategy_id.to_string(), input.settings.model.clone());
    Ok(Costs { options: options.clone(), stack, processor_on: processor.on, strategy, model, tables })
}

/// The bundled strategy, and as much of the bundled candles as so many minutes need.
fn bundled(minutes: usize) -> Result<Input, BadInput> {
    let mut input = input::bundled()?;
    input.candles.truncate(HISTORY.saturating_add(minutes));
    Ok(input)
}
