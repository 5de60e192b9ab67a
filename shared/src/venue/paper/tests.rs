//! The paper venue against a market that tests move by hand.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rust_decimal::Decimal;

use super::*;
use crate::market::{Bounds, Side, Trading};
use crate::money::{Notional, Price};
use crate::order::{Kind, TimeInForce};
use crate::ports::{Clock, OrderRequest, Placed, ReadTables, SendError, TradeOrders};
use crate::store::{Item, Key, Order, ReadError};
use crate::tables::Table;
use crate::testkit::at_once;
use crate::testkit::memory::MemoryStore;
use crate::time::Millis;

fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}
fn asset(text: &str) -> Asset {
    Asset::parse(text).unwrap()
}
fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
fn qty(text: &str) -> Qty {
    Qty::parse(text).unwrap()
}
fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

#[derive(Default)]
struct At(AtomicI64);
impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Public data: a spread of two around the price, and the candles that have closed.
#[derive(Clone)]
struct Market {
    clock: Arc<At>,
    price: Rc<Cell<i64>>,
    candles: Rc<RefCell<Vec<Candle>>>,
    trading: Rc<Cell<Trading>>,
    bounds: Rc<RefCell<Bounds>>,
}

impl MarketData for Market {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        Ok(Instrument {
            symbol: symbol.clone(),
            trading: self.trading.get(),
            tick: Decimal::new(1, 2),
            step: qty("0.00001"),
            min_qty: qty("0.00001"),
            max_qty: qty("9000"),
            max_market_qty: qty("100"),
            takes_market_stops: true,
            min_notional: Notional::parse("5").unwrap(),
            bounds: self.bounds.borrow().clone(),
        })
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        let at = |by: i64| Price::new(Decimal::from(self.price.get() + by)).unwrap();
        Ok(Quote { symbol: symbol.clone(), bid: at(-1), ask: at(1), at: self.clock.now() })
    }
    async fn candles(&self, _: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        let candles = self.candles.borrow();
        Ok(candles[candles.len().saturating_sub(count as usize)..].to_vec())
    }
}

/// One account, its market and its time.
struct Bench {
    clock: Arc<At>,
    market: Market,
    store: MemoryStore,
}

impl Bench {
    /// The price is 20,000 at the beginning of a minute.
    fn new() -> Bench {
        let clock = Arc::new(At(AtomicI64::new(1_700_000_040_000)));
        let market = Market {
            clock: clock.clone(),
            price: Rc::new(Cell::new(20_000)),
            candles: Rc::default(),
            trading: Rc::new(Cell::new(Trading::Open)),
            bounds: Rc::new(RefCell::new(Bounds::NONE)),
        };
        Bench { clock, market, store: MemoryStore::new() }
    }
    /// As a new process opens it.
    fn venue(&self) -> Paper<Market, MemoryStore> {
        self.over(self.store.clone())
    }
    fn over<T: WriteTables>(&self, tables: T) -> Paper<Market, T> {
        let account = AccountId::parse("main").unwrap();
        Paper::new(self.market.clone(), tables, self.clock.clone(), account, None)
    }
    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }
    /// A minute goes by, and its candle closes.
    fn minute(&self, [open, high, low, close]: [i64; 4]) {
        let number = |value: i64| Price::new(Decimal::from(value)).unwrap();
        let (open_time, volume) = (self.clock.now().minute(), qty("1"));
        let [open, high, low] = [open, high, low].map(number);
        self.market.candles.borrow_mut().push(Candle {
            open_time,
            open,
            high,
            low,
            close: number(close),
            volume,
        });
        self.market.price.set(close);
        self.clock.0.store((open_time + Millis::from_minutes(1)).as_millis(), Ordering::SeqCst);
    }
    fn request(&self, id: &str, side: Side, kind: Kind, quantity: &str) -> OrderRequest {
        OrderRequest {
            order_id: OrderId::parse(id).unwrap(),
            symbol: symbol(),
            side,
            kind,
            quantity: qty(quantity),
            sent_at: self.clock.now(),
        }
    }
    fn place(&self, id: &str, side: Side, kind: Kind, quantity: &str) -> Result<Placed, SendError> {
        at_once(self.venue().place(&self.request(id, side, kind, quantity)))
    }
    fn order(&self, id: &str) -> Option<OrderReport> {
        at_once(self.venue().order(&symbol(), &OrderId::parse(id).unwrap())).unwrap()
    }
    fn balance(&self, name: &str) -> Balance {
        let none = Balance { free: Amount::ZERO, locked: Amount::ZERO };
        at_once(self.venue().balances()).unwrap().get(&asset(name)).copied().unwrap_or(none)
    }
    /// Every movement that the trades tell adds up to what is held.
    fn adds_up(&self) {
        let trades = at_once(self.venue().trades_after(&symbol(), None)).unwrap();
        let (mut usdt, mut btc) = (amount("10000"), Amount::ZERO);
        for trade in trades {
            let (value, base) = (trade.value.amount(), trade.quantity.amount());
            let buys = trade.side == Side::Buy;
            (usdt, btc) = if buys { (usdt - value, btc + base) } else { (usdt + value, btc - base) };
            if trade.fee_asset == asset("BTC") { btc = btc - trade.fee } else { usdt = usdt - trade.fee }
        }
        assert_eq!((self.balance("USDT").held(), self.balance("BTC").held()), (usdt, btc));
    }
}

