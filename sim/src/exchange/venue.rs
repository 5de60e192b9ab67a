//! The exchange's whole state, and the one way in which orders change: fill, expire, cancel.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::config::{BadConfig, ExchangeConfig};
use super::ledger::{Cause, Ledger, Movement};
use super::limits::Limits;
use super::market::{Book, Market};
use super::num::{ceil8, floor_to, floor8, round8};
use super::orders::{Order, OrderStatus, Side, Trade};

/// Everything that the exchange knows.
#[derive(Debug)]
pub(super) struct Venue {
    pub(super) config: ExchangeConfig,
    pub(super) market: Market,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    /// The latest time seen.
    pub(super) now: Timestamp,
    /// The first minute whose candle has not met the resting orders yet.
    pub(super) settled: i64,
    /// The minute whose volume was taken from last, and how much.
    taken: (i64, Decimal),
    /// Every order; the id is the position plus one.
    pub(super) orders: Vec<Order>,
    /// The ids of those that can still execute.
    pub(super) open: BTreeSet<i64>,
    /// The latest order of each client id; only the latest can be open.
    pub(super) by_client: HashMap<String, i64>,
    /// Every trade; the id is the position plus one. Times never step back.
    pub(super) trades: Vec<Trade>,
    pub(super) base: Arc<str>,
    pub(super) quote: Arc<str>,
}

/// Where in time and volume something happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The time that it is stamped with.
    pub(super) time: Timestamp,
    /// The candle whose volume it draws on.
    pub(super) minute: i64,
}

impl Venue {
    pub(super) fn new(config: ExchangeConfig, candles: Vec<super::Candle>) -> Result<Venue, BadConfig> {
        config.check()?;
        let market = Market::new(candles).map_err(BadConfig::Candles)?;
        Ok(Venue {
            ledger: Ledger::new(&config.balances),
            limits: Limits::new(),
            now: Timestamp::from_millis(0),
            settled: market.first_minute(),
            taken: (i64::MIN, Decimal::ZERO),
            orders: Vec::new(),
            open: BTreeSet::new(),
            by_client: HashMap::new(),
            trades: Vec::new(),
            base: Arc::from(config.base.as_str()),
            quote: Arc::from(config.quote.as_str()),
            market,
            config,
        })
    }

    /// The server's idea of the time.
    pub(super) fn server_time(&self) -> Timestamp {
        self.now + self.config.skew
    }

    /// This moment.
    pub(super) fn moment(&self) -> Moment {
        Moment { time: self.now, minute: self.now.minute_number() }
    }

    /// The last price; none before the first candle.
    pub(super) fn last_price(&self) -> Option<Decimal> {
        self.market.open(self.now.minute_number())
    }

    /// The best prices; none before the first candle.
    pub(super) fn book(&self) -> Option<Book> {
        self.last_price().map(|price| self.book_around(price))
    }

    pub(super) fn book_around(&self, price: Decimal) -> Book {
        Book::around(price, self.config.spread_bps, self.config.filters.price.tick)
    }

    /// The order with this id.
    pub(super) fn order(&self, id: i64) -> Option<&Order> {
        self.orders.get(position(id)?)
    }

    /// The latest order with this client id.
    pub(super) fn order_by_client(&self, client_id: &str) -> Option<&Order> {
        self.by_client.get(client_id).and_then(|id| self.order(*id))
    }

