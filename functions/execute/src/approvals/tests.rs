//! TwoPhase from intent to send: every tick is a fresh process over the tables alone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use shared::approval::sign;
use shared::books::AccountBook;
use shared::ids::{AccountId, Asset, Leg, PositionId, StrategyId, Symbol, VenueId};
use shared::market::{Candle, Instrument, Quote, Side, Trading};
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::order::{Event, Kind, Order, Origin, Sent, State, Terms, TimeInForce};
use shared::ports::{
    Balance, Clock, KeyRights, Line, Log, OpenVenue, OrderReport, OrderRequest, Placed, SendError, Trade,
    VenueError, Wait,
};
use shared::records::{self, AccountLedger, Shard};
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, Settings};
use shared::state::{Live, StrategyState};
use shared::status::{Hold, Status};
use shared::store::{Attr, Item, Key, WriteError};
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;

use super::*;
use crate::desk::Binds;
use crate::turn::Shift;
use crate::{handle, observe};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(&format!("2023-03-01T{text}Z")).unwrap()
}
fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn env() -> Env {
    Env::parse("dev").unwrap()
}
fn key() -> Secret {
    Secret::new("approval-canary".to_owned())
}

fn settings() -> Settings {
    let percent = |text| Percent::parse(text).unwrap();
    Settings {
        strategy_id: StrategyId::parse("demo").unwrap(),
        account: AccountId::parse("main").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        paper_balance: None,
        symbols: vec![symbol()],
        decide_every: Millis::from_minutes(25),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: Notional::parse("1").unwrap(),
        llm_tokens: shared::settings::Tokens::USUAL,
        llm_answer_tokens: None,
        safety_mode: SafetyMode::TwoPhase,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: Notional::parse("1000").unwrap(),
            max_daily_orders: 10,
            max_daily_cancels: 10,
            max_position_abs: Qty::parse("0.1").unwrap(),
            allowed_symbols: vec![symbol()],
            max_opens_per_hour: 5,
            max_price_drift: percent("0.1"),
            max_decision_age: Millis::from_secs(180),
        },
        gate: Gate { threshold: 5, cooldown: Millis::from_secs(60) },
        pnl_gate: Notional::parse("50").unwrap(),
        exits: Exits {
            max_stop_distance: percent("5"),
            take_profit: None,
            trailing: None,
            exit_limit: Millis::from_minutes(5),
            entry_timeout: Millis::from_minutes(60),
        },
        crash: Crash { fall: percent("5"), window: Millis::from_minutes(5), action: CrashAction::Reduce },
        approval_expiry: Millis::from_minutes(15),
    }
}

/// What the model wanted at 16:00:03, as decide would record it.
fn intent(kind: Kind) -> Order {
    let position_id = PositionId::parse("demo.1677686400").unwrap();
    let decided_at = at("16:00:03");
    let terms = Terms {
        order_id: OrderId::derive(&env(), &settings().account, &position_id, Leg::Entry, 0),
        position_id,
        strategy_id: settings().strategy_id,
        account: settings().account,
        symbol: symbol(),
        leg: Leg::Entry,
        plan: 0,
        origin: Origin::Model,
        side: Side::Buy,
        kind,
        quantity: Qty::parse("0.01").unwrap(),
        stop_loss: Some(price("19500")),
        take_profit: Some(price("22000")),
        decided_price: Some(price("20000")),
        decided_at,
        decision: Some(decided_at),
        created_at: decided_at,
        trace: "demo-1".to_owned(),
    };
    Order { terms, state: State::Intended }
}

/// A venue that takes every order and lets it rest.
#[derive(Debug, Clone)]
struct Venue {
    ask: Rc<Cell<Price>>,
    now: Rc<Cell<Timestamp>>,
    /// How long it takes to tell the balances.
    takes: Rc<Cell<Millis>>,
    placed: Rc<RefCell<Vec<OrderRequest>>>,
    /// The market of which the venue tells nothing.
    silent: Rc<RefCell<Option<Symbol>>>,
}

impl Venue {
    fn report(request: &OrderRequest) -> OrderReport {
        OrderReport {
            client_id: request.order_id.to_string(),
            venue_id: "7".to_owned(),
            symbol: request.symbol.clone(),
            side: request.side,
            quantity: request.quantity,
            executed: Qty::ZERO,
            ended: None,
        }
    }
}

