//! For tests: one strategy with its tables, a market that stands still, and a model that says what it is told.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use serde_json::{Value, json};
use shared::books::{AccountBook, Position};
use shared::decision::Outcome;
use shared::ids::{AccountId, Asset, Env, Leg, OrderId, PositionId, ProviderId, StrategyId, Symbol, VenueId};
use shared::market::{Candle, Instrument, Quote, Side, Trading};
use shared::model::Servers;
use shared::money::{Amount, Notional, Percent, Price, Qty, decimal};
use shared::order::{AtVenue, Kind, Order, Origin, State, Terms, TimeInForce};
use shared::ports::{
    AskModel, BadReply, Clock, Line, Log, MarketData, ModelError, OpenVenue, Question, RawReply, Reply,
    ReportedUsage, Stop, ToolCall, VenueError, Wait, WriteTables,
};
use shared::records::decision::Inputs;
use shared::records::{self, AccountLedger, DecisionRecord, LlmLedger, Shard};
use shared::roster::Trail;
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, SafetyMode, Settings};
use shared::state::{Live, StrategyState, Target, WishFor};
use shared::status::Status;
use shared::store::Item;
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::market::Market;
use crate::shift::Ports;
use crate::snapshot::Books;
use crate::{Report, handle};

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
pub(crate) fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}

