//! What everyone may know of a market.

use super::errors::Failure;
use super::wire::{self, WireBook, WireCandle, WireInfo};
use super::{Binance, filters, spelled};
use crate::ids::Symbol;
use crate::market::{Candle, Instrument, Quote};
use crate::ports::{MarketData, VenueError};
use crate::reported::Reported;
use crate::time::Timestamp;

/// The most rows that one `klines` answer has (`rest-api.md`, "Kline/Candlestick data").
const MOST_CANDLES: u32 = 1_000;

impl Binance {
    /// What is known of a symbol's filters no longer counts.
    #[cfg(feature = "venue-trade")]
    pub(super) fn forget_instrument(&self, symbol: &Symbol) {
        self.instruments.forget(symbol);
    }
}

impl MarketData for Binance {
    /// Read anew once what is known is too old, or the venue has refused an order.
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        if let Some(known) = self.instruments.recent(symbol, self.now()) {
            return Ok(known);
        }
        let info: WireInfo = self.get("/api/v3/exchangeInfo", &info_of(symbol)).await?;
        if let Some(limit) = info.weight_per_minute() {
            self.link.set_limit(limit);
        }
        let read = filters::instrument(symbol, info)?;
        self.instruments.keep(&read, self.now());
        Ok(read)
    }

    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        let query = format!("symbol={}", spelled(symbol));
        let book: WireBook = self.get("/api/v3/ticker/bookTicker", &query).await?;
        Ok(quote(symbol, book, self.now())?)
    }

    /// At most 999 candles: the one that is still forming takes a row. A candle counts as closed only if it had
    /// closed before the question was asked, so that no answer on the way can hold half a minute.
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        let asked_at = self.link.venue_time(self.now());
        let limit = count.saturating_add(1).min(MOST_CANDLES);
        let query = format!("symbol={}&interval=1m&limit={limit}", spelled(symbol));
        let rows: Vec<WireCandle> = self.get("/api/v3/klines", &query).await?;
        let mut closed = closed(rows, asked_at)?;
        let surplus = closed.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(closed.split_off(surplus))
    }
}

/// Without the permission sets, which are two thirds of the answer.
fn info_of(symbol: &Symbol) -> String {
    format!("symbol={}&showPermissionSets=false", spelled(symbol))
}

fn quote(symbol: &Symbol, book: WireBook, at: Timestamp) -> Result<Quote, Failure> {
    wire::about(symbol, book.symbol)?;
    Ok(Quote {
        symbol: symbol.clone(),
        bid: wire::price("bidPrice", book.bid_price)?,
        ask: wire::price("askPrice", book.ask_price)?,
        at,
    })
}

/// Candles that closed before `asked_at`, oldest first.
fn closed(rows: Vec<WireCandle>, asked_at: Timestamp) -> Result<Vec<Candle>, Failure> {
    let past = rows.into_iter().filter(|row| row.closed < asked_at.as_millis());
    let candles: Vec<Candle> = past.map(candle).collect::<Result<_, _>>()?;
    if candles.is_sorted_by(|one, next| one.open_time < next.open_time) {
        return Ok(candles);
    }
    Err(Failure::Unreadable("candles are not in order".to_owned()))
}

pub(super) fn candle(row: WireCandle) -> Result<Candle, Failure> {
    let WireCandle { opened, open, high, low, close, volume, .. } = row;
    let price = |field, text| wire::price(field, Reported::Value(text));
    Ok(Candle {
        open_time: wire::time("open time", Reported::Value(opened))?,
        open: price("open", open)?,
        high: price("high", high)?,
        low: price("low", low)?,
        close: price("close", close)?,
        volume: wire::qty("volume", Reported::Value(volume))?,
    })
}

#[cfg(test)]
mod tests;