impl Clock for Venue {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
}
impl MarketData for Venue {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        if self.silent.borrow().as_ref() == Some(symbol) {
            return Err(VenueError::Unavailable("as scripted".to_owned()));
        }
        Ok(Instrument {
            symbol: symbol.clone(),
            trading: Trading::Open,
            tick: price("0.01").value(),
            step: Qty::parse("0.00001").unwrap(),
            min_qty: Qty::parse("0.00001").unwrap(),
            max_qty: Qty::parse("9000").unwrap(),
            max_market_qty: Qty::parse("100").unwrap(),
            takes_market_stops: true,
            min_notional: Notional::parse("10").unwrap(),
            bounds: shared::market::Bounds::NONE,
        })
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        Ok(Quote { symbol: symbol.clone(), bid: price("19999"), ask: self.ask.get(), at: self.now.get() })
    }
    async fn candles(&self, _: &Symbol, _: u32) -> Result<Vec<Candle>, VenueError> {
        Ok(Vec::new())
    }
}
impl ReadAccount for Venue {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.now.set(self.now.get() + self.takes.get());
        let free = Amount::parse("1000").unwrap();
        Ok(BTreeMap::from([(symbol().quote, Balance { free, locked: Amount::ZERO })]))
    }
    async fn order(&self, _: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        Ok(self.placed.borrow().iter().find(|one| one.order_id == *id).map(Venue::report))
    }
    async fn open_orders(&self, _: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        Ok(self.placed.borrow().iter().map(Venue::report).collect())
    }
    async fn trades_of(&self, _: &Symbol, _: &str, _: Qty) -> Result<Vec<Trade>, VenueError> {
        Ok(Vec::new())
    }
    async fn trades_after(&self, _: &Symbol, _: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        Ok(Vec::new())
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        Ok(KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true })
    }
    fn key_print(&self) -> Option<shared::secret::KeyPrint> {
        None
    }
}
impl TradeOrders for Venue {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        self.placed.borrow_mut().push(order.clone());
        Ok(Placed { report: Venue::report(order), trades: Vec::new() })
    }
    async fn cancel(&self, _: &Symbol, _: &OrderId, _: Timestamp) -> Result<OrderReport, SendError> {
        Err(SendError::NoAnswer("not in these tests".to_owned()))
    }
}
impl OpenVenue for Venue {
    type Venue = Venue;
    async fn open(&self, _: &Settings, _: Wait) -> Result<Venue, VenueError> {
        Ok(self.clone())
    }
}

#[derive(Default)]
struct Lines(RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}

/// One strategy `demo` in one shard, with one intent.
struct World {
    tables: MemoryStore,
    venue: Venue,
    key: Option<Secret>,
    log: Lines,
    order_key: Key,
}

impl World {
    fn wanting(kind: Kind) -> World {
        let (tables, order, settings) = (MemoryStore::new(), intent(kind), settings());
        let id = settings.strategy_id.clone();
        let mut state = StrategyState::first(id.clone(), Status::Running, at("15:59:00"));
        let live = Live::Order { position: order.terms.position_id.clone(), leg: Leg::Entry };
        state.live.insert(order.terms.order_id.to_string(), live);
        let opening = BTreeMap::from([(symbol().quote, Amount::parse("1000").unwrap())]);
        let book = AccountBook { opening, ..AccountBook::default() };
        let account = AccountLedger { book, ..AccountLedger::first(settings.account.clone()) };
        let shard = Shard { shard: 0, strategies: vec![id.clone()] };
        let order_key = records::order::key(&order.terms.position_id, &order.terms.order_id);
        tables.plant(records::shard::key(0), records::shard::encode(&shard));
        tables.plant(records::state::key(&id), records::state::encode(&state));
        tables.plant(records::strategy_config::key(&id), records::strategy_config::encode(&settings));
        tables.plant(records::account::key(&settings.account), records::account::encode(&account));
        tables.plant(order_key.clone(), records::order::encode(&order));
        let venue = Venue {
            ask: Rc::new(Cell::new(price("20000"))),
            now: Rc::new(Cell::new(at("16:00:04"))),
            takes: Rc::new(Cell::new(Millis(0))),
            placed: Rc::default(),
            silent: Rc::default(),
        };
        World { tables, venue, key: Some(key()), log: Lines::default(), order_key }
    }

