//! The decorator of the venue: market data, the account, orders. Beneath it is the real adapter over the
//! simulated exchange.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use shared::ids::{Asset, Egress, OrderId, Symbol};
use shared::market::{Candle, Instrument, Quote, Side};
use shared::money::Qty;
use shared::order::Ended;
use shared::ports::{
    Balance, KeyRights, MarketData, OpenVenue, OrderReport, OrderRequest, Placed, ReadAccount, SendError,
    SharedClock, Trade, TradeOrders, VenueError, Wait,
};
use shared::settings::Settings;
use shared::testkit::at_once;
use shared::time::{Millis, Timestamp};
use shared::venue::binance::trade::Trader;
use shared::venue::ledger::Ledger;
use shared::venue::link::Link;
use shared::venue::patient::Patient;

use super::effects::{Effects, Failure};
use super::mutants::Saboteur;
use super::phases::Method;
use super::tables::Tables;

/// One order as it came to the exchange.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// Its client id.
    pub client_id: String,
    /// How many commits the tables had then.
    pub commits: usize,
    /// When.
    pub at: Timestamp,
    /// Whether the exchange took it.
    pub taken: bool,
}

/// The venue as the functions have it.
#[derive(Clone)]
pub struct Venue {
    /// The real adapter.
    pub trader: Trader,
    /// What the adapter knows of its way to the exchange.
    pub link: Rc<Link>,
    /// The counter.
    pub effects: Rc<Effects>,
    /// The protocol bug of this run, if any.
    pub saboteur: Rc<Saboteur>,
    /// What came to the exchange.
    pub arrivals: Rc<RefCell<Vec<Arrival>>>,
    /// The tables, to know what was committed when an order arrived.
    pub tables: Tables,
}

/// How long a venue asks us to wait.
pub const ASKED_TO_WAIT: Millis = Millis::from_secs(5);

fn error(failure: Failure) -> VenueError {
    match failure {
        Failure::Clean | Failure::Refused | Failure::NoAnswer => {
            VenueError::Unavailable(format!("{failure:?}"))
        }
        Failure::Busy => {
            VenueError::Throttled { wait: ASKED_TO_WAIT, text: "too many requests".to_owned(), banned: false }
        }
    }
}

fn unsent(failure: Failure) -> SendError {
    match failure {
        Failure::Clean | Failure::Busy => SendError::NeverSent(error(failure)),
        Failure::Refused => SendError::Refused { code: "-2010".to_owned(), text: "rejected".to_owned() },
        Failure::NoAnswer => SendError::NoAnswer("timeout".to_owned()),
    }
}

fn nothing() -> Box<dyn FnOnce()> {
    Box::new(|| {})
}

impl Venue {
    async fn ask<R>(
        &self,
        method: Method,
        what: impl Fn() -> String,
        apply: impl Fn() -> Result<R, VenueError>,
    ) -> Result<R, VenueError> {
        let pass =
            || self.effects.pass(method, &what, &apply, |failure| Err(error(failure)), &apply, nothing);
        let answer = pass().await;
        if self.saboteur.asks_again(&answer) { pass().await } else { answer }
    }

    /// The order arrives, from whomever.
    fn arrive(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        let commits = self.tables.stream.committed();
        let answer = at_once(self.trader.place(order));
        let arrival = Arrival {
            client_id: order.order_id.to_string(),
            commits,
            at: order.sent_at,
            taken: answer.is_ok(),
        };
        self.arrivals.borrow_mut().push(arrival);
        answer
    }
}

impl MarketData for Venue {
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, VenueError> {
        let apply = || at_once(self.trader.instrument(symbol));
        self.ask(Method::Instrument, || symbol.to_string(), apply).await
    }
    async fn quote(&self, symbol: &Symbol) -> Result<Quote, VenueError> {
        let apply = || at_once(self.trader.quote(symbol));
        self.ask(Method::Quote, || symbol.to_string(), apply).await
    }
    async fn candles(&self, symbol: &Symbol, count: u32) -> Result<Vec<Candle>, VenueError> {
        let apply = || at_once(self.trader.candles(symbol, count));
        self.ask(Method::Candles, || symbol.to_string(), apply).await
    }
}

