//! AWS behind the ports: the SDK's clients over our own [`Transport`](crate::transport::Transport).

pub mod attr;
pub mod clients;
mod expression;
mod fate;
pub mod publish;
pub mod sdk_http;
pub mod secrets;
pub mod signals;
pub mod tables;
