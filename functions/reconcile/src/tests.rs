//! Reconcile as a whole, over the store in memory and a venue that is only what it says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

use shared::ids::{AccountId, Asset, Leg, OrderId, PositionId, StrategyId, Symbol, VenueId};
use shared::market::Side;
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::order::{AtVenue, Ended, Fill, Kind, Order, Origin, Sent, State, Terms};
use shared::ports::{
    Balance, Clock, KeyRights, Line, Log, OpenVenue, OrderReport, ReadAccount, Trade, VenueError, Wait,
};
use shared::records::{self, AccountLedger, Shard};
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, SafetyMode, Settings};
use shared::state::{Episode, Live, StrategyState};
use shared::status::{Hold, Status};
use shared::store::{Attr, Item, Key, Path, ReadTables};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::counted::{Call, Counted};
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::report::Report;
use crate::{Ports, handle};

/// The venue of the account, and what befalls it.
#[derive(Clone, Default)]
struct Venue(Rc<Facts>);

impl Deref for Venue {
    type Target = Facts;
    fn deref(&self) -> &Facts {
        &self.0
    }
}

#[derive(Default)]
struct Facts {
    held: RefCell<BTreeMap<Asset, Amount>>,
    trades: RefCell<Vec<Trade>>,
    orders: RefCell<Vec<OrderReport>>,
    balances_fail: Cell<bool>,
    /// Trades that happen while the balances are read, each once.
    meanwhile: RefCell<Vec<Trade>>,
    calls: Cell<u32>,
}

struct World {
    store: MemoryStore,
    venue: Venue,
    now: Cell<Timestamp>,
}

fn noon() -> Timestamp {
    Timestamp::parse("2023-03-01T12:00:00Z").unwrap()
}
fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}
fn main_account() -> AccountId {
    AccountId::parse("main").unwrap()
}
fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn asset(text: &str) -> Asset {
    Asset::parse(text).unwrap()
}
fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
fn position() -> PositionId {
    PositionId::parse("demo.1677672001").unwrap()
}
fn order_id() -> OrderId {
    OrderId::parse("ours1").unwrap()
}

