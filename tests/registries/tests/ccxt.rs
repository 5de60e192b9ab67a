//! The simulated exchange judged by ccxt's real Binance client: what it parses, what it refuses to send, and
//! which error each refusal becomes. `ccxt/judge.py` says what is asked and what must come back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use registries::python::judge;
use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};
use sim::clock::SimClock;
use sim::exchange::{ApiKey, Candle, Exchange, ExchangeConfig, SymbolStatus};
use sim::service::{Request, Response, Service};
use sim::socket::serve_local;

const KEY: &str = "trade-key";
const READ_KEY: &str = "read-key";
const SECRET: &str = "trade-secret";

/// Open, high, low and close of each minute: quiet, a fall through the stops, a rise through the profits.
const MINUTES: [[i64; 4]; 6] = [
    [20_000, 20_010, 19_990, 20_000],
    [20_000, 20_010, 19_990, 20_000],
    [20_000, 20_000, 18_900, 19_000],
    [19_000, 21_500, 19_000, 21_400],
    [21_400, 21_410, 21_390, 21_400],
    [21_400, 21_410, 21_390, 21_400],
];

/// The exchange, and what the judge does to its world under `/judge`.
struct Court {
    exchange: Exchange,
    clock: SimClock,
}

fn start() -> Timestamp {
    Timestamp::parse("2023-03-01T00:00:00Z").unwrap()
}

fn court() -> Arc<Court> {
    let candle = |(n, [open, high, low, close]): (usize, [i64; 4])| Candle {
        open_time: start() + Millis::from_minutes(i64::try_from(n).unwrap()),
        open: open.into(),
        high: high.into(),
        low: low.into(),
        close: close.into(),
        volume: Decimal::from(1_000),
    };
    let config = ExchangeConfig::btcusdt("judged")
        .with_key(ApiKey::trading(KEY, SECRET))
        .with_key(ApiKey::reading(READ_KEY, SECRET))
        .with_balance("USDT", Decimal::from(10_000))
        .with_balance("BTC", Decimal::ONE)
        .with_balance("BNB", Decimal::ONE);
    let exchange = Exchange::new(config, MINUTES.into_iter().enumerate().map(candle).collect()).unwrap();
    Arc::new(Court { exchange, clock: SimClock::new(start()) })
}

impl Service for Court {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        let path = request.uri().path().to_owned();
        match path.strip_prefix("/judge/") {
            Some(order) => Response::new(Bytes::from(self.obey(order, now).to_string())),
            None => self.exchange.serve(request, now),
        }
    }
}

impl Court {
    /// Does what the judge orders and answers the time.
    fn obey(&self, order: &str, now: Timestamp) -> i64 {
        match order.split_once('/').unwrap_or((order, "")) {
            ("now", _) => {}
            ("minutes", n) => self.clock.advance(Millis::from_minutes(n.parse().unwrap())),
            ("throttle", seconds) => {
                self.exchange.throttle(now, Millis::from_secs(seconds.parse().unwrap()));
            }
            ("fees-in-bnb", switch) => self.exchange.set_third_asset_fee(switch == "on"),
            ("skew", millis) => self.exchange.set_skew(Millis(millis.parse().unwrap())),
            ("halt", _) => self.exchange.set_status(now, SymbolStatus::Halt),
            ("trade", _) => self.exchange.set_status(now, SymbolStatus::Trading),
            (unknown, _) => panic!("the judge orders {unknown}"),
        }
        self.clock.now().as_millis()
    }
}

/// Holds one session of the judge; its own words are shown where it is not content.
fn session(name: &str) -> Arc<Court> {
    let court = court();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let serving = runtime.block_on(serve_local(court.clone(), court.clock.shared())).unwrap();
    judge(Path::new(env!("CARGO_TARGET_TMPDIR")), "ccxt/judge.py", &[name, &serving.url()], "")
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(court.exchange.audit(), Ok(()));
    court
}

#[test]
fn ccxt_reads_the_filters_that_exchange_info_states() {
    session("markets");
}

#[test]
fn ccxt_rounds_to_what_the_exchange_accepts() {
    session("rounding");
}

#[test]
fn ccxt_reads_balances_free_and_locked() {
    session("balances");
}

#[test]
fn ccxt_places_market_orders_and_reads_fees_in_base_quote_and_bnb() {
    session("market_orders");
}

#[test]
fn ccxt_places_finds_lists_and_cancels_limit_orders() {
    session("limit_orders");
}

#[test]
fn ccxt_places_stops_and_profits_that_trigger_and_fill() {
    let court = session("stops");
    assert!(court.exchange.open_orders().is_empty());
}

#[test]
fn ccxt_knows_every_refusal_by_its_class() {
    session("refusals");
}

#[test]
fn ccxt_knows_bad_keys_signatures_and_clocks() {
    session("keys");
}

#[test]
fn ccxt_knows_limits_and_bans() {
    let court = session("limits");
    assert_eq!(court.exchange.violations(), 1);
}
