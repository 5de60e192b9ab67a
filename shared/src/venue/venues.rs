//! The venues that a stage trades at, as one process reaches them: one way to each market place, whose limits,
//! clock and symbols all strategies there share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ids::{Egress, VenueId};
use crate::ports::{SharedClock, VenueError, Wait, WriteTables};
use crate::settings::{Backend, Settings};
use crate::tables::Function;
use crate::time::{Millis, Timestamp};
use crate::transport::SharedTransport;
use crate::venue::binance::Binance;
use crate::venue::ledger::Ledger;
use crate::venue::link::{Link, Share};
use crate::venue::patient::Patient;

/// Binance.
const BINANCE: &str = "https://api.binance.com";
/// Its public market data, which every region may read (binance-spot-api-docs, `faqs/market_data_only.md`).
const BINANCE_DATA: &str = "https://data-api.binance.vision";
/// Binance's test network, with a market, limits and a clock of its own.
const TESTNET: &str = "https://testnet.binance.vision";

/// What every way to a venue is made from.
pub struct Venues<T> {
    tables: T,
    transport: SharedTransport,
    clock: SharedClock,
    url: Option<String>,
    egress: Egress,
    share: Share,
    timeout: Millis,
    ways: RefCell<BTreeMap<VenueId, Binance>>,
}

/// Where a strategy's orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// To its account at an exchange.
    AtExchange,
    /// To the paper venue.
    OnPaper,
}

/// Where the orders of these settings go; a backend that is not served is refused by its name.
pub fn account(settings: &Settings) -> Result<Account, VenueError> {
    match settings.backend {
        Backend::Exchange => Ok(Account::AtExchange),
        Backend::Mock => Ok(Account::OnPaper),
        Backend::Oms | Backend::Backtest => {
            Err(refused("backend", format!("{} is not served here", settings.backend.as_str())))
        }
    }
}

/// A venue that cannot be reached by any retry.
pub fn refused(code: &str, why: impl ToString) -> VenueError {
    VenueError::Fatal { code: code.to_owned(), text: why.to_string() }
}

impl<T: WriteTables + Clone> Venues<T> {
    /// No venue was called yet. `tables` hold the venues' ledgers, `egress` is the address that venues see, and
    /// `share` how much of their limits is taken; one call may take ten seconds.
    pub fn new(
        tables: T,
        transport: SharedTransport,
        clock: SharedClock,
        egress: Egress,
        share: Share,
    ) -> Venues<T> {
        let (url, timeout) = (None, Millis::from_secs(10));
        Venues { tables, transport, clock, url, egress, share, timeout, ways: RefCell::default() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The same at another address, where there is one: a simulator.
    #[must_use]
    pub fn at(self, url: Option<String>) -> Venues<T> {
        Venues { url, ..self }
    }

    /// The same with another time that one call may take.
    #[must_use]
    pub fn within(self, timeout: Millis) -> Venues<T> {
        Venues { timeout, ..self }
    }

    /// The public data of the venue of these settings, which every call shares.
    pub fn binance(&self, settings: &Settings) -> Result<Binance, VenueError> {
        if settings.venue.as_str() != "binance" {
            return Err(refused("venue", format!("{} is not served", settings.venue)));
        }
        let place = settings.market_place();
        let known = self.ways.borrow().get(&place).cloned();
        Ok(known.unwrap_or_else(|| {
            let home = if place == settings.venue { BINANCE } else { TESTNET };
            let link = Rc::new(Link::new(self.share));
            let base = self.url.as_deref().unwrap_or(home);
            let (transport, clock) = (self.transport.clone(), self.clock.clone());
            let way = Binance::new(transport, clock, base, self.timeout, link);
            let way = if base == BINANCE { way.reading_at(BINANCE_DATA) } else { way };
            self.ways.borrow_mut().insert(place, way.clone());
            way
        }))
    }

    /// The same behind its waits.
    pub fn market(&self, settings: &Settings, wait: Wait) -> Result<Patient<Binance, T>, VenueError> {
        let binance = self.binance(settings)?;
        let link = binance.link().clone();
        Ok(self.patient(binance, link, settings, wait))
    }

    /// The paper venue of these settings' account, over that public data.
    #[cfg(feature = "venue-account")]
    pub fn paper(
        &self,
        settings: &Settings,
        wait: Wait,
    ) -> Result<crate::venue::paper::Paper<Patient<Binance, T>, T>, VenueError> {
        let (tables, clock) = (self.tables.clone(), self.clock.clone());
        let market = self.market(settings, wait)?;
        let begins_with = settings.paper_balance.clone();
        Ok(crate::venue::paper::Paper::new(market, tables, clock, settings.account.clone(), begins_with))
    }

    /// `venue`, which calls over `link`, behind the waits of the venue of these settings.
    pub fn patient<V>(&self, venue: V, link: Rc<Link>, settings: &Settings, wait: Wait) -> Patient<V, T> {
        Patient::new(venue, self.ledger(&settings.market_place(), link), self.clock.clone(), wait)
    }

    fn ledger(&self, place: &VenueId, link: Rc<Link>) -> Ledger<T> {
        Ledger::new(self.tables.clone(), place, &self.egress, link)
    }

    /// Adds the calls of an invocation that is over to the counts of every venue that it called.
    pub async fn settle(&self, function: Function, scheduled_at: Timestamp) {
        let ways: Vec<(VenueId, Rc<Link>)> =
            self.ways.borrow().iter().map(|(place, way)| (place.clone(), way.link().clone())).collect();
        for (place, link) in ways {
            self.ledger(&place, link).settle(function, scheduled_at).await;
        }
    }
}
