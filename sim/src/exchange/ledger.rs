//! Balances, and every movement that made them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use shared::time::Timestamp;

/// What an account holds of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// At the account's disposal.
    pub free: Decimal,
    /// Held by open orders.
    pub locked: Decimal,
}

impl Balance {
    /// Free and locked.
    pub fn total(self) -> Decimal {
        self.free + self.locked
    }
}

/// Why an amount moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A trade.
    Fill {
        /// The trade's id.
        trade: i64,
    },
    /// A trade's fee.
    Fee {
        /// The trade's id.
        trade: i64,
    },
    /// From outside.
    Deposit,
    /// To outside.
    Withdrawal,
}

/// One change of one asset's total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// When.
    pub time: Timestamp,
    /// The asset.
    pub asset: Arc<str>,
    /// Positive when it came in.
    pub amount: Decimal,
    /// Why.
    pub cause: Cause,
}

/// There is less free than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short;

/// The account's books at the exchange.
#[derive(Debug)]
pub(super) struct Ledger {
    /// What it began with.
    pub(super) start: BTreeMap<Arc<str>, Decimal>,
    /// What it holds.
    pub(super) balances: BTreeMap<Arc<str>, Balance>,
    /// All that happened in between.
    pub(super) movements: Vec<Movement>,
}

impl Ledger {
    pub(super) fn new(start: &BTreeMap<String, Decimal>) -> Ledger {
        let start: BTreeMap<Arc<str>, Decimal> =
            start.iter().map(|(asset, amount)| (Arc::from(asset.as_str()), *amount)).collect();
        let balances =
            start.iter().map(|(asset, free)| (asset.clone(), Balance { free: *free, ..Balance::default() }));
        Ledger { balances: balances.collect(), start, movements: Vec::new() }
    }

    pub(super) fn balance(&self, asset: &str) -> Balance {
        self.balances.get(asset).copied().unwrap_or_default()
    }

    /// Sets free funds aside.
    pub(super) fn lock(&mut self, asset: &Arc<str>, amount: Decimal) -> Result<(), Short> {
        let balance = self.entry(asset);
        if balance.free < amount {
            return Err(Short);
        }
        balance.free -= amount;
        balance.locked += amount;
        Ok(())
    }

    /// Gives back what was set aside.
    pub(super) fn unlock(&mut self, asset: &Arc<str>, amount: Decimal) {
        let balance = self.entry(asset);
        balance.locked -= amount;
        balance.free += amount;
    }

    /// Moves an amount in or out of the free balance; out only what is there.
    pub(super) fn post(&mut self, movement: Movement) -> Result<(), Short> {
        let balance = self.entry(&movement.asset);
        if balance.free + movement.amount < Decimal::ZERO {
            return Err(Short);
        }
        balance.free += movement.amount;
        self.movements.push(movement);
        Ok(())
    }

    fn entry(&mut self, asset: &Arc<str>) -> &mut Balance {
        self.balances.entry(asset.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> (Ledger, Arc<str>) {
        (Ledger::new(&BTreeMap::from([("USDT".to_owned(), Decimal::TEN)])), Arc::from("USDT"))
    }

    #[test]
    fn locking_moves_funds_aside_and_never_more_than_there_are() {
        let (mut ledger, usdt) = ledger();
        assert_eq!(ledger.lock(&usdt, Decimal::from(11)), Err(Short));
        assert_eq!(ledger.lock(&usdt, Decimal::from(4)), Ok(()));
        assert_eq!(ledger.balance("USDT"), Balance { free: Decimal::from(6), locked: Decimal::from(4) });
        ledger.unlock(&usdt, Decimal::from(4));
        assert_eq!(ledger.balance("USDT"), Balance { free: Decimal::TEN, locked: Decimal::ZERO });
    }

    #[test]
    fn a_movement_is_recorded_only_when_it_happened() {
        let (mut ledger, usdt) = ledger();
        let out = Movement {
            time: Timestamp::from_millis(0),
            asset: usdt,
            amount: Decimal::from(-11),
            cause: Cause::Withdrawal,
        };
        assert_eq!(ledger.post(out.clone()), Err(Short));
        assert!(ledger.movements.is_empty());
        assert_eq!(ledger.post(Movement { amount: Decimal::from(-9), ..out }), Ok(()));
        assert_eq!(ledger.balance("USDT").free, Decimal::ONE);
        assert_eq!(ledger.movements.len(), 1);
    }
}
