//! What everyone may know of a market.

use rust_decimal::Decimal;

use super::errors::Failure;
use super::wire::{self, WireBook, WireCandle, WireFilter, WireInfo, WireSymbol};
use super::{Binance, spelled};
use crate::ids::Symbol;
use crate::market::{Candle, Instrument, Quote, Trading};
use crate::money::{BadAmount, Notional, Qty, decimal};
use crate::ports::{MarketData, VenueError};
use crate::reported::Reported;
use crate::time::Timestamp;

/// The most rows that one `klines` answer has (`rest-api.md`, "Kline/Candlestick data").
const MOST_CANDLES: u32 = 1_000;

impl MarketData for Binance {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        let info: WireInfo = self.get("/api/v3/exchangeInfo", &format!("symbol={}", spelled(symbol))).await?;
        Ok(instrument(symbol, info)?)
    }

    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        let query = format!("symbol={}", spelled(symbol));
        let book: WireBook = self.get("/api/v3/ticker/bookTicker", &query).await?;
        Ok(quote(symbol, book, self.now())?)
    }

    /// At most 999 candles: the one that is still forming takes a row. A candle counts as closed only if it had
    /// closed before the question was asked, so that no answer on the way can hold half a minute.
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        let asked_at = self.now();
        let limit = count.saturating_add(1).min(MOST_CANDLES);
        let query = format!("symbol={}&interval=1m&limit={limit}", spelled(symbol));
        let rows: Vec<WireCandle> = self.get("/api/v3/klines", &query).await?;
        let mut closed = closed(rows, asked_at)?;
        let surplus = closed.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(closed.split_off(surplus))
    }
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
    let past = rows.into_iter().filter(|row| row.6 < asked_at.as_millis());
    let candles: Vec<Candle> = past.map(candle).collect::<Result<_, _>>()?;
    if candles.is_sorted_by(|one, next| one.open_time < next.open_time) {
        return Ok(candles);
    }
    Err(Failure::Unreadable("candles are not in order".to_owned()))
}

fn candle(row: WireCandle) -> Result<Candle, Failure> {
    let WireCandle(opened, open, high, low, close, volume, ..) = row;
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

fn instrument(symbol: &Symbol, info: WireInfo) -> Result<Instrument, Failure> {
    let [told] = <[WireSymbol; 1]>::try_from(info.symbols)
        .map_err(|symbols| Failure::Unreadable(format!("{} symbols where one was asked", symbols.len())))?;
    wire::about(symbol, told.symbol)?;
    let (base, quote) = (told.base_asset.required("baseAsset")?, told.quote_asset.required("quoteAsset")?);
    if base != symbol.base.as_str() || quote != symbol.quote.as_str() {
        return Err(Failure::Unreadable(format!("it trades {base} for {quote}, not {symbol}")));
    }
    let filters = Filters::read(told.filters.required("filters")?)?;
    Ok(Instrument {
        symbol: symbol.clone(),
        trading: trading(&told.status.required("status")?)?,
        tick: filters.tick,
        step: filters.step,
        min_qty: filters.min_qty,
        max_qty: filters.max_qty,
        max_market_qty: filters.max_market_qty,
        min_notional: filters.min_notional,
    })
}

/// `enums.md`, "Symbol status", with those that older answers still have.
fn trading(word: &str) -> Result<Trading, Failure> {
    match word {
        "TRADING" => Ok(Trading::Open),
        "HALT" | "BREAK" | "END_OF_DAY" | "CANCEL_ONLY" | "PRE_TRADING" | "POST_TRADING"
        | "AUCTION_MATCH" => Ok(Trading::Closed),
        other => Err(wire::unknown("status", other)),
    }
}

/// The filters that an order is planned by. All others are the venue's to enforce (-1013).
struct Filters {
    tick: Decimal,
    step: Qty,
    min_qty: Qty,
    max_qty: Qty,
    max_market_qty: Qty,
    min_notional: Notional,
}

impl Filters {
    /// Missing filters are errors: a limit that is not known is not "no limit".
    fn read(filters: Vec<WireFilter>) -> Result<Filters, Failure> {
        let lot = needed(&filters, &["LOT_SIZE"])?;
        let max_qty = wire::qty("LOT_SIZE.maxQty", lot.max_qty)?;
        Ok(Filters {
            tick: wire::number("tickSize", needed(&filters, &["PRICE_FILTER"])?.tick_size, not_negative)?,
            step: wire::qty("LOT_SIZE.stepSize", lot.step_size)?,
            min_qty: wire::qty("LOT_SIZE.minQty", lot.min_qty)?,
            max_qty,
            max_market_qty: max_market(needed(&filters, &["MARKET_LOT_SIZE"])?, max_qty)?,
            min_notional: wire::number(
                "minNotional",
                needed(&filters, &["NOTIONAL", "MIN_NOTIONAL"])?.min_notional,
                Notional::parse,
            )?,
        })
    }
}

/// The first filter of one of these types.
fn needed(filters: &[WireFilter], types: &[&'static str]) -> Result<WireFilter, Failure> {
    let is = |filter: &&WireFilter| matches!(&filter.filter_type, Reported::Value(name) if types.contains(&&**name));
    let found = filters.iter().find(is).cloned();
    found.ok_or_else(|| Failure::Unreadable(format!("there is no filter {}", types.join(" or "))))
}

/// Both filters bind a market order; a greatest quantity of zero is none.
fn max_market(filter: WireFilter, max_qty: Qty) -> Result<Qty, Failure> {
    let most = wire::qty("MARKET_LOT_SIZE.maxQty", filter.max_qty)?;
    Ok(if most.is_zero() { max_qty } else { most.min(max_qty) })
}

fn not_negative(text: &str) -> Result<Decimal, BadAmount> {
    let value = decimal(text)?;
    if value < Decimal::ZERO { Err(BadAmount::Negative(value)) } else { Ok(value) }
}

#[cfg(test)]
mod tests;
