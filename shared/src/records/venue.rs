//! What every function must know of a venue before it calls it: `venue#{venue}#{egress}` of `tradai-ledgers`.
//!
//! Venues count weight and ban by address, so the key has the address from which this stage calls (`egress`).
//! Whoever has something to tell first puts [`first`]; after that each write sets its own attributes.
//!
//! A tick reads it in the batch that reads its shard, and writes it only when there is something to tell: a
//! wait, a clock that is apart, more than half of the limit used (once a minute), and the counts of calls, which
//! are exact of what was slow or failed and of the rest a sample ([`sampled`]).

use crate::ids::{Egress, VenueId};
use crate::records::attrs::{Draft, list, number, time};
use crate::records::fields::{Corrupt, Fields, Found, FromText, Problem, Read};
use crate::store::{Attr, Change, Cond, Item, Key, Path, Write};
use crate::tables::{Function, Table};
use crate::time::{Millis, Timestamp};

/// How long one window of counts is.
pub const WINDOW: Millis = Millis::from_minutes(5);
/// Most windows kept: a quarter of an hour, and the one that has begun.
const MOST_WINDOWS: usize = 4;

/// Where each attribute is.
pub mod path {
    use crate::records::attrs::paths;
    use crate::tables::Function;

    paths!(not_before, banned_until, clock, used);

    /// The counts of one function.
    pub fn calls(function: Function) -> crate::store::Path {
        crate::store::Path::of(super::calls_of(function))
    }
}

/// How far a venue's clock is from ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// The venue's time less ours.
    pub by: Millis,
    /// When it was measured, by our clock.
    pub measured_at: Timestamp,
}

/// Request weight used in a minute, by everything behind one address. Later minutes are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Used {
    /// The minute, counted from the epoch.
    pub minute: i64,
    /// The weight.
    pub weight: u32,
}

/// What binds the calls of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Nobody calls before.
    pub not_before: Option<Timestamp>,
    /// Until when that is a ban.
    pub banned_until: Option<Timestamp>,
    /// How far its clock is apart, where that matters.
    pub clock: Option<ClockOffset>,
    /// The last heavy use.
    pub used: Option<Used>,
}

/// Calls of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub calls: u32,
    /// Those that the venue failed to serve.
    pub errors: u32,
    /// Those that took more than a second.
    pub slow: u32,
}

/// The calls of one window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// What was counted.
    pub tally: Tally,
}

/// The item of a venue.
pub fn key(venue: &VenueId, egress: &Egress) -> Key {
    Key { table: Table::Ledgers, hash: format!("venue#{venue}#{egress}"), range: None }
}

/// The item before anything was told: the map that heartbeat notes its episodes in, and nothing else.
pub fn first(key: Key) -> Write {
    let item = empty(&key).item();
    Write::put_if_absent(key, item)
}

fn empty(key: &Key) -> Draft {
    Draft::under(key.clone()).with("episodes", Attr::M(Item::new()))
}

/// What binds the calls of an invocation.
pub fn facts(item: &Item) -> Result<Facts, Corrupt> {
    let fields = Fields::of(Table::Ledgers, item);
    Ok(Facts {
        not_before: fields.maybe("not_before", Found::word)?,
        banned_until: fields.maybe("banned_until", Found::word)?,
        clock: fields.maybe("clock", clock)?,
        used: fields.maybe("used", used)?,
    })
}

fn clock(found: Found<'_>) -> Read<ClockOffset> {
    let fields = found.fields()?;
    Ok(ClockOffset {
        by: Millis(fields.need("by_ms", Found::number)?),
        measured_at: fields.need("measured_at", Found::word)?,
    })
}

fn used(found: Found<'_>) -> Read<Used> {
    let fields = found.fields()?;
    let minute: Timestamp = fields.need("minute", Found::word)?;
    Ok(Used { minute: minute.minute_number(), weight: fields.need("weight", Found::number)? })
}

