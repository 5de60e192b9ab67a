//! A strategy with `backend = mock` through decide, execute and reconcile, without any key: the public data of an
//! exchange, the paper venue's own ledger, and the tables in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::ids::{Egress, Env};
use shared::model::Servers;
use shared::order::State;
use shared::ports::{
    AskModel, BadReply, Line, Log, ModelError, OpenVenue, Question, RawReply, Reply, ReportedUsage, Stop,
    ToolCall, VenueError, Wait,
};
use shared::records::paper::PaperLedger;
use shared::records::{self, shard::Shard};
use shared::roster::Trail;
use shared::settings::{Backend, Settings};
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Item, Key, Order, ReadError, ReadTables, Write, WriteError, WriteTables};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::link::Share;
use shared::venue::paper::Paper;
use shared::venue::patient::Patient;
use shared::venue::venues::Venues;
use sim::clock::SimClock;
use sim::exchange::{Candle, Exchange, ExchangeConfig};
use sim::in_process::InProcess;

/// Where the price begins.
const PRICE: i64 = 20_000;

/// The tables, until the process that uses them dies: after so many writes nothing reaches them any more.
#[derive(Clone)]
struct Mortal {
    store: MemoryStore,
    writes_left: Rc<Cell<u32>>,
}

impl Mortal {
    fn is_dead(&self) -> bool {
        self.writes_left.get() == 0
    }
}

impl ReadTables for Mortal {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        if self.is_dead() {
            return Err(ReadError::Unavailable("dead".to_owned()));
        }
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

impl WriteTables for Mortal {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if self.is_dead() {
            return Err(WriteError::NotDone("dead".to_owned()));
        }
        self.writes_left.set(self.writes_left.get() - 1);
        self.store.write(writes).await
    }
}

/// Opens the paper venue as the functions' wiring does.
struct OnPaper<T>(Venues<T>);
impl<T: WriteTables + Clone> OpenVenue for OnPaper<T> {
    type Venue = Paper<Patient<Binance, T>, T>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        assert_eq!(settings.backend, Backend::Mock);
        self.0.paper(settings, wait)
    }
}

struct Public<T>(Venues<T>);
impl<T: WriteTables + Clone> OpenVenue for Public<T> {
    type Venue = Patient<Binance, T>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        self.0.market(settings, wait)
    }
}

/// Opens once, and then holds.
#[derive(Default)]
struct Model(RefCell<u32>);
impl AskModel for Model {
    fn servers(&self) -> &Servers {
        Servers::none()
    }
    fn serves(&self, provider: &str) -> bool {
        provider == "anthropic"
    }
    async fn ask(&self, _: &Question) -> Result<RawReply, ModelError> {
        *self.0.borrow_mut() += 1;
        let wish = match *self.0.borrow() {
            1 => json!({"action": "open", "symbol": "BTC-USDT", "side": "buy", "quantity": "0.01",
                "order_type": "market", "stop_loss": "19600", "reason": "a test"}),
            _ => json!({"action": "hold", "reason": "calm"}),
        };
        Ok(RawReply { body: wish.to_string().into_bytes() })
    }
    fn read(&self, _: &str, reply: &RawReply) -> Result<Reply, BadReply> {
        let input: Value = serde_json::from_slice(&reply.body).map_err(|why| BadReply(why.to_string()))?;
        let call = ToolCall { name: "decide".to_owned(), input };
        let usage = ReportedUsage { tokens_in: Some(800), tokens_out: Some(60), ..ReportedUsage::default() };
        Ok(Reply { stop: Stop::Tool, text: String::new(), calls: vec![call], usage, note: None })
    }
}

struct Quiet;
impl Log for Quiet {
    fn write(&self, _: Line) {}
}

/// One strategy, the tables, and an exchange that has no account of ours.
struct World {
    clock: SimClock,
    network: SharedTransport,
    store: MemoryStore,
    model: Model,
}

fn settings() -> Settings {
    let text = include_str!("../../ops/strategies/demo.toml");
    let settings = Settings::from_toml(text, "demo.toml").unwrap().settings;
    assert_eq!(settings.backend, Backend::Mock);
    settings
}

