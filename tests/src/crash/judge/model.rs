//! I28 and I29: what the model may cost, and what an answer without a usable form may do.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shared::model_prices::dollars;
use shared::store::Item;
use shared::tables::Table;
use shared::time::{Day, Millis};

use super::Judge;
use crate::crash::outlets::Asked;
use crate::crash::outside::{number, text};
use crate::crash::stream::{Author, Commit};

/// A quarter of the window: a token is never shorter than a byte, so this many bytes are within it.
const MOST_BYTES: usize = 50_000;
const SESSION: Millis = Millis::from_minutes(5);

impl Judge<'_> {
    /// I28: no question larger than its part of the window, none beyond five minutes' tokens or the day's
    /// dollars. A question whose outcome could not be written, for a crash or a failing table, is counted by
    /// nobody: it is left out here, so each such failure may cost one question more.
    pub(super) fn budgets(&mut self) {
        let asked = self.ended.world.asked.borrow().clone();
        for one in asked.iter().filter(|one| one.bytes > MOST_BYTES) {
            self.broken("I28", format!("a question of {} bytes at {}", one.bytes, one.at));
        }
        let day = |item: &Option<Item>| item.as_ref().and_then(|item| item.get("llm_day").cloned());
        let counts = self.commits.iter().filter(|commit| {
            let mut states = commit.images.iter().filter(|image| image.key.table == Table::TradingState);
            states.any(|image| day(&image.before) != day(&image.after))
        });
        let counting: BTreeSet<Author> = counts.map(|commit| commit.by).collect();
        let is_counted = |one: &&Asked| counting.contains(&Author::Invocation(one.invocation));
        let counted: Vec<Asked> = asked.iter().filter(is_counted).cloned().collect();
        self.session(&counted);
        self.dollars(&counted);
    }

    fn session(&mut self, counted: &[Asked]) {
        let most = self.ended.world.scenario.settings().llm_tokens.get();
        for last in counted {
            let within = |one: &&Asked| one.at <= last.at && last.at.since(one.at) < SESSION;
            let tokens: u32 = counted.iter().filter(within).map(Asked::tokens).sum();
            if tokens > most {
                self.broken("I28", format!("{tokens} tokens within five minutes at {}", last.at));
            }
        }
    }

    fn dollars(&mut self, counted: &[Asked]) {
        let most = self.ended.world.scenario.settings().llm_usd_per_day.value();
        let mut days: BTreeMap<Day, Decimal> = BTreeMap::new();
        for one in counted {
            *days.entry(one.at.day()).or_default() += dollars(&one.model, one.at, one.usage).value();
        }
        for (day, spent) in days.into_iter().filter(|(_, spent)| *spent > most) {
            self.broken("I28", format!("{spent} USD asked for on {day}, at most {most}"));
        }
    }

    /// I29: where the model refused, was cut off or said what cannot be read, nothing is traded, and the
    /// commit that says so counts it.
    pub(super) fn bad_answers(&mut self) {
        let asked = self.ended.world.asked.borrow().clone();
        let mut found = Vec::new();
        for commit in self.commits.iter() {
            let Author::Invocation(number) = commit.by else { continue };
            let last = asked.iter().rfind(|one| one.invocation == number && one.at <= commit.at);
            let outcomes = commit.images.iter().filter_map(|image| {
                let after = image.after.as_ref().filter(|_| image.key.table == Table::Decisions)?;
                Some((image, text(after, "outcome"))).filter(|(_, outcome)| !outcome.is_empty())
            });
            for (image, outcome) in outcomes {
                if last.is_some_and(|one| one.is_bad) && !outcome.starts_with("abstain:") {
                    found.push(format!("{}: {outcome} was read from a bad answer", image.key));
                }
                if is_bad(outcome) && !counts(commit) {
                    found.push(format!("{}: a bad answer was not counted", image.key));
                }
            }
        }
        for what in found {
            self.broken("I29", what);
        }
    }
}

/// Whether a commit counts one more cycle without a usable answer.
fn counts(commit: &Commit) -> bool {
    let count = |item: &Option<Item>| item.as_ref().map(|item| number(item, "bad_cycles"));
    let mut states = commit.images.iter().filter(|image| image.key.table == Table::TradingState);
    states.any(|image| count(&image.after) > count(&image.before))
}

fn is_bad(outcome: &str) -> bool {
    ["abstain:refused", "abstain:truncated", "abstain:malformed"].contains(&outcome)
}
