//! The real SDK clients against the embedded AWS, in process and over a socket.

use std::sync::Arc;

use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use rust_decimal::Decimal;
use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
use shared::aws::sdk_http::transport_error;
use shared::time::{Millis, Timestamp};
use shared::transport::{SharedTransport, TransportError};

use super::{EmbeddedAws, HOSTS};
use crate::clock::SimClock;
use crate::in_process::InProcess;
use crate::socket;

const START: &str = "2023-03-01T00:00:00Z";

struct World {
    aws: Arc<EmbeddedAws>,
    clock: SimClock,
    config: AwsConfig,
    network: SharedTransport,
}

fn world() -> World {
    let start = Timestamp::parse(START).unwrap();
    let clock = SimClock::new(start);
    let aws = Arc::new(EmbeddedAws::new("us-east-1", start).unwrap());
    aws.create_table("state", "pk", Some("sk")).unwrap();
    let network = Arc::new(InProcess::new(clock.shared()).route(HOSTS, Arc::<EmbeddedAws>::clone(&aws)));
    let signing = clock.clone();
    let config = AwsConfig {
        region: "us-east-1".to_owned(),
        endpoint: None,
        keys: Some(AwsKeys { access_key: "AKIA".into(), secret_key: "secret".into(), session_token: None }),
        timeout: Millis::from_secs(5),
        time: time_source(move || signing.now()),
    };
    World { aws, clock, config, network }
}

impl World {
    fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        clients::dynamodb(&self.config, Arc::clone(&self.network))
    }
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

async fn put(client: &aws_sdk_dynamodb::Client, sk: &str, version: &str) {
    let request = client.put_item().table_name("state").item("pk", s("a")).item("sk", s(sk));
    request.item("v", n(version)).send().await.unwrap();
}

fn update(client: &aws_sdk_dynamodb::Client, from: &str, to: &str) -> UpdateItemFluentBuilder {
    client
        .update_item()
        .table_name("state")
        .key("pk", s("a"))
        .key("sk", s("1"))
        .update_expression("SET v = :to")
        .condition_expression("v = :from")
        .expression_attribute_values(":from", n(from))
        .expression_attribute_values(":to", n(to))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

#[tokio::test]
async fn a_failed_condition_carries_the_old_item() {
    let world = world();
    let client = world.dynamodb();
    put(&client, "1", "1").await;
    let updated = update(&client, "1", "2").send().await.unwrap();
    assert_eq!(updated.attributes.unwrap()["v"], n("2"));
    let error = update(&client, "1", "3").send().await.unwrap_err().into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.item().unwrap()["v"], n("2"));
    let got = client.get_item().table_name("state").key("pk", s("a")).key("sk", s("1")).consistent_read(true);
    assert_eq!(got.send().await.unwrap().item.unwrap()["v"], n("2"));
}

