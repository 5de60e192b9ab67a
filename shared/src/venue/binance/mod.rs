//! Binance spot: market data, signed reads and orders over one transport.
//!
//! [`Binance`] reads what everyone may know. With a key it becomes [`account::Account`] (feature
//! `venue-account`), and that becomes [`trade::Trader`] (feature `venue-trade`): what is not compiled in
//! cannot be done. Nothing here retries or asks for what was not asked for. A read that the transport repeats counts
//! twice at the venue; the weight in its answer says so.
//!
//! Facts: binance-spot-api-docs, `rest-api.md`, `errors.md`, `enums.md`, `filters.md`.

#[cfg(feature = "venue-account")]
pub mod account;
#[cfg(feature = "venue-account")]
mod clock;
mod errors;
mod filters;
mod instruments;
pub mod market;
#[cfg(test)]
#[cfg(feature = "venue-trade")]
mod recorded;
#[cfg(feature = "venue-account")]
pub mod sign;
#[cfg(feature = "venue-trade")]
pub mod trade;
mod weight;
mod wire;

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;

use crate::ids::Symbol;
use crate::ports::SharedClock;
use crate::time::{Millis, Timestamp};
use crate::transport::{Request, Response, SharedTransport};
use crate::venue::link::Link;
use errors::{Answer, Failure};
use instruments::Instruments;

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

/// Binance spot as everyone sees it. Clones share what they know of the way there and of its symbols.
#[derive(Clone)]
pub struct Binance {
    transport: SharedTransport,
    clock: SharedClock,
    base: String,
    /// Where public data is read, if not at `base`.
    public: Option<String>,
    timeout: Millis,
    link: Rc<Link>,
    instruments: Rc<Instruments>,
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
    /// for each answer, within the share of its limits that `link` has.
    pub fn new(
        transport: SharedTransport,
        clock: SharedClock,
        base: &str,
        timeout: Millis,
        link: Rc<Link>,
    ) -> Binance {
        let base = base.trim_end_matches('/').to_owned();
        Binance { transport, clock, base, public: None, timeout, link, instruments: Rc::default() }
    }

    /// The same, with public data read at another address.
    #[must_use]
    pub fn reading_at(self, public: &str) -> Binance {
        Binance { public: Some(public.trim_end_matches('/').to_owned()), ..self }
    }

    /// What is known of the way there.
    pub const fn link(&self) -> &Rc<Link> {
        &self.link
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A request with all its parameters in the query.
    fn request(&self, method: Method, path: &str, query: &str) -> Result<Request, Failure> {
        request(&self.base, method, path, query)
    }

    /// One exchange, read as `T`: its weight is reserved, its time is measured, and what the answer says of
    /// the weight used corrects what was reserved.
    async fn exchange<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        let asked_at = self.now();
        if !self.link.reserve(weight::of(&request), self.link.venue_time(asked_at)) {
            return Err(Failure::OverShare);
        }
        // Whether both addresses count together nobody says: the one that takes orders is believed.
        let counts = request.uri().to_string().starts_with(&self.base);
        let answer = match self.transport.send(request, self.timeout).await {
            Ok(response) => self.read(response, counts),
            Err(error) => Err(Failure::Transport(error)),
        };
        let failed = answer.as_ref().is_err_and(Failure::is_trouble);
        self.link.count(self.now().since(asked_at), failed);
        answer
    }

    fn read<T: DeserializeOwned>(&self, response: Response, counts: bool) -> Result<T, Failure> {
        let at = self.now();
        if let Some(used) = weight::used(&response).filter(|_| counts) {
            self.link.correct(used, self.link.venue_time(at));
        }
        wire::parse(&Answer { response, at }.accepted()?)
    }

    /// Reads public data.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Failure> {
        let base = self.public.as_ref().unwrap_or(&self.base);
        self.exchange(request(base, Method::GET, path, query)?).await
    }
}

fn request(base: &str, method: Method, path: &str, query: &str) -> Result<Request, Failure> {
    let join = if query.is_empty() { "" } else { "?" };
    let request = http::Request::builder().method(method).uri(format!("{base}{path}{join}{query}"));
    request.body(Bytes::new()).map_err(|error| Failure::Unsendable(error.to_string()))
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
