//! AWS behind the ports: the SDK's clients over our own [`Transport`](crate::transport::Transport).

use std::future::Future;
use std::pin::Pin;

pub mod attr;
pub mod clients;
mod expression;
mod fate;
pub mod publish;
pub mod sdk_http;
pub mod secrets;
pub mod signals;
pub mod tables;

/// A call through an SDK, boxed by a plain function: the body of an `async fn` is compiled with every program
/// that awaits it, and the SDKs' chains of futures are long. This way they are compiled once, here.
type Call<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
