//! For tests: one strategy with its tables and the real adapter over a simulated exchange with hand-made
//! candles. Faults lie between execute and its ports; the checks read the exchange's own ledger.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::books::{AccountBook, Position, PositionStatus};
use shared::ids::{AccountId, Asset, Env, Leg, OrderId, PositionId, StrategyId, Symbol, VenueId};
use shared::market::{Candle as SeenCandle, Instrument, Quote, Side};
use shared::money::{Amount, Notional, Percent, Price, Qty};
use shared::order::{Fill, Kind, Order, Origin, State, Terms, TimeInForce};
use shared::ports::{
    Balance, KeyRights, Line, Log, MarketData, OpenVenue, OrderReport, OrderRequest, Placed, ReadAccount,
    ReadTables, SendError, SharedClock, Trade, TradeOrders, VenueError, Wait, WriteTables,
};
use shared::records::order::Row;
use shared::records::{self, AccountLedger, KeyCheck, Shard};
use shared::secret::Secret;
use shared::settings::{Backend, Crash, CrashAction, Exits, Gate, Limits, SafetyMode, Settings};
use shared::state::{Live, StrategyState, Target, WishFor};
use shared::status::{Hold, Status};
use shared::store::{Attr, Change, Item, Key, Order as Direction, Path, ReadError, Write, WriteError};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::link::{Link, Share};
use sim::clock::SimClock;
use sim::exchange::{ApiKey as SimKey, Candle, Exchange, ExchangeConfig, Order as SimOrder};
use sim::in_process::InProcess;

use crate::turn::Shift;
use crate::{Report, handle};

const HOST: &str = "exchange.sim";

pub(crate) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}
pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
pub(crate) fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
pub(crate) fn percent(text: &str) -> Percent {
    Percent::parse(text).unwrap()
}
pub(crate) fn notional(text: &str) -> Notional {
    Notional::parse(text).unwrap()
}
pub(crate) fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn asset(text: &str) -> Asset {
    Asset::parse(text).unwrap()
}
fn env() -> Env {
    Env::parse("dev").unwrap()
}
pub(crate) fn demo() -> StrategyId {
    StrategyId::parse("demo").unwrap()
}

/// The start of the n-th minute of every scenario.
pub(crate) fn minute(n: i64) -> Timestamp {
    Timestamp::parse("2023-03-01T00:00:00Z").unwrap() + Millis::from_minutes(n)
}

/// Wide limits, no rule that closes, so that each scenario switches on what it is about.
pub(crate) fn settings() -> Settings {
    Settings {
        strategy_id: demo(),
        account: AccountId::parse("main").unwrap(),
        venue: VenueId::parse("binance").unwrap(),
        backend: Backend::Exchange,
        testnet: true,
        symbols: vec![symbol()],
        decide_every: Millis::from_minutes(1),
        model: "anthropic/claude".to_owned(),
        model_fallbacks: Vec::new(),
        context_top_k: 0,
        ask_when_moved: None,
        llm_usd_per_day: notional("1"),
        safety_mode: SafetyMode::Direct,
        order_cooldown: Millis::from_secs(60),
        limits: Limits {
            max_order_notional: notional("1000"),
            max_daily_orders: 100,
            max_daily_cancels: 100,
            max_position_abs: qty("10"),
            allowed_symbols: vec![symbol()],
            max_opens_per_hour: 5,
            max_price_drift: percent("5"),
            max_decision_age: Millis::from_secs(180),
        },
        gate: Gate { threshold: 5, cooldown: Millis::from_secs(60) },
        pnl_gate: notional("5000"),
        exits: Exits {
            max_stop_distance: percent("50"),
            take_profit: None,
            trailing: None,
            exit_limit: Millis::from_minutes(5),
            entry_timeout: Millis::from_minutes(60),
        },
        crash: Crash { fall: percent("90"), window: Millis::from_minutes(5), action: CrashAction::Reduce },
        approval_expiry: Millis::from_minutes(15),
    }
}

