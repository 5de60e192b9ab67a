//! Acting at Binance: one order, one cancel. `execute` alone compiles this in.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::account::trades::{self, Numbered};
use super::account::{Account, WireOrder};
use super::errors::{Failure, Meaning};
use super::{spelled, wire};
use crate::ids::{Asset, OrderId, Symbol};
use crate::market::Side;
use crate::money::{Amount, Notional, Qty, decimal};
use crate::order::Kind;
use crate::ports::{
    Balance, KeyRights, OrderReport, OrderRequest, Placed, ReadAccount, SendError, Trade, TradeOrders,
    VenueError,
};
use crate::reported::Reported;
use crate::secret::KeyPrint;
use crate::time::Timestamp;

/// Where orders are placed and cancelled.
const PATH: &str = "/api/v3/order";

/// Binance spot for the holder of a key that may trade.
#[derive(Debug, Clone)]
pub struct Trader(Account);

impl Trader {
    /// Trades with the account's key.
    pub const fn new(account: Account) -> Trader {
        Trader(account)
    }

    /// The same account, for reading.
    pub const fn account(&self) -> &Account {
        &self.0
    }

    /// One send: the only request that carries it. Where it finds the clocks apart they are measured for what
    /// follows, and it has come to nothing; where it is refused, what is known of the symbol is read anew.
    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        symbol: &Symbol,
        query: &str,
        sent_at: Timestamp,
    ) -> Result<T, Failure> {
        let answer = self.0.exchange(method, PATH, query, sent_at).await;
        if let Err(failure) = &answer {
            if failure.is_clock() {
                self.0.venue().set_clock().await.ok();
            }
            if failure.is_refusal() {
                self.0.venue().forget_instrument(symbol);
            }
        }
        answer
    }

    /// What became of an order that a cancel did not find. The cancel had no effect, so what stopped the look
    /// is what is said; "not seen" proves nothing before the order's fence.
    async fn after_no_cancel(&self, symbol: &Symbol, id: &OrderId) -> Result<OrderReport, SendError> {
        match self.0.look(symbol, id).await {
            Ok(Some(report)) => Ok(report),
            Ok(None) => Err(SendError::NoAnswer(format!("order {id} is not seen; nothing was cancelled"))),
            Err(failure) => Err(match SendError::from(failure) {
                SendError::Refused { code, text } => SendError::NoAnswer(format!("{code} {text}")),
                other @ (SendError::NeverSent(_) | SendError::NoAnswer(_) | SendError::Fatal { .. }) => other,
            }),
        }
    }
}

