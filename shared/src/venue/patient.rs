//! A venue that is obeyed: once it has asked for a wait, no function calls it before the wait is over,
//! because the time stands in the tables (`venue#{venue}#{egress}`) and not in a process.
//!
//! A ban that is known is a ban for every call that meets it, also in another function or a new process.
//! Bans are per address and grow with every call made during one (Binance: 2 minutes to 3 days), so a wait
//! that cannot be read counts as a wait.

use std::cell::Cell;

#[cfg(feature = "venue-account")]
use std::collections::BTreeMap;

use crate::ids::Symbol;
#[cfg(feature = "venue-account")]
use crate::ids::{Asset, OrderId};
use crate::market::{Candle, Instrument, Quote};
#[cfg(feature = "venue-account")]
use crate::money::Qty;
#[cfg(feature = "venue-account")]
use crate::ports::{Balance, KeyRights, OrderReport, ReadAccount, Trade};
use crate::ports::{MarketData, SharedClock, VenueError, Wait, WriteTables};
#[cfg(feature = "venue-trade")]
use crate::ports::{OrderRequest, Placed, SendError, TradeOrders};
use crate::records::venue::Facts;
#[cfg(feature = "venue-account")]
use crate::secret::KeyPrint;
use crate::time::{Millis, Timestamp};
use crate::venue::ledger::Ledger;

/// A venue whose waits are kept in the tables, and whose other facts are shared over them.
pub struct Patient<V, T> {
    inner: V,
    ledger: Ledger<T>,
    clock: SharedClock,
    read: Cell<bool>,
    not_before: Cell<Option<Timestamp>>,
    banned_until: Cell<Option<Timestamp>>,
}

impl<V, T: WriteTables> Patient<V, T> {
    /// `inner`, called over the ledger's link and only when the venue has not asked for a wait.
    pub fn new(inner: V, ledger: Ledger<T>, clock: SharedClock, wait: Wait) -> Patient<V, T> {
        let (read, not_before, banned_until) = (Cell::new(false), Cell::new(None), Cell::new(None));
        let patient = Patient { inner, ledger, clock, read, not_before, banned_until };
        match wait {
            Wait::Read(facts) => patient.adopt(&facts),
            Wait::Unread => {}
        }
        patient
    }

    fn adopt(&self, facts: &Facts) {
        self.ledger.link().adopt(facts);
        self.not_before.set(facts.not_before);
        self.banned_until.set(facts.banned_until);
        self.read.set(true);
    }

    /// Whether the venue may be called now; the tables are read where nobody has.
    async fn ready(&self) -> Result<(), VenueError> {
        if !self.read.get() {
            let read = self.ledger.read().await;
            let unknown = |why| VenueError::Unavailable(format!("its wait cannot be read: {why}"));
            self.adopt(&read.map_err(unknown)?);
        }
        let Some(from) = self.not_before.get() else { return Ok(()) };
        let now = self.clock.now();
        let wait = from.since(now);
        if wait <= Millis(0) {
            return Ok(());
        }
        let banned = self.banned_until.get().is_some_and(|until| until > now);
        let why = if banned { "banned: " } else { "" };
        Err(VenueError::Throttled { wait, text: format!("{why}no call before {from}"), banned })
    }

    /// Keeps a wait that the venue asked for, and tells what every function should know.
    async fn heed(&self, error: Option<&VenueError>) {
        if let Some(VenueError::Throttled { wait, banned, .. }) = error {
            let until = self.clock.now() + *wait;
            self.not_before.set(Some(until));
            if *banned {
                self.banned_until.set(Some(until));
            }
            self.ledger.wait_until(until, *banned).await;
        }
        self.ledger.share().await;
    }

    async fn heeded<R>(&self, answer: Result<R, VenueError>) -> Result<R, VenueError> {
        self.heed(answer.as_ref().err()).await;
        answer
    }

    #[cfg(feature = "venue-trade")]
    async fn heeded_send<R>(&self, answer: Result<R, SendError>) -> Result<R, SendError> {
        match &answer {
            Err(SendError::NeverSent(error)) => self.heed(Some(error)).await,
            Ok(_) | Err(SendError::Refused { .. } | SendError::NoAnswer(_) | SendError::Fatal { .. }) => {
                self.heed(None).await;
            }
        }
        answer
    }
}

impl<V: MarketData, T: WriteTables> MarketData for Patient<V, T> {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.instrument(symbol).await).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.quote(symbol).await).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.candles(symbol, count).await).await
    }
}

#[cfg(feature = "venue-account")]
impl<V: ReadAccount, T: WriteTables> ReadAccount for Patient<V, T> {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.balances().await).await
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.order(symbol, id).await).await
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.open_orders(symbol).await).await
    }
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.trades_of(symbol, venue_order_id, executed).await).await
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.trades_after(symbol, after).await).await
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        self.ready().await?;
        self.heeded(self.inner.key_rights().await).await
    }
    fn key_print(&self) -> Option<KeyPrint> {
        self.inner.key_print()
    }
}

#[cfg(feature = "venue-trade")]
impl<V: TradeOrders, T: WriteTables> TradeOrders for Patient<V, T> {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        self.ready().await.map_err(SendError::NeverSent)?;
        self.heeded_send(self.inner.place(order).await).await
    }
    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        self.ready().await.map_err(SendError::NeverSent)?;
        self.heeded_send(self.inner.cancel(symbol, id, sent_at).await).await
    }
}