/// Cautious settings that ask every minute.
pub(crate) fn settings() -> Settings {
    Settings {
        strategy_id: StrategyId::parse("demo").unwrap(),
        account: AccountId::parse("main").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Mock,
        testnet: true,
        paper_balance: None,
        symbols: vec![symbol()],
        decide_every: Millis::from_minutes(1),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: Notional::parse("1").unwrap(),
        llm_tokens: shared::settings::Tokens::USUAL,
        llm_answer_tokens: None,
        safety_mode: SafetyMode::Direct,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: Notional::parse("1000").unwrap(),
            max_daily_orders: 100,
            max_daily_cancels: 100,
            max_position_abs: qty("0.1"),
            allowed_symbols: vec![symbol()],
            max_opens_per_hour: 5,
            max_price_drift: percent("1"),
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

/// Running, decided a minute ago.
pub(crate) fn state() -> StrategyState {
    let before = at("2023-03-01T15:59:00Z");
    let mut state = StrategyState::first(StrategyId::parse("demo").unwrap(), Status::Running, before);
    state.last_reconciled_at = Some(before);
    state
}

/// A market that rises a little, as it is at `now`.
pub(crate) fn market(now: Timestamp) -> Market {
    Market { instrument: instrument(&symbol()), quote: quote(&symbol(), now), candles: candles(now) }
}

fn candles(now: Timestamp) -> Vec<Candle> {
    let first = now.minute() - Millis::from_minutes(999);
    let candle = |minute: i64| {
        let close = rust_decimal::Decimal::new(220_005 + 10 * minute, 1);
        let near = |permille: i64| {
            let share = rust_decimal::Decimal::new(permille, 3);
            Price::new(close.checked_mul(share).unwrap().round_dp(2)).unwrap()
        };
        Candle {
            open_time: first + Millis::from_minutes(minute),
            open: near(1_000),
            high: near(1_001),
            low: near(999),
            close: near(1_000),
            volume: qty("12.5"),
        }
    };
    (0..999).map(candle).collect()
}

fn instrument(symbol: &Symbol) -> Instrument {
    Instrument {
        symbol: symbol.clone(),
        trading: Trading::Open,
        tick: decimal("0.01").unwrap(),
        step: qty("0.00001"),
        min_qty: qty("0.00001"),
        max_qty: qty("9000"),
        max_market_qty: qty("100"),
        takes_market_stops: true,
        min_notional: Notional::parse("10").unwrap(),
        bounds: shared::market::Bounds::NONE,
    }
}

fn quote(symbol: &Symbol, now: Timestamp) -> Quote {
    Quote { symbol: symbol.clone(), bid: price("22998"), ask: price("22998.5"), at: now }
}

pub(crate) fn account(quote: &str) -> AccountLedger {
    let opening = BTreeMap::from([(Asset::parse("USDT").unwrap(), Amount::parse(quote).unwrap())]);
    let book = AccountBook { opening, ..AccountBook::default() };
    AccountLedger { book, ..AccountLedger::first(settings().account) }
}

fn position_id() -> PositionId {
    PositionId::parse("demo.1677600000").unwrap()
}

/// 0.02 held since two hours.
pub(crate) fn holding() -> Books {
    let opened = at("2023-03-01T14:00:00Z");
    let position = Position::before_first_fill(
        position_id(),
        settings().account,
        symbol(),
        price("22500"),
        None,
        opened,
    );
    let (quantity, cost) = (qty("0.02"), Notional::parse("456").unwrap());
    let position = Position { quantity, bought: quantity, cost, version: 1, ..position };
    Books { positions: vec![position], ..Books::default() }
}

/// An entry for 0.01 that rests at 23,000 since half an hour.
pub(crate) fn resting() -> Books {
    let sent_at = at("2023-03-01T15:30:00Z");
    let env = Env::parse("dev").unwrap();
    let terms = Terms {
        order_id: OrderId::derive(&env, &settings().account, &position_id(), Leg::Entry, 0),
        position_id: position_id(),
        strategy_id: settings().strategy_id,
        account: settings().account,
        symbol: symbol(),
        leg: Leg::Entry,
        plan: 0,
        origin: Origin::Model,
        side: Side::Buy,
        kind: Kind::Limit { price: price("23000"), time_in_force: TimeInForce::Gtc },
        quantity: qty("0.01"),
        stop_loss: Some(price("22500")),
        take_profit: None,
        decided_price: Some(price("23010")),
        decided_at: sent_at,
        decision: Some(sent_at),
        created_at: sent_at,
        trace: "demo-1".to_owned(),
    };
    let venue = AtVenue { venue_id: "7".to_owned(), executed: Qty::ZERO, recorded: Qty::ZERO, sent_at };
    Books { orders: vec![Order { terms, state: State::Live { venue, ended: None } }], ..Books::default() }
}

pub(crate) fn close_wish(position: &PositionId) -> Live {
    let target = Target::Close(position.clone());
    let at = at("2023-03-01T15:59:00Z");
    Live::Wish(WishFor { target, origin: Origin::Model, at, decision: Some(at) })
}

/// What a question is decided on that shows no market and no books.
pub(crate) fn no_inputs() -> Inputs {
    let (markets, positions, entries) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    Inputs { at: at("2023-03-01T16:00:05Z"), seq: 1, has_room: true, markets, positions, entries }
}

pub(crate) fn unpacked(bytes: &[u8]) -> String {
    String::from_utf8(crate::record::unpacked(bytes).unwrap()).unwrap()
}

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(crate) struct Hands(pub(crate) Cell<Timestamp>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

/// Keeps every line.
#[derive(Debug, Default)]
pub(crate) struct Lines(pub(crate) RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}

/// A venue whose markets are all [`market`], unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Venue {
    /// One time for all that were opened.
    pub(crate) now: Rc<Cell<Timestamp>>,
    pub(crate) fails: bool,
    pub(crate) lags: Millis,
}

impl Venue {
    fn answers(&self) -> Result<(), VenueError> {
        if self.fails { Err(VenueError::Unavailable("down".to_owned())) } else { Ok(()) }
    }
}

impl MarketData for Venue {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        self.answers().map(|()| instrument(symbol))
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.answers().map(|()| quote(symbol, self.now.get()))
    }
    async fn candles(&self, _: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        self.answers()?;
        let mut candles = candles(self.now.get());
        for candle in &mut candles {
            candle.open_time = candle.open_time - self.lags;
        }
        Ok(candles.split_off(candles.len().saturating_sub(count as usize)))
    }
}

/// Opens a copy of one venue for everyone.
#[derive(Debug)]
pub(crate) struct Venues(pub(crate) RefCell<Venue>);

impl OpenVenue for Venues {
    type Venue = Venue;
    async fn open(&self, _settings: &Settings, _: Wait) -> Result<Venue, VenueError> {
        Ok(self.0.borrow().clone())
    }
}

/// What a model does when nothing else was said.
pub(crate) type Mood = fn() -> Result<RawReply, ModelError>;

/// Says what it is told, in order, and then what its mood is, or holds.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) script: RefCell<VecDeque<Result<RawReply, ModelError>>>,
    pub(crate) mood: Cell<Option<Mood>>,
    /// Tokens in of each answer; 800 where none is said.
    pub(crate) tokens_in: Cell<Option<u32>>,
    /// Tokens out of each answer; 60 where none is said.
    pub(crate) tokens_out: Cell<Option<u32>>,
    /// Answers are bodies of the provider rather than the short form of these tests.
    pub(crate) speaks_its_own: Cell<bool>,
    pub(crate) servers: Servers,
    pub(crate) asked: RefCell<Vec<Question>>,
    /// What stood in the decisions table when an answer was read.
    pub(crate) recorded: RefCell<Vec<Item>>,
    pub(crate) tables: MemoryStore,
}

