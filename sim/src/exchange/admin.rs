//! What tests and scenarios do to the exchange and read from it, besides HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::config::{ApiKey, SymbolStatus};
use super::filters::Filters;
use super::ledger::{Balance, Cause, Movement};
use super::num::{floor8, too_large};
use super::orders::{NewOrder, Order, OrderKind, OrderStatus, Trade};
use super::refusal::Refusal;
use super::{Exchange, audit};

/// What the world does to the account and the exchange.
impl Exchange {
    /// Processes every candle that closed by `now`.
    pub fn advance(&self, now: Timestamp) {
        drop(self.venue_at(now));
    }

    /// Brings an amount in from outside.
    pub fn deposit(&self, now: Timestamp, asset: &str, amount: Decimal) -> Result<(), Refusal> {
        self.move_funds(now, asset, amount, Cause::Deposit)
    }

    /// Takes a free amount out.
    pub fn withdraw(&self, now: Timestamp, asset: &str, amount: Decimal) -> Result<(), Refusal> {
        self.move_funds(now, asset, amount, Cause::Withdrawal)
    }

    fn move_funds(&self, now: Timestamp, asset: &str, amount: Decimal, cause: Cause) -> Result<(), Refusal> {
        let mut venue = self.venue_at(now);
        let amount = floor8(amount);
        if amount <= Decimal::ZERO || too_large(amount) {
            return Err(Refusal::bad(-1013, "Invalid quantity."));
        }
        let amount = if cause == Cause::Withdrawal { -amount } else { amount };
        let movement = Movement { time: venue.now, asset: Arc::from(asset), amount, cause };
        venue.ledger.post(movement).map_err(|_| Refusal::insufficient())
    }

    /// Places an order by the account's owner, past keys and rate limits; answers its id.
    pub fn manual_order(&self, now: Timestamp, wish: &NewOrder) -> Result<i64, Refusal> {
        self.venue_at(now).place(wish, true)
    }

    /// Cancels any order by the account's owner.
    pub fn manual_cancel(&self, now: Timestamp, order_id: i64) -> Result<(), Refusal> {
        let mut venue = self.venue_at(now);
        let time = venue.now;
        venue.cancel(order_id, time)
    }

    /// Ends an open order by the exchange's own will.
    pub fn expire(&self, now: Timestamp, order_id: i64) -> Result<(), Refusal> {
        let mut venue = self.venue_at(now);
        if !venue.open.contains(&order_id) {
            return Err(Refusal::unknown_order());
        }
        let time = venue.now;
        venue.end(order_id, OrderStatus::Expired, time);
        Ok(())
    }

    /// Changes the symbol's status.
    pub fn set_status(&self, now: Timestamp, status: SymbolStatus) {
        self.venue_at(now).config.status = status;
    }

    /// Changes the symbol's filters; orders that rest stay as they are.
    pub fn set_filters(&self, now: Timestamp, filters: Filters) {
        self.venue_at(now).config.filters = filters;
    }

    /// The symbol takes no more orders of this type; those that rest stay as they are.
    pub fn drop_order_type(&self, now: Timestamp, kind: OrderKind) {
        self.venue_at(now).config.order_types.retain(|one| *one != kind);
    }

    /// Replaces the key of the same name, or adds it.
    pub fn set_key(&self, key: ApiKey) {
        let mut venue = self.venue();
        venue.config.keys.retain(|known| known.key != key.key);
        venue.config.keys.push(key);
    }

    /// Revokes a key.
    pub fn revoke_key(&self, key: &str) {
        self.venue().config.keys.retain(|known| known.key != key);
    }

    /// Sets the server's clock off by this much.
    pub fn set_skew(&self, skew: Millis) {
        self.venue().config.skew = skew;
    }

    /// Sets how long a fresh order is invisible to queries.
    pub fn set_read_lag(&self, lag: Millis) {
        self.venue().config.read_lag = lag;
    }

    /// Turns the payment of fees in the third asset on or off.
    pub fn set_third_asset_fee(&self, enabled: bool) {
        if let Some(third) = &mut self.venue().config.fees.third_asset {
            third.enabled = enabled;
        }
    }