#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::ports::ReadTables;
    use std::rc::Rc;

    use crate::ids::{Egress, VenueId};
    use crate::ports::Clock;
    use crate::store::{Item, Key, Order, ReadError, Write, WriteError};
    use crate::tables::Table;
    use crate::testkit::at_once;
    use crate::testkit::memory::MemoryStore;
    use crate::venue::link::{Link, Share};

    struct At(AtomicI64);
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    /// Asks once for a wait of 30 s, and counts its calls.
    #[derive(Default)]
    struct Busy(RefCell<u32>);
    impl MarketData for &Busy {
        async fn instrument(&self, _: &Symbol) -> Result<Instrument, VenueError> {
            Err(VenueError::Unavailable(String::new()))
        }
        async fn quote(&self, _: &Symbol) -> Result<Quote, VenueError> {
            *self.0.borrow_mut() += 1;
            Err(VenueError::Throttled { wait: Millis(30_000), text: String::new(), banned: true })
        }
        async fn candles(&self, _: &Symbol, _: u32) -> Result<Vec<Candle>, VenueError> {
            Err(VenueError::Unavailable(String::new()))
        }
    }

    /// Tables whose first writes fail.
    #[derive(Clone)]
    struct Failing(MemoryStore, Rc<Cell<u32>>);
    impl ReadTables for Failing {
        async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
            self.0.get(keys).await
        }
        async fn query(
            &self,
            table: Table,
            hash: &str,
            prefix: &str,
            order: Order,
            limit: usize,
        ) -> Result<Vec<Item>, ReadError> {
            self.0.query(table, hash, prefix, order, limit).await
        }
    }
    impl WriteTables for Failing {
        async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
            if self.1.get() == 0 {
                return self.0.write(writes).await;
            }
            self.1.set(self.1.get() - 1);
            Err(WriteError::NotDone("throttled".to_owned()))
        }
    }

    fn ledger<T: WriteTables>(tables: T) -> Ledger<T> {
        let (venue, link) = (VenueId::parse("binance").unwrap(), Rc::new(Link::new(Share::Act)));
        Ledger::new(tables, &venue, &Egress::default(), link)
    }

    #[test]
    fn a_wait_is_kept_although_its_first_writes_fail() {
        let (store, busy) = (MemoryStore::default(), Busy::default());
        let failing = Failing(store.clone(), Rc::new(Cell::new(3)));
        let clock = Arc::new(At(AtomicI64::new(1_000_000)));
        let symbol = Symbol::parse("BTC-USDT").unwrap();
        let first = Patient::new(&busy, ledger(failing), clock.clone(), Wait::Unread);
        at_once(first.quote(&symbol)).unwrap_err();
        let second = Patient::new(&busy, ledger(store), clock, Wait::Unread);
        at_once(second.quote(&symbol)).unwrap_err();
        assert_eq!(*busy.0.borrow(), 1, "another process called during the wait");
    }

    #[test]
    fn no_function_calls_a_venue_before_its_wait_is_over() {
        let (store, busy) = (MemoryStore::default(), Busy::default());
        let clock = Arc::new(At(AtomicI64::new(1_000_000)));
        let symbol = Symbol::parse("BTC-USDT").unwrap();
        // A new process each time: what is known stands in the tables.
        let ask = || {
            let patient = Patient::new(&busy, ledger(store.clone()), clock.clone(), Wait::Unread);
            at_once(patient.quote(&symbol)).unwrap_err()
        };
        ask();
        assert_eq!(*busy.0.borrow(), 1);
        clock.0.store(1_029_000, Ordering::SeqCst);
        assert!(matches!(ask(), VenueError::Throttled { .. }));
        assert_eq!(*busy.0.borrow(), 1, "called during the wait");
        clock.0.store(1_032_000, Ordering::SeqCst);
        ask();
        assert_eq!(*busy.0.borrow(), 2);
    }

    #[test]
    fn whoever_meets_a_ban_that_is_known_is_banned_until_it_is_over() {
        let (store, busy) = (MemoryStore::default(), Busy::default());
        let clock = Arc::new(At(AtomicI64::new(1_000_000)));
        let symbol = Symbol::parse("BTC-USDT").unwrap();
        let met = |patient: &Patient<&Busy, MemoryStore>| match at_once(patient.quote(&symbol)) {
            Err(VenueError::Throttled { wait, banned, .. }) => (wait, banned),
            other => panic!("{other:?}"),
        };
        let new = |wait| Patient::new(&busy, ledger(store.clone()), clock.clone(), wait);
        let first = new(Wait::Unread);
        assert_eq!(met(&first), (Millis(30_000), true));
        assert_eq!(met(&first), (Millis(30_000), true), "the same call, a moment later");
        assert_eq!(met(&new(Wait::Unread)), (Millis(31_000), true), "another process");
        let ban = Timestamp::from_millis(1_010_000);
        let longer = Some(Timestamp::from_millis(1_020_000));
        let facts = Facts { not_before: longer, banned_until: Some(ban), ..Facts::default() };
        let told = new(Wait::Read(facts));
        assert!(met(&told).1, "read with the shard");
        clock.0.store(1_010_000, Ordering::SeqCst);
        assert_eq!(met(&told), (Millis(10_000), false), "a wait that outlasts the ban is none");
    }
}
