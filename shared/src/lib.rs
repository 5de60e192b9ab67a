//! The vocabulary that the four functions share, and the ports through which they touch the world.
//!
//! Everything without a feature is pure: no async, no clock, no environment, no randomness, no floats for
//! money.

pub mod time;
#[cfg(feature = "transport")]
pub mod transport;
