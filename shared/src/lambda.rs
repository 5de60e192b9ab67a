//! What every function on Lambda is set up with: the clock, the log, panics as log lines, AWS and the way out.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::aws::clients::{self, AwsConfig, time_source};
use crate::aws::secrets::SecretsManager;
use crate::aws::tables::DynamoTables;
use crate::environment::Aws;
use crate::http_client::{HttpClient, NoHttpClient};
use crate::ports::{Clock, Level, Line, Log, SharedClock};
use crate::tables::Names;
use crate::time::{Millis, Timestamp};
use crate::transport::SharedTransport;

/// The time that one call of AWS may take.
const AWS_TIMEOUT: Millis = Millis::from_secs(5);

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "programs on Lambda are wired with this clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Standard output: CloudWatch Logs takes it from there.
#[derive(Debug, Clone, Copy)]
pub struct Stdout;

impl Log for Stdout {
    fn write(&self, line: Line) {
        println!("{}", line.to_json());
    }
}

/// A panic is one line of the log like every other.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        Stdout.write(Line::new(Level::Critical, SystemClock.now(), "panic").with("detail", panic));
    }));
}

/// When Lambda ends an invocation, from its own milliseconds.
pub fn deadline(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// What the adapters of a function are made from.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The one way out, with its pool of connections.
    pub transport: SharedTransport,
    /// AWS, as this function reaches it.
    pub aws: AwsConfig,
    /// What everything of this stage is called.
    pub names: Names,
}

impl Machine {
    /// With a pool of its own and the function's own role.
    pub fn new(aws: &Aws, names: Names) -> Result<Machine, NoHttpClient> {
        let transport: SharedTransport = Arc::new(HttpClient::new(Arc::new(SystemClock))?);
        let aws = AwsConfig::of(aws, AWS_TIMEOUT, time_source(|| SystemClock.now()));
        Ok(Machine { transport, aws, names })
    }

    /// The clock, as adapters share it.
    pub fn clock(&self) -> SharedClock {
        Arc::new(SystemClock)
    }

    /// The tables.
    pub fn tables(&self) -> DynamoTables {
        let client = clients::dynamodb(&self.aws, Arc::clone(&self.transport));
        DynamoTables { client, names: self.names.clone() }
    }

    /// The secrets that the function's role may read.
    pub fn secrets(&self) -> SecretsManager {
        SecretsManager { client: clients::secretsmanager(&self.aws, Arc::clone(&self.transport)) }
    }
}