/// The windows of every function, as far as they can be read.
pub fn windows(item: &Item) -> Result<Vec<Window>, Corrupt> {
    let mut all = Vec::new();
    for function in Function::ALL {
        all.extend(windows_of(item, function)?);
    }
    Ok(all)
}

fn windows_of(item: &Item, function: Function) -> Result<Vec<Window>, Corrupt> {
    let read = Fields::of(Table::Ledgers, item).maybe(calls_of(function), |found| found.list(window))?;
    Ok(read.into_iter().flatten().collect())
}

fn window(found: Found<'_>) -> Read<Window> {
    let fields = found.fields()?;
    let count = |name: &str| fields.need(name, Found::number);
    let tally = Tally { calls: count("calls")?, errors: count("errors")?, slow: count("slow")? };
    Ok(Window { from: fields.need("from", Found::word)?, tally })
}

fn window_attr(window: &Window) -> Attr {
    let Tally { calls, errors, slow } = window.tally;
    let draft = Draft::new().with("from", time(window.from)).with("calls", number(calls));
    draft.with("errors", number(errors)).with("slow", number(slow)).map()
}

const fn calls_of(function: Function) -> &'static str {
    match function {
        Function::Decide => "calls_decide",
        Function::Execute => "calls_execute",
        Function::Heartbeat => "calls_heartbeat",
        Function::Reconcile => "calls_reconcile",
    }
}

/// Nobody calls `venue` before `until`, because of a ban or not; a later time that stands already stays, and with it
/// its reason: a ban that ends before it is not told apart.
pub fn wait_until(key: Key, until: Timestamp, is_ban: bool) -> Write {
    let (path, at) = (path::not_before(), whole_seconds(until));
    let conds = vec![exists(), Cond::AbsentOrBelow(path.clone(), at.clone())];
    let ban = is_ban.then(|| Change::Set(path::banned_until(), at.clone()));
    Write::update(key, ban.into_iter().chain([Change::Set(path, at)]).collect(), conds)
}

/// The same where there is no item yet: one write, since a process that dies between two would leave nobody who waits.
pub fn first_waiting(key: Key, until: Timestamp, is_ban: bool) -> Write {
    let (draft, at) = (empty(&key), whole_seconds(until));
    let item = draft.with("not_before", at.clone()).maybe("banned_until", is_ban.then_some(at)).item();
    Write::put_if_absent(key, item)
}

/// Rounded up: as texts, times with and without milliseconds do not sort.
fn whole_seconds(until: Timestamp) -> Attr {
    time(Timestamp::from_millis(until.as_secs().saturating_add(1).saturating_mul(1_000)))
}

/// How far the venue's clock is apart, or that it no longer is. The last measurement counts.
pub fn set_clock(key: Key, clock: Option<ClockOffset>) -> Write {
    let attr = |clock: ClockOffset| {
        let draft = Draft::new().with("by_ms", number(clock.by.0));
        draft.with("measured_at", time(clock.measured_at)).map()
    };
    let change = match clock {
        Some(clock) => Change::Set(path::clock(), attr(clock)),
        None => Change::Remove(path::clock()),
    };
    Write::update(key, vec![change], vec![exists()])
}

/// The weight used in a minute. Whoever is last counts: an answer of the venue corrects whatever stands.
pub fn set_used(key: Key, used: Used) -> Write {
    let minute = Timestamp::from_millis(Millis::from_minutes(used.minute).0);
    let attr = Draft::new().with("minute", time(minute)).with("weight", number(used.weight)).map();
    Write::update(key, vec![Change::Set(path::used(), attr)], vec![exists()])
}

fn exists() -> Cond {
    Cond::Present(Path::of(Table::Ledgers.hash_key()))
}

