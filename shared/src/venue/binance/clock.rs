//! How far Binance's clock is from ours.
//!
//! Requests are signed with our time corrected by the offset in use, if any. The fence of an order allows for
//! clocks that are [`super::CLOCK_ERROR`] apart, so an offset is only taken into use where its own error is
//! below that: half of what its measurement took.

use http::Method;
use serde::Deserialize;

use super::errors::Failure;
use super::{Binance, CLOCK_ERROR, wire};
use crate::records::venue::ClockOffset;
use crate::reported::Reported;
use crate::time::Millis;

/// The furthest that clocks may be apart: beyond it ours is broken, and nothing is signed by it.
const FURTHEST: Millis = Millis::from_secs(30);

/// `GET /api/v3/time`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireTime {
    server_time: Reported<i64>,
}

impl Binance {
    /// Measures the offset and takes it into use.
    pub(super) async fn set_clock(&self) -> Result<(), Failure> {
        self.link.set_clock(self.measure_clock().await?);
        Ok(())
    }

    async fn measure_clock(&self) -> Result<ClockOffset, Failure> {
        let asked_at = self.now();
        let told: WireTime = self.exchange(self.request(Method::GET, "/api/v3/time", "")?).await?;
        let measured_at = self.now();
        let took = measured_at.since(asked_at);
        if took >= CLOCK_ERROR {
            return Err(Failure::Unreadable(format!("its clock took {took} to read")));
        }
        let by = wire::time("serverTime", told.server_time)?.since(asked_at + Millis(took.0 / 2));
        if by.0.abs() > FURTHEST.0 {
            return Err(Failure::Unreadable(format!("its clock and ours are {by} apart")));
        }
        Ok(ClockOffset { by, measured_at })
    }
}
