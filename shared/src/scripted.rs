//! For tests: a transport that expects exact requests and gives recorded answers.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::ports::{Clock, SharedClock};
use crate::time::{Millis, Timestamp};
use crate::transport::{Request, Response, Sending, Transport, TransportError};

/// What is expected, and what is answered.
type Scene = (String, Result<Response, TransportError>);

/// Expects requests in order; each is `METHOD uri`, and the last ones seen are kept.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    scenes: Mutex<VecDeque<Scene>>,
    seen: Mutex<Vec<Request>>,
}

impl Scripted {
    pub(crate) fn new(scenes: Vec<Scene>) -> Arc<Scripted> {
        Arc::new(Scripted { scenes: Mutex::new(scenes.into()), seen: Mutex::default() })
    }
    /// Every request so far; asserts that nothing expected is missing.
    pub(crate) fn done(&self) -> Vec<Request> {
        assert!(self.scenes.lock().unwrap().is_empty(), "not everything expected was asked");
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Transport for Scripted {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        assert!(timeout.0 > 0);
        let asked = format!("{} {}", request.method(), request.uri());
        let (expected, answer) = self.scenes.lock().unwrap().pop_front().expect(&asked);
        assert_eq!(asked, expected);
        self.seen.lock().unwrap().push(request);
        Box::pin(std::future::ready(answer))
    }
}

/// An answer with this status, headers and body.
pub(crate) fn answer(
    status: u16,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Result<Response, TransportError> {
    let mut builder = http::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    Ok(builder.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

/// Runs a future whose every await is ready at once.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a scripted future waited"),
    }
}

/// A clock that stands.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) Timestamp);

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A clock that stands at `millis`.
pub(crate) fn stopped(millis: i64) -> SharedClock {
    Arc::new(Stopped(Timestamp::from_millis(millis)))
}

/// A way to a venue of which nothing is known.
#[cfg(feature = "venue-market")]
pub(crate) fn anyone() -> std::rc::Rc<crate::venue::link::Link> {
    std::rc::Rc::new(crate::venue::link::Link::new(crate::venue::link::Share::Act))
}