    /// A market order, offered at 16:00:04 until 16:15:04 with the ask at 20,000.
    fn offered() -> World {
        let world = World::wanting(Kind::Market);
        world.tick("16:00:04");
        assert_eq!(world.status(), "awaiting_approval");
        world
    }

    /// One invocation that serves its strategy; answers how many orders it sent.
    fn tick(&self, time: &str) -> u32 {
        let report = self.serve(time);
        assert_eq!((report.served, report.failed), (1, 0), "{:?}", self.log.0.borrow());
        report.sent
    }

    /// One invocation: nothing is kept from the one before.
    fn serve(&self, time: &str) -> crate::Report {
        self.venue.now.set(at(time));
        let now = self.venue.now.get();
        let shift = Shift {
            env: &env(),
            trail: &shared::roster::Trail::default(),
            tick: Tick { shard: 0, of: 1, scheduled_at: now.minute() },
            deadline: now + Millis::from_secs(55),
            tables: &self.tables,
            clock: &self.venue,
            log: &self.log,
            approval_key: self.key.clone(),
        };
        at_once(handle(&shift, &self.venue)).unwrap()
    }

    /// Another intent, in `symbol`; answers its key.
    fn also_wanting(&self, symbol: &Symbol) -> Key {
        let Order { terms, state } = intent(Kind::Market);
        let position_id = PositionId { seq: terms.position_id.seq + 1, ..terms.position_id };
        let order_id = OrderId::derive(&env(), &terms.account, &position_id, Leg::Entry, 0);
        let live = Live::Order { position: position_id.clone(), leg: Leg::Entry };
        self.change(|state| drop(state.live.insert(order_id.to_string(), live)));
        self.set(|settings| {
            settings.symbols.push(symbol.clone());
            settings.limits.allowed_symbols.push(symbol.clone());
            settings.order_cooldown = Millis(0);
        });
        let key = records::order::key(&position_id, &order_id);
        let order = Order { terms: Terms { position_id, order_id, symbol: symbol.clone(), ..terms }, state };
        self.tables.plant(key.clone(), records::order::encode(&order));
        key
    }

    /// The same world.
    fn beside(&self) -> World {
        World {
            tables: self.tables.clone(),
            venue: self.venue.clone(),
            key: self.key.clone(),
            log: Lines::default(),
            order_key: self.order_key.clone(),
        }
    }

    fn item(&self) -> Item {
        self.tables.snapshot()[&self.order_key].clone()
    }
    fn order(&self) -> Order {
        records::order::decode(&self.item()).unwrap()
    }
    fn status(&self) -> String {
        self.order().state.as_str().to_owned()
    }
    fn offer(&self) -> Offer {
        Offer::of(&self.order()).unwrap()
    }
    /// Approves what is offered, as a person at `time`.
    fn approve(&self, time: &str) {
        self.leave(&sign(&key(), &env(), &self.offer(), "ada", at(time)).unwrap());
    }
    fn leave(&self, approval: &Approval) {
        let terms = self.order().terms;
        let write = records::order::approve(&terms.position_id, &terms.order_id, approval);
        at_once(self.tables.write(vec![write])).unwrap();
    }
    /// Changes the order's item, as somebody with write access to the table.
    fn tamper(&self, name: &str, value: Attr) {
        let mut item = self.item();
        item.insert(name.to_owned(), value);
        self.tables.plant(self.order_key.clone(), item);
    }
    fn state_key(&self) -> Key {
        records::state::key(&settings().strategy_id)
    }
    fn change(&self, change: impl FnOnce(&mut StrategyState)) {
        let key = self.state_key();
        let mut state = records::state::decode(&self.tables.snapshot()[&key]).unwrap();
        change(&mut state);
        self.tables.plant(key, records::state::encode(&state));
    }
    fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = settings();
        change(&mut settings);
        let key = records::strategy_config::key(&settings.strategy_id);
        self.tables.plant(key, records::strategy_config::encode(&settings));
    }
    fn refused_by(&self) -> String {
        assert!(self.venue.placed.borrow().is_empty(), "something was sent");
        let state = self.order().state;
        let State::Refused { rule, .. } = state else { panic!("{state:?}") };
        rule
    }
    fn is_critical(&self) -> bool {
        self.log.0.borrow().iter().any(|line| line.level == Level::Critical)
    }
}

