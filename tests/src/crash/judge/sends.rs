//! I1, I2, I9, I12, I15, I30, DOUBLED: what was sent, how often, and whether it was on record and counted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::store::{Item, Key};
use shared::tables::Table;
use shared::time::Timestamp;

use super::{Judge, Violation, becomes_pending};
use crate::crash::drive::doubled;
use crate::crash::effects::Call;
use crate::crash::outside::{entries, number, text};
use crate::crash::phases::{Method, Phase};
use crate::crash::venue::ASKED_TO_WAIT;

/// Failed sends of one leg within one cooldown.
const MOST_FAILURES: usize = 3;

impl Judge<'_> {
    /// I1 and I2: each order once, and on record before it was sent.
    pub(super) fn sends(&mut self) {
        let doubled = |method, phase| method == Method::Place && phase == Phase::Twice;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for arrival in self.ended.world.venue.arrivals.borrow().iter() {
            let count = times.entry(arrival.client_id.clone()).or_default();
            *count += 1;
            let before = self.commits.iter().take(arrival.commits);
            let recorded = before.flat_map(|commit| &commit.images).any(|image| {
                image.key.range.as_deref() == Some(&arrival.client_id)
                    && image.after.as_ref().is_some_and(|item| text(item, "status") == "pending")
            });
            if !recorded {
                self.found.push(Violation {
                    invariant: "I2",
                    what: format!("order {} came before it was on record", arrival.client_id),
                });
            }
        }
        let allowed = if self.suffered(doubled) { 2 } else { 1 };
        for (id, times) in times.into_iter().filter(|(_, times)| *times > allowed) {
            self.broken("I1", format!("order {id} was sent {times} times"));
        }
        let may_send =
            self.ended.world.scenario.settings().safety_mode != shared::settings::SafetyMode::DryRun;
        let mutating = |call: &&Call| matches!(call.method, Method::Place | Method::Cancel);
        if let (false, Some(call)) = (may_send, self.ended.world.effects.calls().iter().find(mutating)) {
            self.broken("I15", format!("{} under DryRun", call.method));
        }
    }

    /// I9: the day's counter is what was sent that day.
    pub(super) fn counters(&mut self) {
        let mut sent: BTreeMap<(String, String), Decimal> = BTreeMap::new();
        for image in self.commits.iter().flat_map(|commit| &commit.images) {
            let Some(after) = image.after.as_ref().filter(|_| becomes_pending(image)) else { continue };
            let day = text(after, "sent_at").get(..10).unwrap_or_default().to_owned();
            *sent.entry((text(after, "strategy_id").to_owned(), day)).or_default() += Decimal::ONE;
        }
        let mut found = Vec::new();
        for (key, state) in self.of(Table::TradingState) {
            let day = entries(state, "exec_day");
            let planted = self.planted(key);
            if text(&planted, "day") == text(&day, "day") {
                let name = (key.hash.clone(), text(&day, "day").to_owned());
                *sent.entry(name).or_default() += number(&planted, "orders");
            }
            let count =
                sent.get(&(key.hash.clone(), text(&day, "day").to_owned())).copied().unwrap_or_default();
            if count != number(&day, "orders") {
                found.push(format!("{key}: {count} orders sent, {} counted", number(&day, "orders")));
            }
        }
        for what in found {
            self.broken("I9", what);
        }
    }

    /// The day's counters of a strategy before anything happened.
    fn planted(&self, key: &Key) -> Item {
        let images = self.commits.iter().flat_map(|commit| &commit.images);
        let first = images.filter(|image| image.key == *key).find_map(|image| image.before.as_ref());
        first.map(|state| entries(state, "exec_day")).unwrap_or_default()
    }

    /// I12: the same failing order goes out at most three times within a cooldown.
    pub(super) fn failures(&mut self) {
        let mut failed: BTreeMap<(String, String), Vec<Timestamp>> = BTreeMap::new();
        let arrivals = self.ended.world.venue.arrivals.borrow().clone();
        for arrival in arrivals.iter().filter(|arrival| !arrival.taken) {
            let order = self.orders().find(|(key, _)| key.range.as_deref() == Some(&arrival.client_id));
            let Some((key, item)) = order else { continue };
            failed.entry((key.hash.clone(), text(item, "leg").to_owned())).or_default().push(arrival.at);
        }
        let cooldown = self.ended.world.scenario.settings().order_cooldown;
        for ((position, leg), times) in failed {
            let within = |from: &Timestamp| {
                times.iter().filter(|at| *at >= from && at.since(*from) < cooldown).count()
            };
            if times.iter().any(|from| within(from) > MOST_FAILURES) {
                self.broken("I12", format!("{leg} of {position} failed more than {MOST_FAILURES} times"));
            }
        }
    }

    /// One request that the exchange took twice cannot be undone: it must be found, and people told.
    pub(super) fn doubled(&mut self) {
        if doubled(&self.ended.world).is_none() {
            return;
        }
        let told = self.of(Table::Incidents).any(|(_, item)| {
            ["reconcile-drift", "external-trade"].contains(&text(item, "kind"))
                && item.contains_key("published_at")
        });
        self.found.retain(|one| !["I1", "I5", "BOOKS", "I7", "I9", "STOP"].contains(&one.invariant));
        if !told {
            self.broken("DOUBLED", "the exchange took a request twice, and nobody was told");
        }
    }

    /// I30: once the venue asked for a wait, neither the process that heard it nor one that began after it was
    /// on record calls before it is over.
    pub(super) fn waits(&mut self) {
        let calls = self.ended.world.effects.calls();
        let asked =
            |(number, _): &(&usize, &Phase)| calls.get(**number).is_some_and(|call| call.method.is_venues());
        let waits = self.manner.faults.iter().filter(|(_, phase)| **phase == Phase::Busy).filter(asked);
        let mut found = Vec::new();
        for (number, _) in waits {
            let heard = &calls[*number];
            let over = heard.at + ASKED_TO_WAIT;
            let recorded = self.commits.iter().find(|commit| {
                commit.at >= heard.at
                    && commit.images.iter().any(|image| {
                        let wait = |item: &Option<Item>| item.as_ref()?.get("not_before").cloned();
                        image.key.hash.starts_with("venue#") && wait(&image.after) != wait(&image.before)
                    })
            });
            let knows = |call: &Call| {
                let began = calls.iter().find(|one| one.invocation == call.invocation).map(|one| one.at);
                call.invocation == heard.invocation
                    || recorded.is_some_and(|commit| began.is_some_and(|began| began > commit.at))
            };
            let early = calls[number + 1..]
                .iter()
                .find(|call| call.method.is_venues() && call.at < over && knows(call));
            found.extend(early.map(|call| format!("{} at {}, before {over}", call.method, call.at)));
        }
        for what in found {
            self.broken("I30", what);
        }
    }
}
