//! I3: what was decided, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use shared::store::Item;
use shared::tables::{Function, Table};
use shared::time::Timestamp;

use super::Judge;
use crate::crash::outside::{text, time};

impl Judge<'_> {
    /// I3: no order of the model's without its decision, no decision without its tick.
    pub(super) fn decisions(&mut self) {
        let ticks: BTreeSet<Timestamp> = self
            .ended
            .invocations
            .iter()
            .filter(|(function, ..)| *function == Function::Decide)
            .map(|(_, minute, _)| *minute)
            .collect();
        let mut found = Vec::new();
        let mut decided = BTreeMap::new();
        for (key, item) in self.of(Table::Decisions) {
            let at = time(item, "decided_at");
            decided.insert(text(item, "decided_at").to_owned(), item);
            if at.is_none_or(|at| !ticks.contains(&at)) {
                found.push(format!("{key}: a decision without a tick"));
            }
        }
        for (key, item) in self.orders().filter(|(_, item)| text(item, "origin") == "model") {
            let wanted = if text(item, "leg") == "entry" { "open" } else { "close" };
            let is_its = |decision: &&Item| {
                text(decision, "outcome") == wanted
                    && text(decision, "position_id") == text(item, "position_id")
            };
            if decided.get(text(item, "decision")).filter(|decision| is_its(decision)).is_none() {
                found.push(format!("{key}: a model's order without the decision to {wanted}"));
            }
        }
        for what in found {
            self.broken("I3", what);
        }
    }
}
