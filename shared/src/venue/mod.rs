//! Exchanges behind the ports. A venue's spelling, codes and quirks end inside its folder.

pub mod binance;
#[cfg(feature = "venue-account")]
pub mod either;
#[cfg(feature = "venue-account")]
pub mod keys;
pub mod ledger;
pub mod link;
#[cfg(feature = "venue-account")]
pub mod paper;
pub mod patient;
pub mod venues;
