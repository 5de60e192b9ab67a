//! Wiring: the environment, the clients, the venues, the clock and the log of the execute function.

use std::cell::RefCell;

use execute::config::Config;
use execute::handle;
use execute::turn::Shift;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::aws::secrets::SecretsManager;
use shared::aws::tables::DynamoTables;
use shared::lambda::{Machine, Stdout, SystemClock, deadline, log_panics};
use shared::ports::{Clock, Level, Line, Log, OpenVenue, VenueError, Wait};
use shared::roster::Trail;
use shared::secret::{ReadSecret, Secret, SecretError};
use shared::settings::Settings;
use shared::tables::{Function, Names};
use shared::tick::WireTick;
use shared::time::Timestamp;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::trade::Trader;
use shared::venue::either::Either;
use shared::venue::keys::{KEY_LIFE, Keys};
use shared::venue::link::Share;
use shared::venue::paper::Paper;
use shared::venue::patient::Patient;
use shared::venue::venues::{self, Venues};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log_panics();
    let config = Config::read(std::env::vars())?;
    let machine = Machine::new(&config.aws, config.stage.names.clone())?;
    let approvals = &Approvals {
        secrets: machine.secrets(),
        name: machine.names.approval_secret(),
        read: RefCell::default(),
    };
    let (tables, trail) = (&machine.tables(), &Trail::from(config.egress.clone()));
    let (transport, clock) = (machine.transport.clone(), machine.clock());
    let venues = Venues::new(tables.clone(), transport, clock, config.egress, Share::Act);
    let accounts = &Trading {
        venues: venues.at(config.venue_url),
        keys: Keys::new(machine.secrets()),
        names: machine.names.clone(),
    };
    let (env, kind) = (&machine.names.env, config.stage.kind);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let deadline = deadline(event.context.deadline);
        let approval_key = approvals.key().await;
        let shift =
            Shift { env, tick, deadline, tables, trail, clock: &SystemClock, log: &Stdout, approval_key };
        let report = handle(&shift, accounts).await;
        accounts.venues.settle(Function::Execute, tick.scheduled_at).await;
        Ok(report?.to_json())
    }))
    .await
}

/// The key that approvals are verified with; a stage without approvals has none.
struct Approvals {
    secrets: SecretsManager,
    name: String,
    read: RefCell<Option<(Timestamp, Option<Secret>)>>,
}

impl Approvals {
    async fn key(&self) -> Option<Secret> {
        let now = SystemClock.now();
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
                Stdout.write(Line::new(Level::Warn, now, "no approval key").with("error", error));
                // Not remembered: it may be there in a minute.
                return None;
            }
        };
        *self.read.borrow_mut() = Some((now, key.clone()));
        key
    }
}

/// Opens venues with keys that may trade.
struct Trading {
    venues: Venues<DynamoTables>,
    keys: Keys<SecretsManager>,
    names: Names,
}

impl OpenVenue for Trading {
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
