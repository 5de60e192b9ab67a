//! Trades as Binance reports them, put in order.

use serde::Deserialize;

use super::super::errors::Failure;
use super::super::wire;
use crate::ids::{Asset, Symbol};
use crate::market::Side;
use crate::money::{Amount, Notional};
use crate::ports::Trade;
use crate::reported::Reported;

/// One row of `GET /api/v3/myTrades`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct WireTrade {
    symbol: Reported<String>,
    id: Reported<i64>,
    order_id: Reported<i64>,
    price: Reported<String>,
    qty: Reported<String>,
    quote_qty: Reported<String>,
    commission: Reported<String>,
    commission_asset: Reported<String>,
    time: Reported<i64>,
    is_buyer: Reported<bool>,
}

/// A trade with its number, by which trades are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Numbered {
    pub(in super::super) id: i64,
    pub(in super::super) trade: Trade,
}

impl Numbered {
    pub(super) const fn next_id(&self) -> i64 {
        self.id.saturating_add(1)
    }
}

impl WireTrade {
    pub(in super::super) fn read(self, symbol: &Symbol) -> Result<Numbered, Failure> {
        wire::about(symbol, self.symbol)?;
        let id = self.id.required("id")?;
        let side = if self.is_buyer.required("isBuyer")? { Side::Buy } else { Side::Sell };
        let trade = Trade {
            trade_id: id.to_string(),
            venue_order_id: self.order_id.required("orderId")?.to_string(),
            symbol: symbol.clone(),
            side,
            price: wire::price("price", self.price)?,
            quantity: wire::qty("qty", self.qty)?,
            value: wire::number("quoteQty", self.quote_qty, Notional::parse)?,
            fee: wire::number("commission", self.commission, Amount::parse)?,
            fee_asset: asset("commissionAsset", self.commission_asset)?,
            at: wire::time("time", self.time)?,
        };
        Ok(Numbered { id, trade })
    }
}

/// A required asset name.
pub(in super::super) fn asset(field: &'static str, name: Reported<String>) -> Result<Asset, Failure> {
    Asset::parse(&name.required(field)?).map_err(|error| Failure::Unreadable(format!("{field}: {error}")))
}

/// Oldest first and each once; two trades under one number are an error.
pub(in super::super) fn in_order(mut trades: Vec<Numbered>) -> Result<Vec<Numbered>, Failure> {
    trades.sort_by_key(|trade| trade.id);
    trades.dedup();
    if trades.is_sorted_by(|one, next| one.id < next.id) {
        return Ok(trades);
    }
    Err(Failure::Unreadable("two different trades have one id".to_owned()))
}

/// The trades without their numbers.
pub(in super::super) fn plain(trades: Vec<Numbered>) -> Vec<Trade> {
    trades.into_iter().map(|numbered| numbered.trade).collect()
}
