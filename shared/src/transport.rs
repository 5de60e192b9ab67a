//! One HTTP exchange at a time: the seam between every adapter and the outside.
//!
//! The exchange, model and AWS adapters all speak through [`Transport`]. On Lambda it is one pooled
//! client (`http`); in replayed time the simulated world answers in process. What to do after a failure is
//! decided by the caller, who knows whether the request may be made again. The one exception is a [`Repeat::Read`]
//! that a reused connection did not answer.

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
    /// Sends `request` as its [`Repeat`] allows, giving up after `timeout`.
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_>;
}

/// The transport that adapters share.
pub type SharedTransport = Arc<dyn Transport>;

/// How a request may be carried. It stands in the extensions of the request.
///
/// A server may close an idle connection at the moment at which the next request is written to it. Such a request is
/// lost, and no client can tell whether the server has read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Changes nothing and costs nothing. It may use an idle connection, and is sent once more, on a new one, where the
    /// idle one was closed before the head of an answer.
    Read,
    /// Changes something. It may use an idle connection and is never sent twice.
    Write,
    /// Costs money: a question to a model, an order or a cancel. It has a connection of its own, which was never used
    /// before and is never used again, and is never sent twice. That costs two round trips (TCP, then TLS 1.3: RFC 8446,
    /// section 2) and less than a millisecond of computing. Questions are minutes apart, so they would find no
    /// connection that is young enough to be reused.
    Once,
}

impl Repeat {
    /// How `request` may be carried: as it is marked. Unmarked, a GET without a body is a `Read`, anything else a
    /// `Write`.
    pub fn of(request: &Request) -> Repeat {
        let is_read = request.method() == http::Method::GET && request.body().is_empty();
        let usual = if is_read { Repeat::Read } else { Repeat::Write };
        request.extensions().get().copied().unwrap_or(usual)
    }

    /// Marks `request`.
    #[must_use]
    pub fn mark(self, mut request: Request) -> Request {
        request.extensions_mut().insert(self);
        request
    }
}

/// Why no answer came back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing left this machine: there was no connection, or it ended before it took the request. It can be made
    /// again.
    #[error("never sent: {0}")]
    NeverSent(String),
    /// The request may have arrived: look before doing it again.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn an_unmarked_request_is_a_read_only_as_a_plain_get() {
        let of = |method: Method, body: &'static str| {
            let request = http::Request::builder().method(method).body(Bytes::from(body)).unwrap();
            (Repeat::of(&request), Repeat::of(&Repeat::Once.mark(request)))
        };
        assert_eq!(of(Method::GET, ""), (Repeat::Read, Repeat::Once));
        for (method, body) in [
            (Method::GET, "{}"),
            (Method::POST, ""),
            (Method::POST, "{}"),
            (Method::PUT, ""),
            (Method::DELETE, ""),
        ] {
            assert_eq!(of(method.clone(), body).0, Repeat::Write, "{method} {body}");
        }
    }
}
