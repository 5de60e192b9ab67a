//! The mistakes of another system's venue adapter, each imitated against the simulated exchange and caught
//! there, beside what this adapter does in its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::Sha256;
use shared::ids::{Egress, OrderId, Symbol, VenueId};
use shared::market::Side;
use shared::money::{Price, Qty};
use shared::order::{Ended, Kind, TimeInForce};
use shared::ports::{MarketData, OrderRequest, ReadAccount, TradeOrders, VenueError, Wait};
use shared::secret::Secret;
use shared::testkit::at_once;
use shared::testkit::memory::MemoryStore;
use shared::time::{Millis, Timestamp};
use shared::transport::{Response, Transport};
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::ledger::Ledger;
use shared::venue::link::{Link, Share};
use shared::venue::patient::Patient;
use sim::clock::SimClock;
use sim::exchange::{ApiKey as SimKey, Candle, Exchange, ExchangeConfig};
use sim::in_process::InProcess;

const HOST: &str = "http://exchange.sim";
const SECRET: &str = "secret";

/// An exchange, its time, and the way there.
struct Bench {
    clock: SimClock,
    exchange: Arc<Exchange>,
    network: Arc<InProcess>,
}

impl Bench {
    fn new() -> Bench {
        let start = Timestamp::parse("2023-03-01T00:00:00Z").unwrap();
        let price = Decimal::from(20_000);
        let candle = |n: i64| Candle {
            open_time: start + Millis::from_minutes(n),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::from(1_000),
        };
        let config = ExchangeConfig::btcusdt("main")
            .with_key(SimKey::trading("key", SECRET))
            .with_balance("USDT", Decimal::from(100_000));
        let exchange = Arc::new(Exchange::new(config, (0..60).map(candle).collect()).unwrap());
        let clock = SimClock::new(start + Millis::from_minutes(10));
        let network = Arc::new(InProcess::new(clock.shared()).route("exchange.sim", exchange.clone()));
        Bench { clock, exchange, network }
    }

    fn trader(&self) -> Trader {
        self.process(Share::Act)
    }

    /// A process of its own, which knows nothing of the others.
    fn process(&self, share: Share) -> Trader {
        let (clock, link) = (Arc::new(self.clock.clone()), Rc::new(Link::new(share)));
        let binance = Binance::new(self.network.clone(), clock, HOST, Millis::from_secs(10), link);
        let key = ApiKey::new(Secret::new("key".to_owned()), Secret::new(SECRET.to_owned()));
        Trader::new(Account::new(binance, key))
    }

