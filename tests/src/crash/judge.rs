//! Judges a run by the invariants, from outside state alone: the exchange's ledger, the tables and their
//! stream, and what was published.

use std::cell::Ref;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use shared::approval::{Answer, Offer, verify};
use shared::records;
use shared::secret::Secret;
use shared::store::{Attr, Item, Key};
use shared::tables::{Function, PREFIX, Table};
use shared::time::{Millis, Timestamp};
use sim::checks::{self, Facts, Stage};
use sim::exchange::{OrderStatus, Side};

use super::drive::{Ended, doubled};
use super::outside::{Seen, entries, number, text, time};
use super::phases::{Method, Phase};
use super::stream::{Author, Commit, Image};
use super::world::{APPROVAL_KEY, CANARY, Manner, env};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its name.
    pub invariant: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Receive window, venue timeout, clock error and read lag of the documents: before that, nothing is absent.
const FENCE: Millis = Millis::from_secs(5 + 10 + 2 + 10);
/// How long a position may be bare where nothing fails.
const LONGEST_GAP: Millis = Millis::from_secs(150);
/// What each fault may add to that.
const LONGER_BY: Millis = Millis::from_secs(130);
/// Failed sends of one leg within one cooldown.
const MOST_FAILURES: usize = 3;

/// Every invariant that this judge knows.
pub const INVARIANTS: [&str; 34] = [
    "I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I16",
    "I18", "I19", "I20", "I21", "I22", "I23", "I24", "I26", "I27", "I30", "I31", "BOOKS", "STOP", "LIVE",
    "ENDED", "HAND", "DOUBLED", "SETTLED",
];

