//! What a request weighs, and what the venue says was used.
//!
//! Facts: `rest-api.md`, the weight at each endpoint; "LIMITS", "IP Limits" for the header.

use crate::transport::{Request, Response};

/// The weight used in the current minute by everything behind this address.
const USED: &str = "x-mbx-used-weight-1m";

/// The weight of a request; of one that this table does not have, that of the heaviest.
pub(super) fn of(request: &Request) -> u32 {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or(""));
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match path {
        "/api/v3/time" => 1,
        "/api/v3/order" if request.method() == http::Method::GET => 4,
        "/api/v3/order" => 1,
        "/api/v3/klines" => 2,
        "/api/v3/ticker/bookTicker" if has("symbol") => 2,
        "/api/v3/openOrders" if has("symbol") => 6,
        "/api/v3/myTrades" if has("orderId") => 5,
        "/api/v3/exchangeInfo" | "/api/v3/account" | "/api/v3/myTrades" => 20,
        // Counted apart from the spot API's weight.
        "/sapi/v1/account/apiRestrictions" => 1,
        _ => 80,
    }
}

/// What an answer says was used; not every answer does.
pub(super) fn used(response: &Response) -> Option<u32> {
    response.headers().get(USED)?.to_str().ok()?.trim().parse().ok()
}