/// What a fault does to one placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives; its answer does not.
    LostReply,
    /// It does not arrive, and nobody knows.
    LostRequest,
    /// It did not leave.
    NeverSent,
    /// 429.
    Throttled,
    /// The venue refuses it.
    Refused,
    /// The venue refuses the key.
    Fatal,
    /// Somebody withdrew this much base a moment ago, so that the balance does not suffice.
    Withdrawn(&'static str),
}

type Hook = Box<dyn FnOnce()>;

/// What goes wrong, and what was asked.
#[derive(Default)]
pub(crate) struct Faults {
    /// One per placement, then none.
    pub(crate) place: RefCell<VecDeque<Option<Fault>>>,
    /// Every placement from now on.
    pub(crate) always: RefCell<Option<Fault>>,
    /// Every cancel that reached the adapter.
    pub(crate) cancels: RefCell<Vec<String>>,
    /// Every placement that was tried.
    pub(crate) places: RefCell<Vec<String>>,
    /// Cancels get no answer and do not arrive.
    pub(crate) cancels_fail: Cell<bool>,
    /// No market data of this symbol.
    pub(crate) quotes_fail: Cell<bool>,
    /// The venue does not know the symbol any more.
    pub(crate) is_delisted: Cell<bool>,
    /// Orders cannot be asked about.
    pub(crate) orders_fail: Cell<bool>,
    /// What a question about an order is answered with.
    pub(crate) order_error: RefCell<Option<VenueError>>,
    /// What the venue says of the key; none: what the exchange says.
    pub(crate) rights: RefCell<Option<Result<KeyRights, VenueError>>>,
    /// How often it was asked.
    pub(crate) rights_asked: Cell<u32>,
    /// The venue lists only so many trades.
    pub(crate) trades_seen: Cell<Option<usize>>,
    /// The account's ledger is not there.
    pub(crate) no_ledger: Cell<bool>,
    /// What each call of the venue takes.
    pub(crate) call_takes: Cell<Millis>,
    /// Fails the writes with these numbers, counted from the arming; true: it happens all the same.
    pub(crate) writes_fail: RefCell<BTreeMap<usize, (WriteError, bool)>>,
    /// Runs before the write with this number.
    pub(crate) before_write: RefCell<Option<(usize, Hook)>>,
    /// Writes since the arming.
    pub(crate) writes: Cell<usize>,
}

/// The tables with faults.
pub(crate) struct Tables {
    pub(crate) store: MemoryStore,
    pub(crate) faults: Rc<Faults>,
}

impl ReadTables for Tables {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        let mut items = self.store.get(keys).await?;
        if self.faults.no_ledger.get() {
            let ledger = records::account::key(&settings().account);
            keys.iter().zip(&mut items).filter(|(key, _)| **key == ledger).for_each(|(_, item)| *item = None);
        }
        Ok(items)
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Direction,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.store.query(table, hash, prefix, order, limit).await
    }
}

impl WriteTables for Tables {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if writes.is_empty() {
            return Ok(());
        }
        let number = self.faults.writes.get();
        self.faults.writes.set(number + 1);
        let due = self.faults.before_write.borrow().as_ref().is_some_and(|(at, _)| *at == number);
        if due && let Some((_, hook)) = self.faults.before_write.take() {
            hook();
        }
        let fault = self.faults.writes_fail.borrow_mut().remove(&number);
        match fault {
            None => self.store.write(writes).await,
            Some((error, applied)) => {
                if applied {
                    self.store.write(writes).await?;
                }
                Err(error)
            }
        }
    }
}

/// The real adapter with faults.
#[derive(Clone)]
pub(crate) struct Shaky {
    trader: Trader,
    exchange: Arc<Exchange>,
    clock: SimClock,
    faults: Rc<Faults>,
}

impl Shaky {
    fn called(&self) {
        self.clock.advance(self.faults.call_takes.get());
    }
    fn seen(&self, mut trades: Vec<Trade>) -> Vec<Trade> {
        trades.truncate(self.faults.trades_seen.get().unwrap_or(usize::MAX));
        trades
    }
}

