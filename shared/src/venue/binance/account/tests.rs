//! Recorded pairs of signed reads.

use std::sync::Arc;

use super::*;
use crate::market::Side;
use crate::money::Qty;
use crate::order::Ended;
use crate::scripted::{Scripted, answer, anyone, run, stopped};
use crate::secret::Secret;
use crate::time::Millis;

const BASE: &str = "https://api.example";
const NOW: i64 = 1_700_000_000_000;

fn key() -> ApiKey {
    ApiKey::new(Secret::new("canary-key".into()), Secret::new("canary-secret".into()))
}

fn symbol() -> Symbol {
    Symbol::parse("BTC-USDT").unwrap()
}

fn order_id() -> OrderId {
    OrderId::parse("ord-1").unwrap()
}

/// The request as it must be asked, signed.
fn signed(path: &str, query: &str) -> String {
    let join = if query.is_empty() { "" } else { "&" };
    let query = key().signed(&format!("{query}{join}recvWindow=5000&timestamp={NOW}")).unwrap();
    format!("GET {BASE}{path}?{query}")
}

fn account_with(scenes: Vec<(String, u16, String)>) -> (Account, Arc<Scripted>) {
    let scenes = scenes.into_iter().map(|(asked, status, body)| (asked, answer(status, &[], &body)));
    let transport = Scripted::new(scenes.collect());
    let venue = Binance::new(transport.clone(), stopped(NOW), BASE, Millis::from_secs(5), anyone());
    (Account::new(venue, key()), transport)
}

fn account(path: &str, query: &str, status: u16, body: &str) -> Account {
    account_with(vec![(signed(path, query), status, body.to_owned())]).0
}

#[test]
fn the_key_stands_in_its_header_and_the_secret_nowhere() {
    let body = r#"{"balances":[]}"#.to_owned();
    let (account, transport) =
        account_with(vec![(signed("/api/v3/account", "omitZeroBalances=true"), 200, body)]);
    run(account.balances()).unwrap();
    let requests = transport.done();
    assert_eq!(requests[0].headers()["x-mbx-apikey"], "canary-key");
    let seen = format!("{requests:?} {account:?}");
    assert!(!seen.contains("canary"), "{seen}");
}

fn balances_of(body: &str) -> Result<BTreeMap<Asset, Balance>, VenueError> {
    run(account("/api/v3/account", "omitZeroBalances=true", 200, body).balances())
}

#[test]
fn balances_are_exact_and_a_missing_one_is_not_zero() {
    let body = r#"{"makerCommission":15,"canTrade":true,"accountType":"SPOT","balances":[
        {"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"},
        {"asset":"USDT","free":"0","locked":"12.5"}]}"#;
    let read = balances_of(body).unwrap();
    assert_eq!(read[&Asset::parse("BTC").unwrap()].free.to_string(), "4723846.89208129");
    assert_eq!(read[&Asset::parse("USDT").unwrap()].held().to_string(), "12.5");
    for (from, to) in [
        (r#","locked":"12.5""#, ""),
        (r#""12.5""#, "null"),
        (r#""12.5""#, "12.5"),
        (r#""12.5""#, "\"-1\""),
        (r#""12.5""#, "\"NaN\""),
        ("\"USDT\"", "\"BTC\""),
        ("\"balances\"", "\"other\""),
    ] {
        let read = balances_of(&body.replace(from, to));
        assert!(matches!(read, Err(VenueError::BadReply(_))), "{from} -> {to}: {read:?}");
    }
}

/// Binance's test network gives every account both (its changelog of 2025-12-18).
#[test]
fn an_asset_of_another_script_hides_no_balance() {
    let body = r#"{"balances":[
        {"asset":"BTC","free":"0.5","locked":"0.1"},
        {"asset":"这是测试币","free":"1.00000000","locked":"0"},
        {"asset":"456","free":"1","locked":"0"}]}"#;
    let read = balances_of(body).unwrap();
    assert_eq!(read.len(), 3);
    assert_eq!(read[&Asset::parse("BTC").unwrap()].held().to_string(), "0.6");
    assert_eq!(read[&Asset::parse("这是测试币").unwrap()].free.to_string(), "1");
}

/// From `rest-api.md`, "Query order".
fn order(status: &str, executed: &str) -> String {
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"ord-1","price":"0.1",
        "origQty":"1.0","executedQty":"{executed}","cummulativeQuoteQty":"-1.0","status":"{status}",
        "timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.0","icebergQty":"0.0",
        "time":1499827319559,"updateTime":1499827319559,"isWorking":true,"origQuoteOrderQty":"0.0"}}"#
    )
}

