//! From an HTTP request to an answer: which endpoint, what it weighs, who may call it.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use shared::time::Millis;

use super::params::Params;
use super::refusal::Refusal;
use super::venue::Venue;
use super::{account, public, sign, trading, wire};
use crate::service::{Request, Response};

const USED_WEIGHT: HeaderName = HeaderName::from_static("x-mbx-used-weight");
const USED_WEIGHT_1M: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");
const ORDER_COUNT_10S: HeaderName = HeaderName::from_static("x-mbx-order-count-10s");
const ORDER_COUNT_1D: HeaderName = HeaderName::from_static("x-mbx-order-count-1d");
/// The window of a request that names none.
const DEFAULT_WINDOW_MS: i64 = 5_000;
/// The widest window.
const WIDEST_WINDOW_MS: i64 = 60_000;
/// How far a timestamp may lie ahead of the server.
const AHEAD_MS: i64 = 1_000;

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Ping,
    Time,
    ExchangeInfo,
    Klines,
    BookTicker,
    Price,
    AvgPrice,
    NewOrder,
    TestOrder,
    CancelOrder,
    QueryOrder,
    OpenOrders,
    CancelOpenOrders,
    CancelReplace,
    AllOrders,
    MyTrades,
    Account,
    ApiRestrictions,
    Deposits,
    Withdrawals,
}

/// What a key must allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Nothing,
    Read,
    Trade,
}

impl Endpoint {
    fn find(method: &Method, path: &str) -> Option<Endpoint> {
        let found = match (method.as_str(), path) {
            ("GET", "/api/v3/ping") => Endpoint::Ping,
            ("GET", "/api/v3/time") => Endpoint::Time,
            ("GET", "/api/v3/exchangeInfo") => Endpoint::ExchangeInfo,
            ("GET", "/api/v3/klines") => Endpoint::Klines,
            ("GET", "/api/v3/ticker/bookTicker") => Endpoint::BookTicker,
            ("GET", "/api/v3/ticker/price") => Endpoint::Price,
            ("GET", "/api/v3/avgPrice") => Endpoint::AvgPrice,
            ("POST", "/api/v3/order") => Endpoint::NewOrder,
            ("POST", "/api/v3/order/test") => Endpoint::TestOrder,
            ("DELETE", "/api/v3/order") => Endpoint::CancelOrder,
            ("GET", "/api/v3/order") => Endpoint::QueryOrder,
            ("GET", "/api/v3/openOrders") => Endpoint::OpenOrders,
            ("DELETE", "/api/v3/openOrders") => Endpoint::CancelOpenOrders,
            ("POST", "/api/v3/order/cancelReplace") => Endpoint::CancelReplace,
            ("GET", "/api/v3/allOrders") => Endpoint::AllOrders,
            ("GET", "/api/v3/myTrades") => Endpoint::MyTrades,
            ("GET", "/api/v3/account") => Endpoint::Account,
            ("GET", "/sapi/v1/account/apiRestrictions") => Endpoint::ApiRestrictions,
            ("GET", "/sapi/v1/capital/deposit/hisrec") => Endpoint::Deposits,
            ("GET", "/sapi/v1/capital/withdraw/history") => Endpoint::Withdrawals,
            _ => return None,
        };
        Some(found)
    }

    fn weight(self, params: &Params<'_>) -> u64 {
        let by_symbol = |one, all| if params.text("symbol").is_some() { one } else { all };
        match self {
            Endpoint::Ping
            | Endpoint::Time
            | Endpoint::NewOrder
            | Endpoint::TestOrder
            | Endpoint::CancelOrder
            | Endpoint::CancelOpenOrders
            | Endpoint::CancelReplace
            | Endpoint::ApiRestrictions
            | Endpoint::Deposits
            | Endpoint::Withdrawals => 1,
            Endpoint::Klines | Endpoint::AvgPrice => 2,
            Endpoint::BookTicker | Endpoint::Price => by_symbol(2, 4),
            Endpoint::QueryOrder => 4,
            Endpoint::OpenOrders => by_symbol(6, 80),
            Endpoint::MyTrades if params.text("orderId").is_some() => 5,
            Endpoint::ExchangeInfo | Endpoint::AllOrders | Endpoint::MyTrades | Endpoint::Account => 20,
        }
    }

