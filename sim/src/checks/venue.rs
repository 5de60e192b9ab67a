//! The exchange's ledger as the checkers look at it: our orders and their trades.

use std::collections::BTreeMap;

use crate::exchange::{Exchange, Order, Trade};

/// A copy of the exchange's ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Orders that came by our key, by id.
    pub(super) ours: Vec<Order>,
    /// Orders that the account's owner placed by hand.
    pub(super) manual: Vec<Order>,
    trades: BTreeMap<i64, Vec<Trade>>,
}

impl Ledger {
    pub(super) fn of(exchange: &Exchange) -> Ledger {
        let (manual, ours) = exchange.orders().into_iter().partition(|order| order.manual);
        let mut trades: BTreeMap<i64, Vec<Trade>> = BTreeMap::new();
        for trade in exchange.trades() {
            trades.entry(trade.order_id).or_default().push(trade);
        }
        Ledger { ours, manual, trades }
    }

    /// An order's trades, oldest first.
    pub(super) fn trades(&self, order: &Order) -> &[Trade] {
        self.trades.get(&order.id).map_or(&[], Vec::as_slice)
    }
}
