//! What a venue says about a market, and how old it may be.

use rust_decimal::Decimal;

use crate::ids::Symbol;
use crate::money::{Notional, Price, Qty};
use crate::order::Kind;
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
/// Binance: filters PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, NOTIONAL of `exchangeInfo`; [`Bounds`] has the rest.
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
    /// Whether a stop may become a market order (Binance: `STOP_LOSS` in `orderTypes`).
    pub takes_market_stops: bool,
    /// Smallest value of an order.
    pub min_notional: Notional,
    /// What else an order may not pass.
    pub bounds: Bounds,
}

/// Bounds that not every market has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Lowest price (PRICE_FILTER).
    pub min_price: Option<Price>,
    /// Highest price (PRICE_FILTER).
    pub max_price: Option<Price>,
    /// Smallest quantity of a market order, beside the smallest of all (MARKET_LOT_SIZE).
    pub min_market_qty: Qty,
    /// Quantities of market orders are multiples of this too; zero where any is taken (MARKET_LOT_SIZE).
    pub market_step: Qty,
    /// Whether the smallest value binds market orders (NOTIONAL, MIN_NOTIONAL).
    pub min_notional_at_market: bool,
    /// Largest value of an order (NOTIONAL).
    pub max_notional: Option<Notional>,
    /// Whether the largest value binds market orders (NOTIONAL).
    pub max_notional_at_market: bool,
    /// How far from the average price a limit may be, as its multiples (PERCENT_PRICE, PERCENT_PRICE_BY_SIDE).
    pub band: Option<Band>,
    /// Most open orders in this market (MAX_NUM_ORDERS).
    pub max_orders: Option<u32>,
    /// Most orders that wait for a trigger (MAX_NUM_ALGO_ORDERS).
    pub max_stops: Option<u32>,
    /// Most base held and on its way (MAX_POSITION).
    pub max_position: Option<Qty>,
}

impl Bounds {
    /// None but that the smallest value binds market orders too.
    pub const NONE: Bounds = Bounds {
        min_price: None,
        max_price: None,
        min_market_qty: Qty::ZERO,
        market_step: Qty::ZERO,
        min_notional_at_market: true,
        max_notional: None,
        max_notional_at_market: false,
        band: None,
        max_orders: None,
        max_stops: None,
        max_position: None,
    };
}

/// Multiples of the average price between which a limit must lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// A buy's highest.
    pub buy_up: Decimal,
    /// A buy's lowest.
    pub buy_down: Decimal,
    /// A sell's highest.
    pub sell_up: Decimal,
    /// A sell's lowest.
    pub sell_down: Decimal,
}

impl Band {
    /// What both leave.
    pub fn within(self, other: Band) -> Band {
        Band {
            buy_up: self.buy_up.min(other.buy_up),
            buy_down: self.buy_down.max(other.buy_down),
            sell_up: self.sell_up.min(other.sell_up),
            sell_down: self.sell_down.max(other.sell_down),
        }
    }
}

/// How far the average price that a venue measures by may be from the price now, in percent. We do not ask for
/// the average: an order this close to a bound that is measured by it counts as beyond the bound.
const AVERAGE_MARGIN: Decimal = Decimal::TWO;

/// An order as a market's filters see it, and what they measure it by.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Which way.
    pub side: Side,
    /// How it meets the market.
    pub kind: Kind,
    /// How much base.
    pub quantity: Qty,
    /// The market now.
    pub quote: &'a Quote,
    /// Base held and on its way, without this order, as far as that is known.
    pub position: Option<Qty>,
    /// Open orders in this market, as far as that is known.
    pub open: Option<u32>,
    /// Those of them that wait for a trigger.
    pub stops: Option<u32>,
}

/// No venue takes a finer price, whatever its tick (Binance: `quotePrecision` is 8, else -1111).
const FINEST: Decimal = Decimal::from_parts(1, 0, 0, false, 8);

impl Instrument {
    /// The highest price not above `price` that an order may name; none where that is zero.
    pub fn floor_price(&self, price: Price) -> Option<Price> {
        price.floor_to(self.tick.max(FINEST))
    }

    /// Why the venue would refuse the order, in words for people; none if every filter lets it pass.
    pub fn objection(&self, wish: &Wish<'_>) -> Option<String> {
        self.quantity_objection(wish)
            .or_else(|| self.price_objection(wish))
            .or_else(|| self.value_objection(wish))
            .or_else(|| self.count_objection(wish))
    }

    fn quantity_objection(&self, wish: &Wish<'_>) -> Option<String> {
        let bounds = &self.bounds;
        let (least, most, step) = match wish.kind {
            Kind::Market | Kind::Stop { .. } => {
                (self.min_qty.max(bounds.min_market_qty), self.max_market_qty, bounds.market_step)
            }
            Kind::Limit { .. } | Kind::StopLimit { .. } => (self.min_qty, self.max_qty, Qty::ZERO),
        };
        let quantity = wish.quantity;
        let on_step = quantity.floor_to(self.step) == quantity && quantity.floor_to(step) == quantity;
        let fits = quantity >= least && quantity <= most && on_step && !quantity.is_zero();
        let step = self.step.max(step);
        (!fits).then(|| format!("quantity {quantity} is not between {least} and {most} in steps of {step}"))
    }