#[test]
fn an_approval_is_offered_with_the_worst_price_and_an_end() {
    let world = World::offered();
    let offer = world.offer();
    assert_eq!((offer.bound, offer.expires_at), (price("20100"), at("16:15:04")));
    assert_eq!(world.tick("16:01:04"), 0);
    assert_eq!(world.status(), "awaiting_approval");
    let limit = Kind::Limit { price: price("19990"), time_in_force: TimeInForce::Gtc };
    let world = World::wanting(limit);
    world.tick("16:00:04");
    assert_eq!(world.offer().bound, price("19990"));
}

#[test]
fn an_approval_is_sent_once_by_a_fresh_process() {
    let world = World::offered();
    world.approve("16:10:00");
    assert_eq!(world.tick("16:10:04"), 1);
    let placed = world.venue.placed.borrow().clone();
    let [sent] = &placed[..] else { panic!("{placed:?}") };
    assert_eq!(sent.order_id, world.order().terms.order_id);
    assert_eq!(world.status(), "open");
    // Ticks that come again, and an approval that comes again, send nothing.
    for time in ["16:10:05", "16:11:04", "16:12:04"] {
        assert_eq!(world.tick(time), 0, "{time}");
    }
    let terms = world.order().terms;
    let again = Approval { by: "ada".to_owned(), at: at("16:12:30"), mac: "00".to_owned() };
    let write = records::order::approve(&terms.position_id, &terms.order_id, &again);
    assert!(at_once(world.tables.write(vec![write])).is_err());
    assert_eq!(world.venue.placed.borrow().len(), 1);
}

#[test]
fn an_approval_is_consumed_by_the_submit_even_against_an_older_reading() {
    let world = World::offered();
    world.approve("16:01:00");
    let state = records::state::decode(&world.tables.snapshot()[&world.state_key()]).unwrap();
    let mut stale = at_once(observe::desk(&world.tables, settings(), state.into())).unwrap();
    assert_eq!(world.tick("16:01:04"), 1);
    // Another invocation that read the order before cannot record a second submit.
    let sent = Sent { at: at("16:01:05"), fence: at("16:01:30"), limit: None };
    stale.advance(&world.order().terms.order_id, Event::Submit(sent)).unwrap();
    let second = at_once(stale.commit(&world.tables, Binds::Authority));
    assert!(matches!(&second, Err(WriteError::Lost { key, .. }) if *key == world.order_key), "{second:?}");
}

/// What comes after it in the tick protects what the other one has bought.
#[test]
fn an_approved_order_that_cannot_be_judged_keeps_no_other_from_being_sent() {
    let other = Symbol::parse("ETH-USDT").unwrap();
    for silent in [symbol(), other.clone()] {
        let world = World::wanting(Kind::Market);
        let second = world.also_wanting(&other);
        world.tick("16:00:04");
        let second = World { order_key: second, ..world.beside() };
        world.approve("16:01:00");
        second.approve("16:01:00");
        *world.venue.silent.borrow_mut() = Some(silent.clone());
        assert_eq!(world.serve("16:01:04").failed, 1);
        let placed = world.venue.placed.borrow();
        let placed: Vec<&Symbol> = placed.iter().map(|one| &one.symbol).collect();
        let heard = if silent == other { symbol() } else { other.clone() };
        assert_eq!(placed, [&heard]);
    }
}

#[test]
fn an_approval_of_other_terms_is_refused_and_critical() {
    for (name, value) in [
        ("quantity", Attr::N("0.01001".into())),
        ("stop_loss", Attr::N("19499.99".into())),
        ("take_profit", Attr::N("22000.01".into())),
        ("bound", Attr::N("20100.01".into())),
        ("expires_at", Attr::S("2023-03-01T16:15:05Z".into())),
    ] {
        let world = World::offered();
        world.approve("16:01:00");
        world.tamper(name, value);
        assert_eq!(world.tick("16:01:04"), 0);
        assert_eq!((world.refused_by().as_str(), world.is_critical()), ("approval_invalid", true), "{name}");
    }
}

#[test]
fn an_approval_without_the_key_is_refused_and_critical() {
    let forged = |world: &World, key: &str, env: &str| {
        let key = Secret::new(key.to_owned());
        sign(&key, &Env::parse(env).unwrap(), &world.offer(), "eve", at("16:01:00")).unwrap()
    };
    for (key, env) in [("guessed", "dev"), ("approval-canary", "live")] {
        let world = World::offered();
        world.leave(&forged(&world, key, env));
        assert_eq!(world.tick("16:01:04"), 0);
        assert_eq!((world.refused_by().as_str(), world.is_critical()), ("approval_invalid", true));
    }
}

