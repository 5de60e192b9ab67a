//! The harness's own test: known protocol bugs, each put in between a function and its ports. No function
//! knows of them; every one must be caught by a named invariant.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;
use shared::ids::OrderId;
use shared::order::Ended;
use shared::page::PublishError;
use shared::ports::{BadReply, OrderReport, OrderRequest, Placed, SendError, VenueError};
use shared::store::{Attr, Change, Cond, Item, Key, Write, WriteAct};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use super::effects::Call;
use super::outside::{entries, number, text};
use super::phases::{Method, Phase};
use super::scenario::buys;
use super::stream::{Author, Stream};

/// A protocol bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutant {
    /// An order is recorded as `pending` only after it was sent.
    RecordsAfterSend,
    /// An order is never recorded as `pending`.
    RecordsNoIntent,
    /// An order is sent under an id of its own making.
    RandomClientId,
    /// "Not found" is proof at once: the fence is the send time.
    NoFence,
    /// The fence is two seconds.
    FenceOfTwoSeconds,
    /// A -2013 is read as an order that ended.
    AbsentIsEnded,
    /// The submit does not look at `status` and `holds`.
    IgnoresStatus,
    /// A tick is the moment of its arrival.
    TicksOfNow,
    /// A page is published before its incident is on record.
    PagesBeforeMarking,
    /// A page counts as published whatever the topic says.
    MarksWithoutRetry,
    /// A scan ends after its first page.
    ScansOnePage,
    /// Day counters are not written.
    CountersInMemory,
    /// An order without an answer is sent once more.
    SendsAgain,
    /// A cancel is believed before it was sent.
    CancelsBlindly,
    /// Caps are a hundred times what the settings say.
    LoosensCaps,
    /// `TwoPhase` and `DryRun` send at once.
    IgnoresSafetyMode,
    /// What a batch left unprocessed is taken for absent.
    DropsUnprocessed,
    /// Whatever is no clear refusal of the connection is an order that was done.
    TrustsTwoHundred,
    /// A position is put whole, whatever stands there by now.
    PutsPositionsWhole,
    /// A cap is judged without what is on its way.
    CapsIgnoreIntents,
    /// The books are summed in binary floats.
    SumsInFloats,
    /// The rejection gate's count is not written.
    BreakerInMemory,
    /// What the model may cost is not looked at.
    IgnoresBudget,
    /// An answer without a usable form is mended into a trade.
    ReadsLeniently,
    /// A 429 is asked again at once.
    RetriesThrottled,
    /// Signals count as put although they were not.
    DropsSignals,
}

impl Mutant {
    /// Every one.
    pub const ALL: [Mutant; 26] = [
        Mutant::RecordsAfterSend,
        Mutant::RecordsNoIntent,
        Mutant::RandomClientId,
        Mutant::NoFence,
        Mutant::FenceOfTwoSeconds,
        Mutant::AbsentIsEnded,
        Mutant::IgnoresStatus,
        Mutant::TicksOfNow,
        Mutant::PagesBeforeMarking,
        Mutant::MarksWithoutRetry,
        Mutant::ScansOnePage,
        Mutant::CountersInMemory,
        Mutant::SendsAgain,
        Mutant::CancelsBlindly,
        Mutant::LoosensCaps,
        Mutant::IgnoresSafetyMode,
        Mutant::DropsUnprocessed,
        Mutant::TrustsTwoHundred,
        Mutant::PutsPositionsWhole,
        Mutant::CapsIgnoreIntents,
        Mutant::SumsInFloats,
        Mutant::BreakerInMemory,
        Mutant::IgnoresBudget,
        Mutant::ReadsLeniently,
        Mutant::RetriesThrottled,
        Mutant::DropsSignals,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mutant::RecordsAfterSend => "records_after_send",
            Mutant::RecordsNoIntent => "records_no_intent",
            Mutant::RandomClientId => "random_client_id",
            Mutant::NoFence => "no_fence",
            Mutant::FenceOfTwoSeconds => "fence_of_two_seconds",
            Mutant::AbsentIsEnded => "absent_is_ended",
            Mutant::IgnoresStatus => "ignores_status",
            Mutant::TicksOfNow => "ticks_of_now",
            Mutant::PagesBeforeMarking => "pages_before_marking",
            Mutant::MarksWithoutRetry => "marks_without_retry",
            Mutant::ScansOnePage => "scans_one_page",
            Mutant::CountersInMemory => "counters_in_memory",
            Mutant::SendsAgain => "sends_again",
            Mutant::CancelsBlindly => "cancels_blindly",
            Mutant::LoosensCaps => "loosens_caps",
            Mutant::IgnoresSafetyMode => "ignores_safety_mode",
            Mutant::DropsUnprocessed => "drops_unprocessed",
            Mutant::TrustsTwoHundred => "trusts_two_hundred",
            Mutant::PutsPositionsWhole => "puts_positions_whole",
            Mutant::CapsIgnoreIntents => "caps_ignore_intents",
            Mutant::SumsInFloats => "sums_in_floats",
            Mutant::BreakerInMemory => "breaker_in_memory",
            Mutant::IgnoresBudget => "ignores_budget",
            Mutant::ReadsLeniently => "reads_leniently",
            Mutant::RetriesThrottled => "retries_throttled",
            Mutant::DropsSignals => "drops_signals",
        }
    }
}