impl ReadAccount for Venue {
    async fn balances(&self) -> Result<BTreeMap<Asset, Balance>, VenueError> {
        self.ask(Method::Balances, String::new, || at_once(self.trader.balances())).await
    }
    async fn order(&self, symbol: &Symbol, id: &OrderId) -> Result<Option<OrderReport>, VenueError> {
        let apply = || at_once(self.trader.order(symbol, id));
        let found = self.ask(Method::Order, || id.to_string(), apply).await;
        let absent = || OrderReport {
            client_id: id.to_string(),
            venue_id: "0".to_owned(),
            symbol: symbol.clone(),
            side: Side::Buy,
            quantity: Qty::ZERO,
            executed: Qty::ZERO,
            ended: Some(Ended::Expired),
        };
        self.saboteur.after_order(found, absent)
    }
    async fn open_orders(&self, symbol: &Symbol) -> Result<Vec<OrderReport>, VenueError> {
        let apply = || at_once(self.trader.open_orders(symbol));
        self.ask(Method::OpenOrders, || symbol.to_string(), apply).await
    }
    async fn trades_of(
        &self,
        symbol: &Symbol,
        venue_order_id: &str,
        executed: Qty,
    ) -> Result<Vec<Trade>, VenueError> {
        let apply = || at_once(self.trader.trades_of(symbol, venue_order_id, executed));
        self.ask(Method::TradesOf, || venue_order_id.to_owned(), apply).await
    }
    async fn trades_after(&self, symbol: &Symbol, after: Option<&str>) -> Result<Vec<Trade>, VenueError> {
        let apply = || at_once(self.trader.trades_after(symbol, after));
        self.ask(Method::TradesAfter, || symbol.to_string(), apply).await
    }
    async fn key_rights(&self) -> Result<KeyRights, VenueError> {
        self.ask(Method::KeyRights, String::new, || at_once(self.trader.key_rights())).await
    }
    fn key_print(&self) -> Option<shared::secret::KeyPrint> {
        self.trader.key_print()
    }
}

impl TradeOrders for Venue {
    async fn place(&self, order: &OrderRequest) -> Result<Placed, SendError> {
        let order = self.saboteur.before_place(order);
        let apply = || self.arrive(&order);
        let failed = |failure| Err(unsent(failure));
        let ghost = || -> Box<dyn FnOnce()> {
            let (venue, order) = (self.clone(), order.clone());
            Box::new(move || drop(venue.arrive(&order)))
        };
        let what = || format!("{} {} {}", order.order_id, order.side.as_str(), order.quantity);
        let answer = self.effects.pass(Method::Place, what, apply, failed, apply, ghost).await;
        self.saboteur.after_place(&order, answer, &self.tables.stream, || self.arrive(&order))
    }

    async fn cancel(
        &self,
        symbol: &Symbol,
        id: &OrderId,
        sent_at: Timestamp,
    ) -> Result<OrderReport, SendError> {
        let apply = || at_once(self.trader.cancel(symbol, id, sent_at));
        if let Some(told) = self.saboteur.instead_of_cancel(|| at_once(self.trader.order(symbol, id))) {
            return told;
        }
        let failed = |failure| Err(unsent(failure));
        let ghost = || -> Box<dyn FnOnce()> {
            let (trader, symbol, id) = (self.trader.clone(), symbol.clone(), id.clone());
            Box::new(move || drop(at_once(trader.cancel(&symbol, &id, sent_at))))
        };
        self.effects.pass(Method::Cancel, || id.to_string(), apply, failed, apply, ghost).await
    }
}

/// Opens the venue for every strategy.
#[derive(Clone)]
pub struct Opener {
    /// The venue.
    pub venue: Venue,
    /// The tables in which its waits are kept.
    pub tables: Tables,
    /// The clock.
    pub clock: SharedClock,
}

impl OpenVenue for Opener {
    type Venue = Patient<Venue, Tables>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        let (tables, link) = (self.tables.clone(), Rc::clone(&self.venue.link));
        let ledger = Ledger::new(tables, &settings.market_place(), &Egress::default(), link);
        Ok(Patient::new(self.venue.clone(), ledger, self.clock.clone(), wait))
    }
}