impl AskModel for Model {
    fn servers(&self) -> &Servers {
        &self.servers
    }
    fn serves(&self, provider: &str) -> bool {
        matches!(provider, "anthropic" | "openai" | "bedrock")
    }
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        self.asked.borrow_mut().push(question.clone());
        let usual = || match self.mood.get() {
            Some(mood) => mood(),
            None => Ok(says(json!({"action": "hold", "reason": "calm"}))),
        };
        self.script.borrow_mut().pop_front().unwrap_or_else(usual)
    }
    fn read(&self, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        let decisions = self.tables.snapshot().into_iter().filter(|(key, _)| key.table == Table::Decisions);
        *self.recorded.borrow_mut() = decisions.map(|(_, item)| item).collect();
        if self.speaks_its_own.get() {
            return shared::model::read(&self.servers, model, reply);
        }
        let body: Value = serde_json::from_slice(&reply.body).map_err(|error| BadReply(error.to_string()))?;
        let calls = body["calls"].as_array().into_iter().flatten();
        Ok(Reply {
            stop: match body["stop"].as_str().unwrap() {
                "tool" => Stop::Tool,
                "length" => Stop::Length,
                "refusal" => Stop::Refusal,
                _ => Stop::End,
            },
            text: body["text"].as_str().unwrap_or_default().to_owned(),
            calls: calls.map(|input| ToolCall { name: "decide".to_owned(), input: input.clone() }).collect(),
            usage: ReportedUsage {
                tokens_in: Some(self.tokens_in.get().unwrap_or(800)),
                tokens_out: Some(self.tokens_out.get().unwrap_or(60)),
                ..ReportedUsage::default()
            },
            note: None,
        })
    }
}

/// A tool call with `input`.
pub(crate) fn says(input: Value) -> RawReply {
    RawReply { body: json!({"stop": "tool", "calls": [input]}).to_string().into_bytes() }
}
/// Prose that stopped for `stop`.
pub(crate) fn mutters(stop: &str, text: &str) -> RawReply {
    RawReply { body: json!({"stop": stop, "text": text}).to_string().into_bytes() }
}
/// A well-formed wish to open.
pub(crate) fn opens() -> Value {
    json!({"action": "open", "symbol": "BTC-USDT", "side": "buy", "quantity": "0.01",
           "order_type": "market", "stop_loss": "22500", "reason": "it rises"})
}

/// One strategy `demo` in one shard, at 2023-03-01T16:00:05Z.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) tables: MemoryStore,
    pub(crate) venues: Venues,
    pub(crate) model: Model,
    pub(crate) clock: Hands,
    pub(crate) log: Lines,
}

impl World {
    pub(crate) fn empty() -> World {
        let now = at("2023-03-01T16:00:05Z");
        let tables = MemoryStore::new();
        World {
            model: Model { tables: tables.clone(), ..Model::default() },
            tables,
            venues: Venues(RefCell::new(Venue {
                now: Rc::new(Cell::new(now)),
                fails: false,
                lags: Millis(0),
            })),
            clock: Hands(Cell::new(now)),
            log: Lines::default(),
        }
    }

    pub(crate) fn new() -> World {
        let world = World::empty();
        world.shard(&["demo"]);
        world.plant_strategy(&settings(), &state());
        let account = account("1000");
        world.tables.plant(records::account::key(&account.account), records::account::encode(&account));
        world
    }

