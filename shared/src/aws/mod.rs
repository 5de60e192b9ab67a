//! AWS behind the ports: the SDK's clients over our own [`Transport`](crate::transport::Transport).

pub mod clients;
pub mod sdk_http;
