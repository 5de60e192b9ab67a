//! Recorded pairs of sends: exactly one request leaves for each, and its answer says what to do next.

use std::sync::Arc;

use super::super::Binance;
use super::super::sign::ApiKey;
use super::*;
use crate::money::{Price, Qty};
use crate::order::{Ended, TimeInForce};
use crate::ports::VenueError;
use crate::scripted::{Scripted, answer, anyone, run, stopped};
use crate::secret::Secret;
use crate::time::Millis;
use crate::transport::{Repeat, Response, TransportError};

const BASE: &str = "https://api.example";
/// Later than the send by a second: requests must be signed as of the send.
const NOW: i64 = 1_700_000_001_000;
const SENT: i64 = 1_700_000_000_000;

type Given = Result<Response, TransportError>;

fn key() -> ApiKey {
    ApiKey::new(Secret::new("canary-key".into()), Secret::new("canary-secret".into()))
}

fn signed(method: &str, query: &str, at: i64) -> String {
    let query = key().signed(&format!("{query}&recvWindow=5000&timestamp={at}")).unwrap();
    format!("{method} {BASE}/api/v3/order?{query}")
}

fn trader(scenes: Vec<(String, Given)>) -> (Trader, Arc<Scripted>) {
    let transport = Scripted::new(scenes);
    let venue = Binance::new(transport.clone(), stopped(NOW), BASE, Millis::from_secs(5), anyone());
    (Trader::new(Account::new(venue, key())), transport)
}

fn request(kind: Kind) -> OrderRequest {
    OrderRequest {
        order_id: OrderId::parse("ord-1").unwrap(),
        symbol: Symbol::parse("BTC-USDT").unwrap(),
        side: Side::Sell,
        kind,
        quantity: Qty::parse("10.00000").unwrap(),
        sent_at: Timestamp::from_millis(SENT),
    }
}

const MARKET: &str =
    "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=10&newClientOrderId=ord-1&newOrderRespType=FULL";

fn place(given: Given) -> Result<Placed, SendError> {
    let (trader, transport) = trader(vec![(signed("POST", MARKET, SENT), given)]);
    let placed = run(trader.place(&request(Kind::Market)));
    assert_eq!(transport.done().len(), 1);
    placed
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

/// From `rest-api.md`, "New order", response type FULL.
const FULL: &str = r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"ord-1",
    "transactTime":1507725176595,"price":"0.00000000","origQty":"10.00000000","executedQty":"10.00000000",
    "origQuoteOrderQty":"0.000000","cummulativeQuoteQty":"39990.00000000","status":"FILLED","timeInForce":"GTC",
    "type":"MARKET","side":"SELL","workingTime":1507725176595,"selfTradePreventionMode":"NONE","fills":[
    {"price":"4000.00000000","qty":"2.00000000","commission":"8.00000000","commissionAsset":"USDT","tradeId":56},
    {"price":"3998.75000000","qty":"8.00000000","commission":"0.01999375","commissionAsset":"BNB","tradeId":57}]}"#;

#[test]
fn each_kind_of_order_sends_what_its_type_takes_and_nothing_else() {
    let limit = Kind::Limit { price: price("42000.10"), time_in_force: TimeInForce::Ioc };
    let stop = Kind::StopLimit { stop: price("41000"), limit: price("40900.5") };
    let kinds = [
        (Kind::Market, "type=MARKET"),
        (limit, "type=LIMIT&timeInForce=IOC&price=42000.1"),
        (Kind::Stop { stop: price("41000") }, "type=STOP_LOSS&stopPrice=41000"),
        (stop, "type=STOP_LOSS_LIMIT&timeInForce=GTC&price=40900.5&stopPrice=41000"),
    ];
    for (kind, words) in kinds {
        let query = MARKET.replace("type=MARKET", words);
        let (trader, transport) = trader(vec![(signed("POST", &query, SENT), answer(200, &[], FULL))]);
        run(trader.place(&request(kind))).unwrap();
        let sent = transport.done();
        assert!(sent[0].body().is_empty(), "what is signed is the query alone");
        assert_eq!(sent[0].headers()["x-mbx-apikey"], "canary-key");
        assert!(!format!("{sent:?} {trader:?}").contains("canary"));
    }
}

