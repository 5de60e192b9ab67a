//! Binance's messages, as strict as its documentation. They die here: each has one way into a domain type.
//!
//! Numbers are decimal texts. Every word from outside that is not known is an error.

use std::fmt;

use serde::de::{DeserializeOwned, Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::errors::Failure;
use super::spelled;
use crate::ids::Symbol;
use crate::money::{BadAmount, Price, Qty};
use crate::reported::Reported;
use crate::time::Timestamp;

/// Reads a whole body.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Unreadable(error.to_string()))
}

/// A word that this version does not know.
pub(super) fn unknown(field: &str, word: &str) -> Failure {
    Failure::Unreadable(format!("{field} is {word:?}, which is not known"))
}

/// A required decimal text.
pub(super) fn number<T>(
    field: &'static str,
    text: Reported<String>,
    read: impl FnOnce(&str) -> Result<T, BadAmount>,
) -> Result<T, Failure> {
    read(&text.required(field)?).map_err(|error| Failure::Unreadable(format!("{field}: {error}")))
}

/// A required time in milliseconds.
pub(super) fn time(field: &'static str, millis: Reported<i64>) -> Result<Timestamp, Failure> {
    let millis = millis.required(field)?;
    let at = Timestamp::from_millis(millis);
    if at.as_millis() == millis { Ok(at) } else { Err(Failure::Unreadable(format!("{field} is {millis}"))) }
}

/// Checks that a message is about the market that was asked about.
pub(super) fn about(symbol: &Symbol, told: Reported<String>) -> Result<(), Failure> {
    let told = told.required("symbol")?;
    if told == spelled(symbol) {
        return Ok(());
    }
    Err(Failure::Unreadable(format!("it is about {told:?} where {symbol} was asked")))
}

/// `GET /api/v3/ticker/bookTicker`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireBook {
    pub(super) symbol: Reported<String>,
    pub(super) bid_price: Reported<String>,
    pub(super) ask_price: Reported<String>,
}

/// One row of `GET /api/v3/klines`: open time, open, high, low, close, volume and close time; what follows is not used.
#[derive(Debug)]
pub(super) struct WireCandle {
    pub(super) opened: i64,
    pub(super) open: String,
    pub(super) high: String,
    pub(super) low: String,
    pub(super) close: String,
    pub(super) volume: String,
    pub(super) closed: i64,
}

impl<'de> Deserialize<'de> for WireCandle {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<WireCandle, D::Error> {
        input.deserialize_seq(Row)
    }
}

/// Reads the elements of a row in their order.
struct Row;

impl<'de> Visitor<'de> for Row {
    type Value = WireCandle;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a row of at least 7 elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<WireCandle, A::Error> {
        let read = WireCandle {
            opened: next(&mut row)?,
            open: next(&mut row)?,
            high: next(&mut row)?,
            low: next(&mut row)?,
            close: next(&mut row)?,
            volume: next(&mut row)?,
            closed: next(&mut row)?,
        };
        while row.next_element::<IgnoredAny>()?.is_some() {}
        Ok(read)
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(row: &mut A) -> Result<T, A::Error> {
    row.next_element()?.ok_or_else(|| A::Error::custom("a row of klines is too short"))
}

/// `GET /api/v3/exchangeInfo`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireInfo {
    pub(super) symbols: Vec<WireSymbol>,
    #[serde(default)]
    rate_limits: Reported<Vec<WireRateLimit>>,
}

impl WireInfo {
    /// The weight that one address may use in a minute, where it is said.
    pub(super) fn weight_per_minute(&self) -> Option<u32> {
        let Reported::Value(limits) = &self.rate_limits else { return None };
        let is = |told: &Reported<String>, word: &str| *told == Reported::Value(word.to_owned());
        let minute = |one: &&WireRateLimit| {
            is(&one.rate_limit_type, "REQUEST_WEIGHT")
                && is(&one.interval, "MINUTE")
                && one.interval_num == Reported::Value(1)
        };
        limits.iter().find(minute)?.limit.optional()
    }
}

/// One of `rateLimits`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireRateLimit {
    rate_limit_type: Reported<String>,
    interval: Reported<String>,
    interval_num: Reported<u32>,
    limit: Reported<u32>,
}

/// One symbol of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireSymbol {
    pub(super) symbol: Reported<String>,
    pub(super) status: Reported<String>,
    pub(super) base_asset: Reported<String>,
    pub(super) quote_asset: Reported<String>,
    pub(super) order_types: Reported<Vec<String>>,
    pub(super) is_spot_trading_allowed: Reported<bool>,
    pub(super) filters: Reported<Vec<WireFilter>>,
}

/// One filter of a symbol, with the fields of all that are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireFilter {
    pub(super) filter_type: Reported<String>,
    pub(super) tick_size: Reported<String>,
    pub(super) min_qty: Reported<String>,
    pub(super) max_qty: Reported<String>,
    pub(super) step_size: Reported<String>,
    pub(super) min_notional: Reported<String>,
    pub(super) max_notional: Reported<String>,
    pub(super) apply_to_market: Reported<bool>,
    pub(super) apply_min_to_market: Reported<bool>,
    pub(super) apply_max_to_market: Reported<bool>,
    pub(super) min_price: Reported<String>,
    pub(super) max_price: Reported<String>,
    pub(super) multiplier_up: Reported<String>,
    pub(super) multiplier_down: Reported<String>,
    pub(super) bid_multiplier_up: Reported<String>,
    pub(super) bid_multiplier_down: Reported<String>,
    pub(super) ask_multiplier_up: Reported<String>,
    pub(super) ask_multiplier_down: Reported<String>,
    pub(super) max_num_orders: Reported<u32>,
    pub(super) max_num_algo_orders: Reported<u32>,
    pub(super) max_position: Reported<String>,
}

/// A required price.
pub(super) fn price(field: &'static str, text: Reported<String>) -> Result<Price, Failure> {
    number(field, text, Price::parse)
}

/// A required quantity.
pub(super) fn qty(field: &'static str, text: Reported<String>) -> Result<Qty, Failure> {
    number(field, text, Qty::parse)
}
