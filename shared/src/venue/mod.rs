//! Exchanges behind the ports. A venue's spelling, codes and quirks end inside its folder.

pub mod binance;
pub mod patient;
