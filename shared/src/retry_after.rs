//! How long a venue or a provider asks to wait, in every form that is sent: `retry-after-ms`, seconds, or a date.
//!
//! The forms are those that the model providers' own SDKs read (anthropic-sdk, openai-sdk: `_parse_retry_after_header`)
//! and RFC 9110 section 10.2.3.

use http::HeaderMap;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

use crate::time::{Millis, Timestamp};

/// The whole wait, where one is named that can be read.
pub fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Millis> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = header("retry-after-ms").and_then(|text| scaled(text, 0));
    millis.or_else(|| header("retry-after").and_then(|text| scaled(text, 3).or_else(|| until(text, now))))
}

/// A number of seconds as words in a body name it.
pub fn seconds(text: &str) -> Option<Millis> {
    scaled(text, 3)
}

/// A decimal times ten to the `power`, rounded up; none if it is not one or below zero.
fn scaled(text: &str, power: usize) -> Option<Millis> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept: String = fraction.chars().chain("000".chars()).take(power).collect();
    let rest = fraction.chars().skip(power).any(|digit| digit != '0');
    // A number beyond what fits is a wait beyond every deadline.
    let number: i64 = format!("{whole}{kept}").parse().unwrap_or(i64::MAX);
    Some(Millis(number.saturating_add(i64::from(rest))))
}

/// The time until an HTTP date; nothing is left where it is past.
fn until(text: &str, now: Timestamp) -> Option<Millis> {
    let usual = || DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok();
    let wait = Timestamp::from_millis(usual().or_else(|| obsolete(text))?.as_millisecond()).since(now);
    Some(wait.max(Millis(0)))
}

/// The two forms of before RFC 1123 that a recipient must read: of RFC 850, and of C's `asctime` (RFC 9110 section 5.6.7).
/// The day of the week says nothing.
fn obsolete(text: &str) -> Option<jiff::Timestamp> {
    let (_, date) = text.split_once(' ')?;
    let of = |form| DateTime::strptime(form, date).ok();
    let at = of("%d-%b-%y %H:%M:%S GMT").or_else(|| of("%b %e %H:%M:%S %Y"))?;
    TimeZone::UTC.to_timestamp(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:07Z.
    const NOW: i64 = 784_111_747_000;

    fn read(headers: &[(&'static str, &str)]) -> Option<i64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        wait(&map, Timestamp::from_millis(NOW)).map(|wait| wait.0)
    }

    #[test]
    fn every_form_is_read_in_full_and_rounded_up() {
        let cases = [
            ("60", 60_000),
            ("0", 0),
            ("1.5", 1_500),
            ("0.0001", 1),
            ("2.", 2_000),
            ("259200", 259_200_000),
            ("99999999999999999999", i64::MAX),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 30_000),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 30_000),
            ("Sun Nov  6 08:49:37 1994", 30_000),
            ("Mon Nov  6 08:49:37 1994", 30_000),
        ];
        for (text, millis) in cases {
            assert_eq!(read(&[("retry-after", text)]), Some(millis), "{text}");
        }
        assert_eq!(read(&[("retry-after-ms", "1500.2"), ("retry-after", "9")]), Some(1_501));
        assert_eq!(read(&[("retry-after-ms", "soon"), ("retry-after", "9")]), Some(9_000));
    }

    #[test]
    fn what_is_no_wait_is_none() {
        for text in ["", "-1", "soon", "1e3", ".5", "1,5", "+1", "NaN"] {
            assert_eq!(read(&[("retry-after", text)]), None, "{text:?}");
        }
        assert_eq!(read(&[]), None);
    }
}
