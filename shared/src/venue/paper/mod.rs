//! The paper venue (`backend = mock`): the exchange's rules over public market data, without any key.
//!
//! Its orders, balances and trades stand in its own ledger ([`crate::records::paper`]), which this adapter alone
//! writes, each time on condition that nothing changed since it was read. Every question first lets what rests
//! meet the market ([`book`]). A new account begins with the `paper_balance`
//! of the strategy that looks at it first.
//!
//! **The fence.** An order is taken while its send is younger than the receive window, by the clock as it is read
//! after the ledger. Asking for an order that is not there moves the ledger's version: a placement that was under
//! way then loses its write and is judged anew by the clock, so that what is absent after the window stays so.
//!
//! More than [`MOST_CANDLES`] minutes without a look are seen as far as the venue's candles reach back.

mod book;
#[cfg(feature = "venue-trade")]
mod placing;

#[cfg(test)]
#[cfg(all(feature = "testkit", feature = "venue-trade"))]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{AccountId, Asset, OrderId, Symbol};
use crate::market::{Candle, Instrument, Quote};
use crate::money::{Amount, Qty};
use crate::order::Ended;
use crate::ports::{
    Balance, KeyRights, MarketData, OrderReport, ReadAccount, SharedClock, Trade, VenueError, WriteTables,
};
use crate::records::paper::{self, PaperLedger, PaperOrder, PaperTrade};
use crate::secret::KeyPrint;
use crate::settings::{BadBalance, PaperBalance};
use crate::store::{Write, WriteError};
use crate::time::Timestamp;

pub use book::{FEE, SLIPPAGE};

/// The most minutes that one look reads.
const MOST_CANDLES: u32 = 999;
/// How often a change that was overtaken by another is made anew.
const MOST_ATTEMPTS: u32 = 5;
/// The most trades of one answer.
const MOST_TRADES: usize = 1_000;

/// One account at the paper venue, over the public data of `M`.
#[derive(Debug, Clone)]
pub struct Paper<M, T> {
    market: M,
    tables: T,
    clock: Silent,
    account: AccountId,
    begins_with: Option<PaperBalance>,
}

/// A clock, which has nothing to say of itself.
#[derive(Clone)]
struct Silent(SharedClock);

impl std::fmt::Debug for Silent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Clock")
    }
}

/// Why a change was not made.
enum Unchanged {
    /// Someone else was first: read again.
    Overtaken,
    /// It did not happen.
    NotDone(VenueError),
    /// It may have happened.
    NoAnswer(String),
}

impl From<Unchanged> for VenueError {
    fn from(why: Unchanged) -> VenueError {
        match why {
            Unchanged::Overtaken => VenueError::Unavailable("its ledger was busy".to_owned()),
            Unchanged::NotDone(error) => error,
            Unchanged::NoAnswer(text) => VenueError::Unavailable(text),
        }
    }
}

impl<M: MarketData, T: WriteTables> Paper<M, T> {
    /// The account `account`, kept in `tables`; where it is new, it `begins_with` this, or with
    /// [`PaperBalance::USUAL`].
    pub fn new(
        market: M,
        tables: T,
        clock: SharedClock,
        account: AccountId,
        begins_with: Option<PaperBalance>,
    ) -> Paper<M, T> {
        Paper { market, tables, clock: Silent(clock), account, begins_with }
    }

    fn now(&self) -> Timestamp {
        self.clock.0.now()
    }

    /// The ledger as it stands; put with its first balance where there is none.
    async fn read(&self) -> Result<PaperLedger, VenueError> {
        let key = paper::key(&self.account);
        let unread = |why: String| VenueError::Unavailable(format!("its ledger cannot be read: {why}"));
        let items =
            self.tables.get(std::slice::from_ref(&key)).await.map_err(|why| unread(why.to_string()))?;
        if let Some(item) = items.into_iter().flatten().next() {
            return paper::decode(&item).map_err(|why| unread(why.to_string()));
        }
        let first = self.first().map_err(|why| unread(why.to_string()))?;
        match self.tables.write(vec![Write::put_if_absent(key, paper::encode(&first))]).await {
            Ok(()) => Ok(first),
            Err(why) => Err(unread(why.to_string())),
        }
    }

    /// Writes what changed; `next` with its new version.
    async fn write(&self, seen: &PaperLedger, next: PaperLedger) -> Result<PaperLedger, Unchanged> {
        let next = PaperLedger { version: seen.version.saturating_add(1), ..next };
        match self.tables.write(vec![paper::update(seen, &next)]).await {
            Ok(()) => Ok(next),
            Err(WriteError::Lost { .. } | WriteError::Conflict) => Err(Unchanged::Overtaken),
            Err(WriteError::NotDone(why)) => Err(Unchanged::NotDone(VenueError::Unavailable(why))),
            Err(WriteError::NoAnswer(why)) => Err(Unchanged::NoAnswer(why)),
        }
    }

