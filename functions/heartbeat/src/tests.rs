//! Heartbeat as a whole, over the store in memory: time passes, faults happen, and people are told once.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use shared::gauge::{PutSignals, PutSignalsError, Reading};
use shared::ids::{AccountId, Env, ProviderId, StrategyId};
use shared::page::{Message, Publish, PublishError};
use shared::ports::{Clock, Line, Log, ReadTables, ScanTables, WriteTables};
use shared::records::llm::{Cause, LlmLedger, Minute, Resumed, Unusable};
use shared::records::{self, AccountLedger, Shard};
use shared::signal::Signal;
use shared::state::{Alert, ExecDay, ExecMinute, Live, StrategyState};
use shared::status::Status;
use shared::store::{Attr, Change, Item, Key, Order, Path, ReadError, Write, WriteError};
use shared::tables::{Names, PREFIX, Table, Topic};
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::report::{Failed, Report};
use crate::{Ports, handle};

/// The world of one test.
struct World {
    store: MemoryStore,
    now: Cell<Timestamp>,
    sent: RefCell<Vec<Message>>,
    readings: RefCell<BTreeMap<Signal, String>>,
    sns_is_down: Cell<bool>,
    /// Writes and publishes that still happen; after that the invocation has crashed.
    acts_left: Cell<u32>,
    unreadable: Cell<Option<Table>>,
    /// Runs once, just before the next publish: another invocation at the same moment.
    meanwhile: Cell<bool>,
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
fn noon() -> Timestamp {
    at("2023-03-01T12:00:00Z")
}
fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}
fn names() -> Names {
    Names { prefix: PREFIX.into(), env: Env::parse("dev").unwrap() }
}

impl World {
    /// One running strategy in one shard, with every beat at noon.
    fn new() -> World {
        World::with(&[demo()])
    }
    fn with(strategies: &[StrategyId]) -> World {
        let world = World {
            store: MemoryStore::new(),
            now: Cell::new(noon()),
            sent: RefCell::default(),
            readings: RefCell::default(),
            sns_is_down: Cell::new(false),
            acts_left: Cell::new(u32::MAX),
            unreadable: Cell::new(None),
            meanwhile: Cell::new(false),
        };
        let shard = Shard { shard: 0, strategies: strategies.to_vec() };
        world.store.plant(records::shard::key(0), records::shard::encode(&shard));
        for id in strategies {
            world.put(id, |_| {});
        }
        world
    }
    /// Puts a strategy anew, with every beat at the present time.
    fn put(&self, id: &StrategyId, change: impl FnOnce(&mut StrategyState)) {
        let mut state = StrategyState::first(id.clone(), Status::Running, self.now.get());
        state.last_reconciled_at = Some(self.now.get());
        change(&mut state);
        self.store.plant(records::state::key(id), records::state::encode(&state));
    }
    fn set(&self, id: &StrategyId, path: &str, attr: Attr) {
        let mut item = self.item(&records::state::key(id));
        item.insert(path.to_owned(), attr);
        self.store.plant(records::state::key(id), item);
    }
    fn item(&self, key: &Key) -> Item {
        self.store.snapshot().get(key).cloned().unwrap()
    }
    /// Every beat is now.
    fn beat(&self) {
        let now = Attr::S(self.now.get().to_string());
        for name in ["last_heartbeat", "last_decided_at", "last_executed_at", "last_reconciled_at"] {
            self.set(&demo(), name, now.clone());
        }
    }
    fn pass(&self, span: Millis) {
        self.now.set(self.now.get() + span);
    }
    fn run(&self) -> Result<Report, Failed> {
        let ports = Ports { tables: self, publish: self, gauge: self, clock: self, log: self };
        let tick = Tick { shard: 0, of: 1, scheduled_at: self.now.get().minute() };
        at_once(handle(tick, &names(), &ports))
    }
    fn minutes(&self, count: u32) {
        for _ in 0..count {
            self.pass(Millis::from_minutes(1));
            self.run().unwrap();
        }
    }
    fn may_act(&self) -> bool {
        let left = self.acts_left.get();
        self.acts_left.set(left.saturating_sub(1));
        left > 0
    }
    fn subjects(&self) -> Vec<String> {
        self.sent.borrow().iter().map(Message::subject_line).collect()
    }
    fn count(&self, word: &str) -> usize {
        self.subjects().iter().filter(|subject| subject.starts_with(word)).count()
    }
    fn signal(&self, signal: Signal) -> Option<String> {
        self.readings.borrow().get(&signal).cloned()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}
impl Log for World {
    fn write(&self, _line: Line) {}
}
impl Publish for World {
    async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        if self.meanwhile.replace(false) {
            self.run().unwrap();
        }
        if self.sns_is_down.get() || !self.may_act() {
            return Err(PublishError::NotDone("down".into()));
        }
        self.sent.borrow_mut().push(message.clone());
        Ok(())
    }
}
impl PutSignals for World {
    async fn put(&self, _at: Timestamp, readings: &[Reading]) -> Result<(), PutSignalsError> {
        *self.readings.borrow_mut() =
            readings.iter().map(|one| (one.signal, one.value.normalize().to_string())).collect();
        Ok(())
    }
}
impl ReadTables for World {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        self.store.get(keys).await
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.store.query(table, hash, prefix, order, limit).await
    }
}
impl ScanTables for World {
    async fn scan(&self, table: Table) -> Result<Vec<Item>, ReadError> {
        if self.unreadable.get() == Some(table) {
            return Err(ReadError::Unavailable("throttled".into()));
        }
        self.store.scan(table).await
    }
}
impl WriteTables for World {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if !self.may_act() {
            return Err(WriteError::NoAnswer("crashed".into()));
        }
        self.store.write(writes).await
    }
}

