//! What `exchangeInfo` says of a symbol: whether it trades, and every filter that can refuse our kinds of order.
//!
//! Facts: `filters.md`. "All filters are optional" (`rest-api.md`, "Exchange information"): one that a symbol does not have
//! limits nothing, or what is held there could not be sold. A zero disables a part of PRICE_FILTER, LOT_SIZE and
//! MARKET_LOT_SIZE. TRAILING_DELTA, ICEBERG_PARTS and MAX_NUM_ORDER_AMENDS bind orders that are never sent from here.

use rust_decimal::Decimal;

use super::errors::Failure;
use super::wire::{self, WireFilter, WireInfo, WireSymbol};
use crate::ids::Symbol;
use crate::market::{Band, Bounds, Instrument, Trading};
use crate::money::{BadAmount, LARGEST, Notional, Price, Qty, decimal};
use crate::reported::Reported;

/// What the venue demands of orders in `symbol`.
pub(super) fn instrument(symbol: &Symbol, info: WireInfo) -> Result<Instrument, Failure> {
    let [told] = <[WireSymbol; 1]>::try_from(info.symbols)
        .map_err(|symbols| Failure::Unreadable(format!("{} symbols where one was asked", symbols.len())))?;
    wire::about(symbol, told.symbol)?;
    let (base, quote) = (told.base_asset.required("baseAsset")?, told.quote_asset.required("quoteAsset")?);
    if base != symbol.base.as_str() || quote != symbol.quote.as_str() {
        return Err(Failure::Unreadable(format!("it trades {base} for {quote}, not {symbol}")));
    }
    let may_trade = told.is_spot_trading_allowed.optional().unwrap_or(true);
    let trading = trading(&told.status.required("status")?, may_trade);
    let filters = told.filters.required("filters")?;
    let (price, lot) = (&of(&filters, &["PRICE_FILTER"]), &of(&filters, &["LOT_SIZE"]));
    let (market, value) = (&of(&filters, &["MARKET_LOT_SIZE"]), &of(&filters, &["NOTIONAL", "MIN_NOTIONAL"]));
    let max_qty = most("LOT_SIZE.maxQty", lot.max_qty.clone())?;
    Ok(Instrument {
        symbol: symbol.clone(),
        trading,
        tick: wire::number("tickSize", price.tick_size.clone(), not_negative)?,
        step: wire::qty("LOT_SIZE.stepSize", lot.step_size.clone())?,
        min_qty: wire::qty("LOT_SIZE.minQty", lot.min_qty.clone())?,
        max_qty,
        // Both filters bind a market order.
        max_market_qty: most("MARKET_LOT_SIZE.maxQty", market.max_qty.clone())?.min(max_qty),
        takes_market_stops: takes_market_stops(told.order_types),
        min_notional: wire::number("minNotional", value.min_notional.clone(), Notional::parse)?,
        bounds: bounds(&filters, price, market, value)?,
    })
}

fn bounds(
    filters: &[WireFilter],
    price: &WireFilter,
    market: &WireFilter,
    value: &WireFilter,
) -> Result<Bounds, Failure> {
    let count = |name, of: fn(&WireFilter) -> Reported<u32>| found(filters, &[name]).map(of);
    Ok(Bounds {
        min_price: bound("minPrice", price.min_price.clone())?,
        max_price: bound("maxPrice", price.max_price.clone())?,
        min_market_qty: wire::qty("MARKET_LOT_SIZE.minQty", market.min_qty.clone())?,
        market_step: wire::qty("MARKET_LOT_SIZE.stepSize", market.step_size.clone())?,
        min_notional_at_market: min_binds_market(value),
        max_notional: match value.max_notional.clone() {
            // MIN_NOTIONAL has none.
            Reported::Missing => None,
            told @ (Reported::Null | Reported::Value(_)) => {
                Some(wire::number("maxNotional", told, Notional::parse)?)
            }
        },
        max_notional_at_market: value.apply_max_to_market.optional().is_none_or(|applies| applies),
        band: band(filters)?,
        max_orders: required("maxNumOrders", count("MAX_NUM_ORDERS", |one| one.max_num_orders))?,
        max_stops: required("maxNumAlgoOrders", count("MAX_NUM_ALGO_ORDERS", |one| one.max_num_algo_orders))?,
        max_position: match found(filters, &["MAX_POSITION"]) {
            Some(filter) => Some(wire::qty("maxPosition", filter.max_position.clone())?),
            None => None,
        },
    })
}