    fn right(self) -> Right {
        match self {
            Endpoint::Ping
            | Endpoint::Time
            | Endpoint::ExchangeInfo
            | Endpoint::Klines
            | Endpoint::BookTicker
            | Endpoint::Price
            | Endpoint::AvgPrice => Right::Nothing,
            Endpoint::QueryOrder
            | Endpoint::OpenOrders
            | Endpoint::AllOrders
            | Endpoint::MyTrades
            | Endpoint::Account
            | Endpoint::ApiRestrictions
            | Endpoint::Deposits
            | Endpoint::Withdrawals => Right::Read,
            Endpoint::NewOrder
            | Endpoint::TestOrder
            | Endpoint::CancelOrder
            | Endpoint::CancelOpenOrders
            | Endpoint::CancelReplace => Right::Trade,
        }
    }

    fn call(self, venue: &mut Venue, params: &Params<'_>, key: &str) -> Result<Vec<u8>, Refusal> {
        match self {
            Endpoint::Ping => Ok(b"{}".to_vec()),
            Endpoint::Time => Ok(public::time(venue)),
            Endpoint::ExchangeInfo => public::exchange_info(venue, params),
            Endpoint::Klines => public::klines(venue, params),
            Endpoint::BookTicker => public::book_ticker(venue, params),
            Endpoint::Price => public::price(venue, params),
            Endpoint::AvgPrice => public::average_price(venue, params),
            Endpoint::NewOrder => trading::new_order(venue, params),
            Endpoint::TestOrder => trading::test_order(venue, params),
            Endpoint::CancelOrder => trading::cancel_order(venue, params),
            Endpoint::CancelOpenOrders => trading::cancel_open_orders(venue, params),
            Endpoint::CancelReplace => trading::cancel_replace(venue, params),
            Endpoint::QueryOrder => account::query_order(venue, params),
            Endpoint::OpenOrders => account::open_orders(venue, params),
            Endpoint::AllOrders => account::all_orders(venue, params),
            Endpoint::MyTrades => account::my_trades(venue, params),
            Endpoint::Account => account::account(venue, params),
            Endpoint::ApiRestrictions => account::api_restrictions(venue, key),
            Endpoint::Deposits => account::deposits(venue, params),
            Endpoint::Withdrawals => account::withdrawals(venue, params),
        }
    }
}

/// Answers one request at the venue's present time.
pub(super) fn answer(venue: &mut Venue, request: &Request) -> Response {
    let Some(endpoint) = Endpoint::find(request.method(), request.uri().path()) else { return not_found() };
    let query = request.uri().query().unwrap_or_default();
    let result = match std::str::from_utf8(request.body()) {
        Ok(body) => admitted(venue, endpoint, request, query, body),
        Err(_) => Err(Refusal::bad(-1100, "Illegal characters found in a parameter.")),
    };
    respond(venue, endpoint, result)
}

fn admitted(
    venue: &mut Venue,
    endpoint: Endpoint,
    request: &Request,
    query: &str,
    body: &str,
) -> Result<Vec<u8>, Refusal> {
    let params = Params::read(query, body);
    let now = venue.now;
    venue.limits.admit(endpoint.weight(&params), now)?;
    let key = request.headers().get("x-mbx-apikey").and_then(|value| value.to_str().ok()).unwrap_or_default();
    authorise(venue, endpoint.right(), key, &params, query, body)?;
    endpoint.call(venue, &params, key)
}

fn authorise(
    venue: &Venue,
    right: Right,
    key: &str,
    params: &Params<'_>,
    query: &str,
    body: &str,
) -> Result<(), Refusal> {
    if right == Right::Nothing {
        return Ok(());
    }
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::key(-2014, "API-key format invalid."));
    }
    let signature = params.required("signature")?;
    in_time(venue, params)?;
    let known = venue.config.keys.iter().find(|known| known.key == key).ok_or_else(Refusal::rights)?;
    if !sign::is_valid(&known.secret, query, body, signature) {
        return Err(Refusal::bad(-1022, "Signature for this request is not valid."));
    }
    let allowed = match right {
        Right::Nothing => true,
        Right::Read => known.can_read,
        Right::Trade => known.can_trade,
    };
    if allowed { Ok(()) } else { Err(Refusal::rights()) }
}

