//! The venues and the approval key as execute sees them on Lambda: keys that may trade, each read on first use and
//! again after a while.

use std::cell::RefCell;

use shared::aws::tables::DynamoTables;
use shared::ports::{Clock, Level, Line, Log, OpenVenue, VenueError, Wait};
use shared::secret::{ReadSecret, Secret, SecretError};
use shared::settings::Settings;
use shared::tables::Names;
use shared::time::Timestamp;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::trade::Trader;
use shared::venue::either::Either;
use shared::venue::keys::{KEY_LIFE, Keys};
use shared::venue::paper::Paper;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

/// The key that approvals are verified with; a stage without approvals has none.
pub struct Approvals<S> {
    secrets: S,
    name: String,
    read: RefCell<Option<(Timestamp, Option<Secret>)>>,
}

impl<S: ReadSecret> Approvals<S> {
    /// The key in the secret called `name`, which was not read yet.
    pub const fn new(secrets: S, name: String) -> Approvals<S> {
        Approvals { secrets, name, read: RefCell::new(None) }
    }

    /// The key, where there is one that can be read.
    pub async fn key(&self, clock: &dyn Clock, log: &dyn Log) -> Option<Secret> {
        let now = clock.now();
        let known = self.read.borrow().clone();
        if let Some((read, key)) = known
            && now.since(read) < KEY_LIFE
        {
            return key;
        }
        let key = match self.secrets.read(&self.name).await {
            Ok(credentials) => Some(credentials.api_key().clone()),
            Err(SecretError::Missing { .. }) => None,
            Err(error @ (SecretError::Unavailable { .. } | SecretError::Malformed { .. })) => {
                log.write(Line::new(Level::Warn, now, "no approval key").with("error", error));
                // Not remembered: it may be there in a minute.
                return None;
            }
        };
        *self.read.borrow_mut() = Some((now, key.clone()));
        key
    }
}

/// Opens venues with keys that may trade.
pub struct Trading<S> {
    /// The ways to the venues.
    pub venues: Venues<DynamoTables>,
    /// The keys that were read.
    pub keys: Keys<S>,
    /// What the keys' secrets are called.
    pub names: Names,
}

impl<S: ReadSecret> OpenVenue for Trading<S> {
    type Venue = Either<Patient<Trader, DynamoTables>, Paper<Patient<Binance, DynamoTables>, DynamoTables>>;

    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        let venues = &self.venues;
        match venues::account(settings)? {
            venues::Account::OnPaper => Ok(Either::Paper(venues.paper(settings, wait)?)),
            venues::Account::AtExchange => {
                let name = self.names.trade_secret(settings.account.as_str());
                let key = self.keys.key(name, venues.now()).await?;
                let binance = venues.binance(settings)?;
                let link = binance.link().clone();
                let trader = Trader::new(Account::new(binance, key));
                Ok(Either::Exchange(venues.patient(trader, link, settings, wait)))
            }
        }
    }
}
