//! What a venue says about a market, and how old it may be.

use rust_decimal::Decimal;

use crate::ids::Symbol;
use crate::money::{Notional, Price, Qty};
use crate::time::{Millis, Timestamp};

/// Which way an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Base comes in.
    Buy,
    /// Base goes out.
    Sell,
}

impl Side {
    /// Both sides.
    pub const ALL: [Side; 2] = [Side::Buy, Side::Sell];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Side> {
        Side::ALL.into_iter().find(|side| side.as_str() == text)
    }
}

/// One closed minute of trading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// The start of the minute.
    pub open_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Base traded; zero in a minute without a trade.
    pub volume: Qty,
}

/// The best prices at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The market.
    pub symbol: Symbol,
    /// What a seller gets.
    pub bid: Price,
    /// What a buyer pays.
    pub ask: Price,
    /// When it was read.
    pub at: Timestamp,
}

/// A reference that was read recently enough to act on; only [`fresh`] makes one.
#[derive(Debug)]
pub struct Fresh<'a, T>(&'a T);

impl<T> Clone for Fresh<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Fresh<'_, T> {}

impl<'a, T> Fresh<'a, T> {
    /// The fresh thing itself.
    pub const fn get(self) -> &'a T {
        self.0
    }
}

/// A reading that is too old to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("market data is {age} old")]
pub struct Stale {
    /// How old it is; negative when it claims to come from the future.
    pub age: Millis,
}

/// How far in the future a reading may claim to be before it counts as stale: the clock error allowed.
const CLOCK_ERROR: Millis = Millis(2_000);

/// Accepts a quote that is at most `max_age` old.
pub fn fresh(quote: &Quote, now: Timestamp, max_age: Millis) -> Result<Fresh<'_, Quote>, Stale> {
    let age = now.since(quote.at);
    if age <= max_age && age >= Millis(-CLOCK_ERROR.0) { Ok(Fresh(quote)) } else { Err(Stale { age }) }
}

/// Whether a venue lets a symbol trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trading {
    /// Orders are taken.
    Open,
    /// Only cancels are taken, or nothing is.
    Closed,
}

/// What a venue demands of an order in one market.
///
/// Binance: filters PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL of `exchangeInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// The market.
    pub symbol: Symbol,
    /// Whether it trades.
    pub trading: Trading,
    /// Prices are multiples of this; zero where any price is taken.
    pub tick: Decimal,
    /// Quantities are multiples of this; zero where any quantity is taken.
    pub step: Qty,
    /// Smallest quantity.
    pub min_qty: Qty,
    /// Largest quantity of a limit order.
    pub max_qty: Qty,
    /// Largest quantity of a market order.
    pub max_market_qty: Qty,
    /// Smallest value of an order.
    pub min_notional: Notional,
}

/// What can be sold of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sellable {
    /// A quantity that the venue takes.
    Order(Qty),
    /// Too little for any order: an outcome, not an error, so nothing retries it.
    Dust(Qty),
}

impl Instrument {
    /// What can be sold when the books say `booked` and the venue holds `held` (free and locked by our own
    /// orders): never more than either.
    pub fn sellable(&self, booked: Qty, held: Qty, price: Price) -> Sellable {
        let most = booked.min(held);
        let lots = most.floor_to(self.step);
        let enough = lots >= self.min_qty && lots * price >= self.min_notional && !lots.is_zero();
        if enough { Sellable::Order(lots) } else { Sellable::Dust(most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(at: i64) -> Quote {
        Quote {
            symbol: Symbol::parse("BTC-USDT").unwrap(),
            bid: Price::parse("99").unwrap(),
            ask: Price::parse("101").unwrap(),
            at: Timestamp::from_millis(at),
        }
    }

    #[test]
    fn a_quote_is_fresh_up_to_its_age_and_not_a_millisecond_longer() {
        let now = Timestamp::from_millis(100_000);
        assert!(fresh(&quote(95_000), now, Millis(5_000)).is_ok());
        assert_eq!(fresh(&quote(94_999), now, Millis(5_000)).unwrap_err(), Stale { age: Millis(5_001) });
        assert!(fresh(&quote(103_000), now, Millis(5_000)).is_err(), "from the future");
    }

    fn instrument() -> Instrument {
        Instrument {
            symbol: Symbol::parse("BTC-USDT").unwrap(),
            trading: Trading::Open,
            tick: Decimal::new(1, 2),
            step: Qty::parse("0.00001").unwrap(),
            min_qty: Qty::parse("0.00001").unwrap(),
            max_qty: Qty::parse("9000").unwrap(),
            max_market_qty: Qty::parse("100").unwrap(),
            min_notional: Notional::parse("10").unwrap(),
        }
    }

    /// The field note's 35 hours: 0.00111 on the books, 0.001109 at the exchange.
    #[test]
    fn a_sell_never_exceeds_what_the_venue_holds() {
        let price = Price::parse("23000").unwrap();
        let (booked, held) = (Qty::parse("0.00111").unwrap(), Qty::parse("0.001109").unwrap());
        assert_eq!(
            instrument().sellable(booked, held, price),
            Sellable::Order(Qty::parse("0.0011").unwrap())
        );
        let little = Qty::parse("0.0001").unwrap();
        assert_eq!(instrument().sellable(little, held, price), Sellable::Dust(little));
    }
}