#[test]
fn a_beat_is_fresh_at_120_seconds_and_stale_at_121() {
    for (age, stale) in [(119, 0), (120, 0), (121, 1)] {
        let world = World::new();
        world.pass(Millis::from_secs(age));
        let report = world.run().unwrap();
        assert_eq!((report.active, report.stale, report.alerts_sent), (1, stale, stale), "{age} s");
    }
}

#[test]
fn the_times_of_decide_execute_and_reconcile_have_limits_of_their_own() {
    for (name, age, stale) in [
        ("last_decided_at", 180, 0),
        ("last_decided_at", 181, 1),
        ("last_executed_at", 181, 1),
        ("last_reconciled_at", 900, 0),
        ("last_reconciled_at", 901, 1),
    ] {
        let world = World::new();
        let old = noon() - Millis::from_secs(age);
        world.set(&demo(), name, Attr::S(old.to_string()));
        assert_eq!(world.run().unwrap().stale, stale, "{name} {age}");
    }
}

#[test]
fn a_missing_null_or_unreadable_beat_is_stale() {
    for attr in
        [Attr::Null, Attr::S("yesterday".into()), Attr::N("1".into()), Attr::S("2099-01-01T00:00:00Z".into())]
    {
        let world = World::new();
        world.set(&demo(), "last_heartbeat", attr);
        assert_eq!(world.run().unwrap().stale, 1);
        assert_eq!(world.subjects(), ["[page] heartbeat-stale demo (dev)"]);
    }
    let world = World::new();
    let mut item = world.item(&records::state::key(&demo()));
    item.remove("last_heartbeat");
    world.store.plant(records::state::key(&demo()), item);
    assert_eq!(world.run().unwrap().stale, 1);
}

#[test]
fn a_strategy_that_was_never_reconciled_has_fifteen_minutes() {
    let world = World::new();
    world.put(&demo(), |state| state.last_reconciled_at = None);
    world.run().unwrap();
    assert!(world.subjects().is_empty());
    let seq = Attr::N((noon().as_secs() - 901).to_string());
    world.set(&demo(), "intent_seq", seq);
    world.run().unwrap();
    assert_eq!(world.count("[page] heartbeat-stale"), 1);
}