fn env() -> Env {
    Env::parse("dev").unwrap()
}

fn start() -> Timestamp {
    Timestamp::parse("2023-03-01T00:00:00Z").unwrap()
}

/// Two hours of a price that stands, then a fall of a thousand a minute for five, then it stands again.
fn candles(start: Timestamp) -> Vec<Candle> {
    let price = |n: i64| Decimal::from(PRICE - (n - 150).clamp(0, 5) * 1_000);
    let candle = |n: i64| {
        let (open, close) = (price(n), price(n + 1));
        let (high, low) = (open.max(close), open.min(close));
        let open_time = start + Millis::from_minutes(n);
        Candle { open_time, open, high, low, close, volume: Decimal::from(100) }
    };
    (0..300).map(candle).collect()
}

impl World {
    fn new() -> World {
        let world = World::at(start() + Millis::from_minutes(100));
        let id = settings().strategy_id;
        let shard = Shard { shard: 0, strategies: vec![id.clone()] };
        world.store.plant(records::shard::key(0), records::shard::encode(&shard));
        world.store.plant(records::strategy_config::key(&id), records::strategy_config::encode(&settings()));
        let state = StrategyState::first(id.clone(), Status::Running, world.clock.now());
        world.store.plant(records::state::key(&id), records::state::encode(&state));
        world
    }

    /// An exchange at this time, and empty tables.
    fn at(now: Timestamp) -> World {
        let exchange = Arc::new(Exchange::new(ExchangeConfig::btcusdt("none"), candles(start())).unwrap());
        let clock = SimClock::new(now);
        let network = Arc::new(InProcess::new(clock.shared()).route("exchange.sim", exchange));
        World { clock, network, store: MemoryStore::new(), model: Model::default() }
    }

    /// The same world once more, with a time and tables of its own.
    fn copy(&self) -> World {
        let world = World::at(self.clock.now());
        self.store.snapshot().into_iter().for_each(|(key, item)| world.store.plant(key, item));
        world
    }

    fn venues<T: WriteTables + Clone>(&self, tables: T, share: Share) -> Venues<T> {
        let clock = Arc::new(self.clock.clone());
        Venues::new(tables, Arc::clone(&self.network), clock, Egress::default(), share)
            .at(Some("http://exchange.sim".to_owned()))
    }

    fn tick(&self) -> Tick {
        Tick { shard: 0, of: 1, scheduled_at: self.clock.now().minute() }
    }

    fn deadline(&self) -> Timestamp {
        self.clock.now() + Millis::from_secs(55)
    }

    /// The next minute.
    fn minute(&self) {
        self.clock.set(self.clock.now().minute() + Millis::from_minutes(1) + Millis::from_secs(4));
    }

    fn decide(&self) {
        let venues = Public(self.venues(self.store.clone(), Share::Look));
        let ports = decide::Ports {
            tables: &self.store,
            trail: &Trail::default(),
            venues: &venues,
            model: &self.model,
            clock: &self.clock,
            log: &Quiet,
        };
        let report = at_once(decide::handle(self.tick(), self.deadline(), &env(), &ports)).unwrap();
        assert_eq!(report.to_json()["success"], true);
    }

    fn execute(&self) -> Result<execute::Report, String> {
        self.execute_until(u32::MAX).0
    }

    /// Execute in a process that dies after so many writes; true if it did.
    fn execute_until(&self, writes: u32) -> (Result<execute::Report, String>, bool) {
        let tables = Mortal { store: self.store.clone(), writes_left: Rc::new(Cell::new(writes)) };
        let accounts = OnPaper(self.venues(tables.clone(), Share::Act));
        let shift = execute::turn::Shift {
            env: &env(),
            tick: self.tick(),
            deadline: self.deadline(),
            tables: &tables,
            trail: &Trail::default(),
            clock: &self.clock,
            log: &Quiet,
            approval_key: None,
        };
        let report = at_once(execute::handle(&shift, &accounts)).map_err(|error| error.to_string());
        (report, tables.is_dead())
    }