/// NOTIONAL says `applyMinToMarket`, MIN_NOTIONAL `applyToMarket`; where neither is said it binds.
fn min_binds_market(value: &WireFilter) -> bool {
    value.apply_min_to_market.optional().or(value.apply_to_market.optional()).is_none_or(|applies| applies)
}

/// What PERCENT_PRICE_BY_SIDE and PERCENT_PRICE leave: a symbol may have both (recorded of Binance.US, 2026-09-04).
fn band(filters: &[WireFilter]) -> Result<Option<Band>, Failure> {
    let part = |name, text: &Reported<String>| wire::number(name, text.clone(), not_negative);
    let by_side = found(filters, &["PERCENT_PRICE_BY_SIDE"]).map(|by_side| {
        Ok::<Band, Failure>(Band {
            buy_up: part("bidMultiplierUp", &by_side.bid_multiplier_up)?,
            buy_down: part("bidMultiplierDown", &by_side.bid_multiplier_down)?,
            sell_up: part("askMultiplierUp", &by_side.ask_multiplier_up)?,
            sell_down: part("askMultiplierDown", &by_side.ask_multiplier_down)?,
        })
    });
    let both = found(filters, &["PERCENT_PRICE"]).map(|both| {
        let up = part("multiplierUp", &both.multiplier_up)?;
        let down = part("multiplierDown", &both.multiplier_down)?;
        Ok::<Band, Failure>(Band { buy_up: up, buy_down: down, sell_up: up, sell_down: down })
    });
    Ok(match (by_side.transpose()?, both.transpose()?) {
        (Some(one), Some(other)) => Some(one.within(other)),
        (one, other) => one.or(other),
    })
}

/// `enums.md`, "Symbol status": orders are taken in `TRADING` alone. A word that is not known yet is no fault of the
/// symbol's: its filters still say how to sell once it trades again.
fn trading(word: &str, may_trade: bool) -> Trading {
    if word == "TRADING" && may_trade { Trading::Open } else { Trading::Closed }
}

/// Whether STOP_LOSS is among the types that the symbol takes: chosen by what it says, never by belief (776 symbols of
/// 2020-04-02 took none).
fn takes_market_stops(types: Reported<Vec<String>>) -> bool {
    types.optional().is_some_and(|types| types.iter().any(|word| word == "STOP_LOSS"))
}

/// The first filter of one of these types.
fn found<'a>(filters: &'a [WireFilter], types: &[&str]) -> Option<&'a WireFilter> {
    let is = |filter: &&WireFilter| matches!(&filter.filter_type, Reported::Value(name) if types.contains(&&**name));
    filters.iter().find(is)
}

/// The first filter of one of these types, or one that limits nothing.
fn of(filters: &[WireFilter], types: &[&str]) -> WireFilter {
    let none = || Reported::Value("0".to_owned());
    found(filters, types).cloned().unwrap_or_else(|| WireFilter {
        tick_size: none(),
        min_qty: none(),
        max_qty: none(),
        step_size: none(),
        min_notional: none(),
        ..WireFilter::default()
    })
}

/// A count of a filter that is there.
fn required(field: &'static str, told: Option<Reported<u32>>) -> Result<Option<u32>, Failure> {
    Ok(told.map(|told| told.required(field)).transpose()?)
}

/// A greatest quantity; zero is none.
fn most(field: &'static str, text: Reported<String>) -> Result<Qty, Failure> {
    let told = wire::qty(field, text)?;
    if !told.is_zero() {
        return Ok(told);
    }
    Qty::new(LARGEST).map_err(|error| Failure::Unreadable(error.to_string()))
}

/// A bound of prices; zero is none, and so is its absence.
fn bound(field: &'static str, text: Reported<String>) -> Result<Option<Price>, Failure> {
    let told = match text {
        Reported::Missing => return Ok(None),
        told @ (Reported::Null | Reported::Value(_)) => wire::number(field, told, not_negative)?,
    };
    Ok(Price::new(told).ok())
}

fn not_negative(text: &str) -> Result<Decimal, BadAmount> {
    let value = decimal(text)?;
    if value < Decimal::ZERO { Err(BadAmount::Negative(value)) } else { Ok(value) }
}
