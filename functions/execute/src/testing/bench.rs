//! One strategy with its tables and the real adapter over a simulated exchange with hand-made candles.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use shared::books::{AccountBook, Position};
use shared::ids::{Leg, PositionId};
use shared::money::Amount;
use shared::order::{Fill, Order, Origin, State, Terms};
use shared::ports::{KeyRights, Line, OrderRequest, ReadAccount, SharedClock, TradeOrders, WriteTables};
use shared::records::order::Row;
use shared::records::{self, AccountLedger, KeyCheck, Shard};
use shared::secret::Secret;
use shared::settings::Settings;
use shared::state::{Live, StrategyState, Target, WishFor};
use shared::status::{Hold, Status};
use shared::store::{Attr, Change, Key, Path, Write};
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
use sim::exchange::{ApiKey as SimKey, Candle, Exchange, ExchangeConfig, Order as SimOrder, TEST_COIN};
use sim::in_process::InProcess;

use super::faults::{Faults, Shaky, Tables};
use super::wanted::{Wanted, intent};
use super::{Lines, asset, d, demo, env, minute, percent, settings};
use crate::turn::Shift;
use crate::{Report, handle};

const HOST: &str = "exchange.sim";

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
            .with_balance("BTC", d("0"))
            .with_test_coin();
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
        let opening = [("USDT", "1000"), (TEST_COIN, "1")];
        let opening = opening.map(|(name, amount)| (asset(name), Amount::parse(amount).unwrap())).into();
        let book = AccountBook { opening, ..AccountBook::default() };
        let rights = KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true };
        let key_check = Some(KeyCheck { at: start, rights: Some(rights), print: self.venue.key_print() });
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
        let mut state = self.state();
        let Order { terms, state: intended } = intent(&mut state, wanted, self.clock.now());
        let store = &self.tables.store;
        store.plant(records::state::key(&demo()), records::state::encode(&state));
        let (key, id) = (records::order::key(&terms.position_id, &terms.order_id), terms.position_id.clone());
        store.plant(key, records::order::encode(&Order { terms, state: intended }));
        id
    }
    pub(crate) fn wish(&self, target: Target, origin: Origin) {
        let at = self.clock.now();
        let decision = (origin == Origin::Model).then(|| at.minute());
        self.change_state(|state| {
            state.intent_seq += 1;
            let key = records::state::wish_key(state.intent_seq);
            state.live.insert(key, Live::Wish(WishFor { target, origin, at, decision }));
        });
    }

    /// The request of an order reaches the venue now.
    pub(crate) fn arrives_late(&self, order: &Order) {
        let Terms { order_id, symbol, side, kind, quantity, .. } = order.terms.clone();
        let request = OrderRequest { order_id, symbol, side, kind, quantity, sent_at: self.clock.now() };
        at_once(self.venue.trader.place(&request)).unwrap();
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
}
