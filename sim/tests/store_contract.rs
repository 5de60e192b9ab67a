//! The contract of the stores, kept by the DynamoDB adapter through the real SDK client; and the other
//! adapters against the embedded AWS.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::future::Future;
use std::sync::Arc;

use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
use shared::aws::publish::SnsTopics;
use shared::aws::secrets::SecretsManager;
use shared::aws::signals::CloudWatchSignals;
use shared::aws::tables::DynamoTables;
use shared::gauge::{PutSignals, Reading};
use shared::ids::Env;
use shared::page::{Message, Publish, PublishError};
use shared::secret::{ReadSecret, SecretError};
use shared::signal::Signal;
use shared::tables::{Names, Table, Topic};
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use sim::aws::{EmbeddedAws, HOSTS};
use sim::clock::SimClock;
use sim::in_process::InProcess;

/// The embedded AWS and how to reach it.
struct World {
    aws: Arc<EmbeddedAws>,
    config: AwsConfig,
    network: SharedTransport,
}

fn names() -> Names {
    Names { prefix: "tradai".to_owned(), env: Env::parse("dev").unwrap() }
}

fn world() -> World {
    let start = Timestamp::parse("2023-03-01T00:00:00Z").unwrap();
    let clock = SimClock::new(start);
    let aws = Arc::new(EmbeddedAws::new("us-east-1", start).unwrap());
    let network = Arc::new(InProcess::new(clock.shared()).route(HOSTS, Arc::<EmbeddedAws>::clone(&aws)));
    let config = AwsConfig {
        region: "us-east-1".to_owned(),
        endpoint: None,
        keys: Some(AwsKeys { access_key: "AKIA".into(), secret_key: "secret".into(), session_token: None }),
        timeout: Millis::from_secs(5),
        time: time_source(move || clock.now()),
    };
    World { aws, config, network }
}

fn tables() -> DynamoTables {
    let World { aws, config, network } = world();
    for table in Table::ALL {
        aws.create_table(&names().table(table), table.hash_key(), table.range_key()).unwrap();
    }
    DynamoTables { client: clients::dynamodb(&config, network), names: names() }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

shared::store_contract!(async { tables() }, block_on);

#[test]
fn a_page_reaches_its_topic_and_a_missing_topic_is_not_done() {
    let World { aws, config, network } = world();
    let topics = SnsTopics {
        client: clients::sns(&config, network),
        alerts: aws.create_topic("tradai-dev-alerts"),
        notifications: "arn:aws:sns:us-east-1:000000000000:missing".to_owned(),
    };
    let page = |topic| Message { topic, subject: "hält\nan".to_owned(), body: "Köln".to_owned() };
    block_on(topics.publish(&page(Topic::Alerts))).unwrap();
    let refused = block_on(topics.publish(&page(Topic::Notifications)));
    assert!(matches!(refused, Err(PublishError::NotDone(_))), "{refused:?}");
    let published = aws.published();
    assert_eq!(published.len(), 1);
    assert_eq!((published[0].subject.as_deref(), published[0].message.as_str()), (Some("h?lt an"), "Köln"));
}

#[test]
fn the_signals_of_a_minute_are_one_call() {
    let World { aws, config, network } = world();
    let signals =
        CloudWatchSignals { client: clients::cloudwatch(&config, network), env: Env::parse("dev").unwrap() };
    let at = Timestamp::parse("2023-03-01T00:07:00Z").unwrap();
    let value = |text: &str| text.parse().unwrap();
    let readings = [
        Reading { signal: Signal::HeartbeatStale, value: value("2") },
        Reading { signal: Signal::DailyOrders, value: value("81.5") },
    ];
    block_on(signals.put(at, &readings)).unwrap();
    assert_eq!(aws.meters().put_metric_calls, 1);
    let told: Vec<_> = aws.metrics().into_iter().map(|one| (one.name, one.value, one.at)).collect();
    let expected = [
        ("heartbeat-stale".to_owned(), "2".to_owned(), at),
        ("daily-orders".to_owned(), "81.5".to_owned(), at),
    ];
    assert_eq!(told, expected);
    let first = &aws.metrics()[0];
    assert_eq!(first.namespace, "tradai");
    assert_eq!(first.dimensions, [("Env".to_owned(), "dev".to_owned())]);
}

#[test]
fn a_secret_is_read_by_its_name() {
    let World { aws, config, network } = world();
    let name = names().read_secret("main");
    aws.create_secret(&name, r#"{"api_key":"k","api_secret":"hush"}"#);
    let secrets = SecretsManager { client: clients::secretsmanager(&config, network) };
    let secret = block_on(secrets.read(&name)).unwrap();
    assert_eq!(secret.api_key().expose(), "k");
    assert_eq!(secret.api_secret().map(shared::secret::Secret::expose), Some("hush"));
    let missing = names().trade_secret("main");
    assert_eq!(block_on(secrets.read(&missing)), Err(SecretError::Missing { name: missing }));
}