fn look(status: u16, body: &str) -> Result<Option<OrderReport>, VenueError> {
    let account = account("/api/v3/order", "symbol=BTCUSDT&origClientOrderId=ord-1", status, body);
    run(account.order(&symbol(), &order_id()))
}

#[test]
fn every_status_has_one_meaning_and_keeps_what_was_executed() {
    let cases = [
        ("NEW", None),
        ("PENDING_NEW", None),
        ("PARTIALLY_FILLED", None),
        ("FILLED", Some(Ended::Filled)),
        ("CANCELED", Some(Ended::Cancelled)),
        ("REJECTED", Some(Ended::Rejected)),
        ("EXPIRED", Some(Ended::Expired)),
        ("EXPIRED_IN_MATCH", Some(Ended::Expired)),
    ];
    for (word, ended) in cases {
        let report = look(200, &order(word, "0.25")).unwrap().unwrap();
        assert_eq!(report.ended, ended, "{word}");
        assert_eq!((report.executed.to_string(), report.quantity.to_string()), ("0.25".into(), "1".into()));
        assert_eq!((report.venue_id.as_str(), report.side), ("28", Side::Buy));
    }
    for word in ["PENDING_CANCEL", "SLEEPING", ""] {
        assert!(matches!(look(200, &order(word, "0")), Err(VenueError::BadReply(_))), "{word}");
    }
}

