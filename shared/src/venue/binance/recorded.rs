//! Answers of Binance that other people recorded, each with its source: all of them are read. Client ids that a source
//! leaves out are written in.

use serde_json::{Value, json};

use super::account::{WireAccount, balances, trades};
use super::errors::{Answer, Failure};
use super::market::candle;
use super::trade::WirePlaced;
use super::wire::{WireCandle, WireInfo};
use super::{filters, wire};
use crate::ids::Symbol;
use crate::market::{Instrument, Trading};
use crate::ports::OrderReport;
use crate::scripted::answer;
use crate::time::Timestamp;

const ANSWERS: &str = include_str!("recorded/answers.json");
const INFO: &str = include_str!("recorded/exchange_info.json");

fn all(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn of_kind(kind: &str) -> Vec<Value> {
    let answers: Vec<Value> = all(ANSWERS).into_iter().filter(|one| one["kind"] == kind).collect();
    assert!(!answers.is_empty(), "{kind}");
    answers
}

fn symbol(record: &Value) -> Symbol {
    Symbol::parse(record["symbol"].as_str().unwrap()).unwrap()
}

fn body(record: &Value) -> Vec<u8> {
    let mut body = record["body"].clone();
    if body.is_object() && body.get("clientOrderId").is_none() {
        body["clientOrderId"] = json!("left-out");
    }
    body.to_string().into_bytes()
}

fn instrument(row: &Value) -> Result<Instrument, Failure> {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let symbol = Symbol::parse(&format!("{}-{}", text("baseAsset"), text("quoteAsset"))).unwrap();
    let info: WireInfo = wire::parse(json!({"symbols": [row]}).to_string().as_bytes())?;
    filters::instrument(&symbol, info)
}

#[test]
fn every_recorded_symbol_is_read() {
    let rows = all(INFO);
    let read: Vec<Instrument> = rows
        .iter()
        .map(|one| instrument(&one["row"]).unwrap_or_else(|why| panic!("{one}: {why:?}")))
        .collect();
    let open = read.iter().filter(|one| one.trading == Trading::Open).count();
    assert_eq!((read.len(), open), (75, 53));
}

#[test]
fn every_recorded_order_is_read() {
    let placed = of_kind("place").into_iter().map(|record| {
        let placed: WirePlaced = wire::parse(&body(&record)).unwrap();
        (record["name"].clone(), placed.order.report(&symbol(&record)))
    });
    let asked = of_kind("query").into_iter().map(|record| {
        (
            record["name"].clone(),
            wire::parse::<super::account::WireOrder>(&body(&record)).unwrap().report(&symbol(&record)),
        )
    });
    for (name, report) in placed.chain(asked) {
        let report: OrderReport = report.unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert!(!report.quantity.is_zero(), "{name}");
    }
    for record in of_kind("open") {
        let orders: Vec<super::account::WireOrder> = wire::parse(&body(&record)).unwrap();
        assert!(orders.into_iter().all(|order| order.report(&symbol(&record)).unwrap().ended.is_none()));
    }
}

#[test]
fn every_recorded_trade_balance_and_candle_is_read() {
    for record in of_kind("trades") {
        let rows: Vec<trades::WireTrade> = wire::parse(&body(&record)).unwrap();
        assert!(rows.into_iter().all(|row| row.read(&symbol(&record)).is_ok()));
    }
    for record in of_kind("account") {
        let account: WireAccount = wire::parse(&body(&record)).unwrap();
        assert!(balances(account).unwrap().len() >= 3);
    }
    for record in of_kind("klines") {
        let rows: Vec<WireCandle> = wire::parse(&body(&record)).unwrap();
        assert!(rows.into_iter().all(|row| candle(row).is_ok()));
    }
}

#[test]
fn every_recorded_error_has_its_meaning() {
    use super::errors::Meaning;
    for record in of_kind("error") {
        let text = record["body"].as_str().map_or_else(|| record["body"].to_string(), str::to_owned);
        let response = answer(u16::try_from(record["http"].as_u64().unwrap()).unwrap(), &[], &text).unwrap();
        let failure =
            Answer { response, at: Timestamp::from_millis(1_660_000_000_000) }.accepted().unwrap_err();
        let Failure::Refused(refusal) = failure else { panic!("{failure:?}") };
        let expected = match record["name"].as_str().unwrap() {
            "451-restricted-location" => Meaning::Fatal,
            "418-ip-banned" | "403-cloudfront-blocked" | "403-cloudfront-country" => Meaning::Wait,
            "400-2013-order-does-not-exist" => Meaning::NoSuchOrder,
            "400-1013-stop-not-supported" => Meaning::Filter,
            _ => Meaning::Refused,
        };
        assert_eq!(refusal.meaning, expected, "{record}");
        let says_where = format!("{refusal:?}").contains("deploy to one that it serves");
        assert_eq!(says_where, record["http"] == 451, "{record}");
    }
}