#[test]
fn several_stale_beats_of_one_strategy_are_one_page_that_names_them_all() {
    let world = World::new();
    world.pass(Millis::from_secs(200));
    world.run().unwrap();
    let body = world.sent.borrow()[0].body.clone();
    for name in ["last_heartbeat", "last_decided_at", "last_executed_at"] {
        assert!(body.contains(name), "{body}");
    }
    assert_eq!(world.sent.borrow().len(), 1);
}

#[test]
fn an_hour_of_silence_is_one_page_reminders_and_one_recovery() {
    let world = World::new();
    world.pass(Millis::from_secs(121));
    world.run().unwrap();
    world.minutes(125);
    assert_eq!((world.count("[page]"), world.count("[reminder]")), (1, 2));
    world.beat();
    world.minutes(1);
    for _ in 0..5 {
        world.pass(Millis::from_minutes(1));
        world.beat();
        world.run().unwrap();
    }
    assert_eq!((world.count("[page]"), world.count("[reminder]"), world.count("[recovered]")), (1, 2, 1));
}

#[test]
fn what_recovers_and_fails_again_is_a_new_page_even_with_the_same_beat() {
    let world = World::new();
    world.pass(Millis::from_secs(130));
    world.run().unwrap();
    world.set(&demo(), "status", Attr::S("stopped".into()));
    world.minutes(2);
    world.set(&demo(), "status", Attr::S("running".into()));
    world.minutes(2);
    assert_eq!((world.count("[page]"), world.count("[recovered]")), (2, 1));
}

#[test]
fn two_heartbeats_at_once_send_one_page_and_one_recovery() {
    let world = World::new();
    world.pass(Millis::from_secs(130));
    world.meanwhile.set(true);
    world.run().unwrap();
    assert_eq!(world.count("[page]"), 1);
    world.pass(Millis::from_minutes(2));
    world.beat();
    world.meanwhile.set(true);
    world.run().unwrap();
    world.minutes(1);
    assert_eq!((world.count("[page]"), world.count("[recovered]")), (1, 1));
}

/// An invocation that ends after any of its acts (record, publish, mark): the page comes, at most twice, and
/// so does the recovery.
#[test]
fn a_crash_at_any_point_loses_no_page() {
    for acts in 0..6 {
        let world = World::new();
        world.pass(Millis::from_secs(130));
        world.acts_left.set(acts);
        let crashed = world.run();
        world.acts_left.set(u32::MAX);
        world.minutes(3);
        let pages = world.count("[page]");
        assert!((1..=2).contains(&pages), "{pages} pages after a crash at act {acts}");
        assert_eq!(crashed.is_err(), acts < 3, "act {acts}");
        assert_eq!(pages == 2, acts == 2, "only a page whose mark is missing comes twice");
        world.beat();
        world.pass(Millis::from_minutes(1));
        world.beat();
        world.acts_left.set(acts);
        drop(world.run());
        world.acts_left.set(u32::MAX);
        for _ in 0..3 {
            world.pass(Millis::from_minutes(1));
            world.beat();
            world.run().unwrap();
        }
        assert!((1..=2).contains(&world.count("[recovered]")), "crash at act {acts}");
        assert_eq!(world.count("[page]"), pages);
    }
}

#[test]
fn a_page_that_sns_refuses_for_five_minutes_goes_out_once_afterwards() {
    let world = World::new();
    world.sns_is_down.set(true);
    world.pass(Millis::from_secs(130));
    assert!(world.run().is_err());
    for minute in 1..=5 {
        world.pass(Millis::from_minutes(1));
        assert!(world.run().is_err());
        let expected = if minute > 3 { "1" } else { "0" };
        assert_eq!(world.signal(Signal::PagesUndelivered).as_deref(), Some(expected), "minute {minute}");
    }
    world.sns_is_down.set(false);
    world.minutes(3);
    assert_eq!(world.count("[page]"), 1);
    assert_eq!(world.signal(Signal::PagesUndelivered).as_deref(), Some("0"));
}

