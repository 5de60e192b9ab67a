//! The measurement: one strategy, then six, in one shard, through the same minutes of the bundled candles; the
//! difference is what a strategy uses, and the rest is a shard's.

use shared::time::Millis;

use super::NotCosted;
use super::count::{Counts, Rates};
use super::fleet::{Fleet, Plan};

/// Minutes before anything is counted, in which strategies warm up and books are opened.
pub const LEAD_IN: usize = 25;
/// Strategies of the second run.
pub const STRATEGIES: u32 = 6;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Minutes from one decision to the next.
    pub every: u64,
    /// Minutes that were counted.
    pub minutes: u64,
    /// What a strategy and a shard use.
    pub rates: Rates,
    /// Bytes by which a strategy's items grow in the minutes that were counted.
    pub grows: u64,
    /// Different metrics that one strategy and that [`STRATEGIES`] put.
    pub metrics: [usize; 2],
    /// The most calls that were ever under way at once; their waits are added up all the same.
    pub most_at_once: u32,
}

/// What one run used.
#[derive(Debug, Clone)]
pub struct Run {
    /// How much of everything.
    pub counts: Counts,
    /// By how many bytes the tables grew.
    pub grew: u64,
    /// Different metrics.
    pub metrics: usize,
    /// Calls at once.
    pub most_at_once: u32,
}

/// Measures strategies that decide every so many minutes.
pub async fn measure(plan: &Plan<'_>, every: u64) -> Result<Measured, NotCosted> {
    let (one, six) = (run(plan, 1, every).await?, run(plan, STRATEGIES, every).await?);
    let minutes = u64::try_from(plan.minutes().count().saturating_sub(plan.lead_in)).unwrap_or(u64::MAX);
    let strategies = u64::from(STRATEGIES);
    Ok(Measured {
        every,
        minutes,
        rates: Rates::of(minutes, &one.counts, &six.counts, strategies),
        grows: six.grew.div_ceil(strategies),
        metrics: [one.metrics, six.metrics],
        most_at_once: one.most_at_once.max(six.most_at_once),
    })
}

/// So many strategies through all minutes of the plan.
pub async fn run(plan: &Plan<'_>, strategies: u32, every: u64) -> Result<Run, NotCosted> {
    let every = Millis::from_minutes(i64::try_from(every).unwrap_or(i64::MAX));
    let fleet = Fleet::new(plan.clone(), strategies, every).await?;
    let (mut before, mut counts) = (0, Counts::new());
    for (nth, minute) in plan.minutes().enumerate() {
        if nth == plan.lead_in {
            (before, counts) = (fleet.stored()?, Counts::new());
        }
        fleet.minute(minute, &mut counts).await?;
    }
    Ok(Run {
        counts,
        grew: fleet.stored()?.saturating_sub(before),
        metrics: fleet.metrics(),
        most_at_once: fleet.most_at_once(),
    })
}