    fn price_objection(&self, wish: &Wish<'_>) -> Option<String> {
        let (limit, stop) = match wish.kind {
            Kind::Market => return None,
            Kind::Limit { price, .. } => (Some(price), None),
            // It names no price that the band could bind.
            Kind::Stop { stop } => (None, Some(stop)),
            Kind::StopLimit { stop, limit } => (Some(limit), Some(stop)),
        };
        let off_grid = |price: Price| {
            let Bounds { min_price, max_price, .. } = self.bounds;
            if price.floor_to(self.tick) != Some(price) {
                return Some(format!("price {price} is not a multiple of {}", self.tick));
            }
            let low = min_price.filter(|min| price < *min).map(|min| format!("price {price} is below {min}"));
            low.or_else(|| {
                max_price.filter(|max| price > *max).map(|max| format!("price {price} is above {max}"))
            })
        };
        let outside = |band: Band| {
            let limit = limit?;
            let (up, down) = match wish.side {
                Side::Buy => (band.buy_up, band.buy_down),
                Side::Sell => (band.sell_up, band.sell_down),
            };
            let now = wish.quote;
            let low = scaled(now.ask.value().saturating_mul(down), AVERAGE_MARGIN);
            let high = scaled(now.bid.value().saturating_mul(up), -AVERAGE_MARGIN);
            let inside = limit.value() >= low && limit.value() <= high;
            (!inside)
                .then(|| format!("price {limit} is not between {low} and {high}, around the average price"))
        };
        let named = || stop.into_iter().chain(limit).find_map(off_grid);
        named().or_else(|| self.bounds.band.and_then(outside))
    }

    fn value_objection(&self, wish: &Wish<'_>) -> Option<String> {
        let bounds = &self.bounds;
        let (low, high, min_binds, max_binds) = match wish.kind {
            Kind::Market => {
                let value = |price: Price, percent| scaled((wish.quantity * price).value(), percent);
                let low = value(wish.quote.bid, -AVERAGE_MARGIN);
                let high = value(wish.quote.ask, AVERAGE_MARGIN);
                (low, high, bounds.min_notional_at_market, bounds.max_notional_at_market)
            }
            // What it sells for is not known: it is valued where it triggers.
            Kind::Stop { stop } => {
                let value = (wish.quantity * stop).value();
                (value, value, bounds.min_notional_at_market, bounds.max_notional_at_market)
            }
            Kind::Limit { price, .. } | Kind::StopLimit { limit: price, .. } => {
                let value = (wish.quantity * price).value();
                (value, value, true, true)
            }
        };
        let min = self.min_notional;
        if min_binds && low < min.value() {
            return Some(format!("order notional {low} is below the venue's minimum {min}"));
        }
        let most = bounds.max_notional.filter(|most| max_binds && high > most.value())?;
        Some(format!("order notional {high} is above the venue's maximum {most}"))
    }

    fn count_objection(&self, wish: &Wish<'_>) -> Option<String> {
        let Bounds { max_orders, max_stops, max_position, .. } = self.bounds;
        let full =
            |open: Option<u32>, most: Option<u32>| open.zip(most).is_some_and(|(open, most)| open >= most);
        let (rests, waits) = match wish.kind {
            Kind::Market => (false, false),
            Kind::Limit { .. } => (true, false),
            Kind::Stop { .. } | Kind::StopLimit { .. } => (true, true),
        };
        if rests && full(wish.open, max_orders) || waits && full(wish.stops, max_stops) {
            return Some("the venue takes no more open orders in this market".to_owned());
        }
        let after = wish.position.filter(|_| wish.side == Side::Buy).map(|held| held + wish.quantity);
        let most = max_position.filter(|most| after.is_some_and(|after| after > *most))?;
        Some(format!("the position would be above the venue's greatest, {most}"))
    }
}

/// `value` moved by `percent`.
fn scaled(value: Decimal, percent: Decimal) -> Decimal {
    let hundredths = Decimal::ONE_HUNDRED.saturating_add(percent);
    value.saturating_mul(hundredths).checked_div(Decimal::ONE_HUNDRED).unwrap_or(value).normalize()
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

    /// What one market order takes of `lots`: all of it where it may, else so much that the rest can be sold after it.
    pub fn at_market(&self, lots: Qty, price: Price) -> Qty {
        let whole = |quantity: Qty| quantity.floor_to(self.step).floor_to(self.bounds.market_step);
        let most = whole(self.max_market_qty);
        if lots <= most {
            return whole(lots);
        }
        let rest = lots.less(most);
        match self.sellable(rest, rest, price) {
            Sellable::Order(_) => most,
            Sellable::Dust(_) => whole(lots.half()),
        }
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
            takes_market_stops: true,
            min_notional: Notional::parse("10").unwrap(),
            bounds: Bounds::NONE,
        }
    }

    #[test]
    fn a_market_order_takes_so_much_that_the_rest_can_be_sold_after_it() {
        let (market, price) = (instrument(), Price::parse("100").unwrap());
        for (lots, first) in [
            ("99.5", "99.5"),
            ("100", "100"),
            ("100.00001", "50"),
            ("100.09", "50.045"),
            ("100.1", "100"),
            ("250", "100"),
        ] {
            assert_eq!(market.at_market(Qty::parse(lots).unwrap(), price).to_string(), first, "{lots}");
        }
        let bounds = Bounds { market_step: Qty::parse("0.1").unwrap(), ..Bounds::NONE };
        let coarse = Instrument { bounds, ..market };
        assert_eq!(coarse.at_market(Qty::parse("1.23456").unwrap(), price).to_string(), "1.2");
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
