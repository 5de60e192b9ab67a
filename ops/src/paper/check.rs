//! What the run is judged by, from outside: the exchange's own ledger, the tables and the topics. The
//! checkers share no code with what they check.

use rust_decimal::Decimal;
use shared::settings::{SafetyMode, Settings};
use shared::time::Millis;
use sim::checks::{self, Facts};

use super::options::FaultLevel;
use super::run::{STAGE, Stage};

/// What differs between the books and the exchange.
pub fn books(stage: &Stage) -> Vec<String> {
    checks::books_equal_venue(&stage.world.aws, &stage_name(), &stage.world.exchange)
}

/// Every other rule that was broken.
pub fn rules(stage: &Stage, settings: &Settings, faults: FaultLevel) -> Vec<String> {
    let (aws, exchange) = (&stage.world.aws, &stage.world.exchange);
    let facts = facts(settings, faults);
    let mut lines = checks::rules_kept(aws, &stage_name(), exchange, &facts);
    let now = stage.world.clock.now();
    lines.extend(checks::protection_gaps(aws, &stage_name(), exchange, &facts, now));
    lines.extend(checks::pages_delivered(aws, &stage_name()).problems);
    lines
}

fn stage_name() -> checks::Stage {
    checks::Stage::new(shared::tables::PREFIX, STAGE)
}

/// Longest time without a stop: what execute needs when nothing fails, and what an outage may last.
const fn longest_gap(faults: FaultLevel) -> Millis {
    match faults {
        FaultLevel::None => Millis::from_minutes(3),
        FaultLevel::Light => Millis::from_minutes(6),
        FaultLevel::Heavy => Millis::from_minutes(10),
    }
}

fn facts(settings: &Settings, faults: FaultLevel) -> Facts {
    Facts {
        max_order_notional: settings.limits.max_order_notional.value(),
        max_position_abs: settings.limits.max_position_abs.value(),
        max_daily_orders: usize::try_from(settings.limits.max_daily_orders).unwrap_or(usize::MAX),
        // The simulated exchange's filters: `Filters::btcusdt`.
        min_notional: Decimal::from(5),
        step: Decimal::new(1, 5),
        longest_gap: longest_gap(faults),
        may_send: settings.safety_mode != SafetyMode::DryRun,
    }
}
