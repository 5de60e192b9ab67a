//! How long one SDK call takes in process, in wall-clock microseconds. A measurement, not a test.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement reads a real clock")]

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
use shared::time::{Millis, Timestamp};
use sim::aws::{EmbeddedAws, HOSTS};
use sim::clock::SimClock;
use sim::in_process::InProcess;

const ROUNDS: u32 = 5_000;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

async fn measured<F: Future>(name: &str, call: impl Fn(u32) -> F) {
    for round in 0..500 {
        call(round).await;
    }
    let start = Instant::now();
    for round in 0..ROUNDS {
        call(round).await;
    }
    println!("{name}: {} us", start.elapsed().as_micros() / u128::from(ROUNDS));
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let start = Timestamp::parse("2023-03-01T00:00:00Z").unwrap();
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
    let client = clients::dynamodb(&config, network);
    for sk in 0..8 {
        let put = client.put_item().table_name("state").item("pk", s("a")).item("sk", s(&sk.to_string()));
        put.item("text", s(&"x".repeat(300))).send().await.unwrap();
    }
    measured("UpdateItem", |round| {
        client
            .update_item()
            .table_name("state")
            .key("pk", s("a"))
            .key("sk", s("1"))
            .update_expression("SET v = :to")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":to", AttributeValue::N(round.to_string()))
            .send()
    })
    .await;
    measured("GetItem", |_| client.get_item().table_name("state").key("pk", s("a")).key("sk", s("1")).send())
        .await;
    measured("BatchGetItem of 8", |_| {
        let mut keys = KeysAndAttributes::builder().consistent_read(true);
        for sk in 0..8 {
            keys = keys.keys([("pk".to_owned(), s("a")), ("sk".to_owned(), s(&sk.to_string()))].into());
        }
        client.batch_get_item().request_items("state", keys.build().unwrap()).send()
    })
    .await;
    let now = || clock.now();
    measured("UpdateItem without the SDK", |round| {
        let body = format!(
            r#"{{"TableName":"state","Key":{{"pk":{{"S":"a"}},"sk":{{"S":"1"}}}},"UpdateExpression":"SET v = :to","ExpressionAttributeValues":{{":to":{{"N":"{round}"}}}}}}"#
        );
        let request = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.UpdateItem");
        let request = request.body(bytes::Bytes::from(body)).unwrap();
        let answer = sim::service::Service::serve(&*aws, request, now());
        async move { answer }
    })
    .await;
}
