//! The truth about an account, read with a signed query.

mod order;
pub(super) mod trades;

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::errors::{Failure, Meaning};
use super::sign::ApiKey;
use super::{Binance, RECV_WINDOW, spelled, wire};
use crate::ids::{Asset, OrderId, Symbol};
use crate::money::Qty;
use crate::ports::{Balance, KeyRights, OrderReport, ReadAccount, Trade, VenueError};
use crate::reported::Reported;
use crate::secret::KeyPrint;
use crate::time::Timestamp;
use crate::transport::{Repeat, Request};

pub(super) use order::WireOrder;

/// The most rows that one `myTrades` answer has (`rest-api.md`, "Account trade list").
const MOST_TRADES: usize = 1_000;
/// The most pages that the trades of one order are read from.
const MOST_PAGES: usize = 20;

/// Binance spot as the holder of one key sees it.
#[derive(Debug, Clone)]
pub struct Account {
    venue: Binance,
    key: ApiKey,
}

impl Account {
    /// Reads with `key`.
    pub const fn new(venue: Binance, key: ApiKey) -> Account {
        Account { venue, key }
    }

    /// The same venue without the key.
    pub const fn venue(&self) -> &Binance {
        &self.venue
    }

    /// A request that is signed as of `at` of our clock, corrected by what is known of the venue's; all
    /// parameters stand in the query, which is what is signed.
    fn signed(&self, method: Method, path: &str, query: &str, at: Timestamp) -> Result<Request, Failure> {
        let (join, at) = (if query.is_empty() { "" } else { "&" }, self.venue.link.venue_time(at));
        let query = format!("{query}{join}recvWindow={}&timestamp={}", RECV_WINDOW.0, at.as_millis());
        let mut request = self.venue.request(method, path, &self.key.signed(&query)?)?;
        request.headers_mut().insert("x-mbx-apikey", self.key.header()?);
        Ok(request)
    }

    /// One signed exchange. An order or a cancel has a connection of its own: an idle one that the venue closes as the
    /// request arrives would leave the order unknown until its fence. A new one costs two round trips (TCP, TLS 1.3)
    /// out of the receive window.
    pub(super) async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &str,
        at: Timestamp,
    ) -> Result<T, Failure> {
        let is_read = method == Method::GET;
        let request = self.signed(method, path, query, at)?;
        self.venue.exchange(if is_read { request } else { Repeat::Once.mark(request) }).await
    }

    /// A read that finds the clocks apart measures them and asks once more; an old offset is measured first.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Failure> {
        if self.venue.link.clock_is_old(self.venue.now()) {
            // Where that fails the old one is better than none: the venue refuses what is signed too far off.
            self.venue.set_clock().await.ok();
        }
        match self.exchange(Method::GET, path, query, self.venue.now()).await {
            Err(failure) if failure.is_clock() => {
                self.venue.set_clock().await?;
                self.exchange(Method::GET, path, query, self.venue.now()).await
            }
            answer => answer,
        }
    }

    /// How the order with this client id stands; none where the venue does not see it.
    pub(super) async fn look(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, Failure> {
        let query = format!("symbol={}&origClientOrderId={id}", spelled(symbol));
        match self.get::<WireOrder>("/api/v3/order", &query).await {
            Ok(order) => order.report_of(symbol, id).map(Some),
            Err(Failure::Refused(refusal)) if refusal.meaning == Meaning::NoSuchOrder => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn trades(&self, symbol: &Symbol, filter: &str) -> Result<Vec<trades::Numbered>, Failure> {
        let query = format!("symbol={}&{filter}&limit={MOST_TRADES}", spelled(symbol));
        let rows: Vec<trades::WireTrade> = self.get("/api/v3/myTrades", &query).await?;
        trades::in_order(rows.into_iter().map(|row| row.read(symbol)).collect::<Result<_, _>>()?)
    }

    /// From the first one on, until they are as much as was executed, or a page is empty. Without `fromId` the newest are
    /// answered (`rest-api.md`, "Account trade list"), and a page with fewer than its limit is not always the last
    /// (python-binance#981). An order with more trades than the bound is an error, never a part of the truth.
    async fn all_trades_of(
        &self,
        symbol: &Symbol,
        order: i64,
        executed: Qty,
    ) -> Result<Vec<trades::Numbered>, Failure> {
        let mut all: Vec<trades::Numbered> = Vec::new();
        for _page in 0..MOST_PAGES {
            let from = all.last().map_or(0, trades::Numbered::next_id);
            let page = self.trades(symbol, &format!("orderId={order}&fromId={from}")).await?;
            let is_last = page.is_empty();
            all.extend(page);
            if is_last || all.iter().map(|one| one.trade.quantity).sum::<Qty>() >= executed {
                return trades::in_order(all);
            }
        }
        Err(Failure::Unreadable(format!("order {order} has more than {} trades", all.len())))
    }
}

impl ReadAccount for Account {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        let account: WireAccount = self.get("/api/v3/account", "omitZeroBalances=true").await?;
        Ok(balances(account)?)
    }

    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        Ok(self.look(symbol, id).await?)
    }

    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        let query = format!("symbol={}", spelled(symbol));
        let orders: Vec<WireOrder> = self.get("/api/v3/openOrders", &query).await?;
        Ok(orders.into_iter().map(|order| order.report(symbol)).collect::<Result<_, _>>()?)
    }

    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        let trades = self.all_trades_of(symbol, id(venue_order_id)?, executed).await?;
        if let Some(other) = trades.iter().find(|trade| trade.trade.venue_order_id != venue_order_id) {
            return Err(
                Failure::Unreadable(format!("a trade of order {}", other.trade.venue_order_id)).into()
            );
        }
        Ok(trades::plain(trades))
    }

    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        let from = match after {
            Some(after) => id(after)?.saturating_add(1),
            None => 0,
        };
        Ok(trades::plain(self.trades(symbol, &format!("fromId={from}")).await?))
    }

    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        let rights: WireRights = self.get("/sapi/v1/account/apiRestrictions", "").await?;
        Ok(rights.read()?)
    }
    fn key_print(&self) -> Option<KeyPrint> {
        Some(self.key.print())
    }
}

