//! Time on this machine: simulated time, which only moves forward when told to, and the real one.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shared::time::{Millis, Timestamp};

/// A clock that simulated services and transports read.
pub trait Now: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A clock shared by several parts of the world.
pub type SharedNow = Arc<dyn Now>;

/// Simulated time. Clones share the same time, and it never goes back.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<AtomicI64>);

impl SimClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> SimClock {
        SimClock(Arc::new(AtomicI64::new(start.as_millis())))
    }
    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
    /// Moves on to `at`; an earlier time changes nothing.
    pub fn set(&self, at: Timestamp) {
        self.0.fetch_max(at.as_millis(), Ordering::SeqCst);
    }
    /// Moves on by `span`; a negative one changes nothing.
    pub fn advance(&self, span: Millis) {
        self.0.fetch_add(span.0.max(0), Ordering::SeqCst);
    }
    /// The same clock as the parts of the world take it.
    pub fn shared(&self) -> SharedNow {
        Arc::new(self.clone())
    }
}

impl Now for SimClock {
    fn now(&self) -> Timestamp {
        SimClock::now(self)
    }
}

/// The machine's own clock, for worlds that run in real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl Now for RealClock {
    #[allow(clippy::disallowed_methods, reason = "paper trading in real time needs the real time")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulated_time_never_goes_back() {
        let clock = SimClock::new(Timestamp::from_millis(1_000));
        clock.set(Timestamp::from_millis(500));
        clock.advance(Millis(-5));
        assert_eq!(clock.now(), Timestamp::from_millis(1_000));
        clock.advance(Millis(1));
        clock.set(Timestamp::from_millis(1_500));
        assert_eq!(clock.clone().now(), Timestamp::from_millis(1_500));
    }
}