/// What an invocation of the minute `at` adds to the counts; nothing for most.
///
/// What was slow or failed is always counted, once. Calls are counted in the first minute of every window, for
/// all of the window's invocations: the others write nothing while nothing is wrong.
pub fn sampled(tally: Tally, function: Function, at: Timestamp) -> Option<Tally> {
    let minutes = WINDOW.0 / Millis::from_minutes(1).0;
    let is_first = at.minute_number().rem_euclid(minutes) == 0;
    let invocations = u32::try_from(minutes / function.period_minutes()).unwrap_or(1).max(1);
    let calls = if is_first { tally.calls.saturating_mul(invocations) } else { 0 };
    let told = Tally { calls, ..tally };
    (told != Tally::default()).then_some(told)
}

/// Adds counts to those that stand in `item`, on condition that they still do.
pub fn add_calls(
    key: Key,
    item: Option<&Item>,
    function: Function,
    at: Timestamp,
    more: Tally,
) -> Result<Write, Corrupt> {
    let path = path::calls(function);
    let standing = item.and_then(|item| item.get(calls_of(function)));
    let cond = match standing {
        Some(attr) => Cond::Equals(path.clone(), attr.clone()),
        None => Cond::Absent(path.clone()),
    };
    let windows = match item {
        Some(item) => windows_of(item, function)?,
        None => Vec::new(),
    };
    let attr = list(&added(windows, at, more), window_attr);
    Ok(Write::update(key, vec![Change::Set(path, attr)], vec![exists(), cond]))
}

/// The newest first, at most [`MOST_WINDOWS`].
fn added(mut windows: Vec<Window>, at: Timestamp, more: Tally) -> Vec<Window> {
    let from = Timestamp::from_millis(at.as_millis().saturating_sub(at.as_millis().rem_euclid(WINDOW.0)));
    match windows.iter_mut().find(|window| window.from == from) {
        Some(window) => {
            let Tally { calls, errors, slow } = window.tally;
            window.tally = Tally {
                calls: calls.saturating_add(more.calls),
                errors: errors.saturating_add(more.errors),
                slow: slow.saturating_add(more.slow),
            };
        }
        None => windows.push(Window { from, tally: more }),
    }
    windows.sort_by_key(|window| std::cmp::Reverse(window.from));
    windows.truncate(MOST_WINDOWS);
    windows
}

/// What is wrong with an item of a venue, if anything.
pub fn damage(item: &Item) -> Option<Corrupt> {
    let named = Fields::of(Table::Ledgers, item).need("ledger_id", Found::word::<VenueKey>).err();
    named.or_else(|| facts(item).err()).or_else(|| windows(item).err())
}

struct VenueKey;

impl FromText for VenueKey {
    fn from_text(text: &str) -> Result<VenueKey, Problem> {
        let parts: Vec<&str> = text.split('#').collect();
        match parts.as_slice() {
            ["venue", venue, egress] if VenueId::parse(venue).is_ok() && Egress::parse(egress).is_ok() => {
                Ok(VenueKey)
            }
            _ => Err(Problem::BadValue {
                value: text.to_owned(),
                why: "not venue#{venue}#{egress}".to_owned(),
            }),
        }
    }
}

