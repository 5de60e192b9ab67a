//! Two executors at the last order of a day, in every interleaving of their effects.
//!
//! Every read of what changes, every write and every send waits at a turnstile; a schedule says whose effect comes
//! next. Every schedule there is, is taken up to where it reaches a world in which both have seen what they had
//! seen in an earlier one: from there on nothing can differ.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rust_decimal::Decimal;
use shared::books::AccountBook;
use shared::ids::{Asset, OrderId, Symbol};
use shared::market::{Candle, Instrument, Quote, Trading};
use shared::money::{Amount, Notional, Qty};
use shared::ports::{
    Balance, Clock, KeyRights, MarketData, OpenVenue, OrderReport, OrderRequest, Placed, ReadAccount,
    SendError, Trade, TradeOrders, VenueError, Wait,
};
use shared::records::{self, AccountLedger, KeyCheck, Shard};
use shared::settings::Settings;
use shared::state::{ExecDay, StrategyState};
use shared::status::Status;
use shared::store::{
    Change, Item, Key, Order as Direction, ReadError, ReadTables, Write, WriteAct, WriteError, WriteTables,
};
use shared::tables::Table;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::handle;
use crate::testing::{Lines, Wanted, demo, intent, limit, price, qty, settings};
use crate::turn::Shift;

/// Where an effect waits until the schedule lets it happen.
struct Turnstile(bool);

impl Future for Turnstile {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// More effects than two invocations have.
const MOST_EFFECTS: usize = 1_000;

/// Every choice of a run: the next run takes the next path.
#[derive(Default)]
struct Schedule {
    path: Vec<usize>,
    at: usize,
    met: BTreeSet<u64>,
}

impl Schedule {
    /// Whose turn it is; none where everything that can follow has been tried.
    fn choose(&mut self, met: impl Fn() -> u64) -> Option<usize> {
        if self.at == self.path.len() {
            if !self.met.insert(met()) {
                return None;
            }
            self.path.push(0);
        }
        self.at += 1;
        Some(self.path[self.at - 1])
    }
    /// False once every path was taken.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some(choice) = self.path.pop() {
            if choice == 0 {
                self.path.push(1);
                return true;
            }
        }
        false
    }
}

fn late(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A world that both share. Its time passes midnight after so many effects.
#[derive(Clone)]
struct World {
    store: MemoryStore,
    placed: Rc<RefCell<Vec<OrderRequest>>>,
    effects: Rc<Cell<usize>>,
    midnight_after: usize,
    /// All that this invocation has seen.
    seen: Rc<Cell<u64>>,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        if self.effects.get() < self.midnight_after {
            late("2023-03-01T23:59:59.5Z")
        } else {
            late("2023-03-02T00:00:00.5Z")
        }
    }
}

impl World {
    /// The same world for another invocation.
    fn another(&self) -> World {
        World { seen: Rc::default(), ..self.clone() }
    }
    async fn effect(&self) {
        Turnstile(false).await;
        self.effects.set(self.effects.get() + 1);
    }
    fn sees<R: std::fmt::Debug>(&self, answer: R) -> R {
        let mut hasher = DefaultHasher::new();
        (self.seen.get(), format!("{answer:?}"), self.now()).hash(&mut hasher);
        self.seen.set(hasher.finish());
        answer
    }
    fn report(order: &OrderRequest) -> OrderReport {
        OrderReport {
            client_id: order.order_id.to_string(),
            venue_id: "1".to_owned(),
            symbol: order.symbol.clone(),
            side: order.side,
            quantity: order.quantity,
            executed: qty("0"),
            ended: None,
        }
    }
}

impl ReadTables for World {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        // Who is in a shard does not change here.
        if keys.iter().any(|key| key.table != Table::Ledgers) {
            self.effect().await;
        }
        self.store.get(keys).await.map(|items| self.sees(items))
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
impl WriteTables for World {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if !is_beat(&writes) {
            self.effect().await;
        }
        let done = self.store.write(writes).await;
        self.sees(done)
    }
}

/// A beat leaves `send_seq` alone, and nothing that is planned looks at it: when it comes makes no difference.
fn is_beat(writes: &[Write]) -> bool {
    let touches = |write: &Write| match &write.act {
        WriteAct::Update(changes) => changes.iter().any(|change| match change {
            Change::Set(path, _) | Change::Remove(path) => path.head == "send_seq",
        }),
        WriteAct::Put(_) | WriteAct::Check => true,
    };
    !writes.iter().any(touches)
}