    /// The ledger once everything that rests has met the market; written where that changed it.
    async fn look(&self) -> Result<PaperLedger, VenueError> {
        for _ in 0..MOST_ATTEMPTS {
            let seen = self.read().await?;
            let next = self.met(seen.clone()).await?;
            if next == seen {
                return Ok(seen);
            }
            match self.write(&seen, next).await {
                Err(Unchanged::Overtaken) => {}
                result => return Ok(result?),
            }
        }
        Err(Unchanged::Overtaken.into())
    }

    async fn met(&self, mut ledger: PaperLedger) -> Result<PaperLedger, VenueError> {
        let symbols: BTreeSet<Symbol> = ledger.open.iter().map(|order| order.symbol.clone()).collect();
        for symbol in symbols {
            let here = ledger.open.iter().filter(|order| order.symbol == symbol);
            let Some(oldest) = here.map(|order| order.matched_until).min() else { continue };
            let minutes = self.now().minute_number().saturating_sub(oldest.minute_number());
            let candles = match u32::try_from(minutes) {
                Ok(minutes) if minutes > 0 => self.market.candles(&symbol, minutes.min(MOST_CANDLES)).await?,
                Ok(_) | Err(_) => Vec::new(),
            };
            let (instrument, quote) =
                (self.market.instrument(&symbol).await?, self.market.quote(&symbol).await?);
            ledger.meet(&instrument, &candles, &quote);
        }
        Ok(ledger)
    }

    fn first(&self) -> Result<PaperLedger, BadBalance> {
        let stated = self.begins_with.clone();
        let PaperBalance { amount, asset } =
            stated.map_or_else(|| PaperBalance::parse(PaperBalance::USUAL), Ok)?;
        let balance = Balance { free: amount, locked: Amount::ZERO };
        Ok(PaperLedger {
            account: self.account.clone(),
            version: 1,
            balances: BTreeMap::from([(asset, balance)]),
            open: Vec::new(),
            ended: Vec::new(),
            trades: Vec::new(),
            numbers: 0,
        })
    }

    /// The ledger as it stands now; moved on, so that what was under way when it was read is judged anew.
    async fn not_there(&self, seen: PaperLedger) -> Result<bool, VenueError> {
        match self.write(&seen, seen.clone()).await {
            Ok(_) => Ok(true),
            Err(Unchanged::Overtaken) => Ok(false),
            Err(why) => Err(why.into()),
        }
    }
}

fn report(order: &PaperOrder) -> OrderReport {
    OrderReport {
        client_id: order.order_id.to_string(),
        venue_id: order.number.to_string(),
        symbol: order.symbol.clone(),
        side: order.side,
        quantity: order.quantity,
        executed: if order.ended == Some(Ended::Filled) { order.quantity } else { Qty::ZERO },
        ended: order.ended,
    }
}

fn trade(trade: &PaperTrade) -> Trade {
    Trade {
        trade_id: trade.number.to_string(),
        venue_order_id: trade.order.to_string(),
        symbol: trade.symbol.clone(),
        side: trade.side,
        price: trade.price,
        quantity: trade.quantity,
        value: trade.value,
        fee: trade.fee,
        fee_asset: trade.fee_asset.clone(),
        at: trade.at,
    }
}

/// An id as this venue gives it: a number.
fn number(text: &str) -> Result<u64, VenueError> {
    text.parse().map_err(|_| VenueError::BadReply(format!("{text:?} is no id of the paper venue")))
}

impl<M: MarketData, T: WriteTables> MarketData for Paper<M, T> {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        self.market.instrument(symbol).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.market.quote(symbol).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        self.market.candles(symbol, count).await
    }
}

impl<M: MarketData, T: WriteTables> ReadAccount for Paper<M, T> {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        Ok(self.look().await?.balances)
    }

    async fn order(&self, _symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        for _ in 0..MOST_ATTEMPTS {
            let ledger = self.look().await?;
            if let Some(order) = ledger.order(id) {
                return Ok(Some(report(order)));
            }
            if self.not_there(ledger).await? {
                return Ok(None);
            }
        }
        Err(Unchanged::Overtaken.into())
    }

    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        let ledger = self.look().await?;
        Ok(ledger.open.iter().filter(|order| order.symbol == *symbol).map(report).collect())
    }

    async fn trades_of(
        &self,
        _symbol: &Symbol,
        venue_order_id: &str,
        _executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        let (ledger, order) = (self.look().await?, number(venue_order_id)?);
        Ok(ledger.trades.iter().filter(|trade| trade.order == order).map(trade).collect())
    }

    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        let (ledger, after) = (self.look().await?, after.map_or(Ok(0), number)?);
        let newer = |one: &&PaperTrade| one.symbol == *symbol && one.number > after;
        Ok(ledger.trades.iter().filter(newer).take(MOST_TRADES).map(trade).collect())
    }

    /// There is no key, so there is nothing that one could do beside trading here.
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        Ok(KeyRights { trade: true, withdraw: false, transfer: false, address_bound: true })
    }
    fn key_print(&self) -> Option<KeyPrint> {
        None
    }
}
