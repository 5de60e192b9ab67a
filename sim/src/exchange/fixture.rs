//! Small worlds for the tests of this module.

use data_encoding::HEXLOWER;
use rust_decimal::Decimal;
use serde_json::Value;
use shared::time::{Millis, Timestamp};

use super::market::time_of;
use super::*;

/// 2023-03-01T00:00:00Z in minutes.
const FIRST: i64 = 27_960_480;

pub(super) const KEY: &str = "trade-key";
pub(super) const SECRET: &str = "trade-secret";

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The start of the n-th minute.
pub(super) fn minute(n: i64) -> Timestamp {
    time_of(FIRST + n)
}

/// The n-th candle with open, high, low, close.
pub(super) fn candle(n: usize, [open, high, low, close]: [i64; 4], volume: &str) -> Candle {
    Candle {
        open_time: minute(i64::try_from(n).unwrap()),
        open: open.into(),
        high: high.into(),
        low: low.into(),
        close: close.into(),
        volume: d(volume),
    }
}

pub(super) fn config() -> ExchangeConfig {
    ExchangeConfig::btcusdt("test")
        .with_key(ApiKey::trading(KEY, SECRET))
        .with_key(ApiKey::reading("read-key", "read-secret"))
        .with_balance("USDT", d("10000"))
        .with_balance("BTC", d("100"))
}

/// An exchange at its first minute.
pub(super) struct Bench {
    pub(super) exchange: Exchange,
}

impl Bench {
    pub(super) fn new(rows: &[([i64; 4], &str)]) -> Bench {
        let candles = rows.iter().enumerate().map(|(n, (row, volume))| candle(n, *row, volume)).collect();
        Bench::over(config(), candles)
    }

    pub(super) fn over(config: ExchangeConfig, candles: Vec<Candle>) -> Bench {
        let exchange = Exchange::new(config, candles).unwrap();
        exchange.advance(minute(0));
        Bench { exchange }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.exchange.venue().now
    }

    pub(super) fn place(&self, wish: NewOrder) -> Result<i64, Refusal> {
        self.exchange.manual_order(self.now(), &wish)
    }

    pub(super) fn order(&self, id: i64) -> Order {
        self.exchange.order(id).unwrap()
    }

    pub(super) fn balance(&self, asset: &str) -> Balance {
        self.exchange.balance(asset)
    }

    pub(super) fn audit(&self) {
        assert_eq!(self.exchange.audit(), Ok(()));
    }

    /// A public request.
    pub(super) fn get(&self, path: &str, now: Timestamp) -> Response {
        self.exchange.serve(request("GET", path, None, ""), now)
    }

    /// A request signed with the trading key, parameters in the query.
    pub(super) fn signed(&self, method: &str, path: &str, query: &str, now: Timestamp) -> Response {
        let request = request(method, &format!("{path}?{}", sign_query(query, SECRET, now)), Some(KEY), "");
        self.exchange.serve(request, now)
    }
}

/// A query with timestamp and signature.
pub(super) fn sign_query(query: &str, secret: &str, time: Timestamp) -> String {
    let separator = if query.is_empty() { "" } else { "&" };
    let query = format!("{query}{separator}timestamp={}", time.as_millis());
    format!("{query}&signature={}", hex_mac(secret, &query))
}

/// The signature computed here, apart from the module under test.
pub(super) fn hex_mac(secret: &str, text: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

pub(super) fn request(method: &str, target: &str, key: Option<&str>, body: &str) -> Request {
    let mut builder = http::Request::builder().method(method).uri(target);
    if let Some(key) = key {
        builder = builder.header("X-MBX-APIKEY", key);
    }
    builder.body(bytes::Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

pub(super) fn json(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// Status and code of a refusal.
pub(super) fn refusal(response: &Response) -> (u16, i64) {
    (response.status().as_u16(), json(response)["code"].as_i64().unwrap())
}

/// A little after the start of the n-th minute.
pub(super) fn within(n: i64, millis: i64) -> Timestamp {
    minute(n) + Millis(millis)
}