impl MarketData for World {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        Ok(Instrument {
            symbol: symbol.clone(),
            trading: Trading::Open,
            tick: Decimal::new(1, 2),
            step: qty("0.001"),
            min_qty: qty("0.001"),
            max_qty: qty("9000"),
            max_market_qty: qty("100"),
            takes_market_stops: true,
            min_notional: Notional::parse("10").unwrap(),
            bounds: shared::market::Bounds::NONE,
        })
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        Ok(Quote { symbol: symbol.clone(), bid: price("99.99"), ask: price("100"), at: self.now() })
    }
    async fn candles(&self, _: &Symbol, _: u32) -> Result<Vec<Candle>, VenueError> {
        Ok(Vec::new())
    }
}
impl ReadAccount for World {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        let free = Amount::parse("1000").unwrap();
        Ok(BTreeMap::from([(Asset::parse("USDT").unwrap(), Balance { free, locked: Amount::ZERO })]))
    }
    async fn order(&self, _: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        self.effect().await;
        Ok(self.sees(self.placed.borrow().iter().find(|one| one.order_id == *id).map(World::report)))
    }
    async fn open_orders(&self, _: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        Ok(self.placed.borrow().iter().map(World::report).collect())
    }
    async fn trades_of(&self, _: &Symbol, _: &str, _: Qty) -> Result<Vec<Trade>, VenueError> {
        Ok(Vec::new())
    }
    async fn trades_after(&self, _: &Symbol, _: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        Ok(Vec::new())
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        Err(VenueError::Unavailable("nobody asks twice a day".to_owned()))
    }
    fn key_print(&self) -> Option<shared::secret::KeyPrint> {
        None
    }
}
impl TradeOrders for World {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        self.effect().await;
        self.placed.borrow_mut().push(self.sees(order.clone()));
        Ok(Placed { report: World::report(order), trades: Vec::new() })
    }
    async fn cancel(&self, _: &Symbol, _: &OrderId, _: Timestamp) -> Result<OrderReport, SendError> {
        Err(SendError::NoAnswer("nothing is cancelled here".to_owned()))
    }
}
impl OpenVenue for World {
    type Venue = World;
    async fn open(&self, _: &Settings, _: Wait) -> Result<World, VenueError> {
        Ok(self.clone())
    }
}

/// 99 of 100 orders are sent, and one entry in each of so many assets is wanted.
fn world(wanted: usize, midnight_after: usize) -> World {
    let store = MemoryStore::new();
    let before = late("2023-03-01T23:59:00Z");
    let symbols = ["BTC-USDT", "ETH-USDT"].map(|symbol| Symbol::parse(symbol).unwrap());
    let mut settings = Settings { order_cooldown: Millis(0), symbols: symbols.to_vec(), ..settings() };
    settings.limits.allowed_symbols = symbols.to_vec();
    let mut state = StrategyState::first(demo(), Status::Running, before);
    state.exec_day = ExecDay { orders: 99, ..ExecDay::begun(before.day()) };
    for symbol in symbols.iter().take(wanted) {
        let wanted = Wanted { symbol: symbol.clone(), ..limit("1", "90", "80") };
        let order = intent(&mut state, &wanted, before);
        let key = records::order::key(&order.terms.position_id, &order.terms.order_id);
        store.plant(key, records::order::encode(&order));
    }
    let opening = BTreeMap::from([(symbols[0].quote.clone(), Amount::parse("1000").unwrap())]);
    let book = AccountBook { opening, ..AccountBook::default() };
    let asked = Some(KeyCheck { at: before, rights: None, print: None });
    let ledger = AccountLedger { book, key_check: asked, ..AccountLedger::first(settings.account.clone()) };
    let shard = Shard { shard: 0, strategies: vec![demo()] };
    store.plant(records::shard::key(0), records::shard::encode(&shard));
    store.plant(records::state::key(&demo()), records::state::encode(&state));
    store.plant(records::strategy_config::key(&demo()), records::strategy_config::encode(&settings));
    store.plant(records::account::key(&settings.account), records::account::encode(&ledger));
    World { store, placed: Rc::default(), effects: Rc::default(), midnight_after, seen: Rc::default() }
}

