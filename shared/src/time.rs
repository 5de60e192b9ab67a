//! Points and spans of time as data. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};

use jiff::tz::Offset;

/// A span in milliseconds; negative when it points backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub i64);

impl Millis {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: i64) -> Millis {
        Millis(seconds.saturating_mul(1_000))
    }
    /// A span of whole minutes.
    pub const fn from_minutes(minutes: i64) -> Millis {
        Millis::from_secs(minutes.saturating_mul(60))
    }
    /// Whole seconds, rounded towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ms", self.0)
    }
}

impl Add for Millis {
    type Output = Millis;
    fn add(self, other: Millis) -> Millis {
        Millis(self.0.saturating_add(other.0))
    }
}

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, from year 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 9999-12-31T23:59:59.999Z.
const LATEST_MS: i64 = 253_402_300_799_999;
/// One minute in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// One UTC day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// A text that is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ISO-8601 time with an offset")]
pub struct NotATime(pub String);

impl Timestamp {
    /// From milliseconds since the epoch; values outside 1970 to 9999 are brought to the nearest bound.
    pub fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis.clamp(0, LATEST_MS))
    }
    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000
    }
    /// How long ago `earlier` was; negative when it lies ahead.
    pub const fn since(self, earlier: Timestamp) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
    /// The start of this minute.
    pub const fn minute(self) -> Timestamp {
        Timestamp(self.0.saturating_sub(self.0.rem_euclid(MINUTE_MS)))
    }
    /// Minutes since the epoch.
    pub const fn minute_number(self) -> i64 {
        self.0.div_euclid(MINUTE_MS)
    }
    /// The UTC day.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_MS))
    }
    /// Reads ISO-8601 with `Z` or a numeric offset.
    pub fn parse(text: &str) -> Result<Timestamp, NotATime> {
        let at: jiff::Timestamp = text.parse().map_err(|_| NotATime(text.to_owned()))?;
        Ok(Timestamp::from_millis(at.as_millisecond()))
    }
}

impl Add<Millis> for Timestamp {
    type Output = Timestamp;
    fn add(self, span: Millis) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(span.0))
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Timestamp;
    fn sub(self, span: Millis) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_sub(span.0))
    }
}

/// `2023-03-01T00:00:00Z`, with milliseconds where there are some.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let at = Offset::UTC.to_datetime(at);
        write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )?;
        match at.millisecond() {
            0 => write!(out, "Z"),
            millis => write!(out, ".{millis:03}Z"),
        }
    }
}

/// A UTC day: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    /// The first moment of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(DAY_MS))
    }
    /// Reads `2023-03-01`.
    pub fn parse(text: &str) -> Result<Day, NotATime> {
        Timestamp::parse(&format!("{text}T00:00:00Z"))
            .map(Timestamp::day)
            .map_err(|_| NotATime(text.to_owned()))
    }
}

/// `2023-03-01`.
impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start().to_string();
        out.write_str(start.split('T').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z_and_numeric_offsets_are_read_as_the_same_moment() {
        let z = Timestamp::parse("2023-03-01T00:01:00Z").unwrap();
        assert_eq!(z, Timestamp::parse("2023-03-01T00:01:00+00:00").unwrap());
        assert_eq!(z.to_string(), "2023-03-01T00:01:00Z");
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        for text in ["", "2023-03-01", "2023-03-01T00:00:00", "yesterday", "1e400"] {
            assert_eq!(Timestamp::parse(text), Err(NotATime(text.to_owned())));
        }
    }

    #[test]
    fn a_day_round_trips_through_its_text() {
        let day = Timestamp::parse("2023-03-21T23:59:59.999Z").unwrap().day();
        assert_eq!(Day::parse(&day.to_string()), Ok(day));
    }

    proptest::proptest! {
        #[test]
        fn a_time_round_trips_through_its_text(millis in 0..=LATEST_MS) {
            let at = Timestamp::from_millis(millis);
            proptest::prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
        }
    }
}
