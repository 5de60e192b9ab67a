//! One shape for every simulated service: an HTTP request in, an HTTP answer out, at a simulated time.
//!
//! The same service answers in process (replayed time) and behind a socket (the real function binaries).

use bytes::Bytes;
use shared::time::Timestamp;

/// A request as it would arrive on the wire.
pub type Request = http::Request<Bytes>;
/// An answer as it would leave on the wire.
pub type Response = http::Response<Bytes>;

/// A simulated service. `now` is the service's own clock at the arrival of the request.
pub trait Service: Send + Sync + 'static {
    /// Answers one request.
    fn serve(&self, request: Request, now: Timestamp) -> Response;
}
