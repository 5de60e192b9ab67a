//! A market in which the scripted model always buys at the market price.
//!
//! It rises in a saw: an hour gains about 0.4 %, the RSI stays below hot. Every close is a
//! whole number with an even sum of digits, which is how the momentum policy tells a market order from a
//! limit order.

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};
use sim::exchange::Candle;

/// Minutes of history: what decide reads, with a margin for a run that takes long.
pub const HISTORY: i64 = 1_100;
/// Minutes of history that an account's own exchange needs for its price averages.
pub const RECENT: i64 = 30;
/// Minutes that the market goes on after the start.
const FUTURE: i64 = 240;
/// Ten minutes up and ten minutes down: longer than two five-minute bars, so that however these lie, some
/// of them fall.
const STEPS: [i64; 20] = [10, 10, 10, 10, 10, 10, 10, 10, 10, 10, -7, -7, -7, -7, -7, -7, -7, -7, -7, -7];
/// Where it begins.
const FLOOR: i64 = 20_000;

/// Candles from `back` minutes before `now` on. The same minute has the same candle whatever `back` is.
pub fn candles(now: Timestamp, back: i64) -> Vec<Candle> {
    let start = now.minute() - Millis::from_minutes(HISTORY);
    let skipped = HISTORY.saturating_sub(back);
    (skipped..HISTORY.saturating_add(FUTURE)).map(|nth| candle(start, nth)).collect()
}

fn candle(start: Timestamp, nth: i64) -> Candle {
    let (open, close) = (close(nth.saturating_sub(1)), close(nth));
    Candle {
        open_time: start + Millis::from_minutes(nth),
        open,
        high: open.max(close),
        low: open.min(close),
        close,
        volume: Decimal::ONE_THOUSAND,
    }
}

fn close(nth: i64) -> Decimal {
    let length = i64::try_from(STEPS.len()).unwrap_or(1);
    let (rounds, rest) = (nth.div_euclid(length), nth.rem_euclid(length));
    let whole: i64 = STEPS.iter().sum::<i64>().saturating_mul(rounds);
    let part: i64 = STEPS.iter().take(usize::try_from(rest).unwrap_or(0)).sum();
    Decimal::from(even(FLOOR.saturating_add(whole).saturating_add(part)))
}

/// The next whole number with an even sum of digits: itself, the next one, or the one after that.
fn even(number: i64) -> i64 {
    (number..).find(|number| digit_sum(*number).is_multiple_of(2)).unwrap_or(number)
}

fn digit_sum(number: i64) -> u32 {
    number.to_string().bytes().filter(u8::is_ascii_digit).map(u32::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse("2026-03-01T12:00:07Z").unwrap()
    }

    #[test]
    fn lambda_market_rises_by_more_than_a_trend_and_every_close_takes_the_market() {
        let all = candles(now(), HISTORY);
        for pair in all.windows(61) {
            let (before, last) = (pair[0].close, pair[60].close);
            assert!((last / before - Decimal::ONE) * Decimal::ONE_HUNDRED > Decimal::new(150, 3), "{last}");
            assert_eq!(digit_sum(last.to_string().parse().unwrap()) % 2, 0);
        }
    }

    #[test]
    fn lambda_market_is_the_same_from_wherever_it_is_seen() {
        let (long, short) = (candles(now(), HISTORY), candles(now(), RECENT));
        assert!(long.ends_with(&short));
        let opened = long.iter().filter(|candle| candle.open_time < now()).count();
        assert_eq!(opened, usize::try_from(HISTORY).unwrap() + 1);
    }
}
