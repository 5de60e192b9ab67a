//! I19, ENDED, LIVE, SETTLED: how orders end, and that nothing is left under way.

use std::collections::{BTreeMap, BTreeSet};

use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use super::Judge;
use crate::crash::outside::{entries, text, time};

/// Receive window, venue timeout, clock error and read lag of the documents: before that, nothing is absent.
const FENCE: Millis = Millis::from_secs(5 + 10 + 2 + 10);

impl Judge<'_> {
    /// I19 and ENDED: no order is declared absent before its fence, and none comes back from its end.
    pub(super) fn orders_end_once(&mut self) {
        let mut found = Vec::new();
        let taken: BTreeMap<String, Timestamp> = {
            let arrivals = self.ended.world.venue.arrivals.borrow();
            arrivals.iter().filter(|one| one.taken).map(|one| (one.client_id.clone(), one.at)).collect()
        };
        for commit in self.commits.iter() {
            for image in commit.images.iter().filter(|image| image.key.table == Table::Orders) {
                let (Some(before), Some(after)) = (&image.before, &image.after) else { continue };
                let (was, is) = (text(before, "status"), text(after, "status"));
                let id = image.key.range.clone().unwrap_or_default();
                if is_over(was) && was != is && taken.contains_key(&id) && was != "expired" {
                    found.push(("ENDED", format!("{}: {was} became {is}", image.key)));
                }
                let proven =
                    text(after, "absent_why") == "not_found" && text(before, "absent_why").is_empty();
                let fence = time(before, "sent_at").map(|at| at + FENCE);
                if proven && fence.is_some_and(|fence| commit.at <= fence) {
                    found.push(("I19", format!("{}: declared absent before its fence", image.key)));
                }
                if was == "unknown" && is == "rejected" && text(after, "venue_id").is_empty() {
                    found.push(("I19", format!("{}: unknown became rejected", image.key)));
                }
            }
        }
        for (key, item) in self.orders() {
            let id = key.range.clone().unwrap_or_default();
            if !text(item, "absent_why").is_empty() && taken.contains_key(&id) {
                found.push(("I19", format!("{key}: declared absent, and the venue took it")));
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    /// LIVE: what is under way is named in its strategy's state, and nothing else is.
    pub(super) fn live(&mut self) {
        let mut named = BTreeSet::new();
        let mut found = Vec::new();
        for (key, state) in self.of(Table::TradingState) {
            named.extend(entries(state, "live").into_keys().map(|name| (key.hash.clone(), name)));
        }
        for (key, item) in self.orders() {
            let id = key.range.clone().unwrap_or_default();
            let name = (text(item, "strategy_id").to_owned(), id);
            if !is_over(text(item, "status")) && !named.remove(&name) {
                found.push(format!("{key} is {} and not live", text(item, "status")));
            }
        }
        for (key, item) in self.of(Table::Positions) {
            let name = (text(item, "strategy_id").to_owned(), key.hash.clone());
            if text(item, "status") != "closed" && !named.remove(&name) {
                found.push(format!("{key} is {} and not live", text(item, "status")));
            }
        }
        found.extend(named.into_iter().map(|(_, name)| format!("{name} is live and over")));
        for what in found {
            self.broken("LIVE", what);
        }
    }

    pub(super) fn settled(&mut self) {
        if !self.ended.settled {
            let mut under_way: Vec<String> = self
                .orders()
                .filter(|(_, item)| !is_over(text(item, "status")))
                .map(|(key, item)| format!("{key} {}", text(item, "status")))
                .collect();
            let positions = self.of(Table::Positions).filter(|(_, item)| text(item, "status") == "closing");
            under_way.extend(positions.map(|(key, _)| format!("{key} closing")));
            self.broken("SETTLED", format!("not settled: {}", under_way.join(", ")));
        }
    }
}

fn is_over(status: &str) -> bool {
    ["filled", "cancelled", "rejected", "expired", "refused", "dry_run"].contains(&status)
}
