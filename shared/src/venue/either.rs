//! One of two venues, behind the same ports: which one it is the settings say.

use std::collections::BTreeMap;

use crate::ids::{Asset, OrderId, Symbol};
use crate::market::{Candle, Instrument, Quote};
use crate::money::Qty;
use crate::ports::{Balance, KeyRights, MarketData, OrderReport, ReadAccount, Trade, VenueError};
#[cfg(feature = "venue-trade")]
use crate::ports::{OrderRequest, Placed, SendError, TradeOrders};
use crate::secret::KeyPrint;
#[cfg(feature = "venue-trade")]
use crate::time::Timestamp;

/// An exchange, or the paper venue.
#[derive(Debug)]
pub enum Either<E, P> {
    /// An exchange.
    Exchange(E),
    /// The paper venue.
    Paper(P),
}

impl<E: MarketData, P: MarketData> MarketData for Either<E, P> {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        match self {
            Either::Exchange(venue) => venue.instrument(symbol).await,
            Either::Paper(venue) => venue.instrument(symbol).await,
        }
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        match self {
            Either::Exchange(venue) => venue.quote(symbol).await,
            Either::Paper(venue) => venue.quote(symbol).await,
        }
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.candles(symbol, count).await,
            Either::Paper(venue) => venue.candles(symbol, count).await,
        }
    }
}

impl<E: ReadAccount, P: ReadAccount> ReadAccount for Either<E, P> {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.balances().await,
            Either::Paper(venue) => venue.balances().await,
        }
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.order(symbol, id).await,
            Either::Paper(venue) => venue.order(symbol, id).await,
        }
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.open_orders(symbol).await,
            Either::Paper(venue) => venue.open_orders(symbol).await,
        }
    }
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.trades_of(symbol, venue_order_id, executed).await,
            Either::Paper(venue) => venue.trades_of(symbol, venue_order_id, executed).await,
        }
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        match self {
            Either::Exchange(venue) => venue.trades_after(symbol, after).await,
            Either::Paper(venue) => venue.trades_after(symbol, after).await,
        }
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        match self {
            Either::Exchange(venue) => venue.key_rights().await,
            Either::Paper(venue) => venue.key_rights().await,
        }
    }
    fn key_print(&self) -> Option<KeyPrint> {
        match self {
            Either::Exchange(venue) => venue.key_print(),
            Either::Paper(venue) => venue.key_print(),
        }
    }
}

#[cfg(feature = "venue-trade")]
impl<E: TradeOrders, P: TradeOrders> TradeOrders for Either<E, P> {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        match self {
            Either::Exchange(venue) => venue.place(order).await,
            Either::Paper(venue) => venue.place(order).await,
        }
    }
    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        match self {
            Either::Exchange(venue) => venue.cancel(symbol, id, sent_at).await,
            Either::Paper(venue) => venue.cancel(symbol, id, sent_at).await,
        }
    }
}