#[test]
fn a_filled_order_lists_its_trades_with_each_fee_in_its_own_asset() {
    let placed = place(answer(200, &[], FULL)).unwrap();
    assert_eq!((placed.report.venue_id.as_str(), placed.report.ended), ("28", Some(Ended::Filled)));
    let [one, two] = &placed.trades[..] else { panic!("{placed:?}") };
    assert_eq!((one.value.to_string(), two.value.to_string()), ("8000".into(), "31990".into()));
    assert_eq!((two.fee.to_string(), two.fee_asset.as_str()), ("0.01999375".into(), "BNB"));
    assert_eq!((two.trade_id.as_str(), two.venue_order_id.as_str()), ("57", "28"));
    assert_eq!(one.at, Timestamp::from_millis(1_507_725_176_595));
}

#[test]
fn trades_whose_worth_is_not_certain_are_left_to_be_read() {
    for (from, to) in [
        ("\"39990.00000000\"", "\"39990.00000001\""),
        ("\"39990.00000000\"", "\"-1.00000000\""),
        ("\"39990.00000000\"", "null"),
        ("\"cummulativeQuoteQty\":\"39990.00000000\",", ""),
    ] {
        let placed = place(answer(200, &[], &FULL.replace(from, to))).unwrap();
        assert_eq!((placed.trades.len(), placed.report.executed.to_string()), (0, "10".into()), "{to}");
    }
}

#[test]
fn a_market_order_may_expire_with_a_part_executed() {
    let expired =
        FULL.replace("FILLED", "EXPIRED").replace("\"executedQty\":\"10.0", "\"executedQty\":\"4.0");
    let placed = place(answer(200, &[], &expired)).unwrap();
    assert_eq!((placed.report.ended, placed.report.executed.to_string()), (Some(Ended::Expired), "4".into()));
}

#[test]
fn an_answer_that_cannot_be_read_after_a_send_is_no_answer() {
    let truncated = FULL.split_at(300).0.to_owned();
    let bodies = [
        truncated,
        String::new(),
        "<html>".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        FULL.replace("\"FILLED\"", "\"SLEEPING\""),
        FULL.replace("\"orderId\":28", "\"orderId\":null"),
        FULL.replace("ord-1", "ord-2"),
        FULL.replace("\"side\":\"SELL\"", "\"side\":\"BUY\""),
        FULL.replace("\"origQty\":\"10.0", "\"origQty\":\"11.0"),
        FULL.replace("\"tradeId\":56", "\"tradeId\":57"),
        FULL.replace("\"4000.00000000\"", "\"0\""),
        FULL.replace("\"transactTime\":1507725176595,", ""),
    ];
    for body in bodies {
        let placed = place(answer(200, &[], &body));
        assert!(matches!(placed, Err(SendError::NoAnswer(_))), "{body}: {placed:?}");
    }
}