#[test]
fn a_page_that_never_went_out_is_sent_although_its_fact_has_gone() {
    let world = World::new();
    world.sns_is_down.set(true);
    world.pass(Millis::from_secs(130));
    assert!(world.run().is_err());
    world.sns_is_down.set(false);
    world.pass(Millis::from_minutes(1));
    world.beat();
    world.run().unwrap();
    assert_eq!(
        world.subjects(),
        ["[page] heartbeat-stale demo (dev)", "[recovered] heartbeat-stale demo (dev)"]
    );
}

#[test]
fn a_stopped_strategy_is_watched_only_while_something_of_it_lives() {
    let world = World::new();
    world.put(&demo(), |state| state.status = Status::Stopped);
    world.pass(Millis::from_minutes(30));
    assert_eq!(world.run().unwrap().active, 0);
    assert!(world.subjects().is_empty());
    let world = World::new();
    world.put(&demo(), |state| {
        state.status = Status::Stopped;
        state.live.insert("demo.1677628800".into(), Live::Position);
    });
    world.pass(Millis::from_minutes(30));
    world.run().unwrap();
    assert_eq!(world.count("[page] heartbeat-stale"), 1);
}

#[test]
fn a_damaged_item_pages_for_itself_while_the_others_are_judged() {
    let other = StrategyId::parse("other").unwrap();
    let world = World::with(&[demo(), other.clone()]);
    world.set(&demo(), "status", Attr::S("Running".into()));
    world.set(&demo(), "breaker", Attr::Null);
    world.set(&other, "last_heartbeat", Attr::S("2023-03-01T11:00:00Z".into()));
    let report = world.run().unwrap();
    assert_eq!((report.active, report.stale), (2, 1));
    let mut subjects = world.subjects();
    subjects.sort();
    assert_eq!(subjects, ["[page] heartbeat-stale other (dev)", "[page] item-damaged demo (dev)"]);
    let bodies: String = world.sent.borrow().iter().map(|message| message.body.clone()).collect();
    assert!(bodies.contains("status: unknown value"), "{bodies}");
}

/// Nothing protects such a strategy until somebody has mended it.
#[test]
fn a_state_that_execute_cannot_work_with_pages_at_the_first_check_and_names_the_attribute() {
    for name in ["live", "send_seq", "exec_day", "breaker", "holds"] {
        for damage in [Attr::Null, Attr::S("Running".into())] {
            let world = World::new();
            world.set(&demo(), name, damage);
            world.run().unwrap();
            assert_eq!(world.subjects(), ["[page] item-damaged demo (dev)"], "{name}");
            let body = world.sent.borrow()[0].body.clone();
            assert!(body.contains("demo") && body.contains(&format!("{name}: ")), "{body}");
        }
    }
}

#[test]
fn an_item_without_room_for_episodes_still_pages_once() {
    let world = World::new();
    world.set(&demo(), "episodes", Attr::Null);
    world.run().unwrap();
    world.minutes(1);
    assert_eq!(world.subjects(), ["[page] item-damaged demo (dev)"]);
}

#[test]
fn a_strategy_in_no_shard_is_reported_as_a_notice() {
    let world = World::new();
    world.put(&StrategyId::parse("lost").unwrap(), |_| {});
    world.run().unwrap();
    assert_eq!(world.subjects(), ["[warn] strategy-unsharded lost (dev)"]);
    assert_eq!(world.sent.borrow()[0].topic, Topic::Notifications);
}

