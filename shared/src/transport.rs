//! One HTTP exchange at a time: the seam between every adapter and the outside.
//!
//! The exchange, model and AWS adapters all speak through [`Transport`]. On Lambda it is one pooled
//! client (`http`); in replayed time the simulated world answers in process. Neither retries: what to do
//! after a failure is decided by the caller, who knows whether the request may be repeated.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::time::Millis;

/// A request with its whole body and the time that may be spent on it.
pub type Request = http::Request<Bytes>;
/// An answer with its whole body.
pub type Response = http::Response<Bytes>;
/// What [`Transport::send`] returns.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + Send + 'a>>;

/// Sends one request and returns whatever status came back; an error means that no whole answer arrived.
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends `request`, giving up after `timeout`.
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_>;
}

/// The transport that adapters share.
pub type SharedTransport = Arc<dyn Transport>;

/// Why no answer came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing left this machine (no connection): the request can be made again.
    #[error("never sent: {0}")]
    NeverSent(String),
    /// The request may have arrived: look before doing it again.
    #[error("no answer: {0}")]
    NoAnswer(String),
}
