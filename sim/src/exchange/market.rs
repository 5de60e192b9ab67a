//! The market that everyone sees: candles by minute, the book around an open, averages and wider intervals.

use rust_decimal::Decimal;
use shared::time::{Millis, Timestamp};

use super::candles::{self, Candle};
use super::num::{ceil_to, floor_to};
use super::orders::Side;

/// The best prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) bid: Decimal,
    pub(super) ask: Decimal,
}

impl Book {
    /// Half the spread to either side of `price`, rounded outwards to the tick.
    pub(super) fn around(price: Decimal, spread_bps: Decimal, tick: Decimal) -> Book {
        let half = price * spread_bps / Decimal::from(20_000);
        let bid = floor_to(price - half, tick);
        let bid = if bid > Decimal::ZERO { bid } else { price };
        Book { bid, ask: ceil_to(price + half, tick) }
    }

    /// What a taker of this side pays or gets.
    pub(super) fn taker(self, side: Side) -> Decimal {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}

/// A bar of any width in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) candle: Candle,
    pub(super) minutes: i64,
    pub(super) quote_volume: Decimal,
}

impl Bar {
    /// The bar's last millisecond.
    pub(super) fn close_time(&self) -> Timestamp {
        self.candle.open_time + Millis::from_minutes(self.minutes) - Millis(1)
    }
}

/// Whole minutes of one symbol.
#[derive(Debug)]
pub(super) struct Market {
    first: i64,
    candles: Vec<Candle>,
    last: Candle,
}

impl Market {
    pub(super) fn new(candles: Vec<Candle>) -> Result<Market, String> {
        candles::check(&candles)?;
        match (candles.first(), candles.last()) {
            (Some(first), Some(last)) => {
                Ok(Market { first: first.open_time.minute_number(), last: *last, candles })
            }
            _ => Err("there is no candle; give at least one".to_owned()),
        }
    }

    /// The first minute that has a candle.
    pub(super) fn first_minute(&self) -> i64 {
        self.first
    }

    /// The last minute that has a candle.
    pub(super) fn last_minute(&self) -> i64 {
        self.last.open_time.minute_number()
    }

    /// The candle of a minute: none before the first, an empty one at the last close after the last.
    pub(super) fn candle(&self, minute: i64) -> Option<Candle> {
        let at = usize::try_from(minute.checked_sub(self.first)?).ok()?;
        Some(self.candles.get(at).copied().unwrap_or_else(|| flat(minute, self.last.close)))
    }

    /// The price at the start of a minute.
    pub(super) fn open(&self, minute: i64) -> Option<Decimal> {
        self.candle(minute).map(|candle| candle.open)
    }

    /// The volume-weighted average of the closes of the `mins` minutes before `minute`; the open where nothing
    /// was traded or `mins` is zero.
    pub(super) fn average(&self, minute: i64, mins: u32) -> Option<Decimal> {
        let (mut quote, mut base) = (Decimal::ZERO, Decimal::ZERO);
        for candle in (minute - i64::from(mins)..minute).filter_map(|minute| self.candle(minute)) {
            quote += candle.close * candle.volume;
            base += candle.volume;
        }
        match quote.checked_div(base) {
            Some(average) => Some(average.round_dp(8)),
            None => self.open(minute),
        }
    }

    /// The minute's bar as seen at `now`: whole once closed, only its open while it forms.
    fn seen(&self, minute: i64, now: Timestamp) -> Option<Candle> {
        let candle = self.candle(minute)?;
        match minute.cmp(&now.minute_number()) {
            std::cmp::Ordering::Less => Some(candle),
            std::cmp::Ordering::Equal => Some(flat(minute, candle.open)),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// The bar of `minutes` that holds `minute`, as seen at `now`.
    pub(super) fn bar(&self, minute: i64, minutes: i64, now: Timestamp) -> Option<Bar> {
        let start = minute - minute.rem_euclid(minutes);
        let mut bar: Option<Bar> = None;
        for candle in (start..start + minutes).filter_map(|minute| self.seen(minute, now)) {
            let quote_volume = (candle.close * candle.volume).round_dp(8);
            match &mut bar {
                None => {
                    let candle = Candle { open_time: time_of(start), ..candle };
                    bar = Some(Bar { candle, minutes, quote_volume });
                }
                Some(bar) => bar.extend(&candle, quote_volume),
            }
        }
        bar
    }
}

impl Bar {
    fn extend(&mut self, candle: &Candle, quote_volume: Decimal) {
        self.candle.high = self.candle.high.max(candle.high);
        self.candle.low = self.candle.low.min(candle.low);
        self.candle.close = candle.close;
        self.candle.volume += candle.volume;
        self.quote_volume += quote_volume;
    }
}

/// When a minute begins.
pub(super) fn time_of(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute.saturating_mul(60_000))
}

/// A minute at one price in which nothing was traded.
fn flat(minute: i64, price: Decimal) -> Candle {
    Candle {
        open_time: time_of(minute),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Decimal::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{candle, d, minute};

    fn market() -> Market {
        let rows = [[10, 12, 9, 11], [11, 15, 11, 14], [14, 14, 6, 7]];
        Market::new(rows.iter().enumerate().map(|(at, row)| candle(at, *row, "2")).collect()).unwrap()
    }

    #[test]
    fn the_book_lies_around_the_price_rounded_outwards() {
        let book = Book::around(d("100.01"), d("10"), d("0.01"));
        assert_eq!((book.bid, book.ask), (d("99.95"), d("100.07")));
        assert_eq!((book.taker(Side::Buy), book.taker(Side::Sell)), (d("100.07"), d("99.95")));
    }

    #[test]
    fn minutes_after_the_last_candle_are_empty_at_its_close_and_none_come_before_the_first() {
        let market = market();
        let later = market.candle(minute(7).minute_number()).unwrap();
        assert_eq!((later.open, later.close, later.volume), (d("7"), d("7"), d("0")));
        assert_eq!(market.candle(minute(0).minute_number() - 1), None);
    }

    #[test]
    fn a_forming_bar_shows_its_open_alone() {
        let bar = market().bar(minute(2).minute_number(), 1, minute(2)).unwrap();
        assert_eq!((bar.candle.high, bar.candle.low, bar.candle.close), (d("14"), d("14"), d("14")));
        assert_eq!(bar.candle.volume, d("0"));
    }

    #[test]
    fn a_wider_bar_joins_its_minutes() {
        let bar = market().bar(minute(1).minute_number(), 5, minute(9)).unwrap();
        let joined = bar.candle;
        assert_eq!((joined.open, joined.high, joined.low, joined.close), (d("10"), d("15"), d("6"), d("7")));
        assert_eq!((joined.volume, bar.quote_volume), (d("6"), d("64")));
        assert_eq!(bar.close_time(), minute(5) - Millis(1));
    }

    #[test]
    fn the_average_weighs_closes_by_volume_and_falls_back_to_the_last_price() {
        let market = market();
        assert_eq!(market.average(minute(2).minute_number(), 5), Some(d("12.5")));
        assert_eq!(market.average(minute(0).minute_number(), 5), Some(d("10")));
        assert_eq!(market.average(minute(2).minute_number(), 0), Some(d("14")));
    }
}
