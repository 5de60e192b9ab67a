//! Judges a run by the invariants, from outside state alone: the exchange's ledger, the tables and their
//! stream, and what was published. A file for each thing that is judged.

mod authority;
mod decisions;
mod gate;
mod model;
mod orders;
mod positions;
mod secrets;
mod sends;
mod watch;
mod world;

use std::cell::Ref;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shared::store::{Item, Key};
use shared::tables::Table;

use super::drive::Ended;
use super::outside::text;
use super::phases::{Method, Phase};
use super::stream::{Commit, Image};
use super::world::Manner;

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Every invariant that this judge knows.
pub const INVARIANTS: [&str; 38] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I16",
    "I17", "I18", "I19", "I20", "I21", "I22", "I23", "I24", "I25", "I26", "I27", "I28", "I29", "I30", "I31",
    "BOOKS", "STOP", "LIVE", "ENDED", "HAND", "DOUBLED", "SETTLED",
];

/// What the simulated exchange sells at least, in base.
const STEP: Decimal = Decimal::from_parts(1, 0, 0, false, 5);
/// And in quote.
const MIN_NOTIONAL: Decimal = Decimal::from_parts(5, 0, 0, false, 0);

/// Every invariant that the run broke.
pub fn judge(ended: &Ended, manner: &Manner) -> Vec<Violation> {
    let mut judge = Judge::new(ended, manner);
    judge.checkers();
    judge.sends();
    judge.authority();
    judge.orders_end_once();
    judge.gates();
    judge.decisions();
    judge.budgets();
    judge.bad_answers();
    judge.positions();
    judge.counters();
    judge.failures();
    judge.waits();
    judge.live();
    judge.stops();
    judge.pages();
    judge.beats();
    judge.signals();
    judge.secrets();
    judge.settled();
    judge.doubled();
    judge.found
}

struct Judge<'a> {
    ended: &'a Ended,
    manner: &'a Manner,
    items: BTreeMap<Key, Item>,
    commits: Ref<'a, Vec<Commit>>,
    found: Vec<Violation>,
}

impl<'a> Judge<'a> {
    fn new(ended: &'a Ended, manner: &'a Manner) -> Judge<'a> {
        let stream = &ended.world.tables.stream;
        Judge { items: stream.store.snapshot(), commits: stream.commits(), found: Vec::new(), ended, manner }
    }

    fn broken(&mut self, invariant: &'static str, what: impl Into<String>) {
        self.found.push(Violation { invariant, what: what.into() });
    }

    fn of(&self, table: Table) -> impl Iterator<Item = (&Key, &Item)> {
        self.items.iter().filter(move |(key, _)| key.table == table)
    }

    /// Orders without their fills and without what is not ours.
    fn orders(&self) -> impl Iterator<Item = (&Key, &Item)> {
        self.of(Table::Orders).filter(|(key, _)| {
            !key.range.as_deref().unwrap_or_default().contains('#') && !key.hash.starts_with("external.")
        })
    }

    fn suffered(&self, wanted: impl Fn(Method, Phase) -> bool) -> bool {
        self.ended.world.effects.suffered().into_iter().any(|(method, phase)| wanted(method, phase))
    }
}

fn becomes_pending(image: &Image) -> bool {
    let status = |item: &Option<Item>| item.as_ref().map(|item| text(item, "status").to_owned());
    image.key.table == Table::Orders
        && status(&image.after).as_deref() == Some("pending")
        && status(&image.before).as_deref() != Some("pending")
}

/// `leg status` of every order, for what a scenario must reach.
pub fn reached(ended: &Ended) -> BTreeSet<String> {
    let items = ended.world.tables.stream.store.snapshot();
    let orders = items.iter().filter(|(key, item)| key.table == Table::Orders && item.contains_key("leg"));
    let words = orders.map(|(_, item)| format!("{} {}", text(item, "leg"), text(item, "status")));
    let positions = items.iter().filter(|(key, _)| key.table == Table::Positions);
    let words = words.chain(positions.map(|(_, item)| format!("position {}", text(item, "status"))));
    let paged = items.iter().filter(|(_, item)| item.contains_key("published_at"));
    let words = words.chain(paged.map(|(_, item)| format!("paged {}", text(item, "kind"))));
    let decisions = items.iter().filter(|(key, _)| key.table == Table::Decisions);
    words.chain(decisions.map(|(_, item)| format!("decision {}", text(item, "outcome")))).collect()
}
