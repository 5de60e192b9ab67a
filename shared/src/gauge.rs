//! Signals as heartbeat measured them, on their way to the alarms.

use rust_decimal::Decimal;

use crate::signal::Signal;
use crate::time::Timestamp;

/// One signal's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The signal.
    pub signal: Signal,
    /// Its value.
    pub value: Decimal,
}

/// Why signals were not put, or may have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutSignalsError {
    /// They were not: throttled, refused, never sent.
    #[error("signals not put: {0}")]
    NotDone(String),
    /// They may have been; putting them again does no harm.
    #[error("no answer to putting signals: {0}")]
    NoAnswer(String),
}

/// Puts signals: heartbeat alone.
#[allow(async_fn_in_trait, reason = "handlers run on one thread; no port is used across threads")]
pub trait PutSignals {
    /// Puts every reading of the minute `at` in one acknowledged call.
    async fn put(&self, at: Timestamp, readings: &[Reading]) -> Result<(), PutSignalsError>;
}
