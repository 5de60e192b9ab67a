//! The market in figures: statistics in floating point, never money, rounded to texts at the edge.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use shared::market::Candle;
use yata::core::Method;
use yata::methods::{EMA, RMA};

/// Minutes of one bar of the averages and of the RSI.
const BAR: usize = 5;
/// Bars of the fast average.
const FAST: u8 = 12;
/// Bars of the slow average.
const SLOW: u8 = 26;
/// Bars of the RSI and of the average true range.
const SMOOTHING: u8 = 14;
/// Minutes of an hour.
const HOUR: usize = 60;

/// What is known of one market. A figure that cannot be computed is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    /// The last closed price, exactly.
    pub last: Option<String>,
    /// The gain of the last quarter of an hour, in percent.
    pub return_15m_pct: Option<String>,
    /// The gain of the last hour, in percent.
    pub return_60m_pct: Option<String>,
    /// The gain of the last four hours, in percent.
    pub return_4h_pct: Option<String>,
    /// The gain of the last twelve hours, in percent.
    pub return_12h_pct: Option<String>,
    /// From the lowest to the highest price of the last twelve hours, in percent of the lowest.
    pub range_12h_pct: Option<String>,
    /// The fast exponential average of five-minute closes.
    pub ema_fast: Option<String>,
    /// The slow one.
    pub ema_slow: Option<String>,
    /// Wilder's relative strength over five-minute closes.
    pub rsi_14: Option<String>,
    /// Wilder's average true range of hourly bars, in percent of the last price.
    pub atr_60m_pct: Option<String>,
    /// Base traded in the last hour against the average hour.
    pub volume_ratio: Option<String>,
}

/// Computes every figure that the history allows.
pub fn features(candles: &[Candle]) -> Features {
    let minutes: Vec<Bar> = candles.iter().map(Bar::of).collect();
    let (bars, hours) = (merged(&minutes, BAR), merged(&minutes, HOUR));
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    let decimals = candles.last().map_or(0, |candle| price_decimals(candle.close.value()));
    Features {
        last: candles.last().map(|candle| candle.close.to_string()),
        return_15m_pct: gain(&minutes, 15).and_then(percent),
        return_60m_pct: gain(&minutes, HOUR).and_then(percent),
        return_4h_pct: gain(&minutes, 4 * HOUR).and_then(percent),
        return_12h_pct: gain(&minutes, 12 * HOUR).and_then(percent),
        range_12h_pct: range(&minutes, 12 * HOUR).and_then(percent),
        ema_fast: ema(&closes, FAST).and_then(|value| text(value, decimals)),
        ema_slow: ema(&closes, SLOW).and_then(|value| text(value, decimals)),
        rsi_14: rsi(&closes).and_then(|value| text(value, 1)),
        atr_60m_pct: true_range(&hours).and_then(percent),
        volume_ratio: volume_ratio(&hours).and_then(|value| text(value, 2)),
    }
}

