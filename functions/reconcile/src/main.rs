//! Wiring: the environment, the clients, the venues, the clock and the log of the reconcile function.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use reconcile::config::Config;
use reconcile::{Ports, handle};
use serde_json::Value;
use shared::aws::secrets::SecretsManager;
use shared::aws::tables::DynamoTables;
use shared::lambda::{Machine, Stdout, SystemClock, deadline, log_panics};
use shared::ports::{Clock, OpenVenue, VenueError, Wait};
use shared::roster::Trail;
use shared::settings::Settings;
use shared::tables::{Function, Names};
use shared::tick::WireTick;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::either::Either;
use shared::venue::keys::Keys;
use shared::venue::link::Share;
use shared::venue::paper::Paper;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_panics();
    let config = Config::read(std::env::vars())?;
    let machine = Machine::new(&config.aws, config.stage.names.clone())?;
    let (tables, trail) = (machine.tables(), Trail::from(config.egress.clone()));
    let (transport, clock) = (machine.transport.clone(), machine.clock());
    let venues = Venues::new(tables.clone(), transport, clock, config.egress, Share::Look);
    let accounts = &ReadOnly {
        venues: venues.at(config.venue_url),
        keys: Keys::new(machine.secrets()),
        names: machine.names.clone(),
    };
    let ports = &Ports { tables: &tables, trail: &trail, accounts, clock: &SystemClock, log: &Stdout };
    let kind = config.stage.kind;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let report = handle(tick, deadline(event.context.deadline), ports).await;
        accounts.venues.settle(Function::Reconcile, tick.scheduled_at).await;
        Ok(report?.to_json())
    }))
    .await
}

/// Opens venues with keys that may only read.
struct ReadOnly {
    venues: Venues<DynamoTables>,
    keys: Keys<SecretsManager>,
    names: Names,
}

impl OpenVenue for ReadOnly {
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
