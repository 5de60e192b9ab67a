//! What Binance demands of orders by symbol, kept for a while: filters rarely change, and reading them weighs as
//! much as ten quotes.
//!
//! Kept at most [`LIFE`], and forgotten as soon as the venue refuses an order: a filter may have changed, or the
//! market may be closed.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::ids::Symbol;
use crate::market::Instrument;
use crate::time::{Millis, Timestamp};

/// The oldest instrument that an order is planned by: shorter than a tick, so that each tick sees anew whether the
/// market trades, and its many questions are one request.
pub(super) const LIFE: Millis = Millis::from_secs(50);

/// What was read of each symbol, and when.
#[derive(Debug, Default)]
pub(super) struct Instruments(RefCell<BTreeMap<Symbol, (Timestamp, Instrument)>>);

impl Instruments {
    /// What was read of `symbol` recently enough.
    pub(super) fn recent(&self, symbol: &Symbol, now: Timestamp) -> Option<Instrument> {
        let known = self.0.borrow();
        let (at, instrument) = known.get(symbol)?;
        let age = now.since(*at);
        (age >= Millis(0) && age < LIFE).then(|| instrument.clone())
    }

    /// Keeps what was just read.
    pub(super) fn keep(&self, instrument: &Instrument, at: Timestamp) {
        self.0.borrow_mut().insert(instrument.symbol.clone(), (at, instrument.clone()));
    }

    /// Forgets what was read of `symbol`.
    #[cfg(feature = "venue-trade")]
    pub(super) fn forget(&self, symbol: &Symbol) {
        self.0.borrow_mut().remove(symbol);
    }
}
