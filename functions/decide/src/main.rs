//! Wiring: the environment, the clients, the clock and the log of the decide function.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use decide::config::Config;
use decide::wiring::{KeyedModel, Markets};
use decide::{Ports, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use shared::aws::clients::{self, AwsConfig, time_source};
use shared::aws::secrets::SecretsManager;
use shared::aws::tables::DynamoTables;
use shared::http_client::HttpClient;
use shared::ports::{Clock, Level, Line, Log, SharedClock};
use shared::roster::Trail;
use shared::tick::WireTick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;

/// The time that one call of AWS may take.
const AWS_TIMEOUT: Millis = Millis::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    std::panic::set_hook(Box::new(|panic| {
        Stdout.write(Line::new(Level::Critical, SystemClock.now(), "panic").with("detail", panic))
    }));
    let config = Config::read(std::env::vars())?;
    let transport: SharedTransport = Arc::new(HttpClient::new()?);
    let clock: SharedClock = Arc::new(SystemClock);
    let aws = AwsConfig::of(&config.aws, AWS_TIMEOUT, time_source(|| SystemClock.now()));
    let names = &config.stage.names;
    let tables =
        DynamoTables { client: clients::dynamodb(&aws, Arc::clone(&transport)), names: names.clone() };
    let venues = Markets {
        tables: tables.clone(),
        transport: Arc::clone(&transport),
        clock: Arc::clone(&clock),
        url: config.venue_url.clone(),
    };
    let model = KeyedModel {
        secrets: SecretsManager { client: clients::secretsmanager(&aws, Arc::clone(&transport)) },
        name: names.model_secret("anthropic"),
        transport,
        clock,
        url: config.model_url.clone(),
        key: RefCell::new(None),
    };
    let ports = &Ports {
        tables: &tables,
        trail: &Trail::default(),
        venues: &venues,
        model: &model,
        clock: &SystemClock,
        log: &Stdout,
    };
    let kind = config.stage.kind;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<WireTick>| -> Result<Value, Error> {
        let tick = event.payload.read(kind, SystemClock.now())?;
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let report = handle(tick, Timestamp::from_millis(deadline), &names.env, ports).await?;
        Ok(report.to_json())
    }))
    .await
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
