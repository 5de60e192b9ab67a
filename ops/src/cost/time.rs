//! How long functions run, which is what Lambda bills: their own processor time, slowed down by how little of a
//! processor they are given, and what they wait for.

use rust_decimal::Decimal;
use shared::tables::Function;

use super::count::{Count, Counts, Rates};
use super::options::Waits;
use super::processor::Processor;
use super::stack::Stack;

/// "At 1,769 MB, a function has the equivalent of one vCPU", and less in proportion
/// (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
pub const WHOLE_PROCESSOR_MB: u64 = 1_769;
/// Most strategies of a shard.
pub const MOST_OF_A_SHARD: u64 = 100;
/// An invocation should last this share of its timeout at most on average: one in so many.
const SHARE_OF_TIMEOUT: u64 = 2;

/// What tells how long something takes.
#[derive(Debug, Clone, Copy)]
pub struct Clockwork<'a> {
    /// Processor time.
    pub processor: &'a Processor,
    /// What the functions are given.
    pub stack: &'a Stack,
    /// What they wait for.
    pub waits: Waits,
}

impl Clockwork<'_> {
    /// Milliseconds that Lambda bills in a month whose counts are these, for so many strategies in so many shards.
    /// Waits add up: decide and execute make one call after the other, and where reconcile reads several things at once
    /// this is an upper bound. Each invocation is rounded up to a millisecond.
    pub fn billed(&self, of: Function, counts: &Counts, strategies: u64, shards: u64) -> Decimal {
        let many = |what| counts.get(&(of, what)).copied().unwrap_or_default();
        let shards = if of == Function::Heartbeat { Decimal::ONE } else { shards.into() };
        let invocations = many(Count::Invocations);
        let rounds = invocations.checked_div(shards).unwrap_or_default();
        let asked = many(Count::ModelCalls);
        let own = self.processor.microseconds(of, rounds, strategies.into(), asked)
            * Decimal::from(WHOLE_PROCESSOR_MB);
        let slowed = own.checked_div(Decimal::from(self.stack.given(of).memory_mb)).unwrap_or_default();
        let waited = many(Count::AwsCalls) * Decimal::from(self.waits.aws_ms)
            + many(Count::VenueCalls) * Decimal::from(self.waits.venue_ms)
            + asked * Decimal::from(self.waits.model_ms);
        slowed / Decimal::ONE_THOUSAND + waited + invocations
    }

    /// How many strategies fit in a shard: at most a hundred, and no more than an invocation has time for.
    pub fn of_a_shard(&self, rates: &Rates) -> u64 {
        let sharded = [Function::Decide, Function::Execute, Function::Reconcile];
        let fits = |strategies: &u64| sharded.into_iter().all(|of| self.fits(of, rates, *strategies));
        (1..=MOST_OF_A_SHARD).rev().find(fits).unwrap_or(1)
    }

    fn fits(&self, of: Function, rates: &Rates, strategies: u64) -> bool {
        let counts = rates.month(strategies, 1);
        let invocations = counts.get(&(of, Count::Invocations)).copied().unwrap_or_default();
        let mean = self.billed(of, &counts, strategies, 1).checked_div(invocations).unwrap_or_default();
        let most = self.stack.given(of).timeout_seconds.saturating_mul(1_000).div_euclid(SHARE_OF_TIMEOUT);
        mean <= Decimal::from(most)
    }
}