    /// The orders that can still execute, oldest first.
    pub(super) fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().filter_map(|id| self.order(*id))
    }

    /// An order's trades, oldest first.
    pub(super) fn trades_of<'a>(&'a self, order: &'a Order) -> impl DoubleEndedIterator<Item = &'a Trade> {
        order.trades.iter().filter_map(|at| self.trades.get(*at))
    }

    /// The asset that an order locks.
    fn locked_asset(&self, side: Side) -> Arc<str> {
        match side {
            Side::Buy => self.quote.clone(),
            Side::Sell => self.base.clone(),
        }
    }

    /// How much of `wanted` the candle's volume still allows.
    pub(super) fn fillable(&self, wanted: Decimal, minute: i64) -> Decimal {
        let volume = self.market.candle(minute).map_or(Decimal::ZERO, |candle| candle.volume);
        let (taken_in, taken) = self.taken;
        let taken = if taken_in == minute { taken } else { Decimal::ZERO };
        let left = (volume * self.config.participation - taken).max(Decimal::ZERO);
        if wanted <= left { wanted } else { floor_to(left, self.config.filters.lot.step) }
    }

    /// Accepts an order into the books; its funds must be there.
    pub(super) fn enter(&mut self, mut order: Order) -> Option<i64> {
        let asset = self.locked_asset(order.side);
        order.locked = order.lock_for(order.quantity);
        self.ledger.lock(&asset, order.locked).ok()?;
        let id = i64::try_from(self.orders.len()).ok()?.checked_add(1)?;
        order.id = id;
        self.by_client.insert(order.client_id.clone(), id);
        self.open.insert(id);
        self.orders.push(order);
        Some(id)
    }

    /// Executes part of an open order. All that follows from it happens here, or none of it does.
    pub(super) fn fill(&mut self, id: i64, price: Decimal, quantity: Decimal, is_maker: bool, at: Moment) {
        let Some(order) = position(id).and_then(|index| self.orders.get_mut(index)) else { return };
        let trade_at = self.trades.len();
        let first = order.executed.is_zero();
        let side = order.side;
        order.executed += quantity;
        order.trades.push(trade_at);
        order.update_time = at.time;
        let lock = order.lock_for(order.quantity - order.executed);
        let released = order.locked - lock;
        order.locked = lock;
        let done = order.executed >= order.quantity;
        order.status = if done { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        self.ledger.unlock(&self.locked_asset(side), released);
        let quote_quantity = self.notional(side, price, quantity);
        if let Some(order) = position(id).and_then(|index| self.orders.get_mut(index)) {
            order.quote_executed += quote_quantity;
        }
        self.settle(Trade {
            id: i64::try_from(trade_at).unwrap_or(i64::MAX).saturating_add(1),
            order_id: id,
            side,
            price,
            quantity,
            quote_quantity,
            commission: Decimal::ZERO,
            commission_asset: self.quote.clone(),
            time: at.time,
            is_maker,
        });
        self.take_volume(quantity, at.minute);
        if first {
            self.limits.credit_order();
        }
        if done {
            self.open.remove(&id);
        }
    }

    /// Price times quantity in 8 decimals, against the account but never beyond what it has.
    fn notional(&self, side: Side, price: Decimal, quantity: Decimal) -> Decimal {
        match side {
            Side::Buy => ceil8(price * quantity).min(self.ledger.balance(&self.quote).free),
            Side::Sell => floor8(price * quantity),
        }
    }

    /// Moves what a trade moves and records it.
    fn settle(&mut self, mut trade: Trade) {
        let (base, quote) = match trade.side {
            Side::Buy => (trade.quantity, -trade.quote_quantity),
            Side::Sell => (-trade.quantity, trade.quote_quantity),
        };
        let cause = Cause::Fill { trade: trade.id };
        // Outgoing first: what comes in must not pay for what goes out.
        let legs = match trade.side {
            Side::Buy => [(self.quote.clone(), quote), (self.base.clone(), base)],
            Side::Sell => [(self.base.clone(), base), (self.quote.clone(), quote)],
        };
        for (asset, amount) in legs {
            self.post(trade.time, asset, amount, cause);
        }
        let (asset, fee) = self.fee(&trade);
        if fee > Decimal::ZERO {
            self.post(trade.time, asset.clone(), -fee, Cause::Fee { trade: trade.id });
        }
        (trade.commission, trade.commission_asset) = (fee, asset);
        self.trades.push(trade);
    }

    /// Posts a movement that the caller has made sure of; the audit finds it if it had not.
    fn post(&mut self, time: Timestamp, asset: Arc<str>, amount: Decimal, cause: Cause) {
        let posted = self.ledger.post(Movement { time, asset, amount, cause });
        debug_assert!(posted.is_ok(), "a trade moved more than there was");
    }

    /// The fee's asset and amount: the third asset where there is enough of it, else what was received.
    fn fee(&self, trade: &Trade) -> (Arc<str>, Decimal) {
        let fees = &self.config.fees;
        let rate = if trade.is_maker { fees.maker } else { fees.taker };
        if let Some(third) = fees.third_asset.as_ref().filter(|third| third.enabled) {
            let fee = round8(trade.quote_quantity * rate * third.discount / third.price);
            if self.ledger.balance(&third.asset).free >= fee
                && self.ledger.balances.contains_key(third.asset.as_str())
            {
                return (Arc::from(third.asset.as_str()), fee);
            }
        }
        match trade.side {
            Side::Buy => (self.base.clone(), round8(trade.quantity * rate)),
            Side::Sell => (self.quote.clone(), round8(trade.quote_quantity * rate)),
        }
    }

    fn take_volume(&mut self, quantity: Decimal, minute: i64) {
        let (taken_in, taken) = self.taken;
        self.taken = (minute, if taken_in == minute { taken + quantity } else { quantity });
    }

    /// Ends an open order and gives its funds back.
    pub(super) fn end(&mut self, id: i64, status: OrderStatus, time: Timestamp) {
        let Some(order) = position(id).and_then(|index| self.orders.get_mut(index)) else { return };
        let (side, locked) = (order.side, order.locked);
        order.locked = Decimal::ZERO;
        order.status = status;
        order.update_time = time;
        self.open.remove(&id);
        self.ledger.unlock(&self.locked_asset(side), locked);
    }

    /// Marks a stop as working from `time` on.
    pub(super) fn start_working(&mut self, id: i64, time: Timestamp) {
        if let Some(order) = position(id).and_then(|index| self.orders.get_mut(index)) {
            order.working_time = Some(time);
            order.update_time = time;
        }
    }

    /// The most that a triggered buy can pay at `price`, with what it locked and what is free.
    pub(super) fn affordable(&self, order: &Order, price: Decimal) -> Decimal {
        match order.side {
            Side::Sell => order.remaining(),
            Side::Buy => {
                let funds = order.locked + self.ledger.balance(&self.quote).free;
                let most = funds.checked_div(price).unwrap_or_default();
                if most >= order.remaining() {
                    return order.remaining();
                }
                floor_to(most, self.config.filters.lot.step)
            }
        }
    }
}

/// Where the order with this id stands in the list.
fn position(id: i64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}