    pub(crate) fn shard(&self, names: &[&str]) {
        let strategies = names.iter().map(|name| StrategyId::parse(name).unwrap()).collect();
        self.tables.plant(records::shard::key(0), records::shard::encode(&Shard { shard: 0, strategies }));
    }
    pub(crate) fn plant_strategy(&self, settings: &Settings, state: &StrategyState) {
        self.plant_state(state);
        let key = records::strategy_config::key(&settings.strategy_id);
        self.tables.plant(key, records::strategy_config::encode(settings));
    }
    fn plant_state(&self, state: &StrategyState) {
        self.tables.plant(records::state::key(&state.strategy_id), records::state::encode(state));
    }
    /// Another strategy with the same settings.
    pub(crate) fn plant_other(&self, name: &str) {
        let strategy_id = StrategyId::parse(name).unwrap();
        let settings = Settings { strategy_id: strategy_id.clone(), ..settings() };
        self.plant_strategy(&settings, &StrategyState { strategy_id, ..state() });
    }
    /// Makes the books live.
    pub(crate) fn plant_books(&self, books: &Books) {
        let mut state = self.state();
        for position in &books.positions {
            state.live.insert(position.id.to_string(), Live::Position);
            self.tables.plant(records::position::key(&position.id), records::position::encode(position));
        }
        for order in &books.orders {
            let (position, leg) = (order.terms.position_id.clone(), order.terms.leg);
            let key = records::order::key(&position, &order.terms.order_id);
            state.live.insert(order.terms.order_id.to_string(), Live::Order { position, leg });
            self.tables.plant(key, records::order::encode(order));
        }
        self.plant_state(&state);
    }
    pub(crate) fn id(&self) -> StrategyId {
        settings().strategy_id
    }
    pub(crate) fn state(&self) -> StrategyState {
        self.state_of("demo")
    }
    pub(crate) fn state_of(&self, name: &str) -> StrategyState {
        let key = records::state::key(&StrategyId::parse(name).unwrap());
        records::state::decode(&self.tables.snapshot()[&key]).unwrap()
    }
    pub(crate) fn change(&self, change: impl FnOnce(&mut StrategyState)) {
        let mut state = self.state();
        change(&mut state);
        self.plant_state(&state);
    }
    pub(crate) fn set(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = settings();
        change(&mut settings);
        self.plant_strategy(&settings, &self.state());
    }
    pub(crate) fn will(&self, answer: Result<RawReply, ModelError>) {
        self.model.script.borrow_mut().push_back(answer);
    }
    /// Serves the minute of the clock.
    pub(crate) fn tick(&self) -> Report {
        self.tick_at(self.clock.now().minute())
    }
    pub(crate) fn tick_at(&self, scheduled_at: Timestamp) -> Report {
        self.tick_over(&self.tables, &Trail::default(), scheduled_at)
    }
    /// Serves a minute over other tables, which lead to the same.
    pub(crate) fn tick_over<T: WriteTables>(
        &self,
        tables: &T,
        trail: &Trail,
        scheduled_at: Timestamp,
    ) -> Report {
        self.venues.0.borrow().now.set(self.clock.now());
        let (env, tick) = (Env::parse("dev").unwrap(), Tick { shard: 0, of: 1, scheduled_at });
        let ports = Ports {
            trail,
            tables,
            venues: &self.venues,
            model: &self.model,
            clock: &self.clock,
            log: &self.log,
        };
        let deadline = self.clock.now() + Millis::from_secs(60);
        at_once(handle(tick, deadline, &env, &ports)).unwrap()
    }
    /// The next minutes, one tick each.
    pub(crate) fn minutes(&self, count: i64) -> Vec<Report> {
        let next = || {
            let report = self.tick();
            self.clock.0.set(self.clock.now() + Millis::from_minutes(1));
            report
        };
        (0..count).map(|_| next()).collect()
    }
    pub(crate) fn asked(&self) -> usize {
        self.model.asked.borrow().len()
    }
    pub(crate) fn lines(&self, what: &str) -> usize {
        self.log.0.borrow().iter().filter(|line| line.what == what).count()
    }
    /// A shared ledger of the model's, as it stands.
    pub(crate) fn ledger(&self, name: &str) -> Option<LlmLedger> {
        let key = records::llm::key(&ProviderId::parse(name).unwrap());
        self.tables.snapshot().get(&key).map(|item| records::llm::decode(item).unwrap())
    }
    /// The account, byte for byte.
    pub(crate) fn account(&self) -> Item {
        self.tables.snapshot()[&records::account::key(&settings().account)].clone()
    }
    pub(crate) fn plant_ledger(&self, ledger: &LlmLedger) {
        self.tables.plant(records::llm::key(&ledger.name), records::llm::encode(ledger));
    }
    pub(crate) fn decisions(&self) -> Vec<DecisionRecord> {
        let items = self.tables.snapshot().into_iter().filter(|(key, _)| key.table == Table::Decisions);
        items.map(|(_, item)| records::decision::decode(&item).unwrap()).collect()
    }
    pub(crate) fn orders(&self) -> Vec<Order> {
        let items = self.tables.snapshot().into_iter().filter(|(key, _)| key.table == Table::Orders);
        items.map(|(_, item)| records::order::decode(&item).unwrap()).collect()
    }
}

/// The only outcome of a report.
pub(crate) fn outcome(report: &Report) -> String {
    report.outcomes.keys().cloned().collect::<Vec<_>>().join(" ")
}

/// How an outcome is stored.
pub(crate) fn stored(outcome: &Outcome) -> Option<String> {
    Some(outcome.to_string())
}
