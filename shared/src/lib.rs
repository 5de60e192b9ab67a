//! The vocabulary that the four functions share, and the ports through which they touch the world.
//!
//! Everything without a feature is pure: no async, no clock, no environment, no randomness, no floats for
//! money.

pub mod approval;
#[cfg(feature = "aws")]
pub mod aws;
pub mod books;
pub mod decision;
pub mod environment;
pub mod gauge;
#[cfg(feature = "http")]
pub mod http_client;
pub mod ids;
#[cfg(feature = "invoke")]
pub mod invoke;
#[cfg(all(feature = "aws", feature = "http"))]
pub mod lambda;
pub mod log;
pub mod market;
pub mod model;
pub mod model_prices;
pub mod money;
pub mod order;
pub mod page;
pub mod ports;
pub mod probe;
pub mod records;
pub mod reported;
#[cfg(any(feature = "venue-market", feature = "model"))]
pub mod retry_after;
pub mod roster;
#[cfg(test)]
#[cfg(any(feature = "venue-market", feature = "model"))]
mod scripted;
pub mod secret;
pub mod settings;
pub mod signal;
#[cfg(feature = "sign")]
mod signature;
pub mod state;
pub mod status;
pub mod store;
pub mod tables;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod tick;
pub mod time;
#[cfg(feature = "transport")]
pub mod transport;
#[cfg(feature = "venue-market")]
pub mod venue;