fn settings() -> Settings {
    let percent = |text| Percent::parse(text).unwrap();
    Settings {
        strategy_id: demo(),
        account: main_account(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        paper_balance: None,
        symbols: vec![symbol()],
        decide_every: Millis::from_minutes(25),
        model: "anthropic/claude".into(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: Notional::parse("5").unwrap(),
        llm_tokens: shared::settings::Tokens::USUAL,
        llm_answer_tokens: None,
        safety_mode: SafetyMode::Direct,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: Notional::parse("100").unwrap(),
            max_daily_orders: 10,
            max_daily_cancels: 10,
            max_position_abs: qty("1"),
            allowed_symbols: vec![symbol()],
            max_opens_per_hour: 2,
            max_price_drift: percent("1"),
            max_decision_age: Millis::from_minutes(5),
        },
        gate: Gate { threshold: 5, cooldown: Millis::from_secs(60) },
        pnl_gate: Notional::parse("10").unwrap(),
        exits: Exits {
            max_stop_distance: percent("5"),
            take_profit: None,
            trailing: None,
            exit_limit: Millis::from_minutes(15),
            entry_timeout: Millis::from_minutes(10),
        },
        crash: Crash { fall: percent("5"), window: Millis::from_minutes(15), action: CrashAction::Reduce },
        approval_expiry: Millis::from_minutes(15),
    }
}

fn trade(id: u32, order: &str, side: Side, quantity: &str, price: &str) -> Trade {
    let (quantity, price) = (qty(quantity), Price::parse(price).unwrap());
    Trade {
        trade_id: id.to_string(),
        venue_order_id: order.into(),
        symbol: symbol(),
        side,
        price,
        quantity,
        value: quantity * price,
        fee: amount("0.01"),
        fee_asset: asset("USDT"),
        at: noon(),
    }
}

fn order(state: State) -> Order {
    Order {
        terms: Terms {
            order_id: order_id(),
            position_id: position(),
            strategy_id: demo(),
            account: main_account(),
            symbol: symbol(),
            leg: Leg::Entry,
            plan: 0,
            origin: Origin::Model,
            side: Side::Buy,
            kind: Kind::Market,
            quantity: qty("0.001"),
            stop_loss: Some(Price::parse("90").unwrap()),
            take_profit: None,
            decided_price: None,
            decided_at: noon(),
            decision: None,
            created_at: noon(),
            trace: "t1".into(),
        },
        state,
    }
}
fn pending() -> State {
    State::Pending(Sent { at: noon(), fence: noon() + Millis::from_secs(27), limit: None })
}
fn done() -> State {
    let quantity = qty("0.001");
    let venue = AtVenue { venue_id: "900".into(), executed: quantity, recorded: quantity, sent_at: noon() };
    State::Done { venue, ended: Ended::Filled }
}
fn report(ended: Option<Ended>) -> OrderReport {
    OrderReport {
        client_id: order_id().to_string(),
        venue_id: "900".into(),
        symbol: symbol(),
        side: Side::Buy,
        quantity: qty("0.001"),
        executed: qty("0.001"),
        ended,
    }
}

impl World {
    /// One strategy of one account that holds 1,000 USDT and has an old trade.
    fn new() -> World {
        let world = World { store: MemoryStore::new(), venue: Venue::default(), now: Cell::new(noon()) };
        let shard = Shard { shard: 0, strategies: vec![demo()] };
        world.store.plant(records::shard::key(0), records::shard::encode(&shard));
        let config = records::strategy_config::encode(&settings());
        world.store.plant(records::strategy_config::key(&demo()), config);
        world.put_state(|_| {});
        world.venue.held.borrow_mut().insert(asset("USDT"), amount("1000"));
        world.venue.trades.borrow_mut().push(trade(1, "1", Side::Buy, "1", "10"));
        world
    }
    /// The same after its first look.
    fn opened() -> World {
        let world = World::new();
        assert_eq!(world.run(), Report { clean: 1, ..Report::default() });
        world
    }
    fn put_state(&self, change: impl FnOnce(&mut StrategyState)) {
        let mut state = StrategyState::first(demo(), Status::Running, noon());
        change(&mut state);
        self.store.plant(records::state::key(&demo()), records::state::encode(&state));
    }
    fn change_state(&self, change: impl FnOnce(&mut StrategyState)) {
        let mut state = self.state();
        change(&mut state);
        self.store.plant(records::state::key(&demo()), records::state::encode(&state));
    }
    fn put_order(&self, state: State) {
        let key = records::order::key(&position(), &order_id());
        self.store.plant(key, records::order::encode(&order(state)));
    }
    /// A trade at the venue, with what it does to the balances.
    fn trades(&self, trade: Trade) {
        for (asset, amount) in crate::diff::movements(&trade) {
            self.moves(asset.as_str(), amount);
        }
        self.venue.trades.borrow_mut().push(trade);
    }
    fn moves(&self, name: &str, by: Amount) {
        let mut held = self.venue.held.borrow_mut();
        let sum = held.entry(asset(name)).or_insert(Amount::ZERO);
        *sum = *sum + by;
    }
    fn run(&self) -> Report {
        let trail = &shared::roster::Trail::default();
        let ports = Ports { tables: &self.store, trail, accounts: self, clock: self, log: self };
        let tick = Tick { shard: 0, of: 1, scheduled_at: self.now.get().minute() };
        at_once(handle(tick, self.now.get() + Millis::from_secs(60), &ports)).unwrap()
    }
    /// The next run, and how many partitions it read.
    fn counted_run(&self) -> (Report, usize) {
        self.now.set(self.now.get() + Millis::from_minutes(5));
        let tables = Counted::over(&self.store);
        let trail = &shared::roster::Trail::default();
        let ports = Ports { tables: &tables, trail, accounts: self, clock: self, log: self };
        let tick = Tick { shard: 0, of: 1, scheduled_at: self.now.get().minute() };
        let report = at_once(handle(tick, self.now.get() + Millis::from_secs(60), &ports)).unwrap();
        (report, tables.take().iter().filter(|call| matches!(call, Call::Query(_))).count())
    }
    fn next_run(&self) -> Report {
        self.now.set(self.now.get() + Millis::from_minutes(5));
        self.run()
    }
    fn item(&self, key: &Key) -> Option<Item> {
        at_once(self.store.get(std::slice::from_ref(key))).unwrap().pop().flatten()
    }
    fn ledger(&self) -> AccountLedger {
        records::account::decode(&self.item(&records::account::key(&main_account())).unwrap()).unwrap()
    }
    fn state(&self) -> StrategyState {
        records::state::decode(&self.item(&records::state::key(&demo())).unwrap()).unwrap()
    }
    fn is_held(&self) -> bool {
        self.state().holds.contains_key(&Hold::Divergence)
    }
    fn external_rows(&self) -> Vec<String> {
        let snapshot = self.store.snapshot();
        let rows = snapshot.keys().filter(|key| key.hash.starts_with("external."));
        rows.map(|key| format!("{} {}", key.hash, key.range.clone().unwrap_or_default())).collect()
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
impl OpenVenue for World {
    type Venue = Venue;
    async fn open(&self, _settings: &Settings, _: Wait) -> Result<Venue, VenueError> {
        Ok(self.venue.clone())
    }
}
impl ReadAccount for Venue {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.calls.set(self.calls.get() + 1);
        if self.balances_fail.get() {
            return Err(VenueError::Unavailable("500".into()));
        }
        let balance = |held: Amount| Balance { free: held, locked: Amount::ZERO };
        let balances =
            self.held.borrow().iter().map(|(asset, held)| (asset.clone(), balance(*held))).collect();
        if let Some(trade) = self.meanwhile.borrow_mut().pop() {
            for (asset, by) in crate::diff::movements(&trade) {
                let mut held = self.held.borrow_mut();
                let sum = held.entry(asset).or_insert(Amount::ZERO);
                *sum = *sum + by;
            }
            self.trades.borrow_mut().push(trade);
        }
        Ok(balances)
    }
    async fn order(&self, _symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        Ok(self.orders.borrow().iter().find(|report| report.client_id == id.as_str()).cloned())
    }
    async fn open_orders(&self, _symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        Ok(self.orders.borrow().iter().filter(|report| report.ended.is_none()).cloned().collect())
    }
    async fn trades_of(&self, _symbol: &Symbol, id: &str, _executed: Qty) -> Result<Vec<Trade>, VenueError> {
        Ok(self.trades.borrow().iter().filter(|trade| trade.venue_order_id == id).cloned().collect())
    }
    async fn trades_after(&self, _symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        let after: u32 = after.map_or(0, |id| id.parse().unwrap());
        let number = |trade: &Trade| trade.trade_id.parse::<u32>().unwrap();
        Ok(self.trades.borrow().iter().filter(|trade| number(trade) > after).take(1_000).cloned().collect())
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        Ok(KeyRights { trade: false, withdraw: false, transfer: false, address_bound: true })
    }
    fn key_print(&self) -> Option<shared::secret::KeyPrint> {
        None
    }
}

fn clean() -> Report {
    Report { clean: 1, ..Report::default() }
}
fn diverged() -> Report {
    Report { diverged: 1, ..Report::default() }
}
fn failed() -> Report {
    Report { failed: 1, ..Report::default() }
}

#[test]
fn the_opening_balance_is_recorded_once_with_older_trades_inside_it() {
    let world = World::opened();
    let ledger = world.ledger();
    assert_eq!(ledger.book.opening, BTreeMap::from([(asset("USDT"), amount("1000"))]));
    assert_eq!(ledger.cursors.get("BTC-USDT").map(String::as_str), Some("1"));
    world.moves("USDT", amount("5"));
    world.next_run();
    assert_eq!(world.ledger().book.opening, ledger.book.opening);
    assert!(world.ledger().book.external.is_empty());
}

#[test]
fn the_opening_balance_fills_a_ledger_that_was_applied_empty() {
    let world = World::new();
    let first = AccountLedger::first(main_account());
    world.store.plant(records::account::key(&main_account()), records::account::encode(&first));
    assert_eq!(world.run(), clean());
    assert_eq!(world.ledger().book.opening.get(&asset("USDT")), Some(&amount("1000")));
    assert_eq!(world.next_run(), clean());
}

#[test]
fn books_are_not_opened_over_orders_of_ours() {
    let world = World::new();
    world.put_order(pending());
    let live = Live::Order { position: position(), leg: Leg::Entry };
    world.change_state(|state| drop(state.live.insert(order_id().to_string(), live)));
    let before = world.store.snapshot();
    assert_eq!(world.run(), failed());
    assert_eq!(world.store.snapshot(), before);
}

#[test]
fn a_clean_run_writes_only_when_it_looked() {
    let world = World::opened();
    let before = world.store.snapshot();
    assert_eq!(world.next_run(), clean());
    let after = world.store.snapshot();
    let changed: Vec<_> = after.iter().filter(|(key, item)| before.get(*key) != Some(*item)).collect();
    let [(key, item)] = changed[..] else { panic!("{changed:?}") };
    let mut expected = before[key].clone();
    let looked = Attr::S("2023-03-01T12:05:00Z".into());
    expected.insert("last_reconciled_at".into(), looked);
    assert_eq!((key, item), (&records::state::key(&demo()), &expected));
}

#[test]
fn a_trade_by_hand_is_adopted_once_and_told_however_often_the_run_is_repeated() {
    let world = World::opened();
    world.trades(trade(2, "77", Side::Buy, "0.5", "20"));
    world.trades(trade(3, "77", Side::Buy, "0.25", "20"));
    assert_eq!(world.next_run(), Report { adopted: 2, ..clean() });
    for _ in 0..5 {
        assert_eq!(world.run(), clean());
    }
    assert_eq!(world.next_run(), clean());
    assert_eq!(
        world.external_rows(),
        ["external.main.BTC-USDT x-77", "external.main.BTC-USDT x-77#2", "external.main.BTC-USDT x-77#3"]
    );
    let ledger = world.ledger();
    let external = BTreeMap::from([(asset("BTC"), amount("0.75")), (asset("USDT"), amount("-15.02"))]);
    assert_eq!(ledger.book.external, external);
    assert!(!world.is_held() && ledger.differences.is_empty());
    assert_eq!(ledger.alerts.keys().collect::<Vec<_>>(), ["external-trade"], "it stays until it is told");
}

#[test]
fn the_alert_of_an_adopted_trade_goes_once_people_were_told() {
    let world = World::opened();
    world.trades(trade(2, "77", Side::Sell, "0.5", "20"));
    world.next_run();
    let mut ledger = world.ledger();
    let incident_id = shared::ids::IncidentId::parse("i1").unwrap();
    let episode = Episode { incident_id, since: noon(), paged_at: Some(noon()) };
    ledger.episodes.insert("external-trade".into(), episode);
    world.store.plant(records::account::key(&main_account()), records::account::encode(&ledger));
    world.next_run();
    assert!(world.ledger().alerts.is_empty());
}

#[test]
fn an_unexplained_deposit_blocks_at_once_pages_after_the_second_run_and_clears_by_itself() {
    let world = World::opened();
    world.moves("USDT", amount("50"));
    assert_eq!(world.next_run(), diverged());
    let ledger = world.ledger();
    assert_eq!(ledger.differences[&asset("USDT")].amount, amount("50"));
    assert!(world.is_held() && ledger.alerts.is_empty());
    assert_eq!(world.run(), diverged(), "a repeated event is no second look");
    assert!(world.ledger().alerts.is_empty());
    assert_eq!(world.next_run(), diverged());
    let alert = world.ledger().alerts["reconcile-drift"].clone();
    assert!(alert.detail.contains("books 1000, venue 1050, difference 50"), "{}", alert.detail);
    world.next_run();
    assert_eq!(world.ledger().alerts["reconcile-drift"].since, alert.since);
    world.moves("USDT", amount("-50"));
    assert_eq!(world.next_run(), clean());
    let ledger = world.ledger();
    assert!(!world.is_held() && ledger.differences.is_empty() && ledger.alerts.is_empty());
    assert_eq!(world.state().status, Status::Running, "a hold never touches the status");
}

#[test]
fn a_difference_that_a_person_accepts_as_a_movement_is_gone() {
    let world = World::opened();
    world.moves("USDT", amount("50"));
    world.next_run();
    let mut ledger = world.ledger();
    ledger.book.external.insert(asset("USDT"), amount("50"));
    world.store.plant(records::account::key(&main_account()), records::account::encode(&ledger));
    assert_eq!(world.next_run(), clean());
    assert!(!world.is_held());
}

#[test]
fn a_failing_question_changes_nothing() {
    let world = World::opened();
    world.moves("USDT", amount("50"));
    world.next_run();
    let before = world.store.snapshot();
    world.venue.balances_fail.set(true);
    world.moves("USDT", amount("-50"));
    assert_eq!(world.next_run(), failed());
    assert_eq!(world.store.snapshot(), before);
}

#[test]
fn a_trade_between_the_reads_is_looked_at_again_and_never_a_difference() {
    let world = World::opened();
    world.venue.meanwhile.borrow_mut().push(trade(2, "77", Side::Buy, "0.5", "20"));
    assert_eq!(world.next_run(), Report { adopted: 1, ..clean() });
    assert!(!world.is_held());
}

#[test]
fn a_venue_that_never_stands_still_is_given_up_with_nothing_written() {
    let world = World::opened();
    let before = world.store.snapshot();
    let trades = (2..9).rev().map(|id| trade(id, "77", Side::Buy, "0.5", "20"));
    world.venue.meanwhile.borrow_mut().extend(trades);
    assert_eq!(world.next_run(), failed());
    assert_eq!(world.store.snapshot(), before);
    assert_eq!(world.venue.calls.get(), 4, "the first look, and three more");
}

/// An order of ours that was sent and traded, of which execute has recorded nothing yet.
fn with_unrecorded_trade() -> World {
    let world = World::opened();
    world.put_order(pending());
    let live = Live::Order { position: position(), leg: Leg::Entry };
    world.change_state(|state| drop(state.live.insert(order_id().to_string(), live)));
    world.venue.orders.borrow_mut().push(report(Some(Ended::Filled)));
    world.now.set(noon() + Millis::from_minutes(1));
    world.trades(Trade { at: world.now.get(), ..trade(2, "900", Side::Buy, "0.001", "20000") });
    world
}

#[test]
fn a_trade_of_ours_that_is_still_to_be_recorded_is_no_difference_for_ten_minutes() {
    let world = with_unrecorded_trade();
    assert_eq!(world.next_run(), clean());
    assert_eq!(world.next_run(), clean());
    assert!(world.external_rows().is_empty());
    assert_eq!(world.ledger().cursors["BTC-USDT"], "1", "it will be looked at again");
    world.now.set(world.now.get() + Millis::from_secs(1));
    assert_eq!(world.next_run(), diverged());
    assert!(world.external_rows().is_empty() && world.is_held());
}

#[test]
fn an_order_of_ours_that_ended_since_the_last_look_is_known_by_its_position() {
    let world = with_unrecorded_trade();
    world.next_run();
    // Execute records it: the order leaves `live`, and so does its position.
    world.put_order(done());
    world.change_state(|state| {
        state.live.clear();
        state.send_seq += 1;
    });
    let fill = trade(2, "900", Side::Buy, "0.001", "20000");
    let mut ledger = world.ledger();
    for (asset, by) in crate::diff::movements(&fill) {
        let sum = ledger.book.fills.entry(asset).or_insert(Amount::ZERO);
        *sum = *sum + by;
    }
    world.store.plant(records::account::key(&main_account()), records::account::encode(&ledger));
    let fill = Fill {
        trade_id: fill.trade_id,
        order_id: order_id(),
        position_id: position(),
        symbol: fill.symbol,
        side: fill.side,
        price: fill.price,
        quantity: fill.quantity,
        value: fill.value,
        fee: fill.fee,
        fee_asset: fill.fee_asset,
        at: fill.at,
    };
    let key = records::order::fill_key(&position(), &order_id(), "2");
    world.store.plant(key, records::order::encode_fill(&fill));
    assert_eq!(world.next_run(), clean());
    assert!(world.external_rows().is_empty());
    let cursors = world.ledger().cursors;
    assert_eq!(cursors["BTC-USDT"], "2");
    assert!(!cursors.keys().any(|name| name.starts_with("position#")));
}

#[test]
fn an_order_that_was_begun_and_ended_between_two_looks_is_known_by_its_number() {
    let world = World::opened();
    let seq = position().seq;
    world.change_state(|state| state.intent_seq = seq);
    world.put_order(done());
    world.trades(trade(2, "900", Side::Buy, "0.001", "20000"));
    world.next_run();
    assert!(world.external_rows().is_empty(), "{:?}", world.external_rows());
}

#[test]
fn an_order_of_ours_is_found_without_reading_every_partition_that_there_may_be() {
    let world = World::opened();
    // Without a mark: anything of the last two hundred intents may be meant.
    let mut ledger = world.ledger();
    ledger.cursors.retain(|name, _| !name.starts_with("strategy#"));
    world.store.plant(records::account::key(&main_account()), records::account::encode(&ledger));
    world.change_state(|state| state.intent_seq = position().seq + 30);
    world.put_order(done());
    world.trades(trade(2, "900", Side::Buy, "0.001", "20000"));
    let (_, read) = world.counted_run();
    assert_eq!((read, world.external_rows().len()), (40, 0));
    // Whose it is not is known once all of them are read.
    world.trades(trade(3, "77", Side::Buy, "0.001", "20000"));
    world.change_state(|state| state.intent_seq = position().seq + 300);
    let (report, read) = world.counted_run();
    assert_eq!((report.adopted, read), (1, 201));
}

#[test]
fn an_order_that_was_proven_absent_and_traded_after_all_is_not_a_strangers() {
    let world = World::opened();
    let seq = position().seq;
    world.change_state(|state| state.intent_seq = seq);
    world.put_order(State::Absent { why: shared::order::Absence::NotFound });
    world.venue.orders.borrow_mut().push(report(Some(Ended::Filled)));
    world.trades(trade(2, "900", Side::Buy, "0.001", "20000"));
    for held in [false, false, true] {
        world.next_run();
        assert!(world.external_rows().is_empty());
        assert_eq!(world.is_held(), held, "execute does not record it here");
    }
}

#[test]
fn a_trade_after_an_orders_end_is_handed_back_to_execute() {
    for over in [done(), State::Absent { why: shared::order::Absence::NotFound }] {
        let world = World::opened();
        let seq = position().seq;
        world.change_state(|state| state.intent_seq = seq);
        world.put_order(over);
        world.venue.orders.borrow_mut().push(report(Some(Ended::Filled)));
        assert_eq!((world.next_run(), world.state().live.len()), (clean(), 0), "nothing has traded since");
        world.change_state(|state| state.intent_seq = seq + 1);
        world.trades(trade(2, "900", Side::Buy, "0.001", "20000"));
        world.change_state(|state| state.intent_seq = seq);
        world.next_run();
        let live = Live::Order { position: position(), leg: Leg::Entry };
        assert_eq!(world.state().live, BTreeMap::from([(order_id().to_string(), live)]));
        assert!(!world.is_held() && world.external_rows().is_empty());
        let before = world.store.snapshot();
        world.next_run();
        let orders =
            |items: &BTreeMap<Key, Item>| items.keys().filter(|key| key.table == Table::Orders).count();
        assert_eq!(
            orders(&world.store.snapshot()),
            orders(&before),
            "an order of ours is execute's to change"
        );
    }
}

#[test]
fn an_order_that_rests_though_it_is_over_blocks_and_pages() {
    let world = World::opened();
    let seq = position().seq;
    world.change_state(|state| state.intent_seq = seq);
    world.put_order(done());
    world.venue.orders.borrow_mut().push(report(None));
    assert_eq!(world.next_run(), diverged());
    assert!(world.ledger().alerts["reconcile-drift"].detail.contains("rests at the venue"));
    assert!(world.is_held());
}

/// An order of ours that rests in the books.
fn with_resting_order() -> World {
    let world = World::opened();
    let executed = Qty::ZERO;
    let venue = AtVenue { venue_id: "900".into(), executed, recorded: executed, sent_at: noon() };
    world.put_order(State::Live { venue, ended: None });
    let live = Live::Order { position: position(), leg: Leg::Entry };
    world.change_state(|state| drop(state.live.insert(order_id().to_string(), live)));
    world
}

#[test]
fn an_order_that_rests_in_the_books_and_that_the_venue_does_not_know_blocks_and_pages() {
    let world = with_resting_order();
    world.now.set(noon() + Millis::from_secs(27));
    assert_eq!(world.run(), clean(), "up to its fence a young order may be invisible");
    assert_eq!(world.next_run(), diverged());
    let alert = world.ledger().alerts["reconcile-drift"].clone();
    assert!(alert.detail.contains("ours1, the entry of"), "{}", alert.detail);
    assert!(world.is_held());
    // It was there all the time.
    world.venue.orders.borrow_mut().push(OrderReport { executed: Qty::ZERO, ..report(None) });
    assert_eq!(world.next_run(), clean());
    assert!(!world.is_held() && world.ledger().alerts.is_empty());
}

#[test]
fn an_order_that_has_ended_at_the_venue_is_executes_to_record() {
    let world = with_resting_order();
    let ended = OrderReport { executed: Qty::ZERO, ..report(Some(Ended::Cancelled)) };
    world.venue.orders.borrow_mut().push(ended);
    assert_eq!(world.next_run(), clean());
}

#[test]
fn a_strangers_resting_order_is_told_and_blocks_nothing() {
    let world = World::opened();
    world.venue.orders.borrow_mut().push(OrderReport { client_id: "web_1".into(), ..report(None) });
    assert_eq!(world.next_run(), clean());
    assert!(world.ledger().alerts["external-trade"].detail.contains("web_1"));
    assert!(!world.is_held());
}

#[test]
fn a_damaged_state_hides_orders_so_its_account_is_not_judged() {
    let world = World::opened();
    let key = records::state::key(&demo());
    let mut item = world.item(&key).unwrap();
    item.insert("live".into(), Attr::Null);
    world.store.plant(key, item);
    world.trades(trade(2, "77", Side::Buy, "0.5", "20"));
    let before = world.store.snapshot();
    assert_eq!(world.next_run(), failed());
    assert_eq!(world.store.snapshot(), before);
}

#[test]
fn more_trades_than_one_run_reads_are_adopted_run_by_run_and_judged_at_the_end() {
    let world = World::opened();
    for id in 2..1_200 {
        world.trades(trade(id, "77", Side::Buy, "0.001", "20"));
    }
    assert_eq!(world.next_run(), Report { partial: 1, ..Report::default() });
    assert_eq!(world.state().last_reconciled_at, Some(noon()));
    assert_eq!(world.next_run(), Report { adopted: 198, ..clean() });
    assert_eq!(world.next_run(), clean());
    assert_eq!(world.external_rows().len(), 1_199);
}

#[test]
fn only_what_is_reconciles_to_write_is_written() {
    let world = World::opened();
    world.trades(trade(2, "77", Side::Buy, "0.5", "20"));
    world.moves("USDT", amount("50"));
    let before = world.store.snapshot();
    world.next_run();
    world.next_run();
    let reconcile = records::writers::Writer::Reconcile;
    for (key, item) in world.store.snapshot() {
        let Some(old) = before.get(&key) else {
            assert!(records::writers::creators_of(key.table).contains(&reconcile), "{key}");
            continue;
        };
        for path in changed_paths(old, &item) {
            let writers = records::writers::writers_of(key.table, &path);
            assert!(writers.contains(&reconcile), "{key} {path:?}");
        }
        assert!(!matches!(key.table, Table::Positions | Table::Decisions | Table::Incidents), "{key}");
    }
}

fn changed_paths(before: &Item, after: &Item) -> Vec<Path> {
    let mut paths = Vec::new();
    for change in shared::store::changes(before, after) {
        match change {
            shared::store::Change::Set(path, _) | shared::store::Change::Remove(path) => paths.push(path),
        }
    }
    paths
}
