//! A simulated spot exchange in Binance's dialect: the judge of the trading system, with its own vocabulary and
//! its own ledger. It shares no code with what it judges.
//!
//! # Time
//! - The candle that opens at T covers `[T, T + 60 s)`. The exchange's time never goes back: an earlier `now` is
//!   brought up to the latest one seen.
//! - At a time inside candle T the public market shows the candles that closed (those that opened before T) and
//!   a book around the **open** of T, half the spread to either side, rounded outwards to the tick. Nothing else
//!   of candle T, and nothing at all of later ones, reaches an answer before `T + 60 s`; T's volume bounds what
//!   can execute in it.
//! - What takes liquidity (market, IOC, FOK, the marketable part of a limit) executes at once at that book's far
//!   side, up to `participation x volume` of candle T. All our orders of one candle share that budget. What is
//!   left of a market or IOC order is EXPIRED; FOK executes whole or expires whole; a GTC limit rests.
//! - What rests meets the path of the candle it was placed in (the whole path, for simplicity) and of every
//!   later one, once that candle has closed: open, low, high, close when it closed at or above its open, else
//!   open, high, low, close. A limit fills at its own price, or at the open when the open gapped through it while it
//!   rested. Such fills carry the time of the candle's last millisecond.
//! - A stop triggers where the path touches its stop price (or at the open, when that lies beyond) and acts from
//!   that point on: as a market order against the spread around that point, or as a limit order. A stop-limit
//!   whose limit was gapped through rests as a limit order.
//! - In a minute without volume nothing trades and nothing triggers. Before the first candle the market is
//!   closed; after the last one every minute is empty at its close.
//! - While the symbol is not TRADING nothing matches: the status at the candle's close decides.
//! - The skew of the server's clock moves what it says of its time and what it thinks of a request's timestamp;
//!   the times of orders and trades stay the market's.

mod account;
mod admin;
mod audit;
pub mod candles;
pub mod config;
pub mod filters;
pub mod ledger;
mod limits;
mod market;
mod matching;
mod num;
pub mod orders;
mod params;
mod placing;
mod public;
mod refusal;
mod rest;
mod sign;
mod trading;
mod venue;
mod wire;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod properties;

use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::time::Timestamp;

pub use candles::{BadCandles, Candle, candles_in, read_candles};
pub use config::{ApiKey, BadConfig, ExchangeConfig, Fees, Repeats, SymbolStatus, TEST_COIN, ThirdAssetFee};
pub use filters::Filters;
pub use ledger::{Balance, Cause, Movement};
pub use orders::{NewOrder, Order, OrderKind, OrderStatus, Side, Size, TimeInForce, Trade};
pub use refusal::Refusal;

use crate::service::{Request, Response, Service};
use venue::Venue;

/// One account's view of a simulated exchange with one symbol.
#[derive(Debug)]
pub struct Exchange {
    venue: Mutex<Venue>,
}

impl Exchange {
    /// An exchange over these candles, which must be whole, valid and one minute apart.
    pub fn new(config: ExchangeConfig, candles: Vec<Candle>) -> Result<Exchange, BadConfig> {
        Ok(Exchange { venue: Mutex::new(Venue::new(config, candles)?) })
    }

    /// The state, also after a panic elsewhere: a judge that stops judging helps nobody.
    fn venue(&self) -> MutexGuard<'_, Venue> {
        self.venue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state at `now`, with every candle that closed by then processed.
    fn venue_at(&self, now: Timestamp) -> MutexGuard<'_, Venue> {
        let mut venue = self.venue();
        venue.advance(now);
        venue
    }
}

impl Service for Exchange {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        rest::answer(&mut self.venue_at(now), &request)
    }
}