#[test]
fn alerts_of_strategies_and_accounts_page_once_each_and_recover() {
    let world = World::new();
    let alert = Alert { since: noon(), key: "BTC".into(), detail: "books 1, venue 2".into() };
    let mut ledger = AccountLedger::first(AccountId::parse("main").unwrap());
    ledger.alerts.insert("reconcile-drift".into(), alert.clone());
    let key = records::account::key(&ledger.account);
    world.store.plant(key.clone(), records::account::encode(&ledger));
    world.put(&demo(), |state| {
        state.alerts.insert("gate-open".into(), alert.clone());
        state.alerts.insert("llm-throttled".into(), alert);
    });
    world.run().unwrap();
    world.run().unwrap();
    let mut subjects = world.subjects();
    subjects.sort();
    let expected = [
        "[page] gate-open demo (dev)",
        "[page] reconcile-drift account#main (dev)",
        "[warn] llm-throttled demo (dev)",
    ];
    assert_eq!(subjects, expected);
    assert_eq!(world.signal(Signal::ReconcileDrift).as_deref(), Some("1"));
    let gone = Write::update(key, vec![Change::Remove(Path::of("alerts").then("reconcile-drift"))], vec![]);
    at_once(world.store.write(vec![gone])).unwrap();
    world.pass(Millis::from_minutes(1));
    world.run().unwrap();
    assert_eq!(world.count("[recovered] reconcile-drift account#main"), 1);
}

#[test]
fn alerts_that_cannot_be_read_have_not_recovered() {
    let world = World::new();
    world.put(&demo(), |state| {
        let alert = Alert { since: noon(), key: "x".into(), detail: "x".into() };
        state.alerts.insert("gate-open".into(), alert);
    });
    world.run().unwrap();
    world.set(&demo(), "alerts", Attr::Null);
    world.minutes(1);
    assert_eq!((world.count("[page]"), world.count("[recovered]")), (2, 0));
}

#[test]
fn what_is_due_pages_once_its_time_has_passed() {
    for (what, kind) in [("orders abc", "orders-stuck"), ("positions demo.1", "positions-stuck")] {
        let world = World::new();
        world.put(&demo(), |state| {
            state.due_at = Some(noon());
            state.due_what = Some(what.into());
        });
        world.run().unwrap();
        assert!(world.subjects().is_empty());
        world.pass(Millis::from_secs(1));
        world.run().unwrap();
        assert_eq!(world.subjects(), [format!("[page] {kind} demo (dev)")]);
    }
}

#[test]
fn a_table_that_cannot_be_read_is_unhealthy_and_hides_no_other() {
    let world = World::new();
    let mut ledger = AccountLedger::first(AccountId::parse("main").unwrap());
    let alert = Alert { since: noon(), key: "BTC".into(), detail: "x".into() };
    ledger.alerts.insert("reconcile-drift".into(), alert);
    world.store.plant(records::account::key(&ledger.account), records::account::encode(&ledger));
    world.unreadable.set(Some(Table::TradingState));
    let failed = world.run().unwrap_err();
    assert!(failed.to_string().contains("trading-state"), "{failed}");
    assert_eq!(world.count("[page] reconcile-drift"), 1);
    assert_eq!(world.signal(Signal::HeartbeatStale).as_deref(), Some("1"));
    assert_eq!(world.signal(Signal::GateOpen), None);
}

#[test]
fn every_signal_is_put_each_minute_and_counts_the_last_five_minutes() {
    let world = World::new();
    let minute = |ago: i64| ExecMinute {
        minute: noon().minute_number() - ago,
        risk_rejections: 3,
        backend_errors: 2,
        order_failures: 0,
    };
    world.put(&demo(), |state| state.recent_exec = vec![minute(5), minute(4), minute(0)]);
    world.run().unwrap();
    assert_eq!(world.readings.borrow().len(), Signal::ALL.len());
    assert_eq!(world.signal(Signal::RiskRejections).as_deref(), Some("6"));
    assert_eq!(world.signal(Signal::BackendErrors).as_deref(), Some("4"));
}