/// One bar of any length.
#[derive(Debug, Clone, Copy)]
struct Bar {
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

impl Bar {
    fn of(candle: &Candle) -> Bar {
        let float = |value: Decimal| value.to_f64().unwrap_or(f64::NAN);
        Bar {
            high: float(candle.high.value()),
            low: float(candle.low.value()),
            close: float(candle.close.value()),
            volume: float(candle.volume.value()),
        }
    }
    fn then(self, next: &Bar) -> Bar {
        Bar {
            high: self.high.max(next.high),
            low: self.low.min(next.low),
            close: next.close,
            volume: self.volume + next.volume,
        }
    }
}

/// Whole bars of `length`, counted back from the end, oldest first.
fn merged(bars: &[Bar], length: usize) -> Vec<Bar> {
    let whole = bars.rchunks_exact(length);
    let mut merged: Vec<Bar> =
        whole.filter_map(|chunk| chunk.iter().copied().reduce(|bar, next| bar.then(&next))).collect();
    merged.reverse();
    merged
}

fn gain(minutes: &[Bar], back: usize) -> Option<f64> {
    let (last, before) = (minutes.last()?, minutes.iter().rev().nth(back)?);
    Some((last.close / before.close - 1.0) * 100.0)
}

fn range(minutes: &[Bar], back: usize) -> Option<f64> {
    let window = minutes.get(minutes.len().checked_sub(back)?..)?;
    let whole = window.iter().copied().reduce(|bar, next| bar.then(&next))?;
    Some((whole.high / whole.low - 1.0) * 100.0)
}

/// Seeded with the first close, so it needs some lengths of history before it forgets it.
fn ema(closes: &[f64], length: u8) -> Option<f64> {
    let first = enough(closes, length)?;
    let mut average = EMA::new(length, first).ok()?;
    closes.iter().map(|close| average.next(close)).last()
}

/// 50 where nothing moved.
fn rsi(closes: &[f64]) -> Option<f64> {
    enough(closes, SMOOTHING.saturating_add(1))?;
    let moves: Vec<f64> =
        closes.iter().zip(closes.iter().skip(1)).map(|(before, after)| after - before).collect();
    let ups = smoothed(moves.iter().map(|change| change.max(0.0)))?;
    let downs = smoothed(moves.iter().map(|change| (-change).max(0.0)))?;
    let all = ups + downs;
    Some(if all > 0.0 { 100.0 * ups / all } else { 50.0 })
}

fn true_range(hours: &[Bar]) -> Option<f64> {
    enough(hours, SMOOTHING.saturating_add(1))?;
    let ranges = hours
        .iter()
        .zip(hours.iter().skip(1))
        .map(|(before, bar)| bar.high.max(before.close) - bar.low.min(before.close));
    Some(smoothed(ranges)? / hours.last()?.close * 100.0)
}

fn volume_ratio(hours: &[Bar]) -> Option<f64> {
    let earlier = hours.split_last().filter(|(_, earlier)| earlier.len() >= 3);
    let (last, earlier) = earlier?;
    let count = u32::try_from(earlier.len()).ok()?;
    let usual = earlier.iter().map(|bar| bar.volume).sum::<f64>() / f64::from(count);
    Some(last.volume / usual)
}

/// Wilder's smoothing, seeded with the plain average of the first values.
fn smoothed(mut values: impl Iterator<Item = f64>) -> Option<f64> {
    let first = values.by_ref().take(usize::from(SMOOTHING)).sum::<f64>() / f64::from(SMOOTHING);
    let mut average = RMA::new(SMOOTHING, &first).ok()?;
    Some(values.map(|value| average.next(&value)).last().unwrap_or(first))
}

/// The first value, where there are at least `least`.
fn enough<T>(values: &[T], least: u8) -> Option<&T> {
    values.first().filter(|_| values.len() >= usize::from(least))
}

fn percent(value: f64) -> Option<String> {
    text(value, 2)
}

/// As a decimal text; what is not finite is unknown, and there is no minus zero.
fn text(value: f64, decimals: usize) -> Option<String> {
    let text = value.is_finite().then(|| format!("{value:.decimals$}"))?;
    let is_zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    Some(if is_zero { text.trim_start_matches('-').to_owned() } else { text })
}

/// About six digits in all, however small the price.
fn price_decimals(price: Decimal) -> usize {
    let mut decimals = 2;
    let mut bound = Decimal::ONE_THOUSAND;
    while price < bound && decimals < 10 {
        decimals += 1;
        bound = bound.checked_div(Decimal::TEN).unwrap_or(Decimal::ZERO);
    }
    decimals
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::money::{Price, Qty};
    use shared::time::Timestamp;

    fn candles(closes: impl IntoIterator<Item = f64>) -> Vec<Candle> {
        let price = |value: f64| Price::parse(&format!("{value:.4}")).unwrap();
        let candle = |(minute, close): (usize, f64)| Candle {
            open_time: Timestamp::from_millis(i64::try_from(minute).unwrap() * 60_000),
            open: price(close),
            high: price(close * 1.001),
            low: price(close * 0.999),
            close: price(close),
            volume: Qty::parse("2").unwrap(),
        };
        closes.into_iter().enumerate().map(candle).collect()
    }
    fn number(text: &Option<String>) -> f64 {
        text.as_ref().unwrap().parse().unwrap()
    }

    #[test]
    fn a_flat_market_has_no_gain_and_an_rsi_in_the_middle() {
        let flat = features(&candles(std::iter::repeat_n(100.0, 1_000)));
        assert_eq!(flat.last.as_deref(), Some("100"));
        for gain in [&flat.return_15m_pct, &flat.return_60m_pct, &flat.return_4h_pct, &flat.return_12h_pct] {
            assert_eq!(gain.as_deref(), Some("0.00"));
        }
        assert_eq!(flat.ema_fast.as_deref(), Some("100.000"));
        assert_eq!(flat.ema_fast, flat.ema_slow);
        assert_eq!(flat.rsi_14.as_deref(), Some("50.0"));
        assert_eq!(flat.range_12h_pct.as_deref(), Some("0.20"));
        assert_eq!(flat.atr_60m_pct.as_deref(), Some("0.20"));
        assert_eq!(flat.volume_ratio.as_deref(), Some("1.00"));
    }

    #[test]
    fn a_rising_market_has_its_fast_average_above_and_an_rsi_of_a_hundred() {
        let up = features(&candles((0..1_000).map(|minute| 100.0 + f64::from(minute) * 0.01)));
        assert!(number(&up.ema_fast) > number(&up.ema_slow));
        assert_eq!(up.rsi_14.as_deref(), Some("100.0"));
        assert_eq!(up.return_60m_pct.as_deref(), Some("0.55"));
        let down = features(&candles((0..1_000).map(|minute| 100.0 - f64::from(minute) * 0.01)));
        assert!(number(&down.ema_fast) < number(&down.ema_slow));
        assert_eq!(down.rsi_14.as_deref(), Some("0.0"));
    }

    #[test]
    fn averages_are_those_of_the_definition() {
        assert_eq!(ema(&[3.0, 3.0, 6.0, 9.0, 12.0], 3), Some(9.375));
        assert_eq!(ema(&[3.0, 3.0], 3), None);
        // Wilder's RSI: 14 changes of which 10 rose by 1 and 4 fell by 1.
        let changes = [1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0];
        let closes: Vec<f64> = std::iter::once(0.0)
            .chain(changes)
            .scan(100.0, |close, change| {
                *close += change;
                Some(*close)
            })
            .collect();
        assert!((rsi(&closes).unwrap() - 100.0 * 10.0 / 14.0).abs() < 1e-9);
    }

    #[test]
    fn what_history_does_not_allow_is_unknown() {
        assert_eq!(features(&[]), Features::default());
        let short = features(&candles(std::iter::repeat_n(100.0, 60)));
        assert!(short.return_15m_pct.is_some() && short.return_60m_pct.is_none());
        assert_eq!((short.ema_slow, short.rsi_14, short.atr_60m_pct), (None, None, None));
    }

    #[test]
    fn what_is_not_finite_is_unknown_and_zero_has_no_sign() {
        assert_eq!(text(f64::NAN, 2), None);
        assert_eq!(text(f64::INFINITY, 2), None);
        assert_eq!(text(-0.001, 2).as_deref(), Some("0.00"));
        let silent: Vec<Candle> = candles(std::iter::repeat_n(100.0, 1_000))
            .into_iter()
            .map(|candle| Candle { volume: Qty::ZERO, ..candle })
            .collect();
        assert_eq!(features(&silent).volume_ratio, None);
    }

    #[test]
    fn small_prices_keep_their_digits() {
        for (price, decimals) in [("23140", 2), ("999", 3), ("1.5", 5), ("0.00012", 9)] {
            assert_eq!(price_decimals(shared::money::decimal(price).unwrap()), decimals, "{price}");
        }
    }
}