#[test]
fn an_order_that_is_not_seen_is_none_and_anything_else_is_an_error() {
    assert_eq!(look(400, r#"{"code":-2013,"msg":"Order does not exist."}"#), Ok(None));
    let archived = look(400, r#"{"code":-2026,"msg":"Order was canceled or expired with no executed qty."}"#);
    assert!(matches!(archived, Err(VenueError::Refused { code, .. }) if code == "-2026"));
    assert!(matches!(look(502, "<html>"), Err(VenueError::Unavailable(_))));
    assert!(matches!(look(200, "{}"), Err(VenueError::BadReply(text)) if text == "symbol is missing"));
}

#[test]
fn an_order_with_a_field_absent_null_or_of_another_order_is_not_read() {
    let good = order("FILLED", "1.0");
    for (from, to) in [
        ("\"executedQty\":\"1.0\",", ""),
        ("\"executedQty\":\"1.0\"", "\"executedQty\":null"),
        ("\"executedQty\":\"1.0\"", "\"executedQty\":1.0"),
        ("\"executedQty\":\"1.0\"", "\"executedQty\":\"-1\""),
        ("\"executedQty\":\"1.0\"", "\"executedQty\":\"1.1\""),
        ("\"orderId\":28", "\"orderId\":null"),
        ("\"orderId\":28", "\"orderId\":\"28\""),
        ("ord-1", "ord-2"),
        ("BTCUSDT", "ETHUSDT"),
        ("\"BUY\"", "\"HOLD\""),
    ] {
        assert!(good.contains(from), "{from}");
        let read = look(200, &good.replace(from, to));
        assert!(matches!(read, Err(VenueError::BadReply(_))), "{from} -> {to}: {read:?}");
    }
    let zero = look(200, &good.replace("\"executedQty\":\"1.0\"", "\"executedQty\":\"0\"")).unwrap().unwrap();
    assert!(zero.executed.is_zero());
}

#[test]
fn open_orders_are_those_of_one_symbol_whoever_sent_them() {
    let foreign = order("NEW", "0").replace("ord-1", "web_abc:1");
    let body = format!("[{},{foreign}]", order("PARTIALLY_FILLED", "0.5"));
    let read =
        run(account("/api/v3/openOrders", "symbol=BTCUSDT", 200, &body).open_orders(&symbol())).unwrap();
    let ids: Vec<&str> = read.iter().map(|report| report.client_id.as_str()).collect();
    assert_eq!(ids, ["ord-1", "web_abc:1"]);
}

/// From `rest-api.md`, "Account trade list".
fn trade(id: i64, order: i64) -> String {
    format!(
        r#"{{"symbol":"BTCUSDT","id":{id},"orderId":{order},"orderListId":-1,"price":"4.00000100",
        "qty":"12.00000000","quoteQty":"48.000012","commission":"10.10000000","commissionAsset":"BNB",
        "time":1499865549590,"isBuyer":true,"isMaker":false,"isBestMatch":true}}"#
    )
}

fn list(rows: &[String]) -> String {
    format!("[{}]", rows.join(","))
}

#[test]
fn the_trades_of_an_order_come_oldest_first_and_each_once() {
    let body = list(&[trade(7, 28), trade(5, 28), trade(7, 28)]);
    let account = account("/api/v3/myTrades", "symbol=BTCUSDT&orderId=28&fromId=0&limit=1000", 200, &body);
    let read = run(account.trades_of(&symbol(), "28", Qty::parse("12").unwrap())).unwrap();
    let ids: Vec<&str> = read.iter().map(|trade| trade.trade_id.as_str()).collect();
    assert_eq!(ids, ["5", "7"]);
    let first = &read[0];
    assert_eq!((first.value.to_string(), first.fee.to_string()), ("48.000012".into(), "10.1".into()));
    assert_eq!(
        (first.fee_asset.as_str(), first.side, first.at.as_millis()),
        ("BNB", Side::Buy, 1_499_865_549_590)
    );
}

/// The pages of order 28 that begin with these ids, each with its rows; the last one is asked for only where needed.
fn pages(pages: &[(i64, std::ops::Range<i64>)]) -> (Account, Arc<Scripted>) {
    let path = "/api/v3/myTrades";
    let page = |(from, ids): &(i64, std::ops::Range<i64>)| {
        let rows: Vec<String> = ids.clone().map(|id| trade(id, 28)).collect();
        (signed(path, &format!("symbol=BTCUSDT&orderId=28&fromId={from}&limit=1000")), 200, list(&rows))
    };
    account_with(pages.iter().map(page).collect())
}

#[test]
fn the_trades_of_an_order_are_read_until_they_cover_it() {
    // The second page is short, and is not the last.
    let (account, transport) = pages(&[(0, 1..1_001), (1_001, 1_001..1_051), (1_051, 1_051..1_301)]);
    let executed = Qty::parse("15600").unwrap();
    assert_eq!(run(account.trades_of(&symbol(), "28", executed)).unwrap().len(), 1_300);
    transport.done();
}

#[test]
fn a_listing_that_lags_ends_at_an_empty_page() {
    let (account, transport) = pages(&[(0, 5..6), (6, 6..6)]);
    assert_eq!(run(account.trades_of(&symbol(), "28", Qty::parse("24").unwrap())).unwrap().len(), 1);
    transport.done();
}

#[test]
fn trades_of_another_order_or_that_contradict_each_other_are_errors() {
    let contrary = trade(5, 28).replace("12.00000000", "13.00000000");
    for rows in [
        vec![trade(5, 29)],
        vec![trade(5, 28), contrary],
        vec![trade(5, 28).replace("\"48.000012\"", "null")],
    ] {
        let account =
            account("/api/v3/myTrades", "symbol=BTCUSDT&orderId=28&fromId=0&limit=1000", 200, &list(&rows));
        let read = run(account.trades_of(&symbol(), "28", Qty::parse("12").unwrap()));
        assert!(matches!(read, Err(VenueError::BadReply(_))), "{read:?}");
    }
    let (account, transport) = account_with(vec![]);
    assert!(run(account.trades_of(&symbol(), "abc", Qty::parse("12").unwrap())).is_err());
    assert_eq!(transport.done().len(), 0);
}

#[test]
fn trades_after_one_begin_with_the_next_and_without_one_with_the_first() {
    for (after, from) in [(Some("56"), 57), (None, 0)] {
        let query = format!("symbol=BTCUSDT&fromId={from}&limit=1000");
        let account = account("/api/v3/myTrades", &query, 200, &list(&[trade(60, 1), trade(58, 2)]));
        let read = run(account.trades_after(&symbol(), after)).unwrap();
        assert_eq!(read[0].trade_id, "58");
    }
}

const RIGHTS: &str = r#"{"ipRestrict":true,"createTime":1698645219000,"enableReading":true,"enableWithdrawals":false,
    "enableInternalTransfer":false,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":false,
    "enableVanillaOptions":false,"enableSpotAndMarginTrading":true}"#;

fn rights(body: &str) -> Result<KeyRights, VenueError> {
    run(account("/sapi/v1/account/apiRestrictions", "", 200, body).key_rights())
}

