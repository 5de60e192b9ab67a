//! I3: what was decided, and what came of it.

use std::collections::BTreeSet;

use shared::tables::{Function, Table};
use shared::time::Timestamp;

use super::Judge;
use crate::crash::outside::{text, time};

impl Judge<'_> {
    /// I3: no entry without its decision, no decision without its tick.
    pub(super) fn decisions(&mut self) {
        let ticks: BTreeSet<Timestamp> = self
            .ended
            .invocations
            .iter()
            .filter(|(function, ..)| *function == Function::Decide)
            .map(|(_, minute, _)| *minute)
            .collect();
        let mut found = Vec::new();
        let mut decided = BTreeSet::new();
        for (key, item) in self.of(Table::Decisions) {
            let at = time(item, "decided_at");
            decided.insert(text(item, "decided_at").to_owned());
            if at.is_none_or(|at| !ticks.contains(&at)) {
                found.push(format!("{key}: a decision without a tick"));
            }
        }
        for (key, item) in self.orders().filter(|(_, item)| text(item, "leg") == "entry") {
            if text(item, "origin") == "model" && !decided.contains(text(item, "decision")) {
                found.push(format!("{key}: an entry without a decision"));
            }
        }
        for what in found {
            self.broken("I3", what);
        }
    }
}