/// The timestamp lies within the window before the server's time and not far after it.
fn in_time(venue: &Venue, params: &Params<'_>) -> Result<(), Refusal> {
    let sent = params.time("timestamp")?.ok_or_else(|| Refusal::missing("timestamp"))?;
    let window = params.integer("recvWindow")?.unwrap_or(DEFAULT_WINDOW_MS);
    if window > WIDEST_WINDOW_MS {
        return Err(Refusal::bad(-1131, "recvWindow must be less than 60000."));
    }
    let age = venue.server_time().since(sent);
    if age <= Millis(-AHEAD_MS) {
        return Err(Refusal::bad(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if age > Millis(window) {
        return Err(Refusal::bad(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}

fn respond(venue: &Venue, endpoint: Endpoint, result: Result<Vec<u8>, Refusal>) -> Response {
    let (status, body, retry_after) = match result {
        Ok(body) => (200, body, None),
        Err(refusal) => (refusal.status, wire::bytes(&refusal.body()), refusal.retry_after),
    };
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    headers.insert(USED_WEIGHT, HeaderValue::from(venue.limits.weight));
    headers.insert(USED_WEIGHT_1M, HeaderValue::from(venue.limits.weight));
    if matches!(endpoint, Endpoint::NewOrder | Endpoint::CancelReplace) && status == 200 {
        headers.insert(ORDER_COUNT_10S, HeaderValue::from(venue.limits.orders_10s));
        headers.insert(ORDER_COUNT_1D, HeaderValue::from(venue.limits.orders_1d));
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What a web server in front of the API says.
fn not_found() -> Response {
    let mut response = Response::new("<html><body><h2>404 Not found</h2></body></html>".into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::*;
    use crate::service::Service;

    fn bench() -> Bench {
        Bench::new(&[([100, 110, 90, 105], "100"), ([105, 106, 104, 105], "100")])
    }

    const ACCOUNT: &str = "/api/v3/account";

    #[test]
    fn an_unknown_path_is_a_404_page() {
        let response = bench().get("/api/v3/nothing", minute(0));
        assert_eq!(response.status(), 404);
        assert!(response.body().starts_with(b"<html>"));
    }

    #[test]
    fn timestamps_are_accepted_up_to_a_second_ahead_and_the_window_behind() {
        let bench = bench();
        let now = within(0, 30_000);
        let asks = |query: &str, sent: i64| {
            let query = sign_query(query, SECRET, within(0, sent));
            bench.exchange.serve(request("GET", &format!("{ACCOUNT}?{query}"), Some(KEY), ""), now)
        };
        assert_eq!(asks("", 30_999).status(), 200);
        assert_eq!(asks("", 25_000).status(), 200);
        assert!(json(&asks("", 31_000))["msg"].as_str().unwrap().contains("1000ms ahead"));
        let late = asks("", 24_999);
        assert_eq!(refusal(&late), (400, -1021));
        assert!(json(&late)["msg"].as_str().unwrap().contains("outside of the recvWindow"));
        assert_eq!(asks("recvWindow=60000", 0).status(), 200);
        assert_eq!(refusal(&asks("recvWindow=60001", 30_000)), (400, -1131));
    }

    #[test]
    fn a_skewed_server_judges_by_its_own_clock_and_says_so() {
        let bench = bench();
        bench.exchange.set_skew(Millis(-2_000));
        assert_eq!(refusal(&bench.signed("GET", ACCOUNT, "", within(0, 10))), (400, -1021));
        let time = json(&bench.get("/api/v3/time", minute(1)));
        assert_eq!(time["serverTime"].as_i64(), Some(minute(1).as_millis() - 2_000));
    }

    #[test]
    fn keys_and_signatures_are_checked_and_refused_with_their_codes() {
        let bench = bench();
        let serve = |key: Option<&str>, query: &str| {
            bench.exchange.serve(request("GET", &format!("{ACCOUNT}?{query}"), key, ""), minute(0))
        };
        let good = sign_query("", SECRET, minute(0));
        assert_eq!(serve(Some(KEY), &good).status(), 200);
        assert_eq!(refusal(&serve(None, &good)), (401, -2014));
        assert_eq!(refusal(&serve(Some("stranger"), &good)), (401, -2015));
        assert_eq!(refusal(&serve(Some(KEY), &sign_query("", "wrong", minute(0)))), (400, -1022));
        assert_eq!(refusal(&serve(Some(KEY), "timestamp=1")), (400, -1102));
        assert_eq!(refusal(&serve(Some(KEY), "signature=ab")), (400, -1102));
    }

    #[test]
    fn parameters_may_come_in_the_body_signed_together_with_the_query() {
        let bench = bench();
        let query = "symbol=BTCUSDT&side=BUY&type=MARKET";
        let body = format!("quantity=1&timestamp={}", minute(0).as_millis());
        let signature = hex_mac(SECRET, &format!("{query}{body}"));
        let body = format!("{body}&signature={}", signature.to_uppercase());
        let request = request("POST", &format!("/api/v3/order?{query}"), Some(KEY), &body);
        assert_eq!(bench.exchange.serve(request, minute(0)).status(), 200);
    }

    #[test]
    fn rights_belong_to_the_key_and_can_change_while_running() {
        let bench = bench();
        let order = format!(
            "/api/v3/order?{}",
            sign_query("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1", "read-secret", minute(0))
        );
        let response = bench.exchange.serve(request("POST", &order, Some("read-key"), ""), minute(0));
        assert_eq!(refusal(&response), (401, -2015));
        assert!(bench.exchange.orders().is_empty());
        bench.exchange.set_key(crate::exchange::ApiKey {
            can_read: false,
            ..crate::exchange::ApiKey::trading(KEY, SECRET)
        });
        assert_eq!(refusal(&bench.signed("GET", ACCOUNT, "", minute(0))), (401, -2015));
        bench.exchange.revoke_key(KEY);
        assert_eq!(refusal(&bench.signed("DELETE", "/api/v3/order", "", minute(0))), (401, -2015));
    }

    #[test]
    fn weight_is_counted_by_minute_and_told_in_headers() {
        let bench = bench();
        let used =
            |response: &Response| response.headers()["x-mbx-used-weight-1m"].to_str().unwrap().to_owned();
        assert_eq!(used(&bench.get("/api/v3/ping", minute(0))), "1");
        assert_eq!(used(&bench.get("/api/v3/exchangeInfo", minute(0))), "21");
        assert_eq!(used(&bench.signed("GET", "/api/v3/openOrders", "", minute(0))), "101");
        assert_eq!(used(&bench.signed("GET", "/api/v3/openOrders", "symbol=BTCUSDT", minute(0))), "107");
        assert_eq!(used(&bench.get("/api/v3/ping", minute(1))), "1");
    }

    #[test]
    fn too_much_weight_is_a_429_and_going_on_is_a_418() {
        let bench = bench();
        for _ in 0..300 {
            assert_eq!(bench.get("/api/v3/exchangeInfo", minute(0)).status(), 200);
        }
        let limited = bench.get("/api/v3/ping", within(0, 20_000));
        assert_eq!(refusal(&limited), (429, -1003));
        assert_eq!(limited.headers()["retry-after"], "40");
        let banned = bench.get("/api/v3/ping", within(0, 30_000));
        assert_eq!(refusal(&banned), (418, -1003));
        assert_eq!(banned.headers()["retry-after"], "120");
        assert_eq!(bench.exchange.violations(), 1);
        assert_eq!(bench.get("/api/v3/ping", within(2, 30_000)).status(), 200);
    }

    #[test]
    fn more_than_a_hundred_resting_orders_in_ten_seconds_are_refused() {
        let bench = bench();
        let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.06&price=90";
        for _ in 0..100 {
            assert_eq!(bench.signed("POST", "/api/v3/order", order, minute(0)).status(), 200);
        }
        let refused = bench.signed("POST", "/api/v3/order", order, within(0, 4_000));
        assert_eq!(refusal(&refused), (429, -1015));
        assert_eq!(refused.headers()["retry-after"], "6");
        let accepted = bench.signed("POST", "/api/v3/order", order, within(0, 10_000));
        assert_eq!(accepted.headers()["x-mbx-order-count-10s"], "1");
        assert_eq!(accepted.headers()["x-mbx-order-count-1d"], "101");
    }
}
