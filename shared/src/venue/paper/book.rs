//! The paper venue's rules, pure: what rests meets the market, what is placed fills or rests, what is cancelled
//! ends.
//!
//! - Everything fills whole or not at all, at one price, with a fee of [`FEE`] taken from what is received.
//! - What takes liquidity fills at the best price moved against us by [`SLIPPAGE`], never beyond its limit.
//! - What rests fills at its own limit once a closed minute, or the quote of a look, has traded through it: a
//!   touch is not enough. The minute in which it was placed does not count, since its extremes may be older.
//! - A stop triggers where a closed minute or the quote touches it, and then takes from the worse of its stop and
//!   that minute's open; where its limit forbids that, it rests as a limit order.
//! - A minute without volume moves nothing.

use rust_decimal::Decimal;

use crate::ids::{Asset, OrderId};
use crate::market::{Candle, Instrument, Quote, Side};
use crate::money::{Amount, Percent, Price};
use crate::order::{Ended, Kind};
use crate::ports::Balance;
use crate::records::paper::{MOST_ENDED, MOST_TRADES, PaperLedger, PaperOrder, PaperTrade};
use crate::time::{Millis, Timestamp};

/// What a fill costs, in percent: Binance spot's rate without any discount.
pub const FEE: Percent = Percent::TENTH;
/// How far a taken price is moved against us, in percent.
pub const SLIPPAGE: Percent = Percent::TENTH;
/// The decimals that fees are rounded to, as venues keep their balances.
const FEE_DECIMALS: u32 = 8;
/// One minute.
const MINUTE: Millis = Millis::from_minutes(1);

impl PaperOrder {
    /// The price that it is valued at while it rests.
    fn limit(&self) -> Option<Price> {
        match self.kind {
            Kind::Market => None,
            Kind::Limit { price, .. } => Some(price),
            Kind::Stop { stop } => Some(stop),
            Kind::StopLimit { limit, .. } => Some(limit),
        }
    }

    /// What it locks while it rests.
    fn lock(&self) -> Option<(Asset, Amount)> {
        let limit = self.limit()?;
        Some(match self.side {
            Side::Buy => (self.symbol.quote.clone(), (self.quantity * limit).amount()),
            Side::Sell => (self.symbol.base.clone(), self.quantity.amount()),
        })
    }
}

impl PaperLedger {
    /// The next id of an order or a trade.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers = self.numbers.saturating_add(1);
        self.numbers
    }

    /// The order with this client id, wherever it is.
    pub(super) fn order(&self, id: &OrderId) -> Option<&PaperOrder> {
        self.open.iter().chain(&self.ended).find(|order| order.order_id == *id)
    }

    fn change(&mut self, asset: &Asset, free: Amount, locked: Amount) {
        let none = Balance { free: Amount::ZERO, locked: Amount::ZERO };
        let balance = self.balances.entry(asset.clone()).or_insert(none);
        *balance = Balance { free: balance.free + free, locked: balance.locked + locked };
        if balance.free.is_zero() && balance.locked.is_zero() {
            self.balances.remove(asset);
        }
    }

    fn lock(&mut self, order: &PaperOrder) {
        if let Some((asset, amount)) = order.lock() {
            self.change(&asset, -amount, amount);
        }
    }

    fn unlock(&mut self, order: &PaperOrder) {
        if let Some((asset, amount)) = order.lock() {
            self.change(&asset, amount, -amount);
        }
    }

    /// Puts an order that rests.
    pub(super) fn rest(&mut self, order: PaperOrder) {
        self.lock(&order);
        self.open.push(order);
    }

    /// Ends an order; it must not be among those that rest.
    pub(super) fn end(&mut self, order: PaperOrder, ended: Ended) {
        self.ended.push(PaperOrder { ended: Some(ended), ..order });
        let surplus = self.ended.len().saturating_sub(MOST_ENDED);
        self.ended.drain(..surplus);
    }

    /// Fills an order that does not rest, or no longer does.
    pub(super) fn fill(&mut self, order: PaperOrder, price: Price, at: Timestamp) {
        let (symbol, value) = (order.symbol.clone(), order.quantity * price);
        let (gets, gives) = match order.side {
            Side::Buy => ((&symbol.base, order.quantity.amount()), (&symbol.quote, value.amount())),
            Side::Sell => ((&symbol.quote, value.amount()), (&symbol.base, order.quantity.amount())),
        };
        let fee = fee(gets.1);
        self.change(gives.0, -gives.1, Amount::ZERO);
        self.change(gets.0, gets.1 - fee, Amount::ZERO);
        let number = self.number();
        self.trades.push(PaperTrade {
            number,
            order: order.number,
            symbol: symbol.clone(),
            side: order.side,
            price,
            quantity: order.quantity,
            value,
            fee,
            fee_asset: gets.0.clone(),
            at,
        });
        let surplus = self.trades.len().saturating_sub(MOST_TRADES);
        self.trades.drain(..surplus);
        self.end(order, Ended::Filled);
    }

    /// Takes an order from those that rest, with what it locked.
    pub(super) fn take(&mut self, id: &OrderId) -> Option<PaperOrder> {
        let place = self.open.iter().position(|order| order.order_id == *id)?;
        let order = self.open.remove(place);
        self.unlock(&order);
        Some(order)
    }

    /// Lets everything that rests in one market meet what the market did since it was last looked at.
    pub(super) fn meet(&mut self, instrument: &Instrument, candles: &[Candle], quote: &Quote) {
        let here = |order: &&PaperOrder| order.symbol == instrument.symbol;
        let ids: Vec<OrderId> = self.open.iter().filter(here).map(|order| order.order_id.clone()).collect();
        for id in ids {
            if let Some(order) = self.take(&id) {
                match met(order, instrument, candles, quote) {
                    Met::Rests(order) => self.rest(order),
                    Met::Fills { order, price, at } => self.fill(order, price, at),
                }
            }
        }
        self.open.sort_by_key(|order| order.number);
    }
}