/// Which call of a scenario's fault-free run a fault befalls, whatever its number is.
#[derive(Debug, Clone, Copy)]
pub enum At {
    /// The first of this method.
    First(Method),
    /// The call just before the first of this method.
    Before(Method),
    /// The call just before the second of this method.
    BeforeSecond(Method),
}

/// A run that shows a bug, and the invariant that catches it there.
#[derive(Debug, Clone, Copy)]
pub struct Catch {
    /// The bug.
    pub mutant: Mutant,
    /// The scenario.
    pub scenario: &'static str,
    /// The one fault of the run.
    pub fault: Option<(At, Phase)>,
    /// The invariant.
    pub invariant: &'static str,
}

const fn shown(
    mutant: Mutant,
    scenario: &'static str,
    fault: Option<(At, Phase)>,
    invariant: &'static str,
) -> Catch {
    Catch { mutant, scenario, fault, invariant }
}

/// For each bug one run.
pub const CATCHES: [Catch; 26] = [
    shown(Mutant::RecordsAfterSend, "entry_market", None, "I2"),
    shown(Mutant::RecordsNoIntent, "entry_market", None, "I2"),
    shown(Mutant::RandomClientId, "entry_market", None, "I2"),
    shown(Mutant::NoFence, "read_lag", Some((At::First(Method::Place), Phase::CrashBefore)), "I19"),
    shown(Mutant::FenceOfTwoSeconds, "read_lag", Some((At::First(Method::Place), Phase::CrashBefore)), "I19"),
    shown(Mutant::AbsentIsEnded, "read_lag", Some((At::First(Method::Place), Phase::GhostSoon)), "BOOKS"),
    shown(
        Mutant::IgnoresStatus,
        "halted_after",
        Some((At::Before(Method::Place), Phase::FrozenPerson)),
        "I13",
    ),
    shown(Mutant::TicksOfNow, "entry_market", None, "I3"),
    shown(Mutant::PagesBeforeMarking, "stale", Some((At::Before(Method::Publish), Phase::Frozen)), "I21"),
    shown(Mutant::MarksWithoutRetry, "stale", Some((At::First(Method::Publish), Phase::Fails)), "I22"),
    shown(Mutant::ScansOnePage, "poisoned", None, "I20"),
    shown(Mutant::CountersInMemory, "entry_market", None, "I9"),
    shown(Mutant::SendsAgain, "entry_market", Some((At::First(Method::Place), Phase::FailsApplied)), "I1"),
    shown(Mutant::CancelsBlindly, "model_closes", None, "BOOKS"),
    shown(Mutant::LoosensCaps, "entry_over_limit", None, "I7"),
    shown(Mutant::IgnoresSafetyMode, "approval_expires", None, "I16"),
    shown(Mutant::DropsUnprocessed, "entry_market", None, "I27"),
    shown(
        Mutant::TrustsTwoHundred,
        "entry_market",
        Some((At::First(Method::Place), Phase::Refused)),
        "BOOKS",
    ),
    shown(
        Mutant::PutsPositionsWhole,
        "closed_by_hand",
        Some((At::BeforeSecond(Method::Place), Phase::FrozenPerson)),
        "HAND",
    ),
    shown(Mutant::CapsIgnoreIntents, "second_entry", None, "I7"),
    shown(Mutant::SumsInFloats, "model_closes", None, "BOOKS"),
    shown(Mutant::BreakerInMemory, "gate_opens", None, "I17"),
    shown(Mutant::IgnoresBudget, "llm_budget", None, "I28"),
    shown(Mutant::ReadsLeniently, "bad_answers", None, "I29"),
    shown(Mutant::RetriesThrottled, "entry_market", Some((At::First(Method::Quote), Phase::Busy)), "I30"),
    shown(Mutant::DropsSignals, "entry_market", None, "I25"),
];

