//! The exchange checks itself: everything that it states must follow from what it recorded.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::ledger::Cause;
use super::orders::{Order, OrderStatus, Side};
use super::venue::Venue;

/// The first difference, in words.
pub(super) fn audit(venue: &Venue) -> Result<(), String> {
    totals(venue)?;
    locks(venue)?;
    for order in &venue.orders {
        executed(venue, order)?;
    }
    fills(venue)
}

/// Start plus movements is free plus locked.
fn totals(venue: &Venue) -> Result<(), String> {
    let mut expected: BTreeMap<&str, Decimal> =
        venue.ledger.start.iter().map(|(asset, amount)| (&**asset, *amount)).collect();
    for movement in &venue.ledger.movements {
        *expected.entry(&movement.asset).or_default() += movement.amount;
    }
    for (asset, balance) in &venue.ledger.balances {
        let total = expected.remove(&**asset).unwrap_or_default();
        if total != balance.total() {
            return Err(format!("{asset}: movements make {total}, the balance is {balance:?}"));
        }
        if balance.free < Decimal::ZERO || balance.locked < Decimal::ZERO {
            return Err(format!("{asset}: negative balance {balance:?}"));
        }
    }
    match expected.into_iter().find(|(_, total)| !total.is_zero()) {
        Some((asset, total)) => Err(format!("{asset}: movements make {total}, there is no balance")),
        None => Ok(()),
    }
}

/// What is locked is what open orders lock.
fn locks(venue: &Venue) -> Result<(), String> {
    let mut expected: BTreeMap<&str, Decimal> = BTreeMap::new();
    for order in &venue.orders {
        if order.status.is_open() != venue.open.contains(&order.id) {
            return Err(format!("order {}: {:?}, but listed otherwise", order.id, order.status));
        }
        let need = if order.status.is_open() { order.lock_for(order.remaining()) } else { Decimal::ZERO };
        if need != order.locked {
            return Err(format!("order {}: locks {}, needs {need}", order.id, order.locked));
        }
        let asset = if order.side == Side::Buy { &venue.quote } else { &venue.base };
        *expected.entry(asset).or_default() += need;
    }
    for (asset, balance) in &venue.ledger.balances {
        let need = expected.get(&**asset).copied().unwrap_or_default();
        if need != balance.locked {
            return Err(format!("{asset}: {} locked, orders need {need}", balance.locked));
        }
    }
    Ok(())
}

/// An order's trades sum to what it says was executed, and its state agrees.
fn executed(venue: &Venue, order: &Order) -> Result<(), String> {
    let (mut base, mut quote) = (Decimal::ZERO, Decimal::ZERO);
    for trade in venue.trades_of(order) {
        base += trade.quantity;
        quote += trade.quote_quantity;
        if trade.order_id != order.id || trade.side != order.side {
            return Err(format!("trade {} is not of order {}", trade.id, order.id));
        }
        if order.limit().is_some_and(|limit| !order.side.accepts(limit, trade.price)) {
            return Err(format!("trade {} is beyond the limit of order {}", trade.id, order.id));
        }
    }
    if base != order.executed || quote != order.quote_executed || base > order.quantity {
        return Err(format!("order {}: trades make {base} for {quote}, it says otherwise", order.id));
    }
    let filled = base == order.quantity && !base.is_zero();
    if filled != (order.status == OrderStatus::Filled) {
        return Err(format!("order {}: {:?} with {base} of {}", order.id, order.status, order.quantity));
    }
    Ok(())
}

/// Every trade moved exactly its base, its quote and its fee.
fn fills(venue: &Venue) -> Result<(), String> {
    let mut expected: BTreeSet<(i64, bool, &str, Decimal)> = BTreeSet::new();
    let mut owned = 0_usize;
    for trade in &venue.trades {
        let sign = if trade.side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
        expected.insert((trade.id, false, &venue.base, sign * trade.quantity));
        expected.insert((trade.id, false, &venue.quote, -sign * trade.quote_quantity));
        if !trade.commission.is_zero() {
            expected.insert((trade.id, true, &trade.commission_asset, -trade.commission));
        }
        owned += venue.order(trade.order_id).map_or(0, |_| 1);
    }
    for movement in &venue.ledger.movements {
        let (trade, is_fee) = match movement.cause {
            Cause::Fill { trade } => (trade, false),
            Cause::Fee { trade } => (trade, true),
            Cause::Deposit | Cause::Withdrawal => continue,
        };
        if !expected.remove(&(trade, is_fee, &movement.asset, movement.amount)) {
            return Err(format!("a movement without a trade: {movement:?}"));
        }
    }
    if owned != venue.trades.len() {
        return Err("a trade belongs to no order".to_owned());
    }
    match expected.first() {
        Some(missing) => Err(format!("a trade without its movement: {missing:?}")),
        None => Ok(()),
    }
}
