//! Recorded pairs of market data.

use super::*;
use crate::market::Trading;
use crate::money::{Notional, Qty};
use crate::scripted::{Scripted, answer, anyone, run, stopped};
use crate::time::Millis;
use std::sync::Arc;

const BASE: &str = "https://api.example";
/// 2023-11-14T22:13:20Z, in the minute that opened at 1_699_999_980_000.
const NOW: i64 = 1_700_000_000_000;
const MINUTE: i64 = 1_699_999_980_000;

fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}

fn venue(path: &str, body: &str) -> (Binance, Arc<Scripted>) {
    let transport = Scripted::new(vec![(format!("GET {BASE}{path}"), answer(200, &[], body))]);
    (
        Binance::new(transport.clone(), stopped(NOW), &format!("{BASE}/"), Millis::from_secs(5), anyone()),
        transport,
    )
}

const INFO: &str = r#"{"timezone":"UTC","serverTime":1700000000000,"rateLimits":[],"exchangeFilters":[],"symbols":[
 {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","baseAssetPrecision":8,"quoteAsset":"USDT",
  "orderTypes":["LIMIT"],"isSpotTradingAllowed":true,"filters":[
   {"filterType":"PRICE_FILTER","minPrice":"0.01000000","maxPrice":"1000000.00000000","tickSize":"0.01000000"},
   {"filterType":"LOT_SIZE","minQty":"0.00001000","maxQty":"9000.00000000","stepSize":"0.00001000"},
   {"filterType":"ICEBERG_PARTS","limit":10},
   {"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"107.02","stepSize":"0.00000000"},
   {"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true,"maxNotional":"9000000.00000000"},
   {"filterType":"A_FILTER_OF_TOMORROW","limit":1}]}]}"#;

fn instrument_of(info: &str) -> Result<Instrument, VenueError> {
    let (venue, transport) = venue("/api/v3/exchangeInfo?symbol=BTCUSDT&showPermissionSets=false", info);
    let read = run(venue.instrument(&symbol()));
    assert_eq!(transport.done().len(), 1);
    read
}

#[test]
fn an_instrument_is_read_from_its_filters() {
    let read = instrument_of(INFO).unwrap();
    assert_eq!(read.trading, Trading::Open);
    assert_eq!((read.tick.to_string(), read.step.to_string()), ("0.01".into(), "0.00001".into()));
    assert_eq!((read.min_qty.to_string(), read.max_qty.to_string()), ("0.00001".into(), "9000".into()));
    assert_eq!(
        (read.max_market_qty.to_string(), read.min_notional.to_string()),
        ("107.02".into(), "5".into())
    );
}

#[test]
fn every_status_but_trading_is_closed() {
    for word in ["HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY", "A_STATUS_OF_TOMORROW"] {
        let read = instrument_of(&INFO.replace("\"TRADING\"", &format!("\"{word}\""))).unwrap();
        assert_eq!(read.trading, Trading::Closed, "{word}");
    }
    let read =
        instrument_of(&INFO.replace("SpotTradingAllowed\":true", "SpotTradingAllowed\":false")).unwrap();
    assert_eq!(read.trading, Trading::Closed);
}

#[test]
fn a_missing_filter_limits_nothing() {
    let without = |name: &str| instrument_of(&INFO.replace(&format!("\"{name}\""), "\"OTHER\"")).unwrap();
    assert_eq!(without("LOT_SIZE").step, Qty::ZERO);
    assert_eq!(without("NOTIONAL").min_notional, Notional::ZERO);
    assert_eq!(without("PRICE_FILTER").tick, rust_decimal::Decimal::ZERO);
    let read = without("MARKET_LOT_SIZE");
    assert_eq!(read.max_market_qty, read.max_qty);
}