    fn reconcile(&self) -> reconcile::report::Report {
        let accounts = OnPaper(self.venues(self.store.clone(), Share::Look));
        let trail = &Trail::default();
        let ports = reconcile::Ports {
            tables: &self.store,
            trail,
            accounts: &accounts,
            clock: &self.clock,
            log: &Quiet,
        };
        at_once(reconcile::handle(self.tick(), self.deadline(), &ports)).unwrap()
    }

    /// Books and venue are looked at first; then the model is asked until its wish is on record.
    fn with_an_intent() -> World {
        let world = World::new();
        assert_eq!(world.reconcile().clean, 1, "the opening balance");
        for _ in 0..30 {
            world.minute();
            world.decide();
            if *world.model.0.borrow() > 0 {
                return world;
            }
        }
        panic!("the model was never asked");
    }

    fn paper(&self) -> PaperLedger {
        let key = records::paper::key(&settings().account);
        records::paper::decode(&self.store.snapshot()[&key]).unwrap()
    }

    fn orders(&self) -> Vec<shared::order::Order> {
        let orders = self.store.snapshot().into_iter().filter(|(key, _)| {
            key.table == Table::Orders && key.range.as_ref().is_some_and(|range| !range.contains('#'))
        });
        orders.map(|(_, item)| records::order::decode(&item).unwrap()).collect()
    }

    fn state(&self) -> StrategyState {
        let key = records::state::key(&settings().strategy_id);
        records::state::decode(&self.store.snapshot()[&key]).unwrap()
    }

    fn books_equal_venue(&self) {
        let report = self.reconcile();
        assert_eq!((report.clean, report.diverged, report.adopted), (1, 0, 0), "{report:?}");
    }
}

#[test]
fn a_strategy_on_paper_enters_is_protected_and_is_stopped_out_without_any_key() {
    let world = World::with_an_intent();
    assert_eq!(world.execute().unwrap().sent, 2, "the entry and its stop");
    let ledger = world.paper();
    assert_eq!((ledger.ended.len(), ledger.open.len(), ledger.trades.len()), (1, 1, 1));
    world.books_equal_venue();
    // The price falls through the stop while nobody looks, and execute finds it sold.
    for _ in 0..60 {
        world.minute();
        world.execute().unwrap();
    }
    let ledger = world.paper();
    assert!(ledger.open.is_empty(), "{:?}", ledger.open);
    assert!(world.state().live.is_empty(), "{:?}", world.state().live);
    assert_eq!(ledger.trades.len(), 2);
    assert!(world.orders().iter().all(|order| order.state.is_over()));
    world.books_equal_venue();
}

/// Wherever execute dies, also between the paper venue's write and its own record, the next tick goes on: one
/// entry, one stop, and books that equal the venue.
#[test]
fn wherever_execute_dies_the_order_exists_once_and_the_books_agree() {
    let world = World::with_an_intent();
    let mut died = 0;
    for writes in 1.. {
        let world = world.copy();
        if !world.execute_until(writes).1 {
            break;
        }
        died += 1;
        for _ in 0..3 {
            world.minute();
            world.execute().unwrap();
        }
        let ledger = world.paper();
        let bought = ledger.trades.len();
        assert!(bought <= 1, "after {writes} writes: {:?}", ledger.trades);
        assert_eq!(ledger.open.len(), bought, "after {writes} writes: what was bought is protected");
        let sent = world.orders().into_iter().filter(|order| {
            matches!(
                order.state,
                State::Pending(_) | State::Unknown(_) | State::Live { .. } | State::Done { .. }
            )
        });
        assert_eq!(sent.count(), ledger.open.len() + ledger.ended.len(), "after {writes} writes");
        world.books_equal_venue();
    }
    assert!(died >= 5, "the tick was cut only {died} times");
}

#[test]
fn a_backend_that_is_not_served_is_refused_by_its_name() {
    for backend in [Backend::Oms, Backend::Backtest] {
        let settings = Settings { backend, ..settings() };
        let error = shared::venue::venues::account(&settings).unwrap_err();
        assert!(error.to_string().contains(backend.as_str()), "{error}");
    }
}
