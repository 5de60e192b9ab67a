//! What tests of several crates share: the store in memory and the contract that every store keeps.

pub mod contract;
pub mod counted;
pub mod meddled;
pub mod memory;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// The output of a future that never waits, such as every call of the store in memory.
#[allow(clippy::panic, reason = "test code: a future that waits here is a mistake in the test")]
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits for something"),
    }
}