/// One invocation, until it ends.
async fn invoke(world: World) {
    let (log, trail) = (Lines::default(), shared::roster::Trail::default());
    let env = shared::ids::Env::parse("dev").unwrap();
    let shift = Shift {
        env: &env,
        trail: &trail,
        tick: Tick { shard: 0, of: 1, scheduled_at: world.now().minute() },
        deadline: world.now() + Millis::from_secs(55),
        tables: &world,
        clock: &world,
        log: &log,
        approval_key: None,
    };
    handle(&shift, &world).await.unwrap();
}

/// Runs both by one schedule; false where the rest of it was run before.
fn run(world: &World, schedule: &mut Schedule) -> bool {
    let worlds = [world.another(), world.another()];
    let [one, other] = worlds.clone();
    let (mut one, mut other) = (pin!(invoke(one)), pin!(invoke(other)));
    let (mut first, mut second) = (true, true);
    let mut context = Context::from_waker(Waker::noop());
    while first || second {
        let mut take_first = first;
        if first && second {
            let Some(choice) = schedule.choose(|| met(&worlds)) else { return false };
            take_first = choice == 0;
        }
        if take_first {
            first = one.as_mut().poll(&mut context).is_pending();
        } else {
            second = other.as_mut().poll(&mut context).is_pending();
        }
    }
    true
}

/// What both have seen, and what there is to see.
fn met(worlds: &[World; 2]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let [one, other] = worlds;
    (one.seen.get(), other.seen.get()).hash(&mut hasher);
    // How far midnight is, as long as it is to come.
    one.midnight_after.saturating_sub(one.effects.get()).min(MOST_EFFECTS).hash(&mut hasher);
    format!("{:?} {:?}", one.store.snapshot(), one.placed.borrow()).hash(&mut hasher);
    hasher.finish()
}

/// Drives one invocation without anybody beside it.
fn run_alone(world: &World) {
    let mut alone = pin!(invoke(world.another()));
    let mut context = Context::from_waker(Waker::noop());
    while alone.as_mut().poll(&mut context).is_pending() {}
}

fn state(world: &World) -> StrategyState {
    let key = records::state::key(&demo());
    let item = at_once(world.store.get(&[key])).unwrap().pop().flatten().unwrap();
    records::state::decode(&item).unwrap()
}

/// Every schedule of two invocations; answers how many ended in a world of their own.
fn every_schedule(wanted: usize, midnight_after: usize, check: impl Fn(&World, &Schedule)) -> usize {
    let (mut schedule, mut runs) = (Schedule::default(), 0);
    loop {
        let world = world(wanted, midnight_after);
        if run(&world, &mut schedule) {
            run_alone(&world);
            check(&world, &schedule);
            runs += 1;
        }
        if !schedule.advance() {
            return runs;
        }
    }
}

#[test]
fn two_executors_at_the_last_order_of_a_day_place_exactly_one_in_every_interleaving() {
    let runs = every_schedule(2, usize::MAX, |world, schedule| {
        let (placed, state) = (world.placed.borrow().len(), state(world));
        assert_eq!((placed, state.exec_day.orders), (1, 100), "{:?}", schedule.path);
        assert_eq!(state.live.len(), 1, "the other is refused: {:?}", schedule.path);
    });
    assert!(runs > 20, "{runs} schedules ended apart");
}

#[test]
fn wherever_midnight_falls_one_order_is_placed_once_and_counted_in_its_own_day() {
    let days = [late("2023-03-01T00:00:00Z").day(), late("2023-03-02T00:00:00Z").day()];
    let mut sent_on = BTreeSet::new();
    for midnight_after in 0..9 {
        every_schedule(1, midnight_after, |world, schedule| {
            let what = format!("midnight after {midnight_after}: {:?}", schedule.path);
            let placed = world.placed.borrow();
            assert_eq!(placed.len(), 1, "{what}");
            let (sent, counted) = (placed[0].sent_at.day(), state(world).exec_day);
            let expected = if sent == days[0] { 100 } else { 1 };
            assert_eq!((counted.day, counted.orders), (sent, expected), "{what}");
        });
        let world = world(1, midnight_after);
        run_alone(&world);
        sent_on.insert(world.placed.borrow()[0].sent_at.day());
    }
    assert_eq!(sent_on.into_iter().collect::<Vec<_>>(), days, "it fell before and after the send");
}
