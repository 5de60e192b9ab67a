//! I20, I21, I24 to I27: who watches, who is paged, and whether a beat follows progress.

use std::collections::{BTreeMap, BTreeSet};

use shared::store::Item;
use shared::tables::{Function, Table};
use shared::time::{Millis, Timestamp};

use super::Judge;
use crate::crash::effects::Call;
use crate::crash::outside::{entries, text, time};
use crate::crash::phases::{Method, Phase};
use crate::crash::stream::Author;

impl Judge<'_> {
    /// I20, I21, I24: one incident an episode, what must be paged is, and nobody is paged for what is stopped.
    pub(super) fn pages(&mut self) {
        let mut found = Vec::new();
        let mut episodes: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        let mut paged = BTreeSet::new();
        for (_, item) in self.of(Table::Incidents) {
            let of = |name: &str| text(item, name).to_owned();
            *episodes.entry((of("kind"), of("subject"), of("since"))).or_default() += 1;
            if item.contains_key("published_at") {
                paged.insert(of("kind"));
            }
        }
        for ((kind, subject, since), _) in episodes.into_iter().filter(|(_, times)| *times > 1) {
            found.push(("I21", format!("{kind} of {subject} since {since}: more than one incident")));
        }
        for kind in &self.ended.world.scenario.pages {
            if !paged.contains(*kind) {
                found.push(("I20", format!("nobody was paged for {kind}")));
            }
        }
        for (commit, image) in
            self.commits.iter().flat_map(|one| one.images.iter().map(move |image| (one, image)))
        {
            let Some(after) = &image.after else { continue };
            let is_new = image.key.table == Table::Incidents && image.before.is_none();
            if !is_new || text(after, "kind") != "heartbeat-stale" {
                continue;
            }
            let state = self.state_at(text(after, "strategy_id"), commit.at);
            if state.is_some_and(|state| {
                text(&state, "status") == "stopped" && entries(&state, "live").is_empty()
            }) {
                found.push(("I24", format!("{}: paged for a stopped strategy", image.key)));
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    /// A strategy's state as it stood at a time.
    fn state_at(&self, strategy: &str, at: Timestamp) -> Option<Item> {
        let before = self.commits.iter().take_while(|commit| commit.at <= at);
        let images = before.flat_map(|commit| &commit.images);
        let last =
            images.filter(|image| image.key.table == Table::TradingState && image.key.hash == strategy);
        last.last().and_then(|image| image.after.clone())
    }

    /// I26 and I27: a beat follows progress, and once nothing fails every healthy strategy beats again.
    pub(super) fn beats(&mut self) {
        let calls = self.ended.world.effects.calls();
        let mut found = Vec::new();
        for commit in self.commits.iter() {
            let Author::Invocation(number) = commit.by else { continue };
            let beats = commit.images.iter().any(|image| {
                let of =
                    |item: &Option<Item>| item.as_ref().and_then(|item| item.get("last_heartbeat").cloned());
                image.key.table == Table::TradingState && of(&image.before) != of(&image.after)
            });
            let decides =
                calls.iter().any(|call| call.invocation == number && call.function == Function::Decide);
            if beats && decides && !self.saw_market(&calls, number) {
                found.push(("I26", format!("invocation {number} beat without having seen its market")));
            }
        }
        let now = self.ended.world.clock.now();
        for (key, state) in self.of(Table::TradingState).filter(|(key, _)| key.hash == "demo") {
            let beat = time(state, "last_heartbeat");
            if beat.is_none_or(|beat| now.since(beat) > Millis::from_secs(125)) {
                found.push(("I27", format!("{key}: last beat {beat:?}, now {now}")));
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    fn saw_market(&self, calls: &[Call], invocation: usize) -> bool {
        let fails = |number: &usize| {
            self.manner.faults.get(number).is_some_and(|phase| {
                matches!(phase, Phase::Fails | Phase::Busy | Phase::ReplyLost | Phase::CrashBefore)
            })
        };
        calls.iter().enumerate().any(|(number, call)| {
            call.invocation == invocation
                && matches!(call.method, Method::Quote | Method::Candles | Method::Instrument)
                && !fails(&number)
        })
    }

    /// I25: the alarm of a silent heartbeat fires on missing data, so a minute has signals where heartbeat
    /// looked, and only there. That the alarm exists is for the tests of the infrastructure to say.
    pub(super) fn signals(&mut self) {
        let put = self.ended.world.signals.put.borrow().clone();
        let calls = self.ended.world.effects.calls();
        let mut found = Vec::new();
        let mut looked = BTreeSet::new();
        for (number, (function, minute, error)) in self.ended.invocations.iter().enumerate() {
            // A tick that is too old is dropped without a call.
            if *function != Function::Heartbeat || !calls.iter().any(|call| call.invocation == number) {
                continue;
            }
            looked.insert(*minute);
            if error.is_none() && !put.contains(minute) {
                found.push(format!("heartbeat of {minute} ended well without signals"));
            }
        }
        let unseen = put.iter().filter(|minute| !looked.contains(minute));
        found.extend(unseen.map(|minute| format!("signals of {minute}, and heartbeat did not look")));
        for what in found {
            self.broken("I25", what);
        }
    }
}