#[tokio::test]
async fn a_cancelled_transaction_says_which_item_was_at_fault() {
    let world = world();
    let client = world.dynamodb();
    put(&client, "1", "1").await;
    let fresh = Put::builder().table_name("state").item("pk", s("a")).item("sk", s("2")).build().unwrap();
    let stale = Update::builder()
        .table_name("state")
        .key("pk", s("a"))
        .key("sk", s("1"))
        .update_expression("SET v = :to")
        .condition_expression("v = :from")
        .expression_attribute_values(":from", n("7"))
        .expression_attribute_values(":to", n("8"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .unwrap();
    let request = client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(fresh).build())
        .transact_items(TransactWriteItem::builder().update(stale).build());
    let error = request.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let reasons = cancelled.cancellation_reasons();
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(reasons[1].item().unwrap()["v"], n("1"));
    assert_eq!(world.aws.scan_all("state").unwrap().len(), 1);
    assert_eq!(world.aws.meters().by_operation["TransactWriteItems"].wru, Decimal::from(4));
}

#[tokio::test]
async fn request_units_are_measured_and_shown_only_to_those_who_asked() {
    let world = world();
    let client = world.dynamodb();
    put(&client, "1", "1").await;
    put(&client, "2", "1").await;
    let key = |sk: &str| [("pk".to_owned(), s("a")), ("sk".to_owned(), s(sk))].into();
    let keys = KeysAndAttributes::builder().keys(key("1")).keys(key("2")).build().unwrap();
    let batch = client.batch_get_item().request_items("state", keys);
    let silent = batch.clone().send().await.unwrap();
    assert_eq!(silent.responses.unwrap()["state"].len(), 2);
    assert_eq!(silent.consumed_capacity.unwrap_or_default(), []);
    let told = batch.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(told.consumed_capacity.unwrap()[0].capacity_units, Some(1.0));
    let strong = client.get_item().table_name("state").key("pk", s("a")).key("sk", s("1"));
    strong.clone().send().await.unwrap();
    strong.consistent_read(true).send().await.unwrap();
    let meters = world.aws.meters();
    assert_eq!(meters.ddb_calls, 6);
    assert_eq!(meters.ddb_wru, Decimal::TWO);
    assert_eq!(meters.ddb_rru.to_string(), "3.5");
    assert_eq!(meters.by_operation["BatchGetItem"].calls, 2);
}

#[tokio::test]
async fn a_page_of_a_query_is_followed_by_the_next() {
    let world = world();
    let client = world.dynamodb();
    for sk in ["1", "2", "3"] {
        put(&client, sk, "1").await;
    }
    let query = client
        .query()
        .table_name("state")
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", s("a"))
        .limit(2);
    let first = query.clone().send().await.unwrap();
    assert_eq!(first.count(), 2);
    let second = query.set_exclusive_start_key(first.last_evaluated_key).send().await.unwrap();
    assert_eq!(second.items()[0]["sk"], s("3"));
}

#[tokio::test]
async fn an_expired_item_goes_when_swept_in_simulated_time() {
    let world = world();
    let client = world.dynamodb();
    let ttl = aws_sdk_dynamodb::types::TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires")
        .build()
        .unwrap();
    client.update_time_to_live().table_name("state").time_to_live_specification(ttl).send().await.unwrap();
    let expires = (Timestamp::parse(START).unwrap() + Millis::from_minutes(1)).as_secs().to_string();
    let item = client.put_item().table_name("state").item("pk", s("a")).item("sk", s("1"));
    item.item("expires", n(&expires)).send().await.unwrap();
    assert_eq!(world.aws.sweep_expired().unwrap(), 0);
    world.clock.advance(Millis::from_minutes(2));
    put(&client, "2", "1").await;
    assert_eq!(world.aws.sweep_expired().unwrap(), 1);
}

#[tokio::test]
async fn a_published_message_is_remembered_and_a_missing_topic_refused() {
    let world = world();
    let arn = world.aws.create_topic("alarms");
    let client = clients::sns(&world.config, Arc::clone(&world.network));
    world.clock.advance(Millis(1_500));
    let sent = client.publish().topic_arn(&arn).subject("Stop & look").message("a=1 & b=<2>").send();
    assert!(sent.await.unwrap().message_id().is_some());
    let lost = client.publish().topic_arn("arn:aws:sns:us-east-1:000000000000:other").message("x");
    assert!(lost.send().await.unwrap_err().into_service_error().is_not_found_exception());
    let published = world.aws.published();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].subject.as_deref(), Some("Stop & look"));
    assert_eq!(published[0].message, "a=1 & b=<2>");
    assert_eq!(published[0].at.to_string(), "2023-03-01T00:00:01.500Z");
    assert_eq!(world.aws.meters().sns_publishes, 1);
}