fn limit(at: &str) -> Kind {
    Kind::Limit { price: price(at), time_in_force: TimeInForce::Gtc }
}
fn stop(at: &str, limit: &str) -> Kind {
    Kind::StopLimit { stop: price(at), limit: price(limit) }
}

#[test]
fn a_market_order_fills_whole_at_once_against_us_with_its_fee_in_what_is_received() {
    let bench = Bench::new();
    let placed = bench.place("a", Side::Buy, Kind::Market, "0.1").unwrap();
    assert_eq!(placed.report.ended, Some(Ended::Filled));
    let [trade] = &placed.trades[..] else { panic!("{placed:?}") };
    // The ask of 20001 and a tenth of a percent, onto the tick above.
    assert_eq!((trade.price.to_string(), trade.fee.to_string()), ("20021.01".into(), "0.0001".into()));
    assert_eq!(trade.fee_asset, asset("BTC"));
    bench.adds_up();
    let sold = bench.place("b", Side::Sell, Kind::Market, "0.0999").unwrap();
    assert_eq!(
        (sold.trades[0].price.to_string(), sold.trades[0].fee_asset.as_str()),
        ("19979".into(), "USDT")
    );
    assert_eq!(bench.balance("BTC").held(), Amount::ZERO);
    bench.adds_up();
}

#[test]
fn a_limit_that_rests_locks_its_cost_and_fills_at_its_own_price_once_traded_through() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, limit("19900"), "0.1").unwrap();
    assert_eq!(bench.balance("USDT"), Balance { free: amount("8010"), locked: amount("1990") });
    // The minute of its placement may have been there before it, and a touch is not a trade.
    bench.minute([20_000, 20_000, 19_800, 20_000]);
    bench.minute([20_000, 20_000, 19_900, 20_000]);
    assert_eq!(bench.order("a").unwrap().ended, None);
    bench.minute([20_000, 20_000, 19_899, 20_000]);
    assert_eq!(bench.order("a").unwrap().ended, Some(Ended::Filled));
    let trades = at_once(bench.venue().trades_after(&symbol(), None)).unwrap();
    assert_eq!(trades[0].price, price("19900"));
    bench.adds_up();
}

#[test]
fn what_takes_at_once_or_not_at_all_expires_without_a_trace() {
    let bench = Bench::new();
    for (n, time_in_force) in [TimeInForce::Ioc, TimeInForce::Fok].into_iter().enumerate() {
        let kind = Kind::Limit { price: price("19900"), time_in_force };
        let placed = bench.place(&format!("a{n}"), Side::Buy, kind, "0.1").unwrap();
        assert_eq!((placed.report.ended, placed.report.executed), (Some(Ended::Expired), Qty::ZERO));
    }
    let taken = bench.place("b", Side::Buy, limit("20001"), "0.1").unwrap();
    assert_eq!(taken.trades[0].price, price("20001"), "never beyond its limit");
    assert_eq!(bench.balance("USDT").locked, Amount::ZERO);
    bench.adds_up();
}