impl MarketData for Shaky {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        self.called();
        if self.faults.is_delisted.get() {
            return Err(VenueError::Refused { code: "-1121".to_owned(), text: "Invalid symbol.".to_owned() });
        }
        self.trader.instrument(symbol).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.called();
        if self.faults.quotes_fail.get() {
            return Err(VenueError::Unavailable("no quotes".to_owned()));
        }
        self.trader.quote(symbol).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<SeenCandle>, VenueError> {
        self.called();
        self.trader.candles(symbol, count).await
    }
}

impl ReadAccount for Shaky {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.called();
        self.trader.balances().await
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        self.called();
        if self.faults.orders_fail.get() {
            return Err(VenueError::Unavailable("no orders".to_owned()));
        }
        if let Some(error) = self.faults.order_error.borrow().clone() {
            return Err(error);
        }
        self.trader.order(symbol, id).await
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        self.called();
        self.trader.open_orders(symbol).await
    }
    async fn trades_of(&self, symbol: &Symbol, venue_order_id: &str) -> Result<Vec<Trade>, VenueError> {
        self.called();
        Ok(self.seen(self.trader.trades_of(symbol, venue_order_id).await?))
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        self.called();
        self.trader.trades_after(symbol, after).await
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        self.faults.rights_asked.set(self.faults.rights_asked.get() + 1);
        let scripted = self.faults.rights.borrow().clone();
        match scripted {
            Some(rights) => rights,
            None => self.trader.key_rights().await,
        }
    }
}

impl TradeOrders for Shaky {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        self.called();
        self.faults.places.borrow_mut().push(order.order_id.to_string());
        let once = self.faults.place.borrow_mut().pop_front().flatten();
        let text = "as scripted".to_owned();
        match once.or_else(|| self.faults.always.borrow().clone()) {
            None => {
                let placed = self.trader.place(order).await?;
                Ok(Placed { trades: self.seen(placed.trades), ..placed })
            }
            Some(Fault::LostReply) => {
                self.trader.place(order).await?;
                Err(SendError::NoAnswer(text))
            }
            Some(Fault::LostRequest) => Err(SendError::NoAnswer(text)),
            Some(Fault::NeverSent) => Err(SendError::NeverSent(VenueError::Unavailable(text))),
            Some(Fault::Throttled) => {
                let wait = Millis::from_secs(30);
                Err(SendError::NeverSent(VenueError::Throttled { wait, text, banned: false }))
            }
            Some(Fault::Withdrawn(amount)) => {
                self.exchange.withdraw(self.clock.now(), "BTC", d(amount)).unwrap();
                Err(SendError::Refused { code: "-2010".to_owned(), text })
            }
            Some(Fault::Refused) => Err(SendError::Refused { code: "-2010".to_owned(), text }),
            Some(Fault::Fatal) => Err(SendError::Fatal { code: "-2015".to_owned(), text }),
        }
    }
    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        self.called();
        self.faults.cancels.borrow_mut().push(id.to_string());
        if self.faults.cancels_fail.get() {
            return Err(SendError::NoAnswer("as scripted".to_owned()));
        }
        self.trader.cancel(symbol, id, sent_at).await
    }
}

impl OpenVenue for Shaky {
    type Venue = Shaky;
    async fn open(&self, _: &Settings, _: Wait) -> Result<Shaky, VenueError> {
        Ok(self.clone())
    }
}

/// Keeps every line.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}

/// What an entry is wanted as.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) symbol: Symbol,
    pub(crate) kind: Kind,
    pub(crate) quantity: Qty,
    pub(crate) stop: Price,
    pub(crate) take_profit: Option<Price>,
}

pub(crate) fn market(quantity: &str, stop: &str) -> Wanted {
    let (quantity, stop) = (qty(quantity), price(stop));
    Wanted { symbol: symbol(), kind: Kind::Market, quantity, stop, take_profit: None }
}