#[test]
fn an_approval_that_cannot_be_read_ends_its_order_and_nothing_else() {
    for value in [Attr::S("yes".into()), Attr::Null, Attr::M(Item::new()), Attr::Bool(true)] {
        let world = World::offered();
        world.tamper("approval", value);
        assert_eq!(world.tick("16:01:04"), 0);
        assert_eq!((world.refused_by().as_str(), world.is_critical()), ("approval_invalid", true));
    }
}

/// Decide may put whole orders. Whatever it puts there, without the key it is no approval.
#[test]
fn an_approval_by_the_model_does_not_exist() {
    let world = World::wanting(Kind::Market);
    assert!(!world.item().contains_key("approval"));
    let claim = Item::from([
        ("by".to_owned(), Attr::S("model".into())),
        ("at".to_owned(), Attr::S("2023-03-01T16:00:03Z".into())),
        ("mac".to_owned(), Attr::S("00".repeat(32))),
    ]);
    world.tamper("approval", Attr::M(claim));
    assert_eq!(world.tick("16:00:04"), 0);
    assert_eq!(world.status(), "awaiting_approval");
    assert_eq!(world.tick("16:01:04"), 0);
    assert_eq!((world.refused_by().as_str(), world.is_critical()), ("approval_invalid", true));
}

#[test]
fn an_approval_ends_with_its_offer() {
    // Met too late, given too late, and never given.
    let late = World::offered();
    late.approve("16:14:50");
    late.tick("16:15:04");
    assert_eq!((late.refused_by().as_str(), late.is_critical()), ("approval_expired", false));
    let after = World::offered();
    after.approve("16:15:04");
    after.tick("16:15:03");
    assert_eq!(after.refused_by(), "approval_expired");
    let never = World::offered();
    never.tick("16:15:04");
    assert_eq!(never.refused_by(), "approval_expired");
}

/// Between the judgement and the send the venue is asked, which takes its time.
#[test]
fn an_approval_that_ends_while_it_is_reviewed_is_not_sent() {
    let world = World::offered();
    world.approve("16:14:00");
    world.venue.takes.set(Millis(1_500));
    assert_eq!(world.tick("16:15:03"), 0);
    assert_eq!(world.status(), "awaiting_approval");
    world.venue.takes.set(Millis(0));
    world.tick("16:16:04");
    assert_eq!(world.refused_by(), "approval_expired");
}

#[test]
fn an_approval_from_the_future_is_none() {
    let world = World::offered();
    world.approve("16:05:00");
    world.tick("16:01:04");
    assert_eq!(world.refused_by(), "approval_invalid");
}

#[test]
fn an_approval_without_a_key_to_verify_it_is_refused_by_name() {
    let world = World { key: None, ..World::offered() };
    world.approve("16:01:00");
    world.tick("16:01:04");
    assert_eq!(world.refused_by(), "approval_key");
}

#[test]
fn an_approval_is_reviewed_again_in_full() {
    // The age counts from the approval: 181 s after it, and not 10 minutes after the decision.
    let old = World::offered();
    old.approve("16:10:00");
    old.tick("16:13:01");
    assert_eq!(old.refused_by(), "max_decision_age");
    let capped = World::offered();
    capped.approve("16:01:00");
    capped.set(|settings| settings.limits.max_order_notional = Notional::parse("200").unwrap());
    capped.tick("16:01:04");
    assert_eq!(capped.refused_by(), "max_order_notional");
    let halted = World::offered();
    halted.approve("16:01:00");
    halted.change(|state| state.status = Status::Halted);
    halted.tick("16:01:04");
    assert_eq!(halted.refused_by(), "authority");
    let dry = World::offered();
    dry.approve("16:01:00");
    dry.set(|settings| settings.safety_mode = SafetyMode::DryRun);
    dry.tick("16:01:04");
    assert_eq!(dry.refused_by(), "safety_mode");
}

#[test]
fn an_approval_holds_up_to_its_bound_and_not_above() {
    // 0.5 % above the decision's price is far beyond the drift limit of 0.1 %: the bound alone counts.
    let at_bound = World::offered();
    at_bound.approve("16:01:00");
    at_bound.venue.ask.set(price("20100"));
    assert_eq!(at_bound.tick("16:01:04"), 1);
    let above = World::offered();
    above.approve("16:01:00");
    above.venue.ask.set(price("20100.01"));
    assert_eq!(above.tick("16:01:04"), 0);
    assert_eq!(above.refused_by(), "max_price_drift");
}