#[test]
fn a_stop_triggers_while_nobody_looks_and_sells_no_better_than_the_market_gave() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, Kind::Market, "0.1").unwrap();
    bench.place("s", Side::Sell, stop("19000", "18900"), "0.0999").unwrap();
    assert_eq!(bench.balance("BTC").locked, amount("0.0999"));
    bench.minute([20_000, 20_000, 18_000, 20_000]);
    assert_eq!(bench.order("s").unwrap().ended, None, "the minute of its placement");
    bench.minute([20_000, 20_100, 19_001, 20_000]);
    bench.minute([18_950, 19_000, 18_000, 18_500]);
    bench.minute([18_500, 18_600, 18_400, 18_500]);
    assert_eq!(bench.order("s").unwrap().ended, Some(Ended::Filled));
    let trades = at_once(bench.venue().trades_after(&symbol(), Some("2"))).unwrap();
    // The gap's open of 18950 less a tenth of a percent, within its limit.
    assert_eq!((trades.len(), trades[0].price), (1, price("18931.05")));
    bench.adds_up();
}

#[test]
fn a_stop_whose_limit_was_jumped_rests_until_the_market_comes_back() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, Kind::Market, "0.1").unwrap();
    bench.place("s", Side::Sell, stop("19000", "18900"), "0.0999").unwrap();
    bench.minute([20_000, 20_000, 20_000, 20_000]);
    bench.minute([18_000, 18_100, 17_900, 18_000]);
    assert_eq!(bench.order("s").unwrap().ended, None);
    bench.minute([18_000, 18_901, 18_000, 18_000]);
    assert_eq!(bench.order("s").unwrap().ended, Some(Ended::Filled));
    bench.adds_up();
}

#[test]
fn a_cancel_frees_what_was_locked_and_says_how_an_ended_order_stands() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, limit("19900"), "0.1").unwrap();
    let id = OrderId::parse("a").unwrap();
    let cancel = || at_once(bench.venue().cancel(&symbol(), &id, bench.clock.now()));
    assert_eq!(cancel().unwrap().ended, Some(Ended::Cancelled));
    assert_eq!(cancel().unwrap().ended, Some(Ended::Cancelled));
    assert_eq!(bench.balance("USDT").free, amount("10000"));
    let never = OrderId::parse("never").unwrap();
    let unseen = at_once(bench.venue().cancel(&symbol(), &never, bench.clock.now()));
    assert!(matches!(unseen, Err(SendError::NoAnswer(_))), "{unseen:?}");
}

#[test]
fn a_new_account_begins_with_what_is_stated_and_one_that_there_is_keeps_what_it_has() {
    let bench = Bench::new();
    let stated = |text: &str| Paper { begins_with: PaperBalance::parse(text).ok(), ..bench.venue() };
    let held = |venue: &Paper<Market, MemoryStore>| at_once(venue.balances()).unwrap();
    let first = held(&stated("250.5 EUR"));
    let eur = Asset::parse("EUR").unwrap();
    assert_eq!((first.len(), first[&eur].free), (1, amount("250.5")));
    assert_eq!(held(&stated("7 USDT")), first);
}