/// Every attribute, for tests and checkers that need a whole item.
#[cfg(test)]
pub(crate) fn sample() -> Item {
    let at = Timestamp::from_millis(1_677_672_000_000);
    let window = Window { from: at, tally: Tally { calls: 40, errors: 1, slow: 2 } };
    let key = key(&VenueId::parse("binance").unwrap(), &Egress::default());
    let draft = Draft::under(key.clone()).with("not_before", time(at)).with("banned_until", time(at));
    let mut item = draft.with("episodes", Attr::M(Item::new())).item();
    let writes = [
        set_clock(key.clone(), Some(ClockOffset { by: Millis(-6_000), measured_at: at })),
        set_used(key, Used { minute: at.minute_number(), weight: 3_200 }),
    ];
    for write in writes {
        if let crate::store::WriteAct::Update(changes) = write.act {
            for change in changes {
                if let Change::Set(Path { head, .. }, attr) = change {
                    item.insert(head, attr);
                }
            }
        }
    }
    for function in [Function::Decide, Function::Execute, Function::Reconcile] {
        item.insert(calls_of(function).to_owned(), list(&[window], window_attr));
    }
    item
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests {
    use super::*;
    use crate::store::{ReadTables, WriteTables};
    use crate::testkit::at_once;
    use crate::testkit::memory::MemoryStore;

    fn here() -> Key {
        key(&VenueId::parse("binance").unwrap(), &Egress::default())
    }
    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }
    fn item(store: &MemoryStore) -> Item {
        at_once(store.get(&[here()])).unwrap().pop().flatten().unwrap()
    }

    #[test]
    fn the_longest_wait_stands() {
        let store = MemoryStore::default();
        at_once(store.write(vec![first(here())])).unwrap();
        at_once(store.write(vec![wait_until(here(), at(20), true)])).unwrap();
        assert!(at_once(store.write(vec![wait_until(here(), at(10), false)])).is_err());
        assert_eq!(facts(&item(&store)).unwrap().not_before, Some(at(21)));
        at_once(store.write(vec![wait_until(here(), at(30), false)])).unwrap();
        let told = facts(&item(&store)).unwrap();
        assert_eq!((told.not_before, told.banned_until), (Some(at(31)), Some(at(21))));
    }

    #[test]
    fn clock_and_weight_are_read_as_they_were_written() {
        let store = MemoryStore::default();
        at_once(store.write(vec![first(here())])).unwrap();
        let clock = ClockOffset { by: Millis(-6_000), measured_at: at(20) };
        let used = Used { minute: 7, weight: 3_001 };
        at_once(store.write(vec![set_clock(here(), Some(clock))])).unwrap();
        at_once(store.write(vec![set_used(here(), used)])).unwrap();
        assert_eq!(
            facts(&item(&store)),
            Ok(Facts { clock: Some(clock), used: Some(used), ..Facts::default() })
        );
        at_once(store.write(vec![set_clock(here(), None)])).unwrap();
        assert_eq!(facts(&item(&store)).unwrap().clock, None);
        assert_eq!(damage(&item(&store)), None);
    }

    #[test]
    fn a_quiet_minute_writes_nothing_and_a_slow_call_is_always_counted() {
        let quiet = Tally { calls: 3, errors: 0, slow: 0 };
        let slow = Tally { slow: 1, ..quiet };
        assert_eq!(sampled(quiet, Function::Decide, at(60)), None);
        assert_eq!(sampled(slow, Function::Decide, at(60)), Some(Tally { calls: 0, ..slow }));
        assert_eq!(sampled(quiet, Function::Decide, at(300)), Some(Tally { calls: 15, ..quiet }));
        assert_eq!(sampled(quiet, Function::Reconcile, at(300)), Some(quiet));
        assert_eq!(sampled(Tally::default(), Function::Execute, at(300)), None);
    }

    #[test]
    fn counts_are_kept_by_window_and_a_lost_write_is_noticed() {
        let store = MemoryStore::default();
        at_once(store.write(vec![first(here())])).unwrap();
        let more = Tally { calls: 20, errors: 1, slow: 1 };
        for secs in [0, 60, 300, 600, 900, 1_200] {
            let now = at_once(store.get(&[here()])).unwrap().pop().flatten();
            let write = add_calls(here(), now.as_ref(), Function::Execute, at(secs), more).unwrap();
            at_once(store.write(vec![write.clone()])).unwrap();
            assert!(at_once(store.write(vec![write])).is_err(), "counted twice");
        }
        let windows = windows(&item(&store)).unwrap();
        assert_eq!(
            windows.iter().map(|window| window.from.as_secs()).collect::<Vec<_>>(),
            [1_200, 900, 600, 300]
        );
        assert_eq!(windows[3].tally, more);
    }
}
