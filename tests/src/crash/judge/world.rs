//! What the simulated world's own checkers say: books, fills, limits, filters, protection, delivery.

use shared::tables::{Function, PREFIX};
use shared::time::Millis;
use sim::checks::{self, Facts, Stage};

use super::{Judge, MIN_NOTIONAL, STEP};
use crate::crash::outside::Seen;
use crate::crash::phases::Phase;

/// How long a position may be bare where nothing fails.
const LONGEST_GAP: Millis = Millis::from_secs(150);
/// What each fault may add to that.
const LONGER_BY: Millis = Millis::from_secs(130);

impl Judge<'_> {
    /// The checkers of the simulated world.
    pub(super) fn checkers(&mut self) {
        let world = &self.ended.world;
        let seen = Seen::of(&self.items, world.topics.taken.borrow().clone());
        let (stage, settings) = (Stage::new(PREFIX, "dev"), world.scenario.settings());
        let faults = i64::try_from(self.manner.faults.len()).unwrap_or(0);
        let facts = Facts {
            max_order_notional: settings.limits.max_order_notional.value(),
            max_position_abs: settings.limits.max_position_abs.value(),
            max_daily_orders: usize::try_from(settings.limits.max_daily_orders).unwrap_or(0),
            min_notional: MIN_NOTIONAL,
            step: STEP,
            longest_gap: LONGEST_GAP + Millis(LONGER_BY.0 * faults),
            may_send: settings.safety_mode != shared::settings::SafetyMode::DryRun,
        };
        let exchange = &world.exchange;
        let mut lines = checks::books_equal_venue(&seen, &stage, exchange);
        lines.extend(checks::rules_kept(&seen, &stage, exchange, &facts));
        for line in lines {
            self.broken(class(&line), line.clone());
        }
        for line in checks::protection_gaps(&seen, &stage, exchange, &facts, world.clock.now()) {
            self.broken("STOP", line);
        }
        let delivery = checks::pages_delivered(&seen, &stage);
        for line in delivery.problems {
            self.broken("I22", line);
        }
        // A page may come twice only where heartbeat or its topic failed.
        let failed = self.heartbeat_suffered();
        if !failed {
            for (id, times) in delivery.repeated_pages {
                self.broken("I21", format!("incident {id}: paged {times} times more"));
            }
            for (id, times) in delivery.repeated_recoveries {
                self.broken("I23", format!("incident {id}: recovered {times} times more"));
            }
        }
    }

    fn heartbeat_suffered(&self) -> bool {
        let calls = self.ended.world.effects.calls();
        let of = |number: &usize| calls.get(*number).is_some_and(|call| call.function == Function::Heartbeat);
        self.manner.faults.iter().any(|(number, phase)| of(number) && *phase != Phase::Frozen)
    }
}

/// Which invariant a line of the checkers names.
fn class(line: &str) -> &'static str {
    let names = [
        (" venue orders", "I1"),
        ("without an intent", "I2"),
        ("its intent", "I2"),
        ("fill ", "I5"),
        ("rejected by a filter", "I10"),
        (": worth ", "I8"),
        ("takes the position", "I7"),
        ("an entry after", "I9"),
        ("that was not bought", "I11"),
        ("although nothing may be", "I15"),
        ("Retry-After", "I30"),
    ];
    names.into_iter().find(|(words, _)| line.contains(words)).map_or("BOOKS", |(_, name)| name)
}
