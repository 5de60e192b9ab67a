//! Wiring: the environment, the clients, the venues, the clock and the log of the execute function.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use execute::config::Config;
use execute::handle;
use execute::turn::Shift;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::aws::clients::{self, AwsConfig, time_source};
use shared::aws::secrets::SecretsManager;
use shared::aws::tables::DynamoTables;
use shared::http_client::HttpClient;
use shared::ids::AccountId;
use shared::ports::{Clock, Level, Line, Log, OpenVenue, SharedClock, VenueError, Wait};
use shared::roster::Trail;
use shared::secret::{ReadSecret, Secret, SecretError};
use shared::settings::{Backend, Settings};
use shared::tables::Names;
use shared::tick::WireTick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::binance::account::Account;
use shared::venue::binance::sign::ApiKey;
use shared::venue::binance::trade::Trader;
use shared::venue::patient::Patient;

/// The time that one call of AWS may take.
const AWS_TIMEOUT: Millis = Millis::from_secs(5);
/// The time that one call of a venue may take.
const VENUE_TIMEOUT: Millis = Millis::from_secs(10);
/// How long a key is kept before it is read again: a rotated key is picked up within this time.
const KEY_LIFE: Millis = Millis::from_minutes(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    std::panic::set_hook(Box::new(|panic| {
        Stdout.write(Line::new(Level::Critical, SystemClock.now(), "panic").with("detail", panic));
    }));
    let config = Config::read(std::env::vars())?;
    let transport: SharedTransport = Arc::new(HttpClient::new()?);
    let aws = AwsConfig::of(&config.aws, AWS_TIMEOUT, time_source(|| SystemClock.now()));
    let names = config.stage.names;
    let tables =
        DynamoTables { client: clients::dynamodb(&aws, Arc::clone(&transport)), names: names.clone() };
    let approvals = &Approvals {
        secrets: SecretsManager { client: clients::secretsmanager(&aws, Arc::clone(&transport)) },
        name: names.approval_secret(),
        read: RefCell::default(),
    };
    let accounts = &Venues {
        tables: tables.clone(),
        secrets: SecretsManager { client: clients::secretsmanager(&aws, Arc::clone(&transport)) },
        names: names.clone(),
        transport,
        url: config.venue_url,
        clock: Arc::new(SystemClock),
        keys: RefCell::default(),
    };
    let (tables, trail, env, kind) = (&tables, &Trail::default(), &names.env, config.stage.kind);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let deadline = Timestamp::from_millis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
        let approval_key = approvals.key().await;
        let shift =
            Shift { env, tick, deadline, tables, trail, clock: &SystemClock, log: &Stdout, approval_key };
        Ok(handle(&shift, accounts).await?.to_json())
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
struct Venues {
    tables: DynamoTables,
    secrets: SecretsManager,
    names: Names,
    transport: SharedTransport,
    url: Option<String>,
    clock: SharedClock,
    keys: RefCell<BTreeMap<AccountId, (Timestamp, ApiKey)>>,
}

impl OpenVenue for Venues {
    type Venue = Patient<Trader, DynamoTables>;

    async fn open(&self, settings: &Settings, wait: Wait) -> Result<Self::Venue, VenueError> {
        let base = self.base(settings)?;
        let key = self.key(&settings.account).await?;
        let venue = Binance::new(Arc::clone(&self.transport), Arc::clone(&self.clock), &base, VENUE_TIMEOUT);
        let trader = Trader::new(Account::new(venue, key));
        let (tables, clock) = (self.tables.clone(), Arc::clone(&self.clock));
        Ok(Patient::new(trader, tables, clock, settings.venue.clone(), wait))
    }
}

impl Venues {
    async fn key(&self, account: &AccountId) -> Result<ApiKey, VenueError> {
        let now = self.clock.now();
        if let Some((read, key)) = self.keys.borrow().get(account)
            && now.since(*read) < KEY_LIFE
        {
            return Ok(key.clone());
        }
        let name = self.names.trade_secret(account.as_str());
        let credentials = self.secrets.read(&name).await.map_err(|error| refused("secret", error))?;
        let key = ApiKey::of(&credentials).ok_or_else(|| refused("secret", "cannot sign"))?;
        self.keys.borrow_mut().insert(account.clone(), (now, key.clone()));
        Ok(key)
    }

    /// Where the account is.
    fn base(&self, settings: &Settings) -> Result<String, VenueError> {
        match settings.backend {
            Backend::Exchange if settings.venue.as_str() == "binance" => {}
            Backend::Exchange => return Err(refused("venue", format!("{} is unknown", settings.venue))),
            Backend::Mock | Backend::Oms | Backend::Backtest => {
                return Err(refused("backend", format!("{} has no account here", settings.backend.as_str())));
            }
        }
        let usual =
            if settings.testnet { "https://testnet.binance.vision" } else { "https://api.binance.com" };
        Ok(self.url.clone().unwrap_or_else(|| usual.to_owned()))
    }
}

fn refused(code: &str, why: impl ToString) -> VenueError {
    VenueError::Fatal { code: code.to_owned(), text: why.to_string() }
}

/// The system's clock.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "main.rs is where the clock is read")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Standard output: CloudWatch Logs takes it from there.
struct Stdout;

impl Log for Stdout {
    fn write(&self, line: Line) {
        println!("{}", line.to_json());
    }
}
