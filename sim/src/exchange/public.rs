//! Endpoints without a key: time, symbol, candles, prices.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::limits::{ORDERS_PER_10S, ORDERS_PER_DAY, WEIGHT_PER_MINUTE};
use super::num::Num;
use super::params::Params;
use super::refusal::Refusal;
use super::venue::Venue;
use super::wire::{self, Ms, STP};

/// How many bars are answered when nothing is said, and at most.
const KLINES: (usize, usize) = (500, 1_000);
/// How much the book shows at its best prices; it must say nothing of the candle's volume.
const SHOWN: Decimal = Decimal::ONE;

pub(super) fn time(venue: &Venue) -> Vec<u8> {
    wire::bytes(&json!({"serverTime": Ms(venue.server_time())}))
}

/// Whether the request names the one symbol there is.
pub(super) fn known_symbol(venue: &Venue, name: &str) -> Result<(), Refusal> {
    if name == venue.config.symbol { Ok(()) } else { Err(Refusal::symbol()) }
}

/// The mandatory symbol.
pub(super) fn required_symbol(venue: &Venue, params: &Params<'_>) -> Result<(), Refusal> {
    known_symbol(venue, params.required("symbol")?)
}

/// How many symbols were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    One,
    Many,
}

fn asked_symbols(venue: &Venue, params: &Params<'_>) -> Result<Asked, Refusal> {
    if let Some(name) = params.text("symbol") {
        return known_symbol(venue, name).map(|()| Asked::One);
    }
    if let Some(list) = params.text("symbols") {
        let names: Vec<String> = serde_json::from_str(list).map_err(|_| {
            Refusal::illegal("symbols", r#"^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}")*\]$"#)
        })?;
        names.iter().try_for_each(|name| known_symbol(venue, name))?;
    }
    Ok(Asked::Many)
}

/// One object for one symbol, a list otherwise.
fn one_or_list(asked: Asked, answer: Value) -> Vec<u8> {
    match asked {
        Asked::One => wire::bytes(&answer),
        Asked::Many => wire::bytes(&[answer]),
    }
}

pub(super) fn exchange_info(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    asked_symbols(venue, params)?;
    let limit = |kind: &str, interval: &str, num: u64, limit: u64| json!({"rateLimitType": kind, "interval": interval, "intervalNum": num, "limit": limit});
    Ok(wire::bytes(&json!({
        "timezone": "UTC",
        "serverTime": Ms(venue.server_time()),
        "rateLimits": [
            limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE),
            limit("ORDERS", "SECOND", 10, ORDERS_PER_10S),
            limit("ORDERS", "DAY", 1, ORDERS_PER_DAY),
            limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
        ],
        "exchangeFilters": [],
        "symbols": [symbol(venue, params.text("showPermissionSets") != Some("false"))],
    })))
}

fn symbol(venue: &Venue, shows_permissions: bool) -> Value {
    let config = &venue.config;
    json!({
        "symbol": config.symbol,
        "status": config.status,
        "baseAsset": config.base,
        "baseAssetPrecision": 8,
        "quoteAsset": config.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": config.order_types,
        "icebergAllowed": false,
        "ocoAllowed": false,
        "otoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "amendAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": config.filters.to_json(),
        "permissions": [],
        "permissionSets": if shows_permissions { json!([["SPOT"]]) } else { json!([]) },
        "defaultSelfTradePreventionMode": STP,
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", STP, "EXPIRE_BOTH"],
    })
}

/// An interval in minutes.
fn interval(text: &str) -> Result<i64, Refusal> {
    match text {
        "1m" => Ok(1),
        "3m" => Ok(3),
        "5m" => Ok(5),
        "15m" => Ok(15),
        "30m" => Ok(30),
        "1h" => Ok(60),
        "2h" => Ok(120),
        "4h" => Ok(240),
        "6h" => Ok(360),
        "8h" => Ok(480),
        "12h" => Ok(720),
        "1d" => Ok(1_440),
        _ => Err(Refusal::bad(-1120, "Invalid interval.")),
    }
}

pub(super) fn klines(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let width = interval(params.required("interval")?)?;
    let (default, max) = KLINES;
    let span = i64::try_from(params.limit(default, max)? - 1).unwrap_or_default() * width;
    let width_ms = width * 60_000;
    let earliest = venue.market.first_minute().div_euclid(width) * width;
    let mut last = venue.now.minute_number().div_euclid(width) * width;
    if let Some(end) = params.time("endTime")? {
        last = last.min(end.as_millis().div_euclid(width_ms) * width);
    }
    let first = match params.time("startTime")? {
        Some(start) => (start.as_millis() + width_ms - 1).div_euclid(width_ms) * width,
        None => last - span,
    };
    let first = first.max(earliest);
    let last = last.min(first + span);
    let mut bars = Vec::new();
    let mut minute = first;
    while minute <= last {
        bars.extend(venue.market.bar(minute, width, venue.now).map(wire::BarView));
        minute += width;
    }
    Ok(wire::bytes(&bars))
}

pub(super) fn book_ticker(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    let asked = asked_symbols(venue, params)?;
    let (bid, ask, shown) = match venue.book() {
        Some(book) => (book.bid, book.ask, SHOWN),
        None => (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO),
    };
    let answer = json!({
        "symbol": venue.config.symbol,
        "bidPrice": Num(bid),
        "bidQty": Num(shown),
        "askPrice": Num(ask),
        "askQty": Num(shown),
    });
    Ok(one_or_list(asked, answer))
}

pub(super) fn price(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    let asked = asked_symbols(venue, params)?;
    let price = venue.last_price().unwrap_or_default();
    Ok(one_or_list(asked, json!({"symbol": venue.config.symbol, "price": Num(price)})))
}

