//! The vocabulary that the four functions share, and the ports through which they touch the world.
//!
//! Everything without a feature is pure: no async, no clock, no environment, no randomness, no floats for
//! money.

#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "http")]
pub mod http_client;
pub mod time;
#[cfg(feature = "transport")]
pub mod transport;
