//! How the functions reach the simulated exchange and the model in a paper run: the real adapters over the
//! world's network, each with the key that its function would hold.

use std::rc::Rc;
use std::sync::Arc;

use shared::aws::tables::DynamoTables;
use shared::ids::Egress;
use shared::ports::{OpenVenue, SharedClock, VenueError, Wait};
use shared::secret::Secret;
use shared::settings::Settings;
use shared::time::Millis;
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::ledger::Ledger;
use shared::venue::link::{Link, Share};
use shared::venue::patient::Patient;
use sim::world::{EXCHANGE_HOST, READ_KEY, TRADE_KEY, World};

/// Longest wait for an answer of the exchange.
const VENUE_TIMEOUT: Millis = Millis(10_000);

/// Decide's view: market data without any key.
pub struct MarketOnly(Binance, Waits);
/// Reconcile's view: the account, read only.
pub struct ReadOnly(Account, Waits);
/// Execute's view.
pub struct Trading(Trader, Waits);

/// Where a venue's waits are kept.
struct Waits {
    tables: DynamoTables,
    clock: SharedClock,
}

impl Waits {
    fn new(world: &World, network: &SharedTransport) -> Waits {
        Waits { tables: world.aws_ports(network).tables, clock: Arc::new(world.clock.clone()) }
    }
    fn around<V>(
        &self,
        venue: V,
        link: &Rc<Link>,
        settings: &Settings,
        wait: Wait,
    ) -> Patient<V, DynamoTables> {
        let (tables, place) = (self.tables.clone(), settings.market_place());
        let ledger = Ledger::new(tables, &place, &Egress::default(), Rc::clone(link));
        Patient::new(venue, ledger, self.clock.clone(), wait)
    }
}

fn binance(world: &World, network: &SharedTransport, share: Share) -> Binance {
    let clock: SharedClock = Arc::new(world.clock.clone());
    let (base, link) = (format!("http://{EXCHANGE_HOST}"), Rc::new(Link::new(share)));
    Binance::new(network.clone(), clock, &base, VENUE_TIMEOUT, link)
}

fn key((key, secret): (&str, &str)) -> ApiKey {
    ApiKey::new(Secret::new(key.to_owned()), Secret::new(secret.to_owned()))
}

impl MarketOnly {
    /// Over the world's network.
    pub fn new(world: &World, network: &SharedTransport) -> MarketOnly {
        MarketOnly(binance(world, network, Share::Look), Waits::new(world, network))
    }
}
impl ReadOnly {
    /// Over the world's network.
    pub fn new(world: &World, network: &SharedTransport) -> ReadOnly {
        ReadOnly(
            Account::new(binance(world, network, Share::Look), key(READ_KEY)),
            Waits::new(world, network),
        )
    }
}
impl Trading {
    /// Over the world's network.
    pub fn new(world: &World, network: &SharedTransport) -> Trading {
        Trading(
            Trader::new(Account::new(binance(world, network, Share::Act), key(TRADE_KEY))),
            Waits::new(world, network),
        )
    }
}

impl OpenVenue for MarketOnly {
    type Venue = Patient<Binance, DynamoTables>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        Ok(self.1.around(self.0.clone(), self.0.link(), settings, wait))
    }
}
impl OpenVenue for ReadOnly {
    type Venue = Patient<Account, DynamoTables>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        Ok(self.1.around(self.0.clone(), self.0.venue().link(), settings, wait))
    }
}
impl OpenVenue for Trading {
    type Venue = Patient<Trader, DynamoTables>;
    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        Ok(self.1.around(self.0.clone(), self.0.account().venue().link(), settings, wait))
    }
}
