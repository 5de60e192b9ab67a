//! I28 and I29: what the model may cost, and what an answer without a usable form may do.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::model_prices::dollars;
use shared::store::Item;
use shared::tables::Table;
use shared::time::{Day, Millis};

use super::Judge;
use crate::crash::outlets::Asked;
use crate::crash::outside::{number, text, time};

/// A quarter of the window: a token is never shorter than a byte, so this many bytes are within it.
const MOST_BYTES: usize = 50_000;
/// Most tokens within five minutes.
const MOST_SESSION: u32 = 5_000;
const SESSION: Millis = Millis::from_minutes(5);

impl Judge<'_> {
    /// I28: no question larger than its part of the window, none beyond five minutes' tokens or the day's
    /// dollars. A question whose process died before it could count is counted by nobody: it is left out
    /// here, so a crash may cost one question more.
    pub(super) fn budgets(&mut self) {
        let asked = self.ended.world.asked.borrow().clone();
        for one in asked.iter().filter(|one| one.bytes > MOST_BYTES) {
            self.broken("I28", format!("a question of {} bytes at {}", one.bytes, one.at));
        }
        let is_counted = |one: &&Asked| self.ended.invocations[one.invocation].2.is_none();
        let counted: Vec<Asked> = asked.iter().filter(is_counted).cloned().collect();
        self.session(&counted);
        self.dollars(&counted);
    }

    fn session(&mut self, counted: &[Asked]) {
        for last in counted {
            let within = |one: &&Asked| one.at <= last.at && last.at.since(one.at) < SESSION;
            let tokens: u32 = counted.iter().filter(within).map(Asked::tokens).sum();
            if tokens > MOST_SESSION {
                self.broken("I28", format!("{tokens} tokens within five minutes at {}", last.at));
            }
        }
    }

    fn dollars(&mut self, counted: &[Asked]) {
        let most = self.ended.world.scenario.settings().llm_usd_per_day.value();
        let mut days: BTreeMap<Day, Decimal> = BTreeMap::new();
        for one in counted {
            *days.entry(one.at.day()).or_default() += dollars(&one.model, one.at.day(), one.usage).value();
        }
        for (day, spent) in days.into_iter().filter(|(_, spent)| *spent > most) {
            self.broken("I28", format!("{spent} USD asked for on {day}, at most {most}"));
        }
    }

    /// I29: where the model refused, was cut off or said what cannot be read, nothing is traded, and the
    /// commit that says so counts it.
    pub(super) fn bad_answers(&mut self) {
        let scenario = &self.ended.world.scenario;
        let mut found = Vec::new();
        for (key, decision) in self.of(Table::Decisions) {
            let Some(at) = time(decision, "decided_at") else { continue };
            if !scenario.answer(at).is_some_and(|answer| answer.is_bad()) {
                continue;
            }
            let outcome = text(decision, "outcome");
            if !outcome.is_empty() && !outcome.starts_with("abstain:") {
                found.push(format!("{key}: {outcome} was read from an answer that says nothing"));
            }
            let ordered = self.orders().any(|(_, order)| time(order, "decision") == Some(at));
            if ordered || decision.contains_key("position_id") {
                found.push(format!("{key}: an order came of it"));
            }
        }
        found.extend(self.commits.iter().flat_map(|commit| {
            let ended = commit.images.iter().filter(|image| {
                let outcome = |item: &Option<Item>| {
                    item.as_ref().map_or(String::new(), |item| text(item, "outcome").to_owned())
                };
                outcome(&image.before).is_empty() && is_bad(&outcome(&image.after))
            });
            let bad_cycles = |item: &Option<Item>| item.as_ref().map(|item| number(item, "bad_cycles"));
            let counts = commit.images.iter().any(|image| {
                image.key.table == Table::TradingState && bad_cycles(&image.after) > bad_cycles(&image.before)
            });
            ended.filter(move |_| !counts).map(|image| format!("{}: a bad answer was not counted", image.key))
        }));
        for what in found {
            self.broken("I29", what);
        }
    }
}

fn is_bad(outcome: &str) -> bool {
    ["abstain:refused", "abstain:truncated", "abstain:malformed"].contains(&outcome)
}