#[test]
fn the_answer_is_the_documented_one() {
    let world = World::new();
    let other = StrategyId::parse("other").unwrap();
    world.put(&other, |state| state.last_heartbeat = at("2023-03-01T11:00:00Z"));
    let answer = world.run().unwrap().to_json(&names());
    insta::assert_snapshot!(answer, @r#"{"success":true,"data":{"summary":{"active_strategies":2,"stale":1,"healthy":1,"alerts_sent":2,"latency_ms":0}},"environment":"dev"}"#);
}

#[test]
fn an_old_tick_is_dropped() {
    let world = World::new();
    let ports = Ports { tables: &world, publish: &world, gauge: &world, clock: &world, log: &world };
    world.pass(Millis::from_minutes(10));
    let tick = Tick { shard: 0, of: 1, scheduled_at: noon() };
    assert_eq!(at_once(handle(tick, &names(), &ports)), Ok(Report::nothing()));
    assert!(world.subjects().is_empty());
}

#[test]
fn the_largest_share_of_a_days_orders_is_the_signal() {
    let (one, other) = (demo(), StrategyId::parse("other").unwrap());
    let world = World::with(&[one.clone(), other.clone()]);
    let sent = |id: &StrategyId, orders: u32, most: u32, day: &str| {
        world.put(id, |state| {
            let day = at(day).day();
            state.exec_day = ExecDay { orders, most_orders: Some(most), ..ExecDay::begun(day) };
        });
    };
    world.run().unwrap();
    assert_eq!(world.signal(Signal::DailyOrders).as_deref(), Some("0"), "nothing was sent");
    sent(&one, 40, 100, "2023-03-01T00:00:00Z");
    sent(&other, 9, 10, "2023-03-01T00:00:00Z");
    world.run().unwrap();
    assert_eq!(world.signal(Signal::DailyOrders).as_deref(), Some("90"));
    sent(&other, 9, 10, "2023-02-28T00:00:00Z");
    world.run().unwrap();
    assert_eq!(world.signal(Signal::DailyOrders).as_deref(), Some("40"), "yesterday does not count");
}

#[test]
fn an_order_that_waits_for_a_person_is_a_notice_and_its_end_is_told_to_nobody() {
    let world = World::new();
    let asks = |order: &str, since: Timestamp| {
        let detail = format!("{order}: buy 0.01 BTC-USDT market, at most 20100 each, until noon");
        let alert = Alert { since, key: order.to_owned(), detail };
        let alerts = Item::from([("approval-needed".to_owned(), records::state::alert_attr(&alert))]);
        world.set(&demo(), "alerts", Attr::M(alerts));
    };
    asks("first", noon());
    world.run().unwrap();
    world.minutes(1);
    assert_eq!(world.subjects(), ["[info] approval-needed demo (dev)"]);
    let message = world.sent.borrow()[0].clone();
    assert_eq!(message.topic, Topic::Notifications);
    assert!(message.body.contains("first: buy 0.01 BTC-USDT"), "{}", message.body);
    // The next order takes the place of the first without a minute between them.
    asks("second", noon() + Millis::from_minutes(1));
    world.beat();
    world.run().unwrap();
    world.minutes(1);
    assert_eq!(world.subjects(), ["[info] approval-needed demo (dev)"; 2]);
    assert!(world.sent.borrow()[1].body.contains("second: buy"));
    world.set(&demo(), "alerts", Attr::M(Item::new()));
    world.beat();
    world.minutes(2);
    assert_eq!(world.sent.borrow().len(), 2, "{:?}", world.subjects());
    let incidents = at_once(world.store.scan(Table::Incidents)).unwrap();
    assert_eq!(incidents.len(), 2);
    assert!(incidents.iter().all(|incident| incident.contains_key("resolved_at")), "{incidents:?}");
    assert_eq!(world.item(&records::state::key(&demo()))["episodes"], Attr::M(Item::new()));
}

/// The counts of a venue as the functions leave them: of each window its beginning, its calls and the slow ones.
fn counted(world: &World, function: shared::tables::Function, windows: &[(Timestamp, u32, u32)]) {
    use shared::records::venue::{Tally, add_calls, first};
    let venue = shared::ids::VenueId::parse("binance").unwrap();
    let key = records::venue::key(&venue, &shared::ids::Egress::default());
    at_once(world.store.write(vec![first(key.clone())])).ok();
    for (from, calls, slow) in windows {
        let item = world.item(&key);
        let tally = Tally { calls: *calls, errors: 0, slow: *slow };
        let write = add_calls(key.clone(), Some(&item), function, *from, tally).unwrap();
        at_once(world.store.write(vec![write])).unwrap();
    }
}

#[test]
fn a_venue_whose_calls_are_slow_is_a_notice_until_they_are_not() {
    use shared::tables::Function::{Decide, Execute};
    let world = World::new();
    counted(&world, Decide, &[(noon(), 100, 0)]);
    counted(&world, Execute, &[(noon(), 100, 2)]);
    world.run().unwrap();
    assert_eq!(
        (world.count("["), world.signal(Signal::LatencyP99).as_deref()),
        (0, Some("1")),
        "one percent"
    );
    counted(&world, Execute, &[(noon(), 0, 1)]);
    world.pass(Millis::from_minutes(1));
    world.beat();
    world.run().unwrap();
    assert_eq!(world.signal(Signal::LatencyP99).as_deref(), Some("1.5"));
    assert_eq!(world.sent.borrow().len(), 1, "{:?}", world.subjects());
    assert_eq!(world.sent.borrow()[0].topic, Topic::Notifications);
    world.pass(Millis::from_minutes(14));
    world.beat();
    world.run().unwrap();
    assert_eq!(world.signal(Signal::LatencyP99).as_deref(), Some("0"));
    assert_eq!(world.sent.borrow().len(), 2, "{:?}", world.subjects());
}

#[test]
fn fewer_than_twenty_calls_say_nothing_of_a_venue() {
    let world = World::new();
    counted(&world, shared::tables::Function::Decide, &[(noon(), 19, 19)]);
    world.run().unwrap();
    assert_eq!(world.signal(Signal::LatencyP99).as_deref(), Some("0"));
    assert!(world.sent.borrow().is_empty());
}

/// `llm#anthropic` with a model that is gone since each of these minutes after noon.
fn gone(world: &World, models: &[(&str, i64)]) -> LlmLedger {
    let name = ProviderId::parse("anthropic").unwrap();
    let key = records::llm::key(&name);
    let when = |minute: i64| noon() + Millis::from_minutes(minute);
    let unusable = |(model, minute): &(&str, i64)| {
        let (cause, since, detail) = (Cause::Gone, when(*minute), "retired".to_owned());
        ((*model).to_owned(), Unusable { cause, since, tried_at: when(*minute), detail })
    };
    let mut ledger = LlmLedger::first(name);
    ledger.unusable = models.iter().map(unusable).collect();
    let since = when(models.iter().map(|(_, minute)| *minute).max().unwrap());
    let detail = models.iter().map(|(model, _)| *model).collect::<Vec<_>>().join(" ");
    let alert = Alert { since, key: detail.clone(), detail };
    ledger.alerts.insert(records::llm::UNUSABLE.to_owned(), alert);
    let mut item = records::llm::encode(&ledger);
    let episodes = world.store.snapshot().get(&key).and_then(|old| old.get("episodes").cloned());
    item.insert("episodes".to_owned(), episodes.unwrap_or(Attr::M(Item::new())));
    world.store.plant(key, item);
    ledger
}

#[test]
fn a_model_that_needs_a_person_is_one_page_and_a_further_one_is_another() {
    let world = World::with(&[]);
    gone(&world, &[("a", 0)]);
    world.minutes(10);
    assert_eq!(world.subjects(), ["[page] model-unusable llm#anthropic (dev)"]);
    gone(&world, &[("a", 0), ("b", 10)]);
    world.minutes(10);
    assert_eq!(world.count("[page]"), 2);
    assert_eq!(world.count("[recovered]"), 0, "the first has not recovered");
    assert!(world.sent.borrow()[1].body.contains("a b"), "the second names both");
    // One of them is mended: what is left is the same fact.
    gone(&world, &[("a", 0)]);
    world.minutes(10);
    assert_eq!(world.subjects().len(), 2);
}

#[test]
fn what_a_person_has_answered_is_over_although_nobody_asks_that_provider_any_more() {
    let world = World::with(&[]);
    let ledger = gone(&world, &[("a", 0)]);
    world.minutes(2);
    let mended = Resumed { of: noon(), by: "ada".to_owned(), at: world.now.get() };
    at_once(world.store.write(vec![records::llm::mend(&ledger, &mended)])).unwrap();
    world.minutes(10);
    let (page, over) = ("[page] model-unusable", "[recovered] model-unusable");
    assert_eq!((world.count(page), world.count(over), world.subjects().len()), (1, 1, 2));
}

/// `llm#anthropic` that refuses since `minute` after noon, when it was called last.
fn refusing(world: &World, minute: i64) {
    let name = ProviderId::parse("anthropic").unwrap();
    let key = records::llm::key(&name);
    let since = noon() + Millis::from_minutes(minute);
    let mut ledger = LlmLedger::first(name);
    ledger.minutes = vec![Minute { refused: 1, ..Minute::empty(since.minute_number()) }];
    let alert = Alert { since, key: "anthropic".to_owned(), detail: "it refuses".to_owned() };
    ledger.alerts.insert(Signal::LlmRefusals.as_str().to_owned(), alert);
    let mut item = records::llm::encode(&ledger);
    let episodes = world.store.snapshot().get(&key).and_then(|old| old.get("episodes").cloned());
    item.insert("episodes".to_owned(), episodes.unwrap_or(Attr::M(Item::new())));
    world.store.plant(key, item);
}

#[test]
fn refusals_of_a_provider_that_nobody_asks_any_more_recover_by_themselves_and_later_ones_page() {
    let world = World::with(&[]);
    let (page, over) = ("[page] llm-refusals", "[recovered] llm-refusals");
    refusing(&world, 0);
    world.minutes(60);
    assert_eq!((world.count(page), world.count(over)), (1, 0));
    world.minutes(60);
    assert_eq!((world.count(page), world.count(over), world.subjects().len()), (1, 1, 2));
    assert_eq!(world.signal(Signal::LlmRefusals).as_deref(), Some("0"));
    refusing(&world, 120);
    world.minutes(2);
    assert_eq!((world.count(page), world.count(over)), (2, 1));
    // Its end and the next beginning lie between two looks.
    world.pass(Millis::from_minutes(60));
    refusing(&world, 182);
    world.minutes(2);
    assert_eq!((world.count(page), world.count(over)), (3, 1), "{:?}", world.subjects());
}

#[test]
fn a_damaged_alert_of_models_is_one_page() {
    let world = World::with(&[]);
    gone(&world, &[("a", 0)]);
    world.minutes(2);
    let key = records::llm::key(&ProviderId::parse("anthropic").unwrap());
    let mut item = world.item(&key);
    item.insert("alerts".to_owned(), Attr::M(Item::from([(records::llm::UNUSABLE.to_owned(), Attr::Null)])));
    world.store.plant(key, item);
    world.minutes(10);
    assert_eq!(world.count("[page] model-unusable"), 1, "{:?}", world.subjects());
}
