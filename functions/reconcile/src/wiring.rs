//! The venues as reconcile sees them on Lambda: keys that may only read, each read on first use and again after a while.

use shared::aws::tables::DynamoTables;
use shared::ports::{OpenVenue, VenueError, Wait};
use shared::secret::ReadSecret;
use shared::settings::Settings;
use shared::tables::Names;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::either::Either;
use shared::venue::keys::Keys;
use shared::venue::paper::Paper;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

/// Opens venues with keys that may only read.
pub struct ReadOnly<S> {
    /// The ways to the venues.
    pub venues: Venues<DynamoTables>,
    /// The keys that were read.
    pub keys: Keys<S>,
    /// What the keys' secrets are called.
    pub names: Names,
}

impl<S: ReadSecret> OpenVenue for ReadOnly<S> {
    type Venue = Either<Patient<Account, DynamoTables>, Paper<Patient<Binance, DynamoTables>, DynamoTables>>;

    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        let venues = &self.venues;
        match venues::account(settings)? {
            venues::Account::OnPaper => Ok(Either::Paper(venues.paper(settings, wait)?)),
            venues::Account::AtExchange => {
                let name = self.names.read_secret(settings.account.as_str());
                let key = self.keys.key(name, venues.now()).await?;
                let binance = venues.binance(settings)?;
                let link = binance.link().clone();
                Ok(Either::Exchange(venues.patient(Account::new(binance, key), link, settings, wait)))
            }
        }
    }
}