    /// A request as somebody else might make it.
    fn raw(&self, method: &str, path: &str, query: &str, body: &str) -> Value {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{HOST}{path}?{query}"))
            .header("x-mbx-apikey", "key")
            .header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let answer: Response = at_once(self.network.send(request, Millis::from_secs(1))).unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// With the time, and signed over what `signs` keeps.
    fn signed(&self, query: &str) -> String {
        let query = format!("{query}&timestamp={}", self.clock.now().as_millis());
        format!("{query}&signature={}", signature(&query))
    }

    /// Others at this address use up the minute's weight: the next request is asked to wait until it ends.
    fn use_up(&self) {
        for _ in 0..300 {
            self.raw("GET", "/api/v3/exchangeInfo", "symbol=BTCUSDT", "");
        }
    }

    fn request(&self, kind: Kind) -> OrderRequest {
        OrderRequest {
            order_id: OrderId::parse("ours").unwrap(),
            symbol: symbol(),
            side: Side::Buy,
            kind,
            quantity: Qty::parse("0.12345").unwrap(),
            sent_at: self.clock.now(),
        }
    }
}

fn signature(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}

const MARKET: &str = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.12345";

#[test]
fn what_stands_in_the_body_is_signed_too_or_nothing_stands_there() {
    let bench = Bench::new();
    let query = bench.signed("recvWindow=5000");
    assert_eq!(bench.raw("POST", "/api/v3/order", &query, MARKET)["code"], -1022, "the imitation");
    let placed = at_once(bench.trader().place(&bench.request(Kind::Market))).unwrap();
    assert_eq!(placed.report.ended, Some(Ended::Filled));
}

#[test]
fn a_market_order_says_nothing_of_its_time_in_force() {
    let bench = Bench::new();
    let query = bench.signed(&format!("{MARKET}&timeInForce=GTC"));
    assert_eq!(bench.raw("POST", "/api/v3/order", &query, "")["code"], -1106, "the imitation");
    assert!(at_once(bench.trader().place(&bench.request(Kind::Market))).is_ok());
}

#[test]
fn an_order_is_cancelled_by_the_id_that_it_was_sent_with() {
    let bench = Bench::new();
    let kind = Kind::Limit { price: Price::parse("19000").unwrap(), time_in_force: TimeInForce::Gtc };
    let request = bench.request(kind);
    at_once(bench.trader().place(&request)).unwrap();
    let query = bench.signed("symbol=BTCUSDT&clientOrderId=ours");
    let imitated = bench.raw("DELETE", "/api/v3/order", &query, "");
    assert!(imitated["code"].as_i64().is_some_and(|code| code < 0), "{imitated}");
    assert_eq!(bench.exchange.open_orders().len(), 1, "the imitation left it open");
    let report = at_once(bench.trader().cancel(&symbol(), &request.order_id, bench.clock.now())).unwrap();
    assert_eq!(report.ended, Some(Ended::Cancelled));
    assert!(bench.exchange.open_orders().is_empty());
}

#[test]
fn a_quantity_arrives_digit_by_digit() {
    let bench = Bench::new();
    // What a sum of floats makes of 0.1 + 0.02345.
    let query = bench.signed(&MARKET.replace("0.12345", "0.12345000000000001"));
    let imitated = bench.raw("POST", "/api/v3/order", &query, "");
    assert!(imitated["code"].as_i64().is_some_and(|code| code < 0), "{imitated}");
    let placed = at_once(bench.trader().place(&bench.request(Kind::Market))).unwrap();
    assert_eq!(placed.report.executed.to_string(), "0.12345");
}

#[test]
fn a_request_that_is_too_late_is_turned_away_by_its_window() {
    let bench = Bench::new();
    let (late, sent_at) = (bench.request(Kind::Market), bench.clock.now());
    bench.clock.advance(Millis::from_secs(20));
    // The imitation names the widest window: a request that was lost for 20 s still buys.
    let query = format!("{MARKET}&recvWindow=60000&timestamp={}", sent_at.as_millis());
    let query = format!("{query}&signature={}", signature(&query));
    assert_eq!(bench.raw("POST", "/api/v3/order", &query, "")["status"], "FILLED", "the imitation");
    assert!(at_once(bench.trader().place(&late)).is_err());
    assert_eq!(bench.exchange.orders().len(), 1, "ours came to nothing");
}

/// The imitation takes a wait only where it is shorter than its own backoff, which grows to ten seconds.
#[test]
fn a_wait_is_obeyed_in_full_where_a_capped_backoff_is_banned() {
    let capped = Bench::new();
    capped.use_up();
    for backoff in [1, 2, 4, 8, 10, 10] {
        capped.raw("GET", "/api/v3/ticker/bookTicker", "symbol=BTCUSDT", "");
        capped.clock.advance(Millis::from_secs(backoff));
    }
    assert!(capped.exchange.violations() > 0, "the imitation was never inside the wait");

    let bench = Bench::new();
    bench.use_up();
    let store = MemoryStore::new();
    // Each second another process asks; the first has to be told.
    let ask = || {
        let trader = bench.trader();
        let (venue, link) = (VenueId::parse("binance").unwrap(), trader.account().venue().link().clone());
        let ledger = Ledger::new(store.clone(), &venue, &Egress::default(), link);
        let patient = Patient::new(trader, ledger, Arc::new(bench.clock.clone()), Wait::Unread);
        at_once(patient.quote(&symbol()))
    };
    let told = ask();
    assert!(matches!(told, Err(VenueError::Throttled { .. })), "{told:?}");
    let before = bench.exchange.violations();
    let mut waited = 0;
    while ask().is_err() {
        waited += 1;
        assert!(waited < 70, "it never asked again");
        bench.clock.advance(Millis::from_secs(1));
    }
    assert!(waited >= 60, "asked again after {waited} s");
    assert_eq!((before, bench.exchange.violations()), (0, 0));
}

/// The imitation has a limiter in every function, each of them for the whole limit of the address.
#[test]
fn functions_behind_one_address_stay_below_its_limit_together() {
    const AN_ACCOUNT: u32 = 20;
    let apart = Bench::new();
    let of_each = 6_000 / AN_ACCOUNT;
    let answers = (0..3 * of_each).map(|_| apart.raw("GET", "/api/v3/account", &apart.signed("a=1"), ""));
    assert!(answers.into_iter().any(|answer| answer["code"] == -1003), "the imitation was never throttled");

    // Decide, execute and reconcile in one minute, each in a process that begins with nothing but its share.
    let bench = Bench::new();
    let functions = [Share::Look, Share::Act, Share::Look].map(|share| bench.process(share));
    let mut made = [0, 0, 0];
    for _ in 0..of_each {
        for (function, made) in functions.iter().zip(&mut made) {
            *made += u32::from(at_once(function.balances()).is_ok());
        }
    }
    let [decide, execute, reconcile] = made;
    let weight = (decide + execute + reconcile) * AN_ACCOUNT;
    // Three quarters, and one call of each process that had not heard of it.
    assert!((4_400..=4_500 + 3 * AN_ACCOUNT).contains(&weight), "{weight}");
    assert!(execute > decide + 50 && execute > reconcile + 50, "what protects goes on: {made:?}");
    assert_eq!(bench.exchange.violations(), 0);
}

/// Through the real signature checks of the exchange: ahead and behind, reads and sends.
#[test]
fn two_seconds_ahead_and_six_behind_both_work() {
    for skew in [2_000, -6_000] {
        let bench = Bench::new();
        bench.exchange.set_skew(Millis(skew));
        let trader = bench.trader();
        assert!(at_once(trader.balances()).is_ok(), "{skew}");
        let request = OrderRequest { sent_at: bench.clock.now(), ..bench.request(Kind::Market) };
        let placed = at_once(trader.place(&request)).unwrap();
        assert_eq!(placed.report.ended, Some(Ended::Filled), "{skew}");
        assert_eq!(bench.exchange.orders().len(), 1);
    }
}