#[test]
fn a_keys_rights_are_told_and_a_right_that_is_not_told_is_not_a_no() {
    let safe = KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true };
    assert_eq!(rights(RIGHTS), Ok(safe));
    for transfer in ["enableInternalTransfer", "permitsUniversalTransfer"] {
        let body = RIGHTS.replace(&format!("\"{transfer}\":false"), &format!("\"{transfer}\":true"));
        assert_eq!(rights(&body), Ok(KeyRights { transfer: true, ..safe }));
        let absent = RIGHTS.replace(&format!("\"{transfer}\":false,"), "");
        assert_eq!(rights(&absent), Err(VenueError::BadReply(format!("{transfer} is missing"))));
    }
    let withdraws = RIGHTS.replace("\"enableWithdrawals\":false", "\"enableWithdrawals\":true");
    assert_eq!(rights(&withdraws), Ok(KeyRights { withdraw: true, ..safe }));
    let null = RIGHTS.replace("\"enableWithdrawals\":false", "\"enableWithdrawals\":null");
    assert_eq!(rights(&null), Err(VenueError::BadReply("enableWithdrawals is null".into())));
}

const BALANCES: &str = "/api/v3/account";
const APART: &str =
    r#"{"code":-1021,"msg":"Timestamp for this request was 1000ms ahead of the server's time."}"#;

fn balances_at(at: i64) -> String {
    let query = format!("omitZeroBalances=true&recvWindow=5000&timestamp={at}");
    format!("GET {BASE}{BALANCES}?{}", key().signed(&query).unwrap())
}

fn time_is(at: i64) -> (String, u16, String) {
    (format!("GET {BASE}/api/v3/time"), 200, format!(r#"{{"serverTime":{at}}}"#))
}

fn none_held(at: i64) -> (String, u16, String) {
    (balances_at(at), 200, r#"{"balances":[]}"#.to_owned())
}

/// Two seconds ahead and six behind: measured once, and used for all that follows.
#[test]
fn a_read_that_finds_the_clocks_apart_measures_them_once_and_asks_again() {
    for skew in [2_000, -6_000] {
        let theirs = NOW + skew;
        let apart = (balances_at(NOW), 400, APART.to_owned());
        let (account, transport) =
            account_with(vec![apart, time_is(theirs), none_held(theirs), none_held(theirs)]);
        assert_eq!(run(account.balances()), Ok(BTreeMap::new()), "{skew}");
        assert_eq!(run(account.balances()), Ok(BTreeMap::new()), "{skew}");
        assert_eq!(transport.done().len(), 4);
        let known = account.venue().link().take_new_clock().flatten().map(|clock| clock.by);
        assert_eq!(known, Some(Millis(skew)), "the other functions are told");
    }
}

#[test]
fn clocks_are_measured_once_and_not_again_for_the_same_question() {
    let apart = |at| (balances_at(at), 400, APART.to_owned());
    let (account, transport) = account_with(vec![apart(NOW), time_is(NOW - 6_000), apart(NOW - 6_000)]);
    let read = run(account.balances());
    assert!(matches!(&read, Err(VenueError::Refused { code, .. }) if code == "-1021"), "{read:?}");
    assert_eq!(transport.done().len(), 3);
}

#[test]
fn clocks_that_are_absurdly_far_apart_are_an_error_and_not_corrected() {
    for theirs in [NOW + 30_001, NOW - 30_001, 0] {
        let apart = (balances_at(NOW), 400, APART.to_owned());
        let (account, transport) = account_with(vec![apart, time_is(theirs), none_held(NOW)]);
        assert!(matches!(run(account.balances()), Err(VenueError::BadReply(_))), "{theirs}");
        assert_eq!(run(account.balances()), Ok(BTreeMap::new()), "signed by our own clock");
        transport.done();
    }
}

/// The mistakes of another adapter for the same venue, each as what is sent: every parameter is signed and none
/// stands in the body, the window is named, and an order is looked up by `origClientOrderId`.
#[test]
fn a_query_is_signed_whole_and_names_its_window() {
    let body = r#"{"code":-2013,"msg":"Order does not exist."}"#.to_owned();
    let asked = signed("/api/v3/order", "symbol=BTCUSDT&origClientOrderId=ord-1");
    let (account, transport) = account_with(vec![(asked, 400, body)]);
    assert_eq!(run(account.order(&symbol(), &order_id())), Ok(None));
    let requests = transport.done();
    let query = requests[0].uri().query().unwrap();
    let (said, signature) = query.rsplit_once("&signature=").unwrap();
    assert!(said.contains("recvWindow=5000&timestamp=") && signature.len() == 64, "{query}");
    assert!(requests[0].body().is_empty());
}