    /// Begins a Retry-After window: the next request is told to wait (429), every later one inside it bans the
    /// caller (418).
    pub fn throttle(&self, now: Timestamp, retry_after: Millis) {
        let mut venue = self.venue_at(now);
        let until = venue.now + retry_after;
        venue.limits.throttle(until);
    }

    /// The same where the caller has just been told: every request inside the window bans it.
    pub fn throttled(&self, now: Timestamp, retry_after: Millis) {
        let mut venue = self.venue_at(now);
        let until = venue.now + retry_after;
        venue.limits.throttled(until);
    }
}

/// What checkers read.
impl Exchange {
    /// The account's name.
    pub fn account(&self) -> String {
        self.venue().config.account.clone()
    }

    /// Every asset's balance.
    pub fn balances(&self) -> BTreeMap<Arc<str>, Balance> {
        self.venue().ledger.balances.clone()
    }

    /// One asset's balance.
    pub fn balance(&self, asset: &str) -> Balance {
        self.venue().ledger.balance(asset)
    }

    /// What the account began with.
    pub fn starting_balances(&self) -> BTreeMap<Arc<str>, Decimal> {
        self.venue().ledger.start.clone()
    }

    /// Every order there ever was, by id.
    pub fn orders(&self) -> Vec<Order> {
        self.venue().orders.clone()
    }

    /// The order with this id.
    pub fn order(&self, id: i64) -> Option<Order> {
        self.venue().order(id).cloned()
    }

    /// The orders that can still execute, by id.
    pub fn open_orders(&self) -> Vec<Order> {
        self.venue().open_orders().cloned().collect()
    }

    /// Every trade, by id.
    pub fn trades(&self) -> Vec<Trade> {
        self.venue().trades.clone()
    }

    /// Every movement of funds, in order.
    pub fn movements(&self) -> Vec<Movement> {
        self.venue().ledger.movements.clone()
    }

    /// The price at `now`: the current candle's open; none before the first candle. Changes nothing.
    pub fn mark_price(&self, now: Timestamp) -> Option<Decimal> {
        self.venue().market.open(now.minute_number())
    }

    /// How many requests came inside a Retry-After window or ban.
    pub fn violations(&self) -> u64 {
        self.venue().limits.violations
    }

    /// Recomputes balances, locks and executed quantities from what was recorded; the first difference in words.
    pub fn audit(&self) -> Result<(), String> {
        audit::audit(&self.venue())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{Bench, d, minute};

    #[test]
    fn funds_come_and_go_as_movements_and_never_below_zero() {
        let bench = Bench::new(&[([100, 100, 100, 100], "100")]);
        bench.exchange.deposit(minute(0), "ETH", d("2")).unwrap();
        bench.exchange.withdraw(minute(0), "ETH", d("0.5")).unwrap();
        assert_eq!(bench.exchange.withdraw(minute(0), "ETH", d("2")), Err(Refusal::insufficient()));
        assert_eq!(bench.balance("ETH").free, d("1.5"));
        let amounts: Vec<Decimal> =
            bench.exchange.movements().iter().map(|movement| movement.amount).collect();
        assert_eq!(amounts, [d("2"), d("-0.5")]);
        bench.audit();
    }

    #[test]
    fn the_exchange_can_end_an_order_by_itself() {
        let bench = Bench::new(&[([100, 100, 100, 100], "100")]);
        let id = bench.place(NewOrder::limit(super::super::Side::Buy, d("1"), d("90"))).unwrap();
        bench.exchange.expire(minute(0), id).unwrap();
        assert_eq!(bench.order(id).status, OrderStatus::Expired);
        assert_eq!(bench.balance("USDT").locked, d("0"));
        assert!(bench.exchange.expire(minute(0), id).is_err());
    }

    #[test]
    fn the_mark_price_is_the_open_of_the_minute() {
        let bench = Bench::new(&[([100, 101, 90, 95], "100"), ([95, 96, 94, 96], "100")]);
        assert_eq!(bench.exchange.mark_price(minute(1) - Millis(1)), Some(d("100")));
        assert_eq!(bench.exchange.mark_price(minute(1)), Some(d("95")));
        assert_eq!(bench.exchange.mark_price(minute(9)), Some(d("96")));
        assert_eq!(bench.exchange.mark_price(minute(0) - Millis(1)), None);
    }
}
