//! The harness's own test: known protocol bugs, each put in between a function and its ports. No function
//! knows of them; every one must be caught by a named invariant.

use std::cell::{Cell, RefCell};

use shared::ids::OrderId;
use shared::order::Ended;
use shared::page::PublishError;
use shared::ports::{OrderReport, OrderRequest, Placed, SendError, VenueError};
use shared::store::{Attr, Change, Cond, Item, Key, Write, WriteAct};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use super::effects::Call;
use super::phases::{Method, Phase};
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
}

impl Mutant {
    /// Every one.
    pub const ALL: [Mutant; 16] = [
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
pub const CATCHES: [Catch; 16] = [
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
];

impl At {
    /// Its number in `calls`.
    pub fn number(self, calls: &[Call]) -> Option<usize> {
        let first = |method| calls.iter().position(|call| call.method == method);
        match self {
            At::First(method) => first(method),
            At::Before(method) => first(method)?.checked_sub(1),
        }
    }
}

/// Puts one bug in, or none.
pub struct Saboteur {
    mutant: Option<Mutant>,
    held: RefCell<Vec<Vec<Write>>>,
    count: Cell<u32>,
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
        Saboteur { mutant, held: RefCell::default(), count: Cell::new(0) }
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
    pub fn after_get(&self, keys: &[Key], mut items: Vec<Option<Item>>) -> Vec<Option<Item>> {
        for (key, item) in keys.iter().zip(&mut items) {
            if let Some(item) = item {
                self.bend(key, item);
            }
        }
        items
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
    pub fn before_write(&self, writes: Vec<Write>) -> Option<Vec<Write>> {
        let Some(mutant) = self.mutant else { return Some(writes) };
        match mutant {
            Mutant::RecordsAfterSend if writes.iter().any(begins_send) => self.hold(writes),
            Mutant::PagesBeforeMarking if writes.iter().any(is_new_incident) => self.hold(writes),
            Mutant::RecordsNoIntent => Some(writes.into_iter().filter(|write| !begins_send(write)).collect()),
            Mutant::IgnoresStatus => Some(strip(writes, |write, cond| {
                write.key.table == Table::TradingState && ["status", "holds"].contains(&head(cond))
            })),
            Mutant::CountersInMemory => Some(writes.into_iter().map(without_counters).collect()),
            _ => Some(writes),
        }
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
        answer: Result<Placed, SendError>,
        stream: &Stream,
        again: impl Fn() -> Result<Placed, SendError>,
    ) -> Result<Placed, SendError> {
        self.flush(stream);
        match (self.mutant, &answer) {
            (Some(Mutant::SendsAgain), Err(SendError::NoAnswer(_))) => again(),
            _ => answer,
        }
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

fn without_counters(mut write: Write) -> Write {
    if let (Table::TradingState, WriteAct::Update(changes)) = (write.key.table, &mut write.act) {
        changes.retain(|change| match change {
            Change::Set(path, _) | Change::Remove(path) => path.head != "exec_day",
        });
    }
    write
}
