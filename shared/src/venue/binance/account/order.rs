//! An order as Binance reports it: placed, queried, listed or cancelled.

use serde::Deserialize;

use super::super::errors::Failure;
use super::super::wire;
use crate::ids::{OrderId, Symbol};
use crate::market::Side;
use crate::order::Ended;
use crate::ports::OrderReport;
use crate::reported::Reported;

/// `POST`, `GET` and `DELETE /api/v3/order`, and the rows of `openOrders`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in super::super) struct WireOrder {
    symbol: Reported<String>,
    order_id: Reported<i64>,
    client_order_id: Reported<String>,
    /// In the answer to a cancel alone, where `clientOrderId` is the cancel's own.
    orig_client_order_id: Reported<String>,
    orig_qty: Reported<String>,
    executed_qty: Reported<String>,
    status: Reported<String>,
    side: Reported<String>,
}

impl WireOrder {
    /// How the order that was asked for by its client id stands.
    pub(in super::super) fn report_of(self, symbol: &Symbol, id: &OrderId) -> Result<OrderReport, Failure> {
        let report = self.report(symbol)?;
        if report.client_id == id.as_str() {
            return Ok(report);
        }
        Err(Failure::Unreadable(format!("it is order {:?} where {id} was asked", report.client_id)))
    }

    /// How an order stands.
    pub(in super::super) fn report(self, symbol: &Symbol) -> Result<OrderReport, Failure> {
        wire::about(symbol, self.symbol)?;
        let client_id = match self.orig_client_order_id {
            Reported::Missing => self.client_order_id.required("clientOrderId")?,
            told @ (Reported::Null | Reported::Value(_)) => told.required("origClientOrderId")?,
        };
        let quantity = wire::qty("origQty", self.orig_qty)?;
        let executed = wire::qty("executedQty", self.executed_qty)?;
        if executed > quantity {
            return Err(Failure::Unreadable(format!("{executed} of {quantity} has traded")));
        }
        Ok(OrderReport {
            client_id,
            venue_id: self.order_id.required("orderId")?.to_string(),
            symbol: symbol.clone(),
            side: side(&self.side.required("side")?)?,
            quantity,
            executed,
            ended: ended(&self.status.required("status")?)?,
        })
    }
}

fn side(word: &str) -> Result<Side, Failure> {
    match word {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        other => Err(wire::unknown("side", other)),
    }
}

/// `enums.md`, "Order status": what is over is over with whatever was executed. `PENDING_CANCEL` is documented
/// as unused, so it is unknown here.
fn ended(word: &str) -> Result<Option<Ended>, Failure> {
    match word {
        "NEW" | "PENDING_NEW" | "PARTIALLY_FILLED" => Ok(None),
        "FILLED" => Ok(Some(Ended::Filled)),
        "CANCELED" => Ok(Some(Ended::Cancelled)),
        "REJECTED" => Ok(Some(Ended::Rejected)),
        "EXPIRED" | "EXPIRED_IN_MATCH" => Ok(Some(Ended::Expired)),
        other => Err(wire::unknown("status", other)),
    }
}