impl TradeOrders for Trader {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        let answer: WirePlaced = self.send(Method::POST, &order.symbol, &query(order), order.sent_at).await?;
        Ok(answer.read(order)?)
    }

    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        let query = format!("symbol={}&origClientOrderId={id}", spelled(symbol));
        match self.send::<WireOrder>(Method::DELETE, symbol, &query, sent_at).await {
            Ok(order) => Ok(order.report_of(symbol, id)?),
            Err(Failure::Refused(refusal)) if refusal.meaning == Meaning::NothingToCancel => {
                self.after_no_cancel(symbol, id).await
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

/// All parameters of an order; what a type does not take is not sent (-1106).
fn query(order: &OrderRequest) -> String {
    let side = match order.side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    };
    let kind = match order.kind {
        Kind::Market => "type=MARKET".to_owned(),
        Kind::Limit { price, time_in_force } => {
            format!("type=LIMIT&timeInForce={}&price={price}", time_in_force.as_str())
        }
        Kind::Stop { stop } => format!("type=STOP_LOSS&stopPrice={stop}"),
        Kind::StopLimit { stop, limit } => {
            format!("type=STOP_LOSS_LIMIT&timeInForce=GTC&price={limit}&stopPrice={stop}")
        }
    };
    let symbol = spelled(&order.symbol);
    let (quantity, id) = (order.quantity, &order.order_id);
    format!(
        "symbol={symbol}&side={side}&{kind}&quantity={quantity}&newClientOrderId={id}&newOrderRespType=FULL"
    )
}

/// What only the answer to a placement has.
#[derive(Debug, Deserialize)]
pub(super) struct WirePlaced {
    #[serde(flatten)]
    pub(super) order: WireOrder,
    #[serde(default, rename = "transactTime")]
    transact_time: Reported<i64>,
    #[serde(default, rename = "cummulativeQuoteQty")]
    quote_qty: Reported<String>,
    #[serde(default)]
    fills: Reported<Vec<WireFill>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireFill {
    price: Reported<String>,
    qty: Reported<String>,
    commission: Reported<String>,
    commission_asset: Reported<String>,
    trade_id: Reported<i64>,
}

impl WirePlaced {
    /// The answer must be about the order that was sent, in every term that it repeats.
    fn read(self, sent: &OrderRequest) -> Result<Placed, Failure> {
        let report = self.order.report_of(&sent.symbol, &sent.order_id)?;
        if report.side != sent.side || report.quantity != sent.quantity {
            return Err(Failure::Unreadable(
                "the order that was taken is not the one that was sent".to_owned(),
            ));
        }
        let at = wire::time("transactTime", self.transact_time)?;
        let fills = match self.fills {
            Reported::Missing | Reported::Null => Vec::new(),
            Reported::Value(fills) => fills,
        };
        let all = fills.into_iter().map(|fill| fill.read(&report, at)).collect::<Result<_, _>>()?;
        let listed = trades::in_order(all)?;
        let trades = if agrees(&listed, value(self.quote_qty)?) { trades::plain(listed) } else { Vec::new() };
        Ok(Placed { report, trades })
    }
}

/// Fills do not say what they were worth in quote; price times quantity is it only where it adds up to what the
/// order says. Elsewhere the trades are left to be read with their own values.
fn agrees(fills: &[Numbered], value: Option<Notional>) -> bool {
    let sum: Notional = fills.iter().map(|fill| fill.trade.value).sum();
    value == Some(sum)
}

/// `cummulativeQuoteQty`; below zero it means "not available" (`rest-api.md`, "Query order"), and so does its
/// absence here.
fn value(text: Reported<String>) -> Result<Option<Notional>, Failure> {
    let Some(text) = text.optional() else { return Ok(None) };
    let amount =
        decimal(&text).map_err(|error| Failure::Unreadable(format!("cummulativeQuoteQty: {error}")))?;
    Ok(Notional::new(amount).ok())
}

impl WireFill {
    fn read(self, report: &OrderReport, at: Timestamp) -> Result<Numbered, Failure> {
        let id = self.trade_id.required("tradeId")?;
        let (price, quantity) = (wire::price("price", self.price)?, wire::qty("qty", self.qty)?);
        let trade = Trade {
            trade_id: id.to_string(),
            venue_order_id: report.venue_id.clone(),
            symbol: report.symbol.clone(),
            side: report.side,
            price,
            quantity,
            value: quantity * price,
            fee: wire::number("commission", self.commission, Amount::parse)?,
            fee_asset: trades::asset("commissionAsset", self.commission_asset)?,
            at,
        };
        Ok(Numbered { id, trade })
    }
}

#[cfg(test)]
mod tests;

/// Who may trade may also read the market.
impl crate::ports::MarketData for Trader {
    async fn instrument(&self, symbol: &Symbol) -> Result<crate::market::Instrument, VenueError> {
        self.0.instrument(symbol).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<crate::market::Quote, VenueError> {
        self.0.quote(symbol).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<crate::market::Candle>, VenueError> {
        self.0.candles(symbol, count).await
    }
}

/// Who may trade may also read the account.
impl ReadAccount for Trader {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.0.balances().await
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        self.0.order(symbol, id).await
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        self.0.open_orders(symbol).await
    }
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        self.0.trades_of(symbol, venue_order_id, executed).await
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        self.0.trades_after(symbol, after).await
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        self.0.key_rights().await
    }
    fn key_print(&self) -> Option<KeyPrint> {
        self.0.key_print()
    }
}