#[test]
fn every_failure_of_a_send_says_what_to_do_next() {
    let code =
        |status, code: i64, text: &str| answer(status, &[], &format!(r#"{{"code":{code},"msg":"{text}"}}"#));
    let no_answer = [
        Err(TransportError::NoAnswer("timed out".into())),
        answer(502, &[], "<html><h1>502 Bad Gateway</h1></html>"),
        answer(503, &[], ""),
        code(503, -2010, "Account has insufficient balance for requested action."),
        code(504, -1007, "Timeout waiting for response from backend server."),
        code(400, -1006, "An unexpected response was received from the message bus."),
        code(400, -2010, "Duplicate order sent."),
    ];
    for given in no_answer {
        let placed = place(given.clone());
        assert!(matches!(placed, Err(SendError::NoAnswer(_))), "{given:?}: {placed:?}");
    }
    let never = place(Err(TransportError::NeverSent("no route".into())));
    assert!(matches!(never, Err(SendError::NeverSent(VenueError::Unavailable(_)))));
    let refused = place(code(400, -1013, "Filter failure: LOT_SIZE"));
    assert!(matches!(refused, Err(SendError::Refused { code, .. }) if code == "-1013"));
    let fatal = place(code(401, -2015, "Invalid API-key, IP, or permissions for action."));
    assert!(matches!(fatal, Err(SendError::Fatal { code, .. }) if code == "-2015"));
}

#[test]
fn a_throttled_send_never_happened_and_carries_the_whole_wait() {
    let body = r#"{"code":-1015,"msg":"Too many new orders; current limit is 100 orders per 10 SECOND."}"#;
    let placed = place(answer(429, &[("Retry-After", "7")], body));
    let Err(SendError::NeverSent(VenueError::Throttled { wait, banned, .. })) = placed else {
        panic!("{placed:?}")
    };
    assert_eq!((wait, banned), (Millis::from_secs(7), false));
    let placed = place(answer(418, &[("Retry-After", "259200")], "{}"));
    let Err(SendError::NeverSent(VenueError::Throttled { wait, banned, .. })) = placed else {
        panic!("{placed:?}")
    };
    assert_eq!((wait, banned), (Millis::from_secs(259_200), true));
}

#[test]
fn a_key_that_cannot_stand_in_a_header_sends_nothing() {
    let transport = Scripted::new(vec![]);
    let venue = Binance::new(transport.clone(), stopped(NOW), BASE, Millis::from_secs(5), anyone());
    let key = ApiKey::new(Secret::new("canary\n".into()), Secret::new("canary".into()));
    let placed = run(Trader::new(Account::new(venue, key)).place(&request(Kind::Market)));
    let Err(SendError::NeverSent(error)) = placed else { panic!("{placed:?}") };
    assert!(!error.to_string().contains("canary"));
    assert_eq!(transport.done().len(), 0);
}

const BY_ID: &str = "symbol=BTCUSDT&origClientOrderId=ord-1";
const UNKNOWN: &str = r#"{"code":-2011,"msg":"Unknown order sent."}"#;

/// From `rest-api.md`, "Cancel order".
const CANCELLED: &str = r#"{"symbol":"BTCUSDT","origClientOrderId":"ord-1","orderId":4,"orderListId":-1,
    "clientOrderId":"cancelMyOrder1","transactTime":1684804350068,"price":"2.00000000","origQty":"1.00000000",
    "executedQty":"0.25000000","origQuoteOrderQty":"0.000000","cummulativeQuoteQty":"0.00000000",
    "status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"}"#;

fn cancel(scenes: Vec<(String, Given)>) -> Result<OrderReport, SendError> {
    let asked = scenes.len();
    let (trader, transport) = trader(scenes);
    let order = request(Kind::Market);
    let report = run(trader.cancel(&order.symbol, &order.order_id, order.sent_at));
    assert_eq!(transport.done().len(), asked);
    report
}

fn cancel_then_look(look: Given) -> Result<OrderReport, SendError> {
    cancel(vec![
        (signed("DELETE", BY_ID, SENT), answer(400, &[], UNKNOWN)),
        (signed("GET", BY_ID, NOW), look),
    ])
}

#[test]
fn a_cancel_reports_the_order_and_not_the_cancels_own_id() {
    let report = cancel(vec![(signed("DELETE", BY_ID, SENT), answer(200, &[], CANCELLED))]).unwrap();
    assert_eq!((report.client_id.as_str(), report.ended), ("ord-1", Some(Ended::Cancelled)));
    assert_eq!(report.executed.to_string(), "0.25");
}

#[test]
fn sends_have_their_own_connection_and_looks_are_reads() {
    let (trader, transport) = trader(vec![
        (signed("POST", MARKET, SENT), answer(200, &[], FULL)),
        (signed("DELETE", BY_ID, SENT), answer(400, &[], UNKNOWN)),
        (signed("GET", BY_ID, NOW), answer(200, &[], CANCELLED)),
    ]);
    let order = request(Kind::Market);
    run(trader.place(&order)).unwrap();
    run(trader.cancel(&order.symbol, &order.order_id, order.sent_at)).ok();
    let carried: Vec<Repeat> = transport.done().iter().map(Repeat::of).collect();
    assert_eq!(carried, [Repeat::Once, Repeat::Once, Repeat::Read]);
}

#[test]
fn a_cancel_that_finds_nothing_says_how_the_order_stands() {
    let filled = CANCELLED.replace("\"origClientOrderId\":\"ord-1\",", "").replace("cancelMyOrder1", "ord-1");
    let filled = filled.replace("CANCELED", "FILLED").replace("0.25000000", "1.00000000");
    let report = cancel_then_look(answer(200, &[], &filled)).unwrap();
    assert_eq!((report.ended, report.executed.to_string()), (Some(Ended::Filled), "1".into()));
}

#[test]
fn a_cancel_whose_order_is_not_seen_proves_nothing() {
    let unseen = cancel_then_look(answer(400, &[], r#"{"code":-2013,"msg":"Order does not exist."}"#));
    assert!(matches!(unseen, Err(SendError::NoAnswer(_))), "{unseen:?}");
    let archived = cancel_then_look(answer(400, &[], r#"{"code":-2026,"msg":"Order was archived."}"#));
    assert!(matches!(archived, Err(SendError::NoAnswer(_))), "{archived:?}");
    let banned = cancel_then_look(answer(418, &[("Retry-After", "120")], "{}"));
    let throttled = matches!(banned, Err(SendError::NeverSent(VenueError::Throttled { banned: true, .. })));
    assert!(throttled, "{banned:?}");
}

#[test]
fn a_cancel_without_a_usable_answer_is_no_answer() {
    for given in [
        Err(TransportError::NoAnswer("reset".into())),
        answer(500, &[], ""),
        answer(200, &[], &CANCELLED.replace("CANCELED", "PENDING_CANCEL")),
        answer(200, &[], &CANCELLED.replace("\"ord-1\"", "null")),
        answer(200, &[], CANCELLED.split_at(100).0),
    ] {
        let report = cancel(vec![(signed("DELETE", BY_ID, SENT), given)]);
        assert!(matches!(report, Err(SendError::NoAnswer(_))), "{report:?}");
    }
}

const APART: &str = r#"{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#;

fn time_is(at: i64) -> (String, Given) {
    (format!("GET {BASE}/api/v3/time"), answer(200, &[], &format!(r#"{{"serverTime":{at}}}"#)))
}

/// It is measured for what follows; the order itself is not sent again.
#[test]
fn a_send_that_finds_the_clocks_apart_came_to_nothing_and_the_next_one_is_signed_right() {
    let apart = (signed("POST", MARKET, SENT), answer(400, &[], APART));
    let next = (signed("POST", MARKET, SENT - 6_000), answer(200, &[], FULL));
    let (trader, transport) = trader(vec![apart, time_is(NOW - 6_000), next]);
    let placed = run(trader.place(&request(Kind::Market)));
    let Err(SendError::NeverSent(VenueError::Refused { code, .. })) = placed else { panic!("{placed:?}") };
    assert_eq!(code, "-1021");
    assert!(run(trader.place(&request(Kind::Market))).is_ok());
    assert_eq!(transport.done().iter().filter(|sent| sent.method() == Method::POST).count(), 2);
}

/// The recorded time of the send is what is signed, as the venue's clock showed it: a late request is as
/// late for the venue as it is for us, so the fence holds.
#[test]
fn a_send_is_signed_with_its_recorded_time_on_the_venues_clock() {
    let (trader, transport) = trader(vec![(signed("POST", MARKET, SENT + 2_000), answer(200, &[], FULL))]);
    let clock =
        crate::records::venue::ClockOffset { by: Millis(2_000), measured_at: Timestamp::from_millis(NOW) };
    trader.account().venue().link().set_clock(clock);
    assert!(run(trader.place(&request(Kind::Market))).is_ok());
    transport.done();
}

/// What is known of a symbol is asked once, until an order of it is refused.
#[test]
fn filters_are_read_anew_after_a_refusal() {
    use crate::ports::MarketData;
    let info = || {
        let body = r#"{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","filters":[
            {"filterType":"PRICE_FILTER","tickSize":"0.01"},
            {"filterType":"LOT_SIZE","minQty":"0.00001","maxQty":"9000","stepSize":"0.00001"},
            {"filterType":"MARKET_LOT_SIZE","minQty":"0","maxQty":"0","stepSize":"0"},
            {"filterType":"NOTIONAL","minNotional":"5"}]}]}"#;
        (
            format!("GET {BASE}/api/v3/exchangeInfo?symbol=BTCUSDT&showPermissionSets=false"),
            answer(200, &[], body),
        )
    };
    for code in ["-1013", "-1111", "-2010"] {
        let text = format!(r#"{{"code":{code},"msg":"Filter failure: LOT_SIZE"}}"#);
        let refused = (signed("POST", MARKET, SENT), answer(400, &[], &text));
        let (trader, transport) = trader(vec![info(), refused, info()]);
        let order = request(Kind::Market);
        assert_eq!(run(trader.instrument(&order.symbol)), run(trader.instrument(&order.symbol)));
        assert!(matches!(run(trader.place(&order)), Err(SendError::Refused { .. })));
        run(trader.instrument(&order.symbol)).unwrap();
        transport.done();
    }
}
