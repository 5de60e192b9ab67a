//! AWS, the exchanges and the model behind real sockets, in real time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
use shared::aws::tables::DynamoTables;
use shared::ids::Env;
use shared::tables::{EnvVar, Names, PREFIX, Table, Topic};
use shared::time::{Millis, Timestamp};
use sim::aws::{EmbeddedAws, HOSTS};
use sim::clock::{Now, RealClock};
use sim::in_process::InProcess;
use sim::model::{Policy, ScriptedModel};
use sim::socket::{Served, serve_local};

use super::Failure;
use super::meters::Counts;
use super::venue::{self, Venues};

/// Where everything pretends to be.
const REGION: &str = "us-east-1";
/// The stage.
const ENV: &str = "load";

/// Everything that the functions speak to.
#[derive(Debug)]
pub struct World {
    /// The embedded AWS.
    pub aws: Arc<EmbeddedAws>,
    /// The exchanges.
    pub venues: Arc<Venues>,
    /// The model.
    pub model: Arc<ScriptedModel>,
    /// The tables, as the operator's program writes them.
    pub tables: DynamoTables,
    /// What the functions' environment is.
    pub env: BTreeMap<String, String>,
    names: Names,
    _served: [Served; 3],
}

impl World {
    /// Starts the services on free ports.
    pub async fn start() -> Result<World, Failure> {
        let now = RealClock.now();
        let aws = Arc::new(EmbeddedAws::new(REGION, now).map_err(Failure::world)?);
        let venues = Arc::new(Venues::new(now)?);
        let model = Arc::new(ScriptedModel::new(Policy::Momentum, 1));
        let clock = || Arc::new(RealClock);
        let served = [
            serve_local(Arc::<EmbeddedAws>::clone(&aws), clock()).await?,
            serve_local(Arc::<Venues>::clone(&venues), clock()).await?,
            serve_local(Arc::<ScriptedModel>::clone(&model), clock()).await?,
        ];
        let names = Names { prefix: PREFIX.to_owned(), env: Env::parse(ENV).map_err(Failure::world)? };
        let tables = tables(&aws, names.clone());
        let env = environment(&aws, &names, &served);
        let world = World { aws, venues, model, tables, env, names, _served: served };
        world.make_account()?;
        Ok(world)
    }

    /// The time that the functions see.
    pub fn now(&self) -> Timestamp {
        RealClock.now()
    }

    /// Opens an account at its exchange and puts its keys where the functions look for them.
    pub fn open_account(&self, account: &str) -> Result<(), Failure> {
        self.venues.open(account)?;
        let secret = venue::secret(account);
        for (name, right) in
            [(self.names.trade_secret(account), "trade"), (self.names.read_secret(account), "read")]
        {
            let keys = json!({"api_key": format!("{account}-{right}"), "api_secret": secret});
            self.aws.create_secret(&name, &keys.to_string());
        }
        Ok(())
    }

    /// Every item of a table, unmetered.
    pub fn items(&self, table: Table) -> Result<Vec<serde_json::Map<String, serde_json::Value>>, Failure> {
        self.aws.scan_all(&self.names.table(table)).map_err(Failure::world)
    }

    /// What was called and consumed so far.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.aws.meters(), self.venues.calls(), &self.model.meters())
    }

    fn make_account(&self) -> Result<(), Failure> {
        for table in Table::ALL {
            let name = self.names.table(table);
            self.aws.create_table(&name, table.hash_key(), table.range_key()).map_err(Failure::world)?;
        }
        let key = json!({"api_key": "sk-ant-load"}).to_string();
        self.aws.create_secret(&self.names.model_secret("anthropic"), &key);
        Ok(())
    }
}

/// The SDK in process: what the harness writes takes the same road as what the functions write.
fn tables(aws: &Arc<EmbeddedAws>, names: Names) -> DynamoTables {
    let network = InProcess::new(Arc::new(RealClock)).route(HOSTS, Arc::<EmbeddedAws>::clone(aws));
    let keys = Some(AwsKeys { access_key: "sim".into(), secret_key: "sim".into(), session_token: None });
    let config = AwsConfig {
        region: REGION.to_owned(),
        endpoint: None,
        keys,
        timeout: Millis::from_secs(5),
        time: time_source(|| RealClock.now()),
    };
    DynamoTables { client: clients::dynamodb(&config, Arc::new(network)), names }
}

fn environment(aws: &EmbeddedAws, names: &Names, served: &[Served; 3]) -> BTreeMap<String, String> {
    let [aws_url, venue_url, model_url] = served.each_ref().map(Served::url);
    let ours = EnvVar::ALL.map(|var| {
        let value = match var {
            EnvVar::Env => names.env.to_string(),
            EnvVar::StageKind => "dev".to_owned(),
            EnvVar::Prefix => names.prefix.clone(),
            EnvVar::AlertsTopic => aws.create_topic(&names.topic(Topic::Alerts)),
            EnvVar::NotificationsTopic => aws.create_topic(&names.topic(Topic::Notifications)),
            EnvVar::VenueUrl => venue_url.clone(),
            EnvVar::ModelUrl => model_url.clone(),
            EnvVar::Servers => "none".to_owned(),
            EnvVar::Egress => shared::ids::Egress::default().to_string(),
        };
        (var.as_str().to_owned(), value)
    });
    let mut env = BTreeMap::from(ours);
    env.insert("AWS_ENDPOINT_URL".to_owned(), aws_url);
    env
}