#[test]
fn both_filters_of_percent_bind() {
    let both = r#"{"filterType":"PERCENT_PRICE","multiplierUp":"3","multiplierDown":"0.7","avgPriceMins":5},
        {"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.2","bidMultiplierDown":"0.5","askMultiplierUp":"5",
        "askMultiplierDown":"0.8","avgPriceMins":5}"#;
    let info = INFO.replace(r#"{"filterType":"A_FILTER_OF_TOMORROW","limit":1}"#, both);
    let band = instrument_of(&info).unwrap().bounds.band.unwrap();
    let parts = [band.buy_up, band.buy_down, band.sell_up, band.sell_down].map(|part| part.to_string());
    assert_eq!(parts, ["1.2", "0.7", "3", "0.8"]);
}

#[test]
fn what_is_missing_null_or_about_something_else_is_an_error() {
    let bad = [
        ("\"tickSize\":\"0.01000000\"", "\"tickSize\":null"),
        ("\"tickSize\":\"0.01000000\"", "\"tickSize\":0.01"),
        ("\"tickSize\":\"0.01000000\"", "\"tickSize\":\"-1\""),
        ("\"stepSize\":\"0.00001000\"", "\"step\":\"0.00001000\""),
        ("\"BTCUSDT\"", "\"ETHUSDT\""),
        ("\"baseAsset\":\"BTC\"", "\"baseAsset\":\"BTCU\""),
        ("\"status\":\"TRADING\",", ""),
    ];
    for (from, to) in bad {
        assert!(INFO.contains(from), "{from}");
        assert!(
            matches!(instrument_of(&INFO.replace(from, to)), Err(VenueError::BadReply(_))),
            "{from} -> {to}"
        );
    }
    assert!(matches!(instrument_of(r#"{"symbols":[]}"#), Err(VenueError::BadReply(_))));
}

#[test]
fn a_greatest_market_quantity_of_zero_is_none() {
    let read = instrument_of(&INFO.replace("107.02", "0.00000000")).unwrap();
    assert_eq!(read.max_market_qty, read.max_qty);
}

const BOOK: &str = r#"{"symbol":"BTCUSDT","bidPrice":"42000.01000000","bidQty":"1.5","askPrice":"42000.02000000","askQty":"2"}"#;

#[test]
fn a_quote_carries_the_time_of_its_arrival_and_no_price_is_invented() {
    let path = "/api/v3/ticker/bookTicker?symbol=BTCUSDT";
    let (venue_of, _) = venue(path, BOOK);
    let quote = run(venue_of.quote(&symbol())).unwrap();
    assert_eq!((quote.bid.to_string(), quote.ask.to_string()), ("42000.01".into(), "42000.02".into()));
    assert_eq!(quote.at, Timestamp::from_millis(NOW));
    for bad in ["\"0.00000000\"", "null", "\"-1\"", "\"\"", "1"] {
        let (venue, _) = venue(path, &BOOK.replace("\"42000.01000000\"", bad));
        assert!(matches!(run(venue.quote(&symbol())), Err(VenueError::BadReply(_))), "{bad}");
    }
}

fn row(open_time: i64, close: &str) -> String {
    format!(r#"[{open_time},"1.0","3.0","0.5","{close}","0",{},"0",0,"0","0","0"]"#, open_time + 59_999)
}

fn candles(rows: &[String], count: u32) -> Result<Vec<Candle>, VenueError> {
    let path = format!("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit={}", count + 1);
    let (venue, _) = venue(&path, &format!("[{}]", rows.join(",")));
    run(venue.candles(&symbol(), count))
}

#[test]
fn the_forming_candle_is_dropped() {
    let rows = [row(MINUTE - 120_000, "1"), row(MINUTE - 60_000, "2"), row(MINUTE, "2.5")];
    let read = candles(&rows, 2).unwrap();
    let closes: Vec<String> = read.iter().map(|candle| candle.close.to_string()).collect();
    assert_eq!(closes, ["1", "2"]);
    assert_eq!(read[0].open_time, Timestamp::from_millis(MINUTE - 120_000));
    assert!(read[0].volume.is_zero());
}

#[test]
fn a_row_of_more_elements_is_read() {
    let longer = row(MINUTE - 60_000, "2").replace(']', ",\"0\"]");
    assert_eq!(candles(&[longer], 1).unwrap().len(), 1);
}

#[test]
fn where_no_candle_is_forming_only_the_latest_are_given() {
    let rows = [row(MINUTE - 180_000, "1"), row(MINUTE - 120_000, "2"), row(MINUTE - 60_000, "2.5")];
    let closes: Vec<String> =
        candles(&rows, 2).unwrap().iter().map(|candle| candle.close.to_string()).collect();
    assert_eq!(closes, ["2", "2.5"]);
    assert_eq!(candles(&rows, 0).unwrap(), []);
}

#[test]
fn candles_out_of_order_or_short_of_fields_are_errors() {
    let swapped = [row(MINUTE - 60_000, "1"), row(MINUTE - 120_000, "2")];
    assert!(matches!(candles(&swapped, 2), Err(VenueError::BadReply(_))));
    assert!(matches!(candles(&[row(MINUTE - 60_000, "0")], 1), Err(VenueError::BadReply(_))));
    assert!(matches!(candles(&["[1,\"2\"]".to_owned()], 1), Err(VenueError::BadReply(_))));
    assert!(matches!(candles(&["{}".to_owned()], 1), Err(VenueError::BadReply(_))));
}

#[test]
fn public_data_is_read_at_its_own_address() {
    let path = "/api/v3/ticker/bookTicker?symbol=BTCUSDT";
    let used = [("x-mbx-used-weight-1m", "900")];
    let transport =
        Scripted::new(vec![(format!("GET https://data.example{path}"), answer(200, &used, BOOK))]);
    let link = anyone();
    let venue = Binance::new(transport.clone(), stopped(NOW), BASE, Millis::from_secs(5), link.clone());
    assert!(run(venue.reading_at("https://data.example/").quote(&symbol())).is_ok());
    assert_eq!(transport.done().len(), 1);
}
