//! Binance spot: market data, signed reads and orders over one transport.
//!
//! [`Binance`] reads what everyone may know. With a key it becomes [`account::Account`] (feature
//! `venue-account`), and that becomes [`trade::Trader`] (feature `venue-trade`): what is not compiled in
//! cannot be done. Nothing here retries or asks for what was not asked for.
//!
//! Facts: binance-spot-api-docs, `rest-api.md`, `errors.md`, `enums.md`, `filters.md`.

#[cfg(feature = "venue-account")]
pub mod account;
mod errors;
pub mod market;
#[cfg(feature = "venue-account")]
pub mod sign;
#[cfg(feature = "venue-trade")]
pub mod trade;
mod wire;

use std::fmt;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;

use crate::ids::Symbol;
use crate::ports::SharedClock;
use crate::time::{Millis, Timestamp};
use crate::transport::{Request, SharedTransport};
use errors::{Answer, Failure};

/// How long after its timestamp a request may still be taken: we send 5 s, Binance's default (`rest-api.md`,
/// "Timing security"; checked again just before the matching engine).
pub const RECV_WINDOW: Millis = Millis::from_secs(5);
/// How long the API waits for its matching engine before it answers -1007 (`rest-api.md`, "General API
/// information": 10 seconds).
pub const VENUE_TIMEOUT: Millis = Millis::from_secs(10);
/// How far our clock and Binance's may be apart: sends halt above 500 ms (signal of reconcile), fences add 2 s.
pub const CLOCK_ERROR: Millis = Millis::from_secs(2);
/// How long a fresh order may be invisible to queries, which are served from memory or the database
/// (`rest-api.md`, "Data sources"). Binance gives no number; this is ours.
pub const READ_LAG: Millis = Millis::from_secs(10);

/// From here on, "not found" proves that a request signed at `sent_at` came to nothing.
pub fn fence(sent_at: Timestamp) -> Timestamp {
    sent_at + RECV_WINDOW + VENUE_TIMEOUT + CLOCK_ERROR + READ_LAG
}

/// Binance spot as everyone sees it.
#[derive(Clone)]
pub struct Binance {
    transport: SharedTransport,
    clock: SharedClock,
    base: String,
    timeout: Millis,
}

impl fmt::Debug for Binance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Binance")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Binance {
    /// Speaks to `base` (`https://api.binance.com`, `https://testnet.binance.vision`), waiting at most `timeout`
    /// for each answer.
    pub fn new(transport: SharedTransport, clock: SharedClock, base: &str, timeout: Millis) -> Binance {
        Binance { transport, clock, base: base.trim_end_matches('/').to_owned(), timeout }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A request with all its parameters in the query.
    fn request(&self, method: Method, path: &str, query: &str) -> Result<Request, Failure> {
        let request = http::Request::builder().method(method).uri(format!("{}{path}?{query}", self.base));
        request.body(Bytes::new()).map_err(|error| Failure::Unsendable(error.to_string()))
    }

    /// One exchange, read as `T`.
    async fn exchange<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        let response = self.transport.send(request, self.timeout).await.map_err(Failure::Transport)?;
        let body = Answer { response, at: self.now() }.accepted()?;
        wire::parse(&body)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Failure> {
        self.exchange(self.request(Method::GET, path, query)?).await
    }
}

/// Binance's spelling: `BTCUSDT`.
fn spelled(symbol: &Symbol) -> String {
    format!("{}{}", symbol.base, symbol.quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fence_outlasts_every_way_in_which_a_request_can_be_late() {
        let sent = Timestamp::from_millis(1_000_000);
        assert_eq!(fence(sent).since(sent), Millis::from_secs(27));
    }

    #[test]
    fn a_symbol_is_spelled_without_its_dash() {
        assert_eq!(spelled(&Symbol::parse("BTC-USDT").unwrap()), "BTCUSDT");
    }
}
