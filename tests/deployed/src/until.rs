//! Waits for what real schedules do in real time, and no longer than said.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shared::time::Timestamp;

use crate::run::Failed;

/// Each look is a program of its own that takes a second of the processor.
const BETWEEN: Duration = Duration::from_secs(3);

/// Looks every few seconds until `look` says yes; it also says what it saw, for whoever reads the failure.
#[expect(clippy::disallowed_methods, reason = "schedules of an emulated account fire in real time")]
pub fn until(
    what: &str,
    seconds: u64,
    mut look: impl FnMut() -> Result<(bool, String), Failed>,
) -> Result<(), Failed> {
    let began = Instant::now();
    loop {
        let (done, seen) = look()?;
        if done {
            return Ok(());
        }
        if began.elapsed() >= Duration::from_secs(seconds) {
            return Err(Failed::Late { what: what.to_owned(), seconds, seen });
        }
        std::thread::sleep(BETWEEN);
    }
}

/// The real time.
#[expect(clippy::disallowed_methods, reason = "schedules of an emulated account fire in real time")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