#[tokio::test]
async fn a_put_metric_is_remembered_with_its_value_as_text() {
    let world = world();
    let client = clients::cloudwatch(&world.config, Arc::clone(&world.network));
    let dimension = Dimension::builder().name("account").value("main").build();
    let datum = MetricDatum::builder().metric_name("equity").value(1234.5).unit(StandardUnit::None);
    let time = aws_sdk_cloudwatch::primitives::DateTime::from_secs(1_677_628_860);
    let datum = datum.dimensions(dimension).timestamp(time).build();
    client.put_metric_data().namespace("tradai").metric_data(datum).send().await.unwrap();
    let nameless = client.put_metric_data().namespace("tradai").metric_data(MetricDatum::builder().build());
    assert!(nameless.send().await.is_err());
    let metrics = world.aws.metrics();
    assert_eq!(metrics.len(), 1);
    assert_eq!((metrics[0].name.as_str(), metrics[0].value.as_str()), ("equity", "1234.5"));
    assert_eq!(metrics[0].dimensions, [("account".to_owned(), "main".to_owned())]);
    assert_eq!(metrics[0].at.to_string(), "2023-03-01T00:01:00Z");
    assert_eq!(world.aws.meters().put_metric_calls, 1);
}

#[tokio::test]
async fn a_secret_is_read_by_name_and_a_missing_one_is_not_found() {
    let world = world();
    world.aws.create_secret("venue/key", r#"{"key":"k"}"#);
    let client = clients::secretsmanager(&world.config, Arc::clone(&world.network));
    let got = client.get_secret_value().secret_id("venue/key").send().await.unwrap();
    assert_eq!(got.secret_string(), Some(r#"{"key":"k"}"#));
    let missing = client.get_secret_value().secret_id("other").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn an_operation_that_is_not_imitated_is_refused() {
    let world = world();
    let error = world.dynamodb().list_backups().send().await.unwrap_err();
    assert!(format!("{error:?}").contains("UnknownOperationException"), "{error:?}");
    assert_eq!(world.aws.meters().by_operation["ListBackups"].refused, 1);
}

#[tokio::test]
async fn the_same_account_answers_behind_a_socket_through_the_real_http_client() {
    let mut world = world();
    let served =
        socket::serve_local(Arc::<EmbeddedAws>::clone(&world.aws), world.clock.shared()).await.unwrap();
    world.config.endpoint = Some(served.url());
    world.network = Arc::new(shared::http_client::HttpClient::new(Arc::new(world.clock.clone())).unwrap());
    let client = world.dynamodb();
    put(&client, "1", "1").await;
    assert!(
        update(&client, "9", "3")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
    let arn = world.aws.create_topic("alarms");
    let sns = clients::sns(&world.config, Arc::clone(&world.network));
    sns.publish().topic_arn(&arn).message("over a socket").send().await.unwrap();
    let cloudwatch = clients::cloudwatch(&world.config, Arc::clone(&world.network));
    let datum = MetricDatum::builder().metric_name("beat").value(1.0).build();
    cloudwatch.put_metric_data().namespace("tradai").metric_data(datum).send().await.unwrap();
    world.aws.create_secret("name", "{}");
    let secrets = clients::secretsmanager(&world.config, Arc::clone(&world.network));
    secrets.get_secret_value().secret_id("name").send().await.unwrap();
    assert_eq!(world.aws.published()[0].message, "over a socket");
    assert_eq!(world.aws.metrics()[0].value, "1");
}

#[tokio::test]
async fn what_could_not_connect_was_never_sent() {
    let mut world = world();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    world.config.endpoint = Some(format!("http://{address}"));
    world.network = Arc::new(shared::http_client::HttpClient::new(Arc::new(world.clock.clone())).unwrap());
    let error = world.dynamodb().list_tables().send().await.unwrap_err();
    assert!(matches!(transport_error(&error), Some(TransportError::NeverSent(_))), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_timeout() {
    let mut world = world();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.config.endpoint = Some(format!("http://{}", listener.local_addr().unwrap()));
    world.config.timeout = Millis(50);
    world.network = Arc::new(shared::http_client::HttpClient::new(Arc::new(world.clock.clone())).unwrap());
    let error = world.dynamodb().list_tables().send().await.unwrap_err();
    assert!(matches!(transport_error(&error), Some(TransportError::NoAnswer(_))), "{error:?}");
}
