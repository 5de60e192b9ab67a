//! The wall clock: the one file here that reads it, because real processes live by it.

use std::future::Future;
use std::time::{Duration, Instant};

use shared::time::{Millis, Timestamp};

/// The time of day, for deadlines that a function compares with its own clock.
#[expect(clippy::disallowed_methods, reason = "a function compares its deadline with the real clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

/// Measures from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "how long a real process took is a measurement")]
    pub(super) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub(super) fn elapsed(self) -> Millis {
        Millis(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
}

/// What `work` gives, or nothing if it took longer than `limit`.
pub(super) async fn within<T>(limit: Millis, work: impl Future<Output = T>) -> Option<T> {
    let limit = Duration::from_millis(u64::try_from(limit.0).unwrap_or_default());
    tokio::time::timeout(limit, work).await.ok()
}