/// An id as Binance gives it: a number.
fn id(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| Failure::Unreadable(format!("{text:?} is no id of Binance")))
}

/// `GET /api/v3/account`.
#[derive(Debug, Deserialize)]
pub(super) struct WireAccount {
    balances: Vec<WireBalance>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireBalance {
    asset: Reported<String>,
    free: Reported<String>,
    locked: Reported<String>,
}

pub(super) fn balances(account: WireAccount) -> Result<BTreeMap<Asset, Balance>, Failure> {
    let mut all = BTreeMap::new();
    for row in account.balances {
        let name = row.asset.required("asset")?;
        // What cannot be spelled here cannot be traded here: it keeps nobody from reading the rest.
        let Ok(asset) = Asset::parse(&name) else { continue };
        let amount = |field, text| wire::number(field, text, Qty::parse).map(Qty::amount);
        let balance = Balance { free: amount("free", row.free)?, locked: amount("locked", row.locked)? };
        if all.insert(asset, balance).is_some() {
            return Err(Failure::Unreadable(format!("{name} is listed twice")));
        }
    }
    Ok(all)
}

/// `GET /sapi/v1/account/apiRestrictions` (Wallet API, "Get API Key Permission").
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireRights {
    ip_restrict: Reported<bool>,
    enable_withdrawals: Reported<bool>,
    enable_internal_transfer: Reported<bool>,
    permits_universal_transfer: Reported<bool>,
    enable_spot_and_margin_trading: Reported<bool>,
}

impl WireRights {
    /// A right that is not reported is an error: not knowing is not "no".
    fn read(self) -> Result<KeyRights, Failure> {
        let internal = self.enable_internal_transfer.required("enableInternalTransfer")?;
        let universal = self.permits_universal_transfer.required("permitsUniversalTransfer")?;
        Ok(KeyRights {
            trade: self.enable_spot_and_margin_trading.required("enableSpotAndMarginTrading")?,
            withdraw: self.enable_withdrawals.required("enableWithdrawals")?,
            transfer: internal || universal,
            address_bound: self.ip_restrict.required("ipRestrict")?,
        })
    }
}

#[cfg(test)]
mod tests;

/// Who may read an account may also read its market.
impl crate::ports::MarketData for Account {
    async fn instrument(&self, symbol: &Symbol) -> Result<crate::market::Instrument, VenueError> {
        self.venue.instrument(symbol).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<crate::market::Quote, VenueError> {
        self.venue.quote(symbol).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<crate::market::Candle>, VenueError> {
        self.venue.candles(symbol, count).await
    }
}
