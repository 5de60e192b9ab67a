//! I17: the rejection gate opens after exactly its threshold of refusals, whatever process counted them, and
//! lets one trial through once its cooldown is over.

use std::collections::BTreeMap;

use shared::store::Item;
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use super::Judge;
use crate::crash::outside::{entries, text, time};
use crate::crash::stream::{Author, Commit, Image};

/// Rules that the wish itself broke: these alone count for the gate.
const COUNTED: [&str; 11] = [
    "allowed_symbols",
    "position_open",
    "venue_filter",
    "spot_side",
    "stop_loss",
    "max_order_notional",
    "max_position_abs",
    "max_daily_orders",
    "max_opens_per_hour",
    "order_cooldown",
    "balance",
];

/// What the gate must be, told from what became of the orders alone.
enum Gate {
    Closed { refused: u32 },
    Open,
    HalfOpen { trial: Option<String> },
}

/// What became of an entry in a commit.
enum Fate {
    Refused,
    Sent(String),
    Taken(String),
    NeverWas(String),
}

impl Judge<'_> {
    pub(super) fn gates(&mut self) {
        let settings = self.ended.world.scenario.settings();
        let rule = Rule { threshold: settings.gate.threshold, cooldown: settings.gate.cooldown };
        let mut gates: BTreeMap<String, Gate> = BTreeMap::new();
        let mut found = Vec::new();
        for commit in self.commits.iter() {
            let states = commit.images.iter().filter(|image| image.key.table == Table::TradingState);
            for state in states {
                let strategy = state.key.hash.clone();
                let mut gate = gates.remove(&strategy).unwrap_or(Gate::Closed { refused: 0 });
                gate = rule.cooled(gate, state, commit, &mut found);
                for fate in fates(commit, &strategy) {
                    gate = rule.next(gate, fate, &mut found);
                }
                found.extend(rule.disagrees(&gate, state));
                gates.insert(strategy, gate);
            }
        }
        for what in found {
            self.broken("I17", what);
        }
    }
}

struct Rule {
    threshold: u32,
    cooldown: Millis,
}

impl Rule {
    /// The hold goes when its cooldown is over, and not before; a person may take it earlier.
    fn cooled(&self, gate: Gate, state: &Image, commit: &Commit, found: &mut Vec<String>) -> Gate {
        let Gate::Open = gate else { return gate };
        let Some(since) = since(&state.before).filter(|_| since(&state.after).is_none()) else { return gate };
        if commit.at < since + self.cooldown && commit.by != Author::Person {
            found.push(format!("the gate of {} cooled down early, at {}", state.key, commit.at));
        }
        Gate::HalfOpen { trial: None }
    }

    fn next(&self, gate: Gate, fate: Fate, found: &mut Vec<String>) -> Gate {
        match (gate, fate) {
            (Gate::Closed { refused }, Fate::Refused) if refused + 1 >= self.threshold => Gate::Open,
            (Gate::Closed { refused }, Fate::Refused) => Gate::Closed { refused: refused + 1 },
            (Gate::HalfOpen { .. }, Fate::Refused) => Gate::Open,
            (Gate::Closed { .. }, Fate::Taken(_)) => Gate::Closed { refused: 0 },
            (Gate::HalfOpen { trial: None }, Fate::Sent(id)) => Gate::HalfOpen { trial: Some(id) },
            (Gate::HalfOpen { trial: Some(trial) }, Fate::Sent(id)) => {
                found.push(format!("{id} was sent while the trial {trial} was on its way"));
                Gate::HalfOpen { trial: Some(trial) }
            }
            (Gate::Open, Fate::Sent(id)) => {
                found.push(format!("{id} was sent through an open gate"));
                Gate::Open
            }
            (Gate::HalfOpen { trial: Some(trial) }, Fate::Taken(id)) if trial == id => {
                Gate::Closed { refused: 0 }
            }
            (Gate::HalfOpen { trial: Some(trial) }, Fate::NeverWas(id)) if trial == id => {
                Gate::HalfOpen { trial: None }
            }
            (gate, Fate::Refused | Fate::Sent(_) | Fate::Taken(_) | Fate::NeverWas(_)) => gate,
        }
    }

    /// Open and held are one, in the very commit that makes it so.
    fn disagrees(&self, gate: &Gate, state: &Image) -> Option<String> {
        let held = since(&state.after).is_some();
        match gate {
            Gate::Open if !held => Some(format!("{}: refused, and its gate is not open", state.key)),
            Gate::Closed { refused } if held => {
                Some(format!("{}: open after {refused} of {} refusals", state.key, self.threshold))
            }
            Gate::HalfOpen { .. } if held => Some(format!("{}: open without a refusal", state.key)),
            Gate::Open | Gate::Closed { .. } | Gate::HalfOpen { .. } => None,
        }
    }
}

/// Since when the gate holds the strategy.
fn since(state: &Option<Item>) -> Option<Timestamp> {
    time(&entries(state.as_ref()?, "holds"), "rejection_gate")
}

fn fates<'a>(commit: &'a Commit, strategy: &'a str) -> impl Iterator<Item = Fate> + 'a {
    commit.images.iter().filter_map(move |image| {
        let after = image.after.as_ref().filter(|item| text(item, "strategy_id") == strategy)?;
        let before = image.before.as_ref().map_or("", |item| text(item, "status"));
        let is_entry = image.key.table == Table::Orders && text(after, "leg") == "entry";
        let status = text(after, "status");
        if !is_entry || status == before {
            return None;
        }
        let id = || image.key.range.clone().unwrap_or_default();
        match status {
            "refused" if COUNTED.contains(&text(after, "refused_by")) => Some(Fate::Refused),
            "pending" => Some(Fate::Sent(id())),
            "open" | "partially_filled" | "filled" | "cancelled" => Some(Fate::Taken(id())),
            "rejected" => Some(Fate::NeverWas(id())),
            "expired" if text(after, "venue_id").is_empty() => Some(Fate::NeverWas(id())),
            "expired" => Some(Fate::Taken(id())),
            _ => None,
        }
    })
}