pub(crate) fn limit(quantity: &str, at: &str, stop: &str) -> Wanted {
    let kind = Kind::Limit { price: price(at), time_in_force: TimeInForce::Gtc };
    Wanted { kind, ..market(quantity, stop) }
}

/// One strategy, its tables, its exchange and its time.
pub(crate) struct Bench {
    pub(crate) clock: SimClock,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) tables: Tables,
    pub(crate) venue: Shaky,
    pub(crate) faults: Rc<Faults>,
    pub(crate) log: Lines,
    pub(crate) time_left: Cell<Millis>,
}

/// Candles with open, high, low, close and volume; fees are taken from what is received.
pub(crate) fn bench(rows: &[([i64; 4], i64)]) -> Bench {
    Bench::over(rows, minute(0))
}

impl Bench {
    pub(crate) fn over(rows: &[([i64; 4], i64)], start: Timestamp) -> Bench {
        let candles = rows.iter().enumerate().map(|(n, ([open, high, low, close], volume))| Candle {
            open_time: start + Millis::from_minutes(i64::try_from(n).unwrap()),
            open: (*open).into(),
            high: (*high).into(),
            low: (*low).into(),
            close: (*close).into(),
            volume: (*volume).into(),
        });
        let config = ExchangeConfig::btcusdt("main")
            .with_key(SimKey::trading("key", "secret"))
            .with_balance("USDT", d("1000"))
            .with_balance("BTC", d("0"));
        let exchange = Arc::new(Exchange::new(config, candles.collect()).unwrap());
        let clock = SimClock::new(start);
        let network = InProcess::new(clock.shared()).route(HOST, exchange.clone());
        let (network, faults): (SharedTransport, Rc<Faults>) = (Arc::new(network), Rc::default());
        let shared: SharedClock = Arc::new(clock.clone());
        let link = Rc::new(Link::new(Share::Act));
        let binance = Binance::new(network, shared, &format!("http://{HOST}"), Millis::from_secs(10), link);
        let key = ApiKey::new(Secret::new("key".to_owned()), Secret::new("secret".to_owned()));
        let trader = Trader::new(Account::new(binance, key));
        let bench = Bench {
            venue: Shaky { trader, exchange: exchange.clone(), clock: clock.clone(), faults: faults.clone() },
            tables: Tables { store: MemoryStore::new(), faults: faults.clone() },
            clock,
            exchange,
            faults,
            log: Lines::default(),
            time_left: Cell::new(Millis::from_secs(55)),
        };
        bench.plant(start);
        bench
    }