/// Every invariant that the run broke.
pub fn judge(ended: &Ended, manner: &Manner) -> Vec<Violation> {
    let mut judge = Judge::new(ended, manner);
    judge.checkers();
    judge.sends();
    judge.authority();
    judge.orders_end_once();
    judge.decisions();
    judge.positions();
    judge.counters();
    judge.failures();
    judge.live();
    judge.stops();
    judge.pages();
    judge.beats();
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

    /// The checkers of the simulated world.
    fn checkers(&mut self) {
        let world = &self.ended.world;
        let seen = Seen::of(&self.items, world.topics.taken.borrow().clone());
        let (stage, settings) = (Stage::new(PREFIX, "dev"), world.scenario.settings());
        let faults = i64::try_from(self.manner.faults.len()).unwrap_or(0);
        let facts = Facts {
            max_order_notional: settings.limits.max_order_notional.value(),
            max_position_abs: settings.limits.max_position_abs.value(),
            max_daily_orders: usize::try_from(settings.limits.max_daily_orders).unwrap_or(0),
            min_notional: Decimal::from(5),
            step: Decimal::new(1, 5),
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

    /// I1 and I2: each order once, and on record before it was sent.
    fn sends(&mut self) {
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
        let mutating = |call: &&super::effects::Call| matches!(call.method, Method::Place | Method::Cancel);
        if let (false, Some(call)) = (may_send, self.ended.world.effects.calls().iter().find(mutating)) {
            self.broken("I15", format!("{} under DryRun", call.method));
        }
    }

    /// I13, I14, I16, I18: what the tables said at the commit that began a send.
    fn authority(&mut self) {
        let two_phase =
            self.ended.world.scenario.settings().safety_mode == shared::settings::SafetyMode::TwoPhase;
        let mut found = Vec::new();
        for commit in self.commits.iter() {
            for image in commit.images.iter().filter(|image| begins_entry(image)) {
                let state = commit.images.iter().find(|other| other.key.table == Table::TradingState);
                match state.and_then(|state| state.before.as_ref()) {
                    None => found.push(("I14", format!("{}: sent without the state", image.key))),
                    Some(state) => {
                        let (status, holds) = (text(state, "status"), entries(state, "holds"));
                        if status != "running" || !holds.is_empty() {
                            found.push(("I13", format!("{}: sent under {status} {holds:?}", image.key)));
                        }
                    }
                }
                if two_phase && let Err(why) = approved(image, commit.at) {
                    found.push(("I16", format!("{}: {why}", image.key)));
                }
            }
            for image in commit.images.iter().filter(|image| image.key.table == Table::TradingState) {
                if let (Author::Invocation(_), Some(before), Some(after)) =
                    (commit.by, &image.before, &image.after)
                    && rises(text(before, "status"), text(after, "status"))
                {
                    found.push((
                        "I18",
                        format!("{} became {} by itself", text(before, "status"), text(after, "status")),
                    ));
                }
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    /// I19 and ENDED: no order is declared absent before its fence, and none comes back from its end.
    fn orders_end_once(&mut self) {
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

    /// I3: no entry without its decision, no decision without its tick.
    fn decisions(&mut self) {
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

    /// I4 and I6: a position is the sum of its fills. HAND: what a person closed stays closed.
    fn positions(&mut self) {
        let mut found = Vec::new();
        for (key, position) in self.of(Table::Positions) {
            let mut sums = [Decimal::ZERO; 5];
            for (_, fill) in self.of(Table::Orders).filter(|(one, _)| {
                one.hash == key.hash && one.range.as_deref().unwrap_or_default().contains('#')
            }) {
                add(&mut sums, fill);
            }
            let names = ["quantity", "bought", "cost", "sold", "proceeds"];
            for (name, sum) in names.iter().zip(sums) {
                let booked = number(position, name);
                if booked != sum {
                    let invariant = if *name == "quantity" { "I4" } else { "I6" };
                    found.push((invariant, format!("{key}: {name} {booked}, its fills make {sum}")));
                }
            }
            let by_hand = position.get("closed_manually") == Some(&Attr::Bool(true));
            if by_hand && text(position, "status") != "closed" {
                found.push(("HAND", format!("{key}: closed by a person, and {}", text(position, "status"))));
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }

    /// I9: the day's counter is what was sent that day.
    fn counters(&mut self) {
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
    fn failures(&mut self) {
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

    /// LIVE: what is under way is named in its strategy's state, and nothing else is.
    fn live(&mut self) {
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

    /// STOP: every open position has its whole stop resting at the exchange.
    fn stops(&mut self) {
        let resting = self.ended.world.exchange.open_orders();
        let mut found = Vec::new();
        for (key, position) in self.of(Table::Positions).filter(|(_, item)| text(item, "status") == "open") {
            let step = Decimal::new(1, 5);
            let lots = number(position, "quantity");
            let lots = lots - lots.checked_rem(step).unwrap_or_default();
            let worth = lots * number(position, "stop");
            let stops =
                self.orders().filter(|(one, item)| one.hash == key.hash && text(item, "leg") == "stop");
            let ids: Vec<String> = stops.filter_map(|(one, _)| one.range.clone()).collect();
            let stopped: Decimal = resting
                .iter()
                .filter(|order| ids.contains(&order.client_id) && order.side == Side::Sell)
                .map(|order| order.remaining())
                .sum();
            if worth >= Decimal::from(10) && stopped < lots {
                found.push(format!("{key}: {lots} held, {stopped} under a stop at the end"));
            }
        }
        // Nothing of a closed position rests.
        for order in resting.iter().filter(|order| !order.manual && order.status != OrderStatus::Filled) {
            let item = self.orders().find(|(key, _)| key.range.as_deref() == Some(&order.client_id));
            let position =
                item.and_then(|(key, _)| self.of(Table::Positions).find(|(one, _)| one.hash == key.hash));
            if position.is_some_and(|(_, item)| text(item, "status") == "closed") {
                found.push(format!("order {} rests for a closed position", order.client_id));
            }
        }
        for what in found {
            self.broken("STOP", what);
        }
    }

    /// I20, I21, I24: one incident an episode, what must be paged is, and nobody is paged for what is stopped.
    fn pages(&mut self) {
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
    fn beats(&mut self) {
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

    fn saw_market(&self, calls: &[super::effects::Call], invocation: usize) -> bool {
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

    /// I31: no secret anywhere.
    fn secrets(&mut self) {
        let mut texts: Vec<String> = Vec::new();
        let world = &self.ended.world;
        texts.extend(world.topics.taken.borrow().iter().map(|one| one.message.clone()));
        texts.extend(
            world
                .journal
                .0
                .borrow()
                .iter()
                .flat_map(|line| line.fields.values().map(ToString::to_string).collect::<Vec<_>>()),
        );
        for item in self.items.values() {
            spell(item, &mut texts);
        }
        for text in texts {
            if [CANARY, APPROVAL_KEY].iter().any(|secret| text.contains(secret)) {
                self.broken("I31", format!("a secret in {text}"));
            }
        }
    }

    /// One request that the exchange took twice cannot be undone: it must be found, and people told.
    fn doubled(&mut self) {
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

    fn settled(&mut self) {
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

fn is_over(status: &str) -> bool {
    ["filled", "cancelled", "rejected", "expired", "refused", "dry_run"].contains(&status)
}

fn becomes_pending(image: &Image) -> bool {
    let status = |item: &Option<Item>| item.as_ref().map(|item| text(item, "status").to_owned());
    image.key.table == Table::Orders
        && status(&image.after).as_deref() == Some("pending")
        && status(&image.before).as_deref() != Some("pending")
}

fn begins_entry(image: &Image) -> bool {
    becomes_pending(image) && image.after.as_ref().is_some_and(|item| text(item, "leg") == "entry")
}

/// A status that allows more than the one before. Warming up is the one way up.
fn rises(before: &str, after: &str) -> bool {
    let rank = |status| ["stopped", "halted", "reducing", "running"].iter().position(|one| *one == status);
    before != "warmup" && rank(after) > rank(before)
}

/// I16: a valid, unexpired approval of exactly these terms, consumed by this very commit.
fn approved(image: &Image, at: Timestamp) -> Result<(), String> {
    let before = image.before.as_ref().ok_or("sent without an offer")?;
    let order = records::order::decode(before).map_err(|error| error.to_string())?;
    let offer = Offer::of(&order).ok_or("sent without having been offered")?;
    let approval = records::order::approval(before).map_err(|error| error.to_string())?;
    let Answer::Approved(approval) = approval.ok_or("sent without an approval")? else {
        return Err("sent although a person rejected it".to_owned());
    };
    if !verify(&Secret::new(APPROVAL_KEY.to_owned()), &env(), &offer, &approval) {
        return Err("sent on an approval that is none".to_owned());
    }
    let sent = image.after.as_ref().and_then(|item| time(item, "sent_at")).unwrap_or(at);
    if sent >= offer.expires_at {
        return Err("sent after the offer's end".to_owned());
    }
    Ok(())
}

/// Adds a fill to quantity, bought, cost, sold and proceeds.
fn add(sums: &mut [Decimal; 5], fill: &Item) {
    let (base, quote) = text(fill, "symbol").split_once('-').unwrap_or_default();
    let fee =
        |asset: &str| if text(fill, "fee_asset") == asset { number(fill, "fee") } else { Decimal::ZERO };
    let (quantity, value) = (number(fill, "quantity"), number(fill, "value"));
    if text(fill, "side") == "buy" {
        sums[0] += quantity - fee(base);
        sums[1] += quantity - fee(base);
        sums[2] += value + fee(quote);
    } else {
        sums[0] -= quantity + fee(base);
        sums[3] += quantity + fee(base);
        sums[4] += value - fee(quote);
    }
}

fn spell(item: &Item, texts: &mut Vec<String>) {
    for attr in item.values() {
        match attr {
            Attr::S(text) => texts.push(text.clone()),
            Attr::M(map) => spell(map, texts),
            Attr::N(_) | Attr::Bool(_) | Attr::Null | Attr::B(_) | Attr::L(_) | Attr::Foreign(_) => {}
        }
    }
}

/// `leg status` of every order, for what a scenario must reach.
pub fn reached(ended: &Ended) -> BTreeSet<String> {
    let items = ended.world.tables.stream.store.snapshot();
    let orders = items.iter().filter(|(key, item)| key.table == Table::Orders && item.contains_key("leg"));
    let words = orders.map(|(_, item)| format!("{} {}", text(item, "leg"), text(item, "status")));
    let positions = items.iter().filter(|(key, _)| key.table == Table::Positions);
    let words = words.chain(positions.map(|(_, item)| format!("position {}", text(item, "status"))));
    words.collect()
}