#[test]
fn an_approval_of_a_resting_limit_is_sent_while_the_ask_is_above_it() {
    let limit = Kind::Limit { price: price("19990"), time_in_force: TimeInForce::Gtc };
    let world = World::wanting(limit);
    world.tick("16:00:04");
    world.approve("16:01:00");
    assert_eq!(world.tick("16:01:04"), 1);
}

#[test]
fn an_approval_waits_while_a_hold_stands() {
    let world = World::offered();
    world.approve("16:01:00");
    world.change(|state| {
        state.holds.insert(Hold::PnlGate, at("16:01:00"));
    });
    assert_eq!(world.tick("16:01:04"), 0);
    assert_eq!(world.status(), "awaiting_approval");
    world.change(|state| state.holds.clear());
    assert_eq!(world.tick("16:02:04"), 1);
}

#[test]
fn an_approval_is_asked_for_once_an_order_until_it_has_an_answer() {
    let alert = |world: &World| {
        let state = records::state::decode(&world.tables.snapshot()[&world.state_key()]).unwrap();
        state.alerts.get("approval-needed").cloned()
    };
    let world = World::offered();
    let asked = alert(&world).unwrap();
    assert_eq!((asked.since, &asked.key), (at("16:00:04"), &world.order().terms.order_id.to_string()));
    let wanted = format!(
        "{}: buy 0.01 BTC-USDT market, stop 19500, take profit 22000, at most 20100 each, until \
         2023-03-01T16:15:04Z",
        asked.key
    );
    assert_eq!(asked.detail, wanted);
    world.tick("16:01:04");
    assert_eq!(alert(&world), Some(asked.clone()));
    // Approved, and held back for a while: nobody is asked again.
    world.approve("16:01:30");
    world.change(|state| {
        state.holds.insert(Hold::Divergence, at("16:01:31"));
    });
    world.tick("16:02:04");
    assert_eq!(alert(&world), None);
    // An order that nobody answers ends, and with it the question.
    let world = World::offered();
    world.tick("16:15:04");
    assert_eq!((world.refused_by().as_str(), alert(&world)), ("approval_expired", None));
    // The alert of another order is not this one's.
    let world = World::offered();
    world.change(|state| {
        let mut other = asked.clone();
        (other.key, other.since) = ("another-order".to_owned(), at("15:59:00"));
        state.alerts.insert("approval-needed".to_owned(), other);
    });
    world.tick("16:01:04");
    let found = alert(&world).unwrap();
    assert_eq!((found.key, found.since), (asked.key, at("16:01:04")));
}

#[test]
fn an_order_that_a_person_rejects_is_refused_and_never_sent() {
    let reject = |world: &World| {
        let terms = world.order().terms;
        let rejection = Rejection { by: "ada".to_owned(), at: at("16:01:00") };
        let write = records::order::reject(&terms.position_id, &terms.order_id, &rejection);
        at_once(world.tables.write(vec![write]))
    };
    // Whether approvals can be verified or not, and whatever holds.
    for (key, is_held) in [(Some(key()), false), (None, false), (Some(self::key()), true)] {
        let mut world = World::offered();
        world.key = key;
        if is_held {
            world.change(|state| {
                state.holds.insert(Hold::Divergence, at("16:00:30"));
            });
        }
        reject(&world).unwrap();
        // The first answer counts: nobody approves what was rejected.
        let late = sign(&self::key(), &env(), &world.offer(), "eve", at("16:01:01")).unwrap();
        let terms = world.order().terms;
        let write = records::order::approve(&terms.position_id, &terms.order_id, &late);
        assert!(matches!(at_once(world.tables.write(vec![write])), Err(WriteError::Lost { .. })));
        assert_eq!(world.tick("16:01:04"), 0);
        assert_eq!((world.refused_by().as_str(), world.is_critical()), ("approval_rejected", false));
    }
    // And nobody is told that an order ends which may be sent any moment.
    let world = World::offered();
    world.approve("16:01:00");
    assert!(matches!(reject(&world), Err(WriteError::Lost { .. })));
    assert_eq!(world.tick("16:01:04"), 1);
}