    fn plant(&self, start: Timestamp) {
        let store = &self.tables.store;
        let strategies = vec![demo()];
        store.plant(records::shard::key(0), records::shard::encode(&Shard { shard: 0, strategies }));
        self.settings(|_| {});
        let state = StrategyState::first(demo(), Status::Running, start);
        store.plant(records::state::key(&demo()), records::state::encode(&state));
        let opening = BTreeMap::from([(asset("USDT"), Amount::parse("1000").unwrap())]);
        let book = AccountBook { opening, ..AccountBook::default() };
        let rights = KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true };
        let key_check = Some(KeyCheck { at: start, rights: Some(rights) });
        let ledger = AccountLedger { book, key_check, ..AccountLedger::first(settings().account) };
        store.plant(records::account::key(&ledger.account), records::account::encode(&ledger));
    }

    /// Another executor on the same tables, exchange and clock, without faults of its own.
    pub(crate) fn other(&self) -> Bench {
        let faults: Rc<Faults> = Rc::default();
        Bench {
            clock: self.clock.clone(),
            exchange: self.exchange.clone(),
            tables: Tables { store: self.tables.store.clone(), faults: faults.clone() },
            venue: Shaky { faults: faults.clone(), ..self.venue.clone() },
            faults,
            log: Lines::default(),
            time_left: Cell::new(self.time_left.get()),
        }
    }

    pub(crate) fn settings(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = settings();
        change(&mut settings);
        let key = records::strategy_config::key(&settings.strategy_id);
        self.tables.store.plant(key, records::strategy_config::encode(&settings));
    }

    /// Sets one attribute, as an operator does.
    pub(crate) fn edit(&self, key: Key, name: &str, value: Attr) {
        let change = Change::Set(Path::of(name), value);
        at_once(self.tables.store.write(vec![Write::update(key, vec![change], Vec::new())])).unwrap();
    }
    pub(crate) fn set_status(&self, status: Status) {
        self.edit(records::state::key(&demo()), "status", Attr::S(status.as_str().to_owned()));
    }
    pub(crate) fn change_state(&self, change: impl FnOnce(&mut StrategyState)) {
        let mut state = self.state();
        change(&mut state);
        self.tables.store.plant(records::state::key(&demo()), records::state::encode(&state));
    }

    /// What execute remembers of the account's key.
    pub(crate) fn key_check(&self, key_check: Option<KeyCheck>) {
        let ledger = AccountLedger { key_check, ..self.account() };
        self.tables.store.plant(records::account::key(&ledger.account), records::account::encode(&ledger));
    }
    /// A hold as it stands while its cause lasts.
    pub(crate) fn impose(&self, hold: Hold) {
        let now = self.clock.now();
        self.settings(|settings| match hold {
            Hold::RejectionGate => settings.gate.cooldown = Millis::from_minutes(60),
            // The bid lies this far below the last price of a flat market.
            Hold::Crash => settings.crash.fall = percent("0.005"),
            Hold::Divergence | Hold::PnlGate | Hold::ModelOff | Hold::VenueBan => {}
        });
        self.change_state(|state| {
            state.holds.insert(hold, now);
            if hold == Hold::VenueBan {
                state.breaker.banned_until = Some(now + Millis::from_minutes(60));
            }
        });
    }

    /// Serves the n-th minute, four seconds after it began.
    pub(crate) fn tick(&self, n: i64) -> Report {
        self.tick_at(minute(n))
    }
    pub(crate) fn tick_at(&self, scheduled_at: Timestamp) -> Report {
        self.clock.set(scheduled_at + Millis::from_secs(4));
        self.exchange.advance(self.clock.now());
        let report = self.serve();
        assert_eq!(self.exchange.audit(), Ok(()));
        report
    }
    /// Serves the minute of the clock.
    pub(crate) fn serve(&self) -> Report {
        let now = self.clock.now();
        let shift = Shift {
            env: &env(),
            trail: &shared::roster::Trail::default(),
            tick: Tick { shard: 0, of: 1, scheduled_at: now.minute() },
            deadline: now + self.time_left.get(),
            tables: &self.tables,
            clock: &self.clock,
            log: &self.log,
            approval_key: None,
        };
        at_once(handle(&shift, &self.venue)).unwrap()
    }

    /// Records an intent as decide does; answers its position.
    pub(crate) fn intend(&self, wanted: &Wanted) -> PositionId {
        let (mut state, now) = (self.state(), self.clock.now());
        state.intent_seq += 1;
        let position_id = PositionId { strategy: demo(), seq: state.intent_seq };
        let order_id = OrderId::derive(&env(), &settings().account, &position_id, Leg::Entry, 0);
        let terms = Terms {
            order_id: order_id.clone(),
            position_id: position_id.clone(),
            strategy_id: demo(),
            account: settings().account,
            symbol: wanted.symbol.clone(),
            leg: Leg::Entry,
            plan: 0,
            origin: Origin::Model,
            side: Side::Buy,
            kind: wanted.kind,
            quantity: wanted.quantity,
            stop_loss: Some(wanted.stop),
            take_profit: wanted.take_profit,
            decided_price: None,
            decided_at: now,
            decision: Some(now),
            created_at: now,
            trace: "demo-1".to_owned(),
        };
        let live = Live::Order { position: position_id.clone(), leg: Leg::Entry };
        state.live.insert(order_id.to_string(), live);
        let store = &self.tables.store;
        store.plant(records::state::key(&demo()), records::state::encode(&state));
        let order = Order { terms, state: State::Intended };
        store.plant(records::order::key(&position_id, &order_id), records::order::encode(&order));
        position_id
    }
    pub(crate) fn wish(&self, target: Target, origin: Origin) {
        let at = self.clock.now();
        self.change_state(|state| {
            state.intent_seq += 1;
            let key = records::state::wish_key(state.intent_seq);
            state.live.insert(key, Live::Wish(WishFor { target, origin, at }));
        });
    }

    pub(crate) fn state(&self) -> StrategyState {
        records::state::decode(&self.tables.store.snapshot()[&records::state::key(&demo())]).unwrap()
    }
    pub(crate) fn position(&self, id: &PositionId) -> Position {
        self.maybe_position(id).unwrap()
    }
    pub(crate) fn maybe_position(&self, id: &PositionId) -> Option<Position> {
        self.tables
            .store
            .snapshot()
            .get(&records::position::key(id))
            .map(|item| records::position::decode(item).unwrap())
    }
    pub(crate) fn account(&self) -> AccountLedger {
        let key = records::account::key(&settings().account);
        records::account::decode(&self.tables.store.snapshot()[&key]).unwrap()
    }
    fn rows(&self) -> Vec<Row> {
        let items = self.tables.store.snapshot();
        let orders = items.iter().filter(|(key, _)| key.table == Table::Orders);
        orders.map(|(_, item)| records::order::decode_row(item).unwrap()).collect()
    }
    pub(crate) fn orders(&self) -> Vec<Order> {
        let rows = self.rows().into_iter();
        let mut orders: Vec<Order> =
            rows.filter_map(|row| if let Row::Order(order) = row { Some(*order) } else { None }).collect();
        orders.sort_by_key(|order| (order.terms.position_id.clone(), order.terms.leg, order.terms.plan));
        orders
    }
    pub(crate) fn fills(&self) -> Vec<Fill> {
        let rows = self.rows().into_iter();
        rows.filter_map(|row| if let Row::Fill(fill) = row { Some(*fill) } else { None }).collect()
    }
    /// The state of one order.
    pub(crate) fn order(&self, id: &PositionId, leg: Leg, plan: u32) -> State {
        let orders = self.orders().into_iter();
        let mut of = orders
            .filter(|order| (&order.terms.position_id, order.terms.leg, order.terms.plan) == (id, leg, plan));
        of.next().unwrap().state
    }
    /// Status by leg and plan, in the tables' words.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let orders = self.orders().into_iter();
        orders
            .map(|order| format!("{} {} {}", order.terms.leg.as_str(), order.terms.plan, order.state))
            .collect()
    }
    /// What rests at the exchange: side and quantity.
    pub(crate) fn resting(&self) -> Vec<String> {
        let orders = self.exchange.open_orders().into_iter();
        orders.map(|order| format!("{} {}", order.side.as_str(), order.quantity.normalize())).collect()
    }
    pub(crate) fn at_venue(&self) -> Vec<SimOrder> {
        self.exchange.orders()
    }
    pub(crate) fn said(&self, what: &str) -> bool {
        self.log.0.borrow().iter().any(|line| line.what == what)
    }

    /// The last line that says `what`.
    pub(crate) fn line(&self, what: &str) -> Line {
        let lines = self.log.0.borrow();
        lines.iter().rev().find(|line| line.what == what).unwrap().clone()
    }

    /// Nothing is live, and every book agrees with the exchange's own ledger.
    pub(crate) fn is_over(&self) {
        assert_eq!(self.state().live, BTreeMap::new());
        assert!(self.orders().iter().all(|order| order.state.is_over()), "{:?}", self.statuses());
        let (orders, by_hand) = (self.exchange.open_orders(), |order: &SimOrder| order.manual);
        assert!(orders.iter().all(by_hand), "{orders:?}");
        self.books_agree();
    }

    /// Recomputed here, from the exchange's movements and the fills' rows, not with the code under test.
    pub(crate) fn books_agree(&self) {
        assert_eq!(self.exchange.audit(), Ok(()));
        self.every_venue_order_is_one_of_ours_once();
        self.every_trade_is_recorded_once();
        self.account_equals_exchange();
        self.positions_equal_their_fills();
    }

    fn every_venue_order_is_one_of_ours_once(&self) {
        let ours: Vec<String> = self.orders().iter().map(|order| order.terms.order_id.to_string()).collect();
        let at_venue: Vec<String> =
            self.at_venue().into_iter().filter(|order| !order.manual).map(|order| order.client_id).collect();
        for id in &at_venue {
            assert!(ours.contains(id), "{id} is at the venue and not in the tables");
            assert_eq!(at_venue.iter().filter(|one| *one == id).count(), 1, "{id} was sent twice");
        }
    }

    fn every_trade_is_recorded_once(&self) {
        let by_hand: Vec<i64> =
            self.at_venue().iter().filter(|order| order.manual).map(|order| order.id).collect();
        let trades = self.exchange.trades().into_iter();
        let mut theirs: Vec<String> = trades
            .filter(|trade| !by_hand.contains(&trade.order_id))
            .map(|trade| {
                format!("{} {} {}", trade.id, trade.quantity.normalize(), trade.commission.normalize())
            })
            .collect();
        let ours = self.fills().into_iter();
        let mut ours: Vec<String> =
            ours.map(|fill| format!("{} {} {}", fill.trade_id, fill.quantity, fill.fee)).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }

    fn account_equals_exchange(&self) {
        let book = self.account().book;
        for (name, balance) in self.exchange.balances() {
            let sum =
                |part: &BTreeMap<Asset, Amount>| part.get(&asset(&name)).map_or(d("0"), |one| one.value());
            let by_hand: Decimal = self.moved_by_hand(&name);
            let books = sum(&book.opening) + sum(&book.fills) + sum(&book.external) + by_hand;
            assert_eq!(books.normalize(), balance.total().normalize(), "{name}");
        }
    }

    /// What the account's owner traded: reconcile records it, execute does not.
    fn moved_by_hand(&self, name: &str) -> Decimal {
        use sim::exchange::Cause;
        let orders = self.at_venue();
        let trades = self.exchange.trades();
        let of = |id: i64| {
            let order = trades.iter().find(|trade| trade.id == id).map(|trade| trade.order_id);
            orders.iter().any(|one| Some(one.id) == order && one.manual)
        };
        let moved = self.exchange.movements().into_iter().filter(|one| &*one.asset == name);
        moved
            .filter(|one| match one.cause {
                Cause::Fill { trade } | Cause::Fee { trade } => of(trade),
                Cause::Deposit | Cause::Withdrawal => true,
            })
            .map(|one| one.amount)
            .sum()
    }

    fn positions_equal_their_fills(&self) {
        let fills = self.fills();
        let mut realised = d("0");
        for (key, item) in self.tables.store.snapshot() {
            if key.table != Table::Positions {
                continue;
            }
            let position = records::position::decode(&item).unwrap();
            let mut held = d("0");
            for fill in fills.iter().filter(|fill| fill.position_id == position.id) {
                let in_base = if fill.fee_asset == fill.symbol.base { fill.fee.value() } else { d("0") };
                held += match fill.side {
                    Side::Buy => fill.quantity.value(),
                    Side::Sell => -fill.quantity.value(),
                } - in_base;
            }
            assert_eq!(position.quantity.value().normalize(), held.normalize(), "{}", position.id);
            if position.status == PositionStatus::Closed && !position.closed_manually {
                assert_eq!(position.residue.map_or(d("0"), Qty::value).normalize(), held.normalize());
            }
            realised += position.realised().value();
        }
        let (day, all_today) = (self.state().exec_day, fills.iter().map(|fill| fill.at.day()).max());
        if all_today == fills.iter().map(|fill| fill.at.day()).min() && all_today == Some(day.day) {
            assert_eq!(day.realised.value().normalize(), realised.normalize());
        }
    }
}