fn code(placed: Result<Placed, SendError>) -> String {
    match placed.unwrap_err() {
        SendError::Refused { code, text } => format!("{code} {text}"),
        other @ (SendError::NeverSent(_) | SendError::NoAnswer(_) | SendError::Fatal { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[test]
fn what_an_exchange_would_refuse_is_refused() {
    let bench = Bench::new();
    let place = |kind, quantity| code(bench.place("a", Side::Buy, kind, quantity));
    assert!(place(Kind::Market, "0.000015").starts_with("-1013 Filter failure: quantity"));
    assert!(place(Kind::Market, "0.0002").starts_with("-1013 Filter failure: order notional"));
    assert!(place(limit("19900.001"), "0.1").starts_with("-1013 Filter failure: price"));
    assert!(place(Kind::Market, "0.6").starts_with("-2010 Account has insufficient balance"));
    assert!(place(limit("19900"), "0.6").starts_with("-2010 Account has insufficient balance"));
    let sell = code(bench.place("a", Side::Sell, Kind::Market, "0.1"));
    assert!(sell.starts_with("-2010 Account has insufficient balance"), "{sell}");
    let bought = bench.place("b", Side::Buy, Kind::Market, "0.1");
    assert!(bought.is_ok());
    let triggered = code(bench.place("a", Side::Sell, stop("19999", "19900"), "0.0999"));
    assert!(triggered.starts_with("-2010 Order would trigger immediately"), "{triggered}");
    bench.market.bounds.borrow_mut().max_stops = Some(0);
    let full = code(bench.place("a", Side::Sell, stop("19000", "18900"), "0.0999"));
    assert!(full.contains("no more open orders"), "{full}");
    bench.market.trading.set(Trading::Closed);
    assert_eq!(code(bench.place("a", Side::Buy, Kind::Market, "0.01")), "-1013 Market is closed.");
    assert_eq!(bench.order("a"), None, "nothing refused was taken");
    bench.adds_up();
}

#[test]
fn one_client_id_is_one_order_whoever_sends_it_again() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, Kind::Market, "0.1").unwrap();
    bench.place("r", Side::Buy, limit("19900"), "0.1").unwrap();
    for id in ["a", "r"] {
        let again = bench.place(id, Side::Buy, Kind::Market, "0.1");
        assert!(matches!(again, Err(SendError::NoAnswer(_))), "{again:?}");
    }
    assert_eq!(at_once(bench.venue().trades_after(&symbol(), None)).unwrap().len(), 1);
}

#[test]
fn a_send_that_arrives_after_its_window_came_to_nothing() {
    let bench = Bench::new();
    let request = bench.request("a", Side::Buy, Kind::Market, "0.1");
    bench.pass(5_001);
    let placed = at_once(bench.venue().place(&request));
    assert!(matches!(placed, Err(SendError::NeverSent(_))), "{placed:?}");
    assert_eq!(bench.order("a"), None);
}

/// Tables behind which something happens between a placement's reading and its writing.
struct Frozen<'a, F> {
    store: MemoryStore,
    meanwhile: &'a F,
    done: Cell<bool>,
}

impl<F: Fn()> ReadTables for Frozen<'_, F> {
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

impl<F: Fn()> WriteTables for Frozen<'_, F> {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if !self.done.replace(true) {
            (self.meanwhile)();
        }
        self.store.write(writes).await
    }
}

/// The fence in the ledger: whoever was told that an order is not there can rely on it.
#[test]
fn a_placement_that_was_frozen_while_its_order_was_proven_absent_never_comes_to_be() {
    let bench = Bench::new();
    bench.balance("USDT");
    let request = bench.request("a", Side::Buy, Kind::Market, "0.1");
    let meanwhile = || {
        bench.pass(27_001);
        assert_eq!(bench.order("a"), None);
    };
    let tables = Frozen { store: bench.store.clone(), meanwhile: &meanwhile, done: Cell::new(false) };
    let placed = at_once(bench.over(tables).place(&request));
    assert!(matches!(placed, Err(SendError::NeverSent(_))), "{placed:?}");
    assert_eq!(bench.order("a"), None);
}

/// A process that dies between the venue's write and its own record finds the order as it was taken.
#[test]
fn an_order_whose_answer_was_lost_is_found_with_its_trades() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, Kind::Market, "0.1").unwrap();
    let report = bench.order("a").unwrap();
    let trades = at_once(bench.venue().trades_of(&symbol(), &report.venue_id, report.executed)).unwrap();
    assert_eq!((report.ended, trades.len()), (Some(Ended::Filled), 1));
}

#[test]
fn the_history_is_bounded_and_the_balances_are_not_part_of_it() {
    let bench = Bench::new();
    for n in 0..80 {
        bench.place(&format!("b{n}"), Side::Buy, Kind::Market, "0.001").unwrap();
        let held = bench.balance("BTC").free;
        let quantity = Qty::new(held.value()).unwrap().floor_to(qty("0.00001")).to_string();
        bench.place(&format!("s{n}"), Side::Sell, Kind::Market, &quantity).unwrap();
    }
    let ledger = at_once(bench.venue().look()).unwrap();
    assert_eq!((ledger.ended.len(), ledger.trades.len()), (64, 128));
    assert_eq!(ledger.numbers, 320);
}

#[test]
fn looking_again_in_the_same_minute_writes_nothing() {
    let bench = Bench::new();
    bench.place("a", Side::Buy, limit("19900"), "0.1").unwrap();
    bench.minute([20_000, 20_000, 20_000, 20_000]);
    bench.minute([20_000, 20_000, 20_000, 20_000]);
    let version = |_| at_once(bench.venue().look()).unwrap().version;
    assert_eq!(version(()), version(()));
}