impl At {
    /// Its number in `calls`.
    pub fn number(self, calls: &[Call]) -> Option<usize> {
        let of = |method| calls.iter().enumerate().filter(move |(_, call)| call.method == method);
        let nth = |method, n| of(method).map(|(number, _)| number).nth(n);
        match self {
            At::First(method) => nth(method, 0),
            At::Before(method) => nth(method, 0)?.checked_sub(1),
            At::BeforeSecond(method) => nth(method, 1)?.checked_sub(1),
        }
    }
}

/// Puts one bug in, or none.
pub struct Saboteur {
    mutant: Option<Mutant>,
    held: RefCell<Vec<Vec<Write>>>,
    count: Cell<u32>,
    positions: RefCell<BTreeMap<Key, Item>>,
}

/// What a write does to one attribute of an item.
fn sets(write: &Write, name: &str, value: &str) -> bool {
    let value = Attr::S(value.to_owned());
    match &write.act {
        WriteAct::Put(item) => item.get(name) == Some(&value),
        WriteAct::Update(changes) => changes.iter().any(
            |change| matches!(change, Change::Set(path, attr) if path.head == name && path.rest.is_empty() && *attr == value),
        ),
        WriteAct::Check => false,
    }
}

fn begins_send(write: &Write) -> bool {
    write.key.table == Table::Orders && sets(write, "status", "pending")
}

fn strip(writes: Vec<Write>, drops: impl Fn(&Write, &Cond) -> bool) -> Vec<Write> {
    let keep = |mut write: Write| {
        let conds = std::mem::take(&mut write.conds);
        write.conds = conds.into_iter().filter(|cond| !drops(&write, cond)).collect();
        write
    };
    writes.into_iter().map(keep).collect()
}

fn head(cond: &Cond) -> &str {
    match cond {
        Cond::Absent(path)
        | Cond::Present(path)
        | Cond::Equals(path, _)
        | Cond::Differs(path, _)
        | Cond::AbsentOrBelow(path, _) => &path.head,
    }
}

