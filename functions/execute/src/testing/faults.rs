//! What goes wrong between execute and its ports: the tables and the real adapter with scripted faults.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use shared::ids::{Asset, OrderId, Symbol};
use shared::market::{Candle as SeenCandle, Instrument, Quote, Side};
use shared::money::{Price, Qty};
use shared::order::Ended;
use shared::ports::{
    Balance, KeyRights, MarketData, OpenVenue, OrderReport, OrderRequest, Placed, ReadAccount, ReadTables,
    SendError, Trade, TradeOrders, VenueError, Wait, WriteTables,
};
use shared::records;
use shared::secret::KeyPrint;
use shared::settings::Settings;
use shared::store::{Item, Key, Order as Direction, ReadError, Write, WriteError};
use shared::tables::Table;
use shared::testkit::memory::MemoryStore;
use shared::time::{Millis, Timestamp};
use shared::venue::binance::trade::Trader;
use sim::clock::SimClock;
use sim::exchange::Exchange;

use super::{d, settings};

/// What a fault does to one placement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives; its answer does not.
    LostReply,
    /// It does not arrive, and nobody knows.
    LostRequest,
    /// It did not leave.
    NeverSent,
    /// 429.
    Throttled,
    /// The venue refuses it.
    Refused,
    /// The venue refuses the key.
    Fatal,
    /// Somebody withdrew this much base a moment ago, so that the balance does not suffice.
    Withdrawn(&'static str),
}

type Hook = Box<dyn FnOnce()>;

/// What goes wrong, and what was asked.
#[derive(Default)]
pub(crate) struct Faults {
    /// One per placement, then none.
    pub(crate) place: RefCell<VecDeque<Option<Fault>>>,
    /// Every placement from now on.
    pub(crate) always: RefCell<Option<Fault>>,
    /// Every cancel that reached the adapter.
    pub(crate) cancels: RefCell<Vec<String>>,
    /// Every placement that was tried.
    pub(crate) places: RefCell<Vec<String>>,
    /// Cancels get no answer and do not arrive.
    pub(crate) cancels_fail: Cell<bool>,
    /// A buy that is to be cancelled is said to be, and rests on.
    pub(crate) cancels_lie: Cell<bool>,
    /// No market data of this symbol.
    pub(crate) quotes_fail: Cell<bool>,
    /// What the coin of the fees is priced at; none: it has no market.
    pub(crate) fee_price: Cell<Option<Price>>,
    /// The venue does not know the symbol any more.
    pub(crate) is_delisted: Cell<bool>,
    /// The account cannot be read.
    pub(crate) balances_fail: Cell<bool>,
    /// After a cancel neither account nor market can be read in the same minute.
    pub(crate) reads_fail_after_cancel: Cell<bool>,
    /// The minute of the last cancel.
    pub(crate) cancelled_at: Cell<Option<i64>>,
    /// The account shows no base yet.
    pub(crate) balances_lag: Cell<bool>,
    /// Orders cannot be asked about.
    pub(crate) orders_fail: Cell<bool>,
    /// The venue knows no order any more.
    pub(crate) orders_gone: Cell<bool>,
    /// What a question about an order is answered with.
    pub(crate) order_error: RefCell<Option<VenueError>>,
    /// What the venue says of the key; none: what the exchange says.
    pub(crate) rights: RefCell<Option<Result<KeyRights, VenueError>>>,
    /// How often it was asked.
    pub(crate) rights_asked: Cell<u32>,
    /// What tells the key that is used now; none: the adapter's own.
    pub(crate) print: Cell<Option<KeyPrint>>,
    /// The venue lists only so many trades.
    pub(crate) trades_seen: Cell<Option<usize>>,
    /// It lists them without so many of the oldest.
    pub(crate) trades_late: Cell<usize>,
    /// The account's ledger is not there.
    pub(crate) no_ledger: Cell<bool>,
    /// What each call of the venue takes.
    pub(crate) call_takes: Cell<Millis>,
    /// Fails the writes with these numbers, counted from the arming; true: it happens all the same.
    pub(crate) writes_fail: RefCell<BTreeMap<usize, (WriteError, bool)>>,
    /// Runs before the write with this number.
    pub(crate) before_write: RefCell<Option<(usize, Hook)>>,
    /// Writes since the arming.
    pub(crate) writes: Cell<usize>,
}

/// The tables with faults.
pub(crate) struct Tables {
    pub(crate) store: MemoryStore,
    pub(crate) faults: Rc<Faults>,
}

impl ReadTables for Tables {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        let mut items = self.store.get(keys).await?;
        if self.faults.no_ledger.get() {
            let ledger = records::account::key(&settings().account);
            keys.iter().zip(&mut items).filter(|(key, _)| **key == ledger).for_each(|(_, item)| *item = None);
        }
        Ok(items)
    }
    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Direction,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        self.store.query(table, hash, prefix, order, limit).await
    }
}

impl WriteTables for Tables {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if writes.is_empty() {
            return Ok(());
        }
        let number = self.faults.writes.get();
        self.faults.writes.set(number + 1);
        let due = self.faults.before_write.borrow().as_ref().is_some_and(|(at, _)| *at == number);
        if due && let Some((_, hook)) = self.faults.before_write.take() {
            hook();
        }
        let fault = self.faults.writes_fail.borrow_mut().remove(&number);
        match fault {
            None => self.store.write(writes).await,
            Some((error, applied)) => {
                if applied {
                    self.store.write(writes).await?;
                }
                Err(error)
            }
        }
    }
}