/// What became of an order that rested.
enum Met {
    Rests(PaperOrder),
    Fills { order: PaperOrder, price: Price, at: Timestamp },
}

/// A stretch of trading: where it began, how far it went against and for us, and when it was over.
struct Stretch {
    open: Price,
    low: Price,
    high: Price,
    over: Timestamp,
}

fn met(mut order: PaperOrder, instrument: &Instrument, candles: &[Candle], quote: &Quote) -> Met {
    let from = order.matched_until;
    for candle in candles.iter().filter(|candle| candle.open_time >= from) {
        let Candle { open_time, open, low, high, .. } = *candle;
        let over = open_time + Millis(MINUTE.0.saturating_sub(1));
        order.matched_until = open_time + MINUTE;
        if candle.volume.is_zero() {
            continue;
        }
        match meets(order, instrument, &Stretch { open, low, high, over }) {
            Met::Rests(rests) => order = rests,
            fills => return fills,
        }
    }
    // A seller meets the bid and a buyer the ask.
    let price = far_side(order.side, quote);
    meets(order, instrument, &Stretch { open: price, low: price, high: price, over: quote.at })
}

fn meets(mut order: PaperOrder, instrument: &Instrument, stretch: &Stretch) -> Met {
    let at = stretch.over;
    match (order.kind, order.triggered) {
        (Kind::Stop { stop } | Kind::StopLimit { stop, .. }, false) => {
            let limit = match order.kind {
                Kind::StopLimit { limit, .. } => Some(limit),
                Kind::Market | Kind::Limit { .. } | Kind::Stop { .. } => None,
            };
            let (touched, from) = match order.side {
                Side::Sell => (stretch.low <= stop, stop.min(stretch.open)),
                Side::Buy => (stretch.high >= stop, stop.max(stretch.open)),
            };
            order.triggered = touched;
            match taken(order.side, from, limit, instrument).filter(|_| touched) {
                Some(price) => Met::Fills { order, price, at },
                None => Met::Rests(order),
            }
        }
        (Kind::StopLimit { limit: price, .. } | Kind::Limit { price, .. }, _) => {
            let through = match order.side {
                Side::Buy => stretch.low < price,
                Side::Sell => stretch.high > price,
            };
            if through { Met::Fills { order, price, at } } else { Met::Rests(order) }
        }
        (Kind::Market | Kind::Stop { .. }, _) => Met::Rests(order),
    }
}

/// The best price that `side` takes.
pub(super) const fn far_side(side: Side, quote: &Quote) -> Price {
    match side {
        Side::Buy => quote.ask,
        Side::Sell => quote.bid,
    }
}

/// What taking at `best` costs: moved against us and onto the tick, never beyond the limit; none where the
/// limit does not reach `best`.
pub(super) fn taken(side: Side, best: Price, limit: Option<Price>, instrument: &Instrument) -> Option<Price> {
    match side {
        Side::Buy => {
            let price = best.above(SLIPPAGE).ceil_to(instrument.tick);
            limit.is_none_or(|limit| best <= limit).then(|| limit.map_or(price, |limit| price.min(limit)))
        }
        Side::Sell => {
            let price = best.below(SLIPPAGE)?.floor_to(instrument.tick)?;
            limit.is_none_or(|limit| best >= limit).then(|| limit.map_or(price, |limit| price.max(limit)))
        }
    }
}

/// The fee on what is received, rounded half up, as Binance does.
fn fee(received: Amount) -> Amount {
    let exact = received.value().saturating_mul(FEE.value()).checked_div(Decimal::ONE_HUNDRED);
    let rounding = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    let rounded = exact.map(|exact| exact.round_dp_with_strategy(FEE_DECIMALS, rounding));
    rounded.and_then(|fee| Amount::new(fee).ok()).unwrap_or(Amount::ZERO)
}
