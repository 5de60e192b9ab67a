//! The world of one account on one machine: exchange, model and AWS around one clock, reached by host name
//! in process, or each behind a socket.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;
use shared::aws::clients::{self, AwsConfig};
use shared::aws::publish::SnsTopics;
use shared::aws::signals::CloudWatchSignals;
use shared::aws::tables::DynamoTables;
use shared::ids::Symbol;
use shared::ports::Clock;
use shared::tables::{Names, Table, Topic};
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;

use crate::aws::{EmbeddedAws, HOSTS, Refused};
use crate::clock::SimClock;
use crate::exchange::{ApiKey, BadConfig, Candle, Exchange, ExchangeConfig};
use crate::in_process::InProcess;
use crate::model::{Policy, ScriptedModel};

/// The exchange's host name in process.
pub const EXCHANGE_HOST: &str = "exchange.sim";
/// The model's host name in process.
pub const MODEL_HOST: &str = "model.sim";
/// The region of the embedded AWS.
pub const REGION: &str = "us-east-1";
/// The key that execute trades with.
pub const TRADE_KEY: (&str, &str) = ("sim-trade-key", "sim-trade-secret");
/// The key that reconcile reads with.
pub const READ_KEY: (&str, &str) = ("sim-read-key", "sim-read-secret");
/// The key that decide asks the model with.
pub const MODEL_KEY: &str = "sim-model-key";
/// The key that approvals are signed with: the approver and execute have it.
pub const APPROVAL_KEY: &str = "sim-approval-key";

/// Longest wait for an answer of AWS.
const AWS_TIMEOUT: Millis = Millis(3_000);

/// What a world is made from.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// The names of its tables, topics and secrets.
    pub names: Names,
    /// The account at the exchange.
    pub account: String,
    /// The one market.
    pub symbol: Symbol,
    /// Its candles.
    pub candles: Vec<Candle>,
    /// Quote in the account at the start.
    pub cash: Decimal,
    /// BNB in the account at the start: fees are paid in it until it is used up.
    pub bnb: Decimal,
    /// How the model behaves.
    pub policy: Policy,
    /// The seed of the model.
    pub seed: u64,
    /// The time at the start.
    pub start: Timestamp,
}

/// Why there is no world.
#[derive(Debug, thiserror::Error)]
pub enum NoWorld {
    /// The exchange cannot be made.
    #[error("exchange: {0:?}")]
    Exchange(BadConfig),
    /// A table or topic cannot be made.
    #[error("embedded AWS: {0:?}")]
    Aws(Refused),
}

/// Everything outside the functions.
#[derive(Clone)]
pub struct World {
    /// Its time.
    pub clock: SimClock,
    /// Its AWS account.
    pub aws: Arc<EmbeddedAws>,
    /// Its exchange.
    pub exchange: Arc<Exchange>,
    /// Its model.
    pub model: Arc<ScriptedModel>,
    /// What its tables are called.
    pub names: Names,
    topics: [String; 2],
}

/// The ports over AWS, as the functions get them.
#[derive(Debug, Clone)]
pub struct AwsPorts {
    /// The tables.
    pub tables: DynamoTables,
    /// The topics.
    pub topics: SnsTopics,
    /// The metrics.
    pub gauge: CloudWatchSignals,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        SimClock::now(self)
    }
}

impl World {
    /// A world with empty tables and a funded account.
    pub fn new(config: WorldConfig) -> Result<World, NoWorld> {
        let exchange = Exchange::new(exchange_config(&config), config.candles).map_err(NoWorld::Exchange)?;
        let aws = EmbeddedAws::new(REGION, config.start).map_err(NoWorld::Aws)?;
        for table in Table::ALL {
            let name = config.names.table(table);
            aws.create_table(&name, table.hash_key(), table.range_key()).map_err(NoWorld::Aws)?;
        }
        let topics = Topic::ALL.map(|topic| aws.create_topic(&config.names.topic(topic)));
        put_secrets(&aws, &config.names, &config.account);
        Ok(World {
            clock: SimClock::new(config.start),
            aws: Arc::new(aws),
            exchange: Arc::new(exchange),
            model: Arc::new(ScriptedModel::new(config.policy, config.seed)),
            names: config.names,
            topics,
        })
    }

    /// The network between the functions and the world, in process and without faults.
    pub fn network(&self) -> SharedTransport {
        let network = InProcess::new(self.clock.shared())
            .route(EXCHANGE_HOST, self.exchange.clone())
            .route(MODEL_HOST, self.model.clone())
            .route(HOSTS, self.aws.clone());
        Arc::new(network)
    }

    /// The ports over AWS through `transport`.
    pub fn aws_ports(&self, transport: &SharedTransport) -> AwsPorts {
        let clock = self.clock.clone();
        let config = AwsConfig {
            region: REGION.to_owned(),
            endpoint: None,
            keys: None,
            timeout: AWS_TIMEOUT,
            time: clients::time_source(move || clock.now()),
        };
        let [alerts, notifications] = self.topics.clone();
        AwsPorts {
            tables: DynamoTables {
                client: clients::dynamodb(&config, transport.clone()),
                names: self.names.clone(),
            },
            topics: SnsTopics { client: clients::sns(&config, transport.clone()), alerts, notifications },
            gauge: CloudWatchSignals {
                client: clients::cloudwatch(&config, transport.clone()),
                env: self.names.env.clone(),
            },
        }
    }

    /// The ARN of a topic.
    pub fn topic_arn(&self, topic: Topic) -> &str {
        let [alerts, notifications] = &self.topics;
        match topic {
            Topic::Alerts => alerts,
            Topic::Notifications => notifications,
        }
    }
}

/// One market of the exchange, with Binance's usual filters and fees.
fn exchange_config(config: &WorldConfig) -> ExchangeConfig {
    let (base, quote) = (config.symbol.base.as_str(), config.symbol.quote.as_str());
    ExchangeConfig {
        symbol: format!("{base}{quote}"),
        base: base.to_owned(),
        quote: quote.to_owned(),
        ..ExchangeConfig::btcusdt(&config.account)
    }
    .with_key(ApiKey::trading(TRADE_KEY.0, TRADE_KEY.1))
    .with_key(ApiKey::reading(READ_KEY.0, READ_KEY.1))
    .with_balance(quote, config.cash)
    .with_balance("BNB", config.bnb)
    .with_test_coin()
}

/// The secrets that the functions read, each its own.
fn put_secrets(aws: &EmbeddedAws, names: &Names, account: &str) {
    let pair = |(key, secret): (&str, &str)| json!({"api_key": key, "api_secret": secret}).to_string();
    aws.create_secret(&names.trade_secret(account), &pair(TRADE_KEY));
    aws.create_secret(&names.read_secret(account), &pair(READ_KEY));
    for provider in ["anthropic", "openai", "compatible"] {
        aws.create_secret(&names.model_secret(provider), &json!({"api_key": MODEL_KEY}).to_string());
    }
    aws.create_secret(&names.approval_secret(), &json!({"api_key": APPROVAL_KEY}).to_string());
}