/// The real adapter with faults.
#[derive(Clone)]
pub(crate) struct Shaky {
    pub(super) trader: Trader,
    pub(super) exchange: Arc<Exchange>,
    pub(super) clock: SimClock,
    pub(super) faults: Rc<Faults>,
}

impl Shaky {
    fn called(&self) {
        self.clock.advance(self.faults.call_takes.get());
    }
    fn is_after_cancel(&self) -> bool {
        let minute = Some(self.clock.now().minute_number());
        self.faults.reads_fail_after_cancel.get() && self.faults.cancelled_at.get() == minute
    }
    fn seen(&self, mut trades: Vec<Trade>) -> Vec<Trade> {
        trades.drain(..self.faults.trades_late.get().min(trades.len()));
        trades.truncate(self.faults.trades_seen.get().unwrap_or(usize::MAX));
        trades
    }
}

impl MarketData for Shaky {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        self.called();
        if self.faults.is_delisted.get() {
            return Err(VenueError::Refused { code: "-1121".to_owned(), text: "Invalid symbol.".to_owned() });
        }
        self.trader.instrument(symbol).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.called();
        if self.faults.quotes_fail.get() || self.is_after_cancel() {
            return Err(VenueError::Unavailable("no quotes".to_owned()));
        }
        if let Some(price) = self.faults.fee_price.get().filter(|_| symbol.base.as_str() == "BNB") {
            let at = self.clock.now();
            return Ok(Quote { symbol: symbol.clone(), bid: price, ask: price, at });
        }
        self.trader.quote(symbol).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<SeenCandle>, VenueError> {
        self.called();
        self.trader.candles(symbol, count).await
    }
}

impl ReadAccount for Shaky {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.called();
        if self.faults.balances_fail.get() || self.is_after_cancel() {
            return Err(VenueError::Unavailable("no balances".to_owned()));
        }
        let mut balances = self.trader.balances().await?;
        balances.retain(|asset, _| !self.faults.balances_lag.get() || asset.as_str() != "BTC");
        Ok(balances)
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        self.called();
        if self.faults.orders_fail.get() {
            return Err(VenueError::Unavailable("no orders".to_owned()));
        }
        if let Some(error) = self.faults.order_error.borrow().clone() {
            return Err(error);
        }
        if self.faults.orders_gone.get() {
            return Ok(None);
        }
        self.trader.order(symbol, id).await
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        self.called();
        self.trader.open_orders(symbol).await
    }
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        self.called();
        Ok(self.seen(self.trader.trades_of(symbol, venue_order_id, executed).await?))
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        self.called();
        self.trader.trades_after(symbol, after).await
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        self.faults.rights_asked.set(self.faults.rights_asked.get() + 1);
        let scripted = self.faults.rights.borrow().clone();
        match scripted {
            Some(rights) => rights,
            None => self.trader.key_rights().await,
        }
    }
    fn key_print(&self) -> Option<KeyPrint> {
        self.faults.print.get().or(self.trader.key_print())
    }
}

impl TradeOrders for Shaky {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        self.called();
        self.faults.places.borrow_mut().push(order.order_id.to_string());
        let once = self.faults.place.borrow_mut().pop_front().flatten();
        let text = "as scripted".to_owned();
        match once.or_else(|| self.faults.always.borrow().clone()) {
            None => {
                let placed = self.trader.place(order).await?;
                Ok(Placed { trades: self.seen(placed.trades), ..placed })
            }
            Some(Fault::LostReply) => {
                self.trader.place(order).await?;
                Err(SendError::NoAnswer(text))
            }
            Some(Fault::LostRequest) => Err(SendError::NoAnswer(text)),
            Some(Fault::NeverSent) => Err(SendError::NeverSent(VenueError::Unavailable(text))),
            Some(Fault::Throttled) => {
                let wait = Millis::from_secs(30);
                Err(SendError::NeverSent(VenueError::Throttled { wait, text, banned: false }))
            }
            Some(Fault::Withdrawn(amount)) => {
                self.exchange.withdraw(self.clock.now(), "BTC", d(amount)).unwrap();
                Err(SendError::Refused { code: "-2010".to_owned(), text })
            }
            Some(Fault::Refused) => Err(SendError::Refused { code: "-2010".to_owned(), text }),
            Some(Fault::Fatal) => Err(SendError::Fatal { code: "-2015".to_owned(), text }),
        }
    }
    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        self.called();
        self.faults.cancels.borrow_mut().push(id.to_string());
        self.faults.cancelled_at.set(Some(self.clock.now().minute_number()));
        if self.faults.cancels_fail.get() {
            return Err(SendError::NoAnswer("as scripted".to_owned()));
        }
        let found = self.trader.order(symbol, id).await.ok().flatten();
        if let Some(report) = found.filter(|one| self.faults.cancels_lie.get() && one.side == Side::Buy) {
            return Ok(OrderReport { ended: Some(Ended::Cancelled), ..report });
        }
        self.trader.cancel(symbol, id, sent_at).await
    }
}

impl OpenVenue for Shaky {
    type Venue = Shaky;
    async fn open(&self, _: &Settings, _: Wait) -> Result<Shaky, VenueError> {
        Ok(self.clone())
    }
}
