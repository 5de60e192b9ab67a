//! What a turn sees of its markets, and whether that is good enough to decide on.

use shared::ids::Symbol;
use shared::market::{Candle, Instrument, Quote, fresh};
use shared::ports::{Clock, MarketData, VenueError};
use shared::time::{Millis, Timestamp};

/// Candles that a cycle reads: what Binance gives in one answer, less the one that is still forming.
pub const CANDLES: u32 = 999;
/// Fewest closed candles that anything is decided on.
pub const FEWEST_CANDLES: u32 = 60;
/// The oldest quote that may be decided on.
const FRESH: Millis = Millis::from_secs(10);
/// One minute.
const MINUTE: Millis = Millis::from_minutes(1);

/// One market of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// What the venue demands.
    pub instrument: Instrument,
    /// The best prices.
    pub quote: Quote,
    /// Closed minutes, oldest first.
    pub candles: Vec<Candle>,
}

/// Why there is no market to decide on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoMarket {
    /// It could not be read at all.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// It was read, and is stale, incomplete or inconsistent.
    #[error("{symbol}: {problem}")]
    Unfit {
        /// The market.
        symbol: Symbol,
        /// What is wrong with it.
        problem: String,
    },
}

/// Every market of a cycle, or why not.
pub type Sight = Result<Vec<Market>, NoMarket>;

/// Whether the market could be read, whatever it said: the condition of a beat.
pub const fn was_read(sight: &Sight) -> bool {
    match sight {
        Ok(_) | Err(NoMarket::Unfit { .. }) => true,
        Err(NoMarket::Venue(_)) => false,
    }
}

/// Whether what was seen may still be decided on at `now`: other strategies' models may have taken their time since.
pub fn is_fresh(sight: &Sight, now: Timestamp) -> bool {
    let all = sight.as_deref().unwrap_or_default();
    all.iter().all(|market| fresh(&market.quote, now, FRESH).is_ok())
}

/// Reads one quote: the proof that the market can be read.
pub async fn glance(venue: &impl MarketData, symbols: &[Symbol]) -> Sight {
    if let Some(symbol) = symbols.first() {
        venue.quote(symbol).await?;
    }
    Ok(Vec::new())
}

/// Reads everything that a cycle needs of every symbol.
pub async fn look(venue: &impl MarketData, symbols: &[Symbol], clock: &dyn Clock) -> Sight {
    let mut markets = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        let asked_at = clock.now();
        let market = Market {
            instrument: venue.instrument(symbol).await?,
            candles: venue.candles(symbol, CANDLES).await?,
            quote: venue.quote(symbol).await?,
        };
        let judged = judge(&market, asked_at, clock.now());
        judged.map_err(|problem| NoMarket::Unfit { symbol: symbol.clone(), problem })?;
        markets.push(market);
    }
    Ok(markets)
}

/// Whether enough history of every symbol can be read to leave `warmup`.
pub async fn has_history(venue: &impl MarketData, symbols: &[Symbol]) -> Result<bool, VenueError> {
    for symbol in symbols {
        if venue.candles(symbol, FEWEST_CANDLES).await?.len() < fewest() {
            return Ok(false);
        }
    }
    Ok(!symbols.is_empty())
}

fn fewest() -> usize {
    usize::try_from(FEWEST_CANDLES).unwrap_or(usize::MAX)
}

/// What is wrong with what was read between `asked_at` and `now`.
pub fn judge(market: &Market, asked_at: Timestamp, now: Timestamp) -> Result<(), String> {
    let Market { quote, candles, .. } = market;
    fresh(quote, now, FRESH).map_err(|stale| stale.to_string())?;
    if quote.bid > quote.ask {
        return Err(format!("bid {} is above ask {}", quote.bid, quote.ask));
    }
    if candles.len() < fewest() {
        return Err(format!("{} closed candles, {FEWEST_CANDLES} needed", candles.len()));
    }
    let gap = candles
        .iter()
        .zip(candles.iter().skip(1))
        .find(|(one, next)| next.open_time.since(one.open_time) != MINUTE);
    if let Some((before, _)) = gap {
        return Err(format!("no candle after that of {}", before.open_time));
    }
    if candles
        .iter()
        .any(|candle| candle.low > candle.high || candle.close > candle.high || candle.close < candle.low)
    {
        return Err("a candle contradicts itself".to_owned());
    }
    last_is_the_previous_minute(candles, asked_at, now)
}

/// The minute may turn while the question is under way.
fn last_is_the_previous_minute(
    candles: &[Candle],
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    let (earliest, latest) = (asked_at.minute() - MINUTE, now.minute() - MINUTE);
    match candles.last().map(|candle| candle.open_time) {
        Some(last) if last >= earliest && last <= latest => Ok(()),
        Some(last) => Err(format!("the last candle is that of {last}")),
        None => Err("no candle".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use shared::money::Percent;

    type Change = fn(&mut Market);

    fn now() -> Timestamp {
        testing::at("2023-03-01T16:00:05Z")
    }
    fn judged(change: impl FnOnce(&mut Market)) -> Result<(), String> {
        let mut market = testing::market(now());
        change(&mut market);
        judge(&market, now(), now())
    }

    #[test]
    fn a_market_of_the_previous_minute_is_fit() {
        assert_eq!(judged(|_| {}), Ok(()));
        let market = testing::market(now());
        let before = now() - Millis::from_secs(6);
        assert_eq!(judge(&market, before, now()), Ok(()), "the minute turned meanwhile");
    }

    #[test]
    fn stale_missing_and_inconsistent_data_are_named() {
        let cases: [(&str, Change); 7] = [
            ("last candle", |market| market.candles.truncate(998)),
            ("no candle after", |market| {
                market.candles = [&market.candles[..500], &market.candles[501..]].concat()
            }),
            ("59 closed candles", |market| market.candles = market.candles.split_off(940)),
            ("0 closed candles", |market| market.candles.clear()),
            ("10001 ms old", |market| market.quote.at = market.quote.at - Millis(10_001)),
            ("above ask", |market| market.quote.bid = market.quote.ask.above(Percent::HALF)),
            ("contradicts", |market| market.candles[10].low = market.quote.ask.above(Percent::HALF)),
        ];
        for (expected, change) in cases {
            let problem = judged(change).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_candle_of_the_running_minute_is_not_history() {
        let problem = judged(|market| {
            let last = *market.candles.last().unwrap();
            market.candles.push(Candle { open_time: last.open_time + MINUTE, ..last });
        });
        assert!(problem.unwrap_err().contains("last candle"));
    }
}