impl Saboteur {
    /// With this bug, or none.
    pub fn new(mutant: Option<Mutant>) -> Saboteur {
        Saboteur { mutant, held: RefCell::default(), count: Cell::new(0), positions: RefCell::default() }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// A process died: what it had in memory is gone.
    pub fn forget(&self) {
        self.held.borrow_mut().clear();
    }

    /// The tick's minute.
    pub fn scheduled(&self, minute: Timestamp, now: Timestamp) -> Timestamp {
        if self.is(Mutant::TicksOfNow) { now } else { minute }
    }

    /// What was read.
    pub fn after_get(
        &self,
        keys: &[Key],
        mut items: Vec<Option<Item>>,
        stream: &Stream,
    ) -> Vec<Option<Item>> {
        for (key, item) in keys.iter().zip(&mut items) {
            if let Some(item) = item {
                self.bend(key, item);
                self.hide(key, item, stream);
                if key.table == Table::Positions {
                    self.positions.borrow_mut().insert(key.clone(), item.clone());
                }
            }
        }
        if let (true, [_, .., last]) = (self.is(Mutant::DropsUnprocessed), items.as_mut_slice()) {
            *last = None;
        }
        items
    }

    /// Entries that are on their way are not named.
    fn hide(&self, key: &Key, item: &mut Item, stream: &Stream) {
        if !self.is(Mutant::CapsIgnoreIntents) || key.table != Table::TradingState {
            return;
        }
        let under_way = ["pending", "unknown", "open", "partially_filled"];
        let orders = stream
            .scan(Table::Orders)
            .into_iter()
            .filter(|order| text(order, "leg") == "entry" && under_way.contains(&text(order, "status")));
        if let Some(Attr::M(live)) = item.get_mut("live") {
            for order in orders {
                live.remove(text(&order, "order_id"));
            }
        }
    }

    fn bend(&self, key: &Key, item: &mut Item) {
        let fence = match self.mutant {
            Some(Mutant::NoFence) => Some(Millis(0)),
            Some(Mutant::FenceOfTwoSeconds) => Some(Millis::from_secs(2)),
            _ => None,
        };
        if let (Some(fence), Some(Attr::S(sent_at)), true) =
            (fence, item.get("sent_at").cloned(), item.contains_key("fence"))
        {
            let sent_at = Timestamp::parse(&sent_at).unwrap();
            item.insert("fence".to_owned(), Attr::S((sent_at + fence).to_string()));
        }
        if key.table != Table::StrategyConfig {
            return;
        }
        if self.is(Mutant::IgnoresSafetyMode) {
            item.insert("safety_mode".to_owned(), Attr::S("Direct".to_owned()));
        }
        if self.is(Mutant::IgnoresBudget) {
            item.insert("llm_usd_per_day".to_owned(), Attr::N("100000".to_owned()));
        }
        if let (true, Some(Attr::M(limits))) = (self.is(Mutant::LoosensCaps), item.get_mut("limits")) {
            for name in ["max_order_notional", "max_position_abs", "max_daily_orders"] {
                limits.insert(name.to_owned(), Attr::N("100000".to_owned()));
            }
        }
    }

    /// What was scanned.
    pub fn after_scan(&self, mut items: Vec<Item>) -> Vec<Item> {
        if self.is(Mutant::ScansOnePage) {
            items.truncate(1);
        }
        items
    }

    /// What is written; none where nothing is.
    pub fn before_write(&self, writes: Vec<Write>, stream: &Stream) -> Option<Vec<Write>> {
        let Some(mutant) = self.mutant else { return Some(writes) };
        match mutant {
            Mutant::RecordsAfterSend if writes.iter().any(begins_send) => self.hold(writes),
            Mutant::PagesBeforeMarking if writes.iter().any(is_new_incident) => self.hold(writes),
            Mutant::RecordsNoIntent => Some(writes.into_iter().filter(|write| !begins_send(write)).collect()),
            Mutant::IgnoresStatus => Some(strip(writes, |write, cond| {
                write.key.table == Table::TradingState && ["status", "holds"].contains(&head(cond))
            })),
            Mutant::CountersInMemory => {
                Some(writes.into_iter().map(|write| without(write, "exec_day")).collect())
            }
            Mutant::BreakerInMemory => {
                Some(writes.into_iter().map(|write| without(write, "breaker")).collect())
            }
            Mutant::PutsPositionsWhole => Some(writes.into_iter().map(|write| self.whole(write)).collect()),
            Mutant::SumsInFloats => Some(writes.into_iter().map(|write| in_floats(write, stream)).collect()),
            _ => Some(writes),
        }
    }

    /// The position as this process last saw it, with its changes, whatever stands there.
    fn whole(&self, write: Write) -> Write {
        if write.key.table != Table::Positions {
            return write;
        }
        let mut seen = self.positions.borrow_mut();
        let mut item = seen.remove(&write.key).unwrap_or_default();
        match write.act {
            WriteAct::Put(put) => item = put,
            WriteAct::Update(changes) => changes.into_iter().for_each(|change| match change {
                Change::Set(path, value) => drop(item.insert(path.head, value)),
                Change::Remove(path) => drop(item.remove(&path.head)),
            }),
            WriteAct::Check => {}
        }
        seen.insert(write.key.clone(), item.clone());
        Write { act: WriteAct::Put(item), conds: Vec::new(), ..write }
    }

    fn hold(&self, writes: Vec<Write>) -> Option<Vec<Write>> {
        self.held.borrow_mut().push(writes);
        None
    }

    fn flush(&self, stream: &Stream) {
        for writes in self.held.borrow_mut().drain(..) {
            // Whether it still fits, nobody looks: that is the bug.
            stream.write(Author::Invocation(usize::MAX), writes).ok();
        }
    }

    /// The order as it is sent.
    pub fn before_place(&self, order: &OrderRequest) -> OrderRequest {
        let mut order = order.clone();
        if self.is(Mutant::RandomClientId) {
            let count = self.count.get() + 1;
            self.count.set(count);
            order.order_id = OrderId::parse(&format!("random-{count}")).unwrap();
        }
        order
    }

    /// What the caller is told of an order once there is an answer, or none.
    pub fn after_place(
        &self,
        order: &OrderRequest,
        answer: Result<Placed, SendError>,
        stream: &Stream,
        again: impl Fn() -> Result<Placed, SendError>,
    ) -> Result<Placed, SendError> {
        self.flush(stream);
        match (self.mutant, &answer) {
            (Some(Mutant::SendsAgain), Err(SendError::NoAnswer(_))) => again(),
            (Some(Mutant::TrustsTwoHundred), Err(SendError::NoAnswer(_) | SendError::Refused { .. })) => {
                Ok(done(order))
            }
            _ => answer,
        }
    }

    /// Whether the venue is asked again although it asked for a wait.
    pub fn asks_again<R>(&self, answer: &Result<R, VenueError>) -> bool {
        self.is(Mutant::RetriesThrottled) && matches!(answer, Err(VenueError::Throttled { .. }))
    }

    /// What the model is understood to have said.
    pub fn after_answer(&self, said: Result<Value, BadReply>) -> Result<Value, BadReply> {
        match &said {
            Ok(answer) if answer.get("stop").is_none() => said,
            _ if !self.is(Mutant::ReadsLeniently) => said,
            _ => Ok(buys("0.01").input(None)),
        }
    }

    /// Whether signals stay where they are.
    pub fn drops_signals(&self) -> bool {
        self.is(Mutant::DropsSignals)
    }

    /// What is said of a cancel that is not sent.
    pub fn instead_of_cancel(
        &self,
        order: impl Fn() -> Result<Option<OrderReport>, VenueError>,
    ) -> Option<Result<OrderReport, SendError>> {
        if !self.is(Mutant::CancelsBlindly) {
            return None;
        }
        let report = order().ok().flatten()?;
        Some(Ok(OrderReport { ended: Some(Ended::Cancelled), ..report }))
    }

    /// What is said of an order that is asked for.
    pub fn after_order(
        &self,
        found: Result<Option<OrderReport>, VenueError>,
        absent: impl Fn() -> OrderReport,
    ) -> Result<Option<OrderReport>, VenueError> {
        match found {
            Ok(None) if self.is(Mutant::AbsentIsEnded) => Ok(Some(absent())),
            found => found,
        }
    }

    /// What is said of a page.
    pub fn after_publish(
        &self,
        answer: Result<(), PublishError>,
        stream: &Stream,
    ) -> Result<(), PublishError> {
        self.flush(stream);
        if self.is(Mutant::MarksWithoutRetry) { Ok(()) } else { answer }
    }
}

fn is_new_incident(write: &Write) -> bool {
    write.key.table == Table::Incidents && matches!(write.act, WriteAct::Put(_))
}

/// A write that leaves one attribute of the state as it is.
fn without(mut write: Write, name: &str) -> Write {
    if let (Table::TradingState, WriteAct::Update(changes)) = (write.key.table, &mut write.act) {
        changes.retain(|change| match change {
            Change::Set(path, _) | Change::Remove(path) => path.head != name,
        });
    }
    write
}

/// What was recorded of each asset plus what is recorded now, added as floats.
fn in_floats(mut write: Write, stream: &Stream) -> Write {
    let before = stream.get(std::slice::from_ref(&write.key)).unwrap_or_default().pop().flatten();
    let fills = before.map(|item| entries(&item, "fills")).unwrap_or_default();
    if let (Table::Ledgers, WriteAct::Update(changes)) = (write.key.table, &mut write.act) {
        for change in changes {
            let Change::Set(path, Attr::N(sum)) = change else { continue };
            let [asset] = path.rest.as_slice() else { continue };
            let (exact, had) = (sum.parse::<Decimal>().unwrap(), number(&fills, asset));
            let float = |value: Decimal| value.to_string().parse::<f64>().unwrap();
            *sum = (float(had) + float(exact - had)).to_string();
        }
    }
    write
}

/// What a venue's empty answer is taken for: all of it was done.
fn done(order: &OrderRequest) -> Placed {
    let report = OrderReport {
        client_id: order.order_id.to_string(),
        venue_id: "0".to_owned(),
        symbol: order.symbol.clone(),
        side: order.side,
        quantity: order.quantity,
        executed: order.quantity,
        ended: Some(Ended::Filled),
    };
    Placed { report, trades: Vec::new() }
}