pub(super) fn average_price(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let mins = 5;
    let minute = venue.now.minute_number();
    let price = venue.market.average(minute, mins).unwrap_or_default();
    let close = super::market::time_of(minute) - shared::time::Millis(1);
    Ok(wire::bytes(&json!({"mins": mins, "price": Num(price), "closeTime": Ms(close)})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::SymbolStatus;
    use crate::exchange::fixture::{Bench, json as read, minute, refusal, within};

    fn bench() -> Bench {
        Bench::new(&[([100, 110, 90, 105], "4"), ([105, 106, 104, 104], "2"), ([104, 105, 103, 104], "1")])
    }

    #[test]
    fn exchange_info_lists_limits_status_and_filters() {
        let bench = bench();
        bench.exchange.set_status(minute(0), SymbolStatus::CancelOnly);
        for query in ["", "?symbol=BTCUSDT", "?symbols=%5B%22BTCUSDT%22%5D"] {
            let info = read(&bench.get(&format!("/api/v3/exchangeInfo{query}"), minute(0)));
            assert_eq!(info["rateLimits"][0]["limit"], 6_000);
            let symbol = &info["symbols"][0];
            assert_eq!((&symbol["status"], &symbol["baseAsset"]), (&json!("CANCEL_ONLY"), &json!("BTC")));
            let lot = symbol["filters"]
                .as_array()
                .unwrap()
                .iter()
                .find(|filter| filter["filterType"] == "LOT_SIZE");
            assert_eq!(lot.unwrap()["stepSize"], "0.00001000");
        }
        assert_eq!(refusal(&bench.get("/api/v3/exchangeInfo?symbol=XXX", minute(0))), (400, -1121));
        assert_eq!(refusal(&bench.get("/api/v3/exchangeInfo?symbols=XXX", minute(0))), (400, -1100));
    }

    #[test]
    fn klines_are_the_closed_candles_and_the_open_of_the_forming_one() {
        let rows = read(&bench().get("/api/v3/klines?symbol=BTCUSDT&interval=1m", within(1, 59_999)));
        assert_eq!(
            rows,
            json!([
                [
                    minute(0).as_millis(),
                    "100.00000000",
                    "110.00000000",
                    "90.00000000",
                    "105.00000000",
                    "4.00000000",
                    minute(1).as_millis() - 1,
                    "420.00000000",
                    1,
                    "2.00000000",
                    "210.00000000",
                    "0"
                ],
                [
                    minute(1).as_millis(),
                    "105.00000000",
                    "105.00000000",
                    "105.00000000",
                    "105.00000000",
                    "0.00000000",
                    minute(2).as_millis() - 1,
                    "0.00000000",
                    0,
                    "0.00000000",
                    "0.00000000",
                    "0"
                ]
            ])
        );
    }

    #[test]
    fn klines_are_chosen_by_start_end_and_limit() {
        let bench = bench();
        let opens = |query: &str| {
            let rows =
                read(&bench.get(&format!("/api/v3/klines?symbol=BTCUSDT&interval=1m{query}"), minute(3)));
            rows.as_array()
                .unwrap()
                .iter()
                .map(|row| (row[0].as_i64().unwrap() - minute(0).as_millis()) / 60_000)
                .collect::<Vec<_>>()
        };
        let (one, two) = (minute(1).as_millis(), minute(2).as_millis());
        assert_eq!(opens(""), [0, 1, 2, 3]);
        assert_eq!(opens("&limit=2"), [2, 3]);
        assert_eq!(opens(&format!("&startTime={one}&limit=2")), [1, 2]);
        assert_eq!(opens(&format!("&startTime={}", one + 1)), [2, 3]);
        assert_eq!(opens(&format!("&endTime={two}&limit=2")), [1, 2]);
        assert_eq!(opens(&format!("&startTime={one}&endTime={two}")), [1, 2]);
        assert_eq!(opens("&startTime=99999999999999"), [0_i64; 0]);
        assert_eq!(refusal(&bench.get("/api/v3/klines?symbol=BTCUSDT&interval=1w", minute(3))), (400, -1120));
        assert_eq!(refusal(&bench.get("/api/v3/klines?symbol=BTCUSDT", minute(3))), (400, -1102));
    }

    #[test]
    fn before_the_first_candle_there_is_no_market() {
        let bench = Bench { exchange: bench().exchange };
        let exchange = crate::exchange::Exchange::new(
            crate::exchange::fixture::config(),
            vec![crate::exchange::fixture::candle(1, [100, 100, 100, 100], "1")],
        )
        .unwrap();
        let early = Bench { exchange };
        let ticker = read(&early.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT", minute(0)));
        assert_eq!(ticker["askPrice"], "0.00000000");
        assert_eq!(read(&early.get("/api/v3/klines?symbol=BTCUSDT&interval=1m", minute(0))), json!([]));
        let order = crate::exchange::NewOrder::market(crate::exchange::Side::Buy, Decimal::ONE);
        assert_eq!(early.exchange.manual_order(minute(0), &order), Err(Refusal::closed()));
        drop(bench);
    }

    #[test]
    fn tickers_stand_around_the_open() {
        let bench = bench();
        let book = read(&bench.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT", within(1, 40_000)));
        assert_eq!((&book["bidPrice"], &book["askPrice"]), (&json!("104.99000000"), &json!("105.01000000")));
        let list = read(&bench.get("/api/v3/ticker/price", within(1, 40_000)));
        assert_eq!(list, json!([{"symbol": "BTCUSDT", "price": "105.00000000"}]));
        let average = read(&bench.get("/api/v3/avgPrice?symbol=BTCUSDT", minute(2)));
        assert_eq!(average["price"], "104.66666667");
    }
}
