//! AWS on one machine: DynamoDB, SNS, CloudWatch metrics and Secrets Manager behind one [`Service`].
//!
//! The real SDK clients (and the AWS command line) speak their own wire formats to it, in process or over
//! a socket. DynamoDB is `dynoxide`; the other three are the few operations that this system uses, written
//! here, because emulators of whole services cost minutes of every build. An operation that is not
//! imitated is refused, never answered with an invention.

mod cloudwatch;
mod decode;
mod dynamodb;
mod meters;
mod refused;
#[cfg(test)]
mod sdk_tests;
mod secrets;
mod sns;
mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};
use shared::time::Timestamp;

use crate::service::{Request, Response, Service};

pub use cloudwatch::PutMetric;
pub use meters::{AwsMeters, OpMeter};
pub use refused::Refused;
pub use sns::Published;

use dynamodb::Tables;
use wire::Reply;

/// The account that everything belongs to.
pub const ACCOUNT: &str = "000000000000";
/// The host names that the SDK clients use when no endpoint is set, as a wildcard route.
pub const HOSTS: &str = "*.amazonaws.com";

/// The embedded AWS: one account in one region, in memory.
pub struct EmbeddedAws {
    cloudwatch: Mutex<cloudwatch::Metrics>,
    meters: Mutex<AwsMeters>,
    requests: AtomicU64,
    secrets: Mutex<secrets::Secrets>,
    sns: Mutex<sns::Topics>,
    tables: Tables,
}

/// Which service a request is for, and in which of its wire formats.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    DynamoDb(String),
    Secrets(String),
    CloudWatchJson(String),
    CloudWatchCbor(String),
    CloudWatchQuery,
    Sns,
    Unknown,
}

impl EmbeddedAws {
    /// An empty account in `region`, whose clock stands at `start` until the first request.
    pub fn new(region: &str, start: Timestamp) -> Result<EmbeddedAws, Refused> {
        Ok(EmbeddedAws {
            cloudwatch: Mutex::default(),
            meters: Mutex::default(),
            requests: AtomicU64::new(0),
            secrets: Mutex::new(secrets::Secrets::new(region)),
            sns: Mutex::new(sns::Topics::new(region)),
            tables: Tables::new(start)?,
        })
    }

    /// Makes a table with string keys, billed by request.
    pub fn create_table(&self, name: &str, hash: &str, range: Option<&str>) -> Result<(), Refused> {
        let names: Vec<(&str, &str)> =
            [Some((hash, "HASH")), range.map(|range| (range, "RANGE"))].into_iter().flatten().collect();
        let keys: Vec<Value> =
            names.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect();
        let attributes: Vec<Value> =
            names.iter().map(|(name, _)| json!({"AttributeName": name, "AttributeType": "S"})).collect();
        let request = json!({
            "TableName": name,
            "KeySchema": keys,
            "AttributeDefinitions": attributes,
            "BillingMode": "PAY_PER_REQUEST",
        });
        self.tables.call("CreateTable", &request).map(|_| ())
    }

    /// Makes a topic, or finds the one of that name; returns its ARN.
    pub fn create_topic(&self, name: &str) -> String {
        locked(&self.sns).create(name)
    }

    /// Makes a secret or gives the one of that name a new value; returns its ARN.
    pub fn create_secret(&self, name: &str, json: &str) -> String {
        locked(&self.secrets).put(name, json, self.tables.now())
    }

    /// Deletes the items whose time to live has passed; returns how many. AWS does this within days.
    pub fn sweep_expired(&self) -> Result<usize, Refused> {
        self.tables.sweep_expired()
    }

    /// Every item of a table in DynamoDB JSON, unmetered.
    pub fn scan_all(&self, table: &str) -> Result<Vec<Map<String, Value>>, Refused> {
        self.tables.scan_all(table)
    }

    /// Every message that was accepted for a topic, oldest first.
    pub fn published(&self) -> Vec<Published> {
        locked(&self.sns).published()
    }

    /// Every metric value that was accepted within the last day, oldest first.
    pub fn metrics(&self) -> Vec<PutMetric> {
        locked(&self.cloudwatch).put()
    }

    /// What was called and consumed so far.
    pub fn meters(&self) -> AwsMeters {
        locked(&self.meters).clone()
    }

    fn reply(&self, request: &Request, now: Timestamp) -> Reply {
        match destination(request) {
            Destination::DynamoDb(operation) => self.dynamodb(&operation, request.body()),
            Destination::Secrets(operation) => {
                let done = locked(&self.secrets).handle(&operation, request.body(), now);
                locked(&self.meters).other(&operation, done.is_err());
                wire::json11(done)
            }
            Destination::CloudWatchJson(operation) => {
                self.cloudwatch(&operation, decode::json(request.body()), now, wire::json10)
            }
            Destination::CloudWatchCbor(operation) => {
                self.cloudwatch(&operation, decode::cbor(request.body()), now, wire::cbor)
            }
            Destination::CloudWatchQuery => {
                let input = decode::query(request.body());
                let operation = decode::action(&input);
                self.cloudwatch(&operation, Ok(input), now, |done| {
                    wire::query(&operation, "http://monitoring.amazonaws.com/doc/2010-08-01/", done)
                })
            }
            Destination::Sns => self.sns(request, now),
            Destination::Unknown => wire::json10(Err(Refused::unknown("this service"))),
        }
    }

    fn dynamodb(&self, operation: &str, body: &[u8]) -> Reply {
        let done = self.tables.run(operation, body);
        locked(&self.meters).dynamodb(operation, done.result.is_err(), done.used);
        done.into_reply()
    }

    fn cloudwatch(
        &self,
        operation: &str,
        input: Result<Value, Refused>,
        now: Timestamp,
        wire: impl FnOnce(Result<Value, Refused>) -> Reply,
    ) -> Reply {
        let done = input.and_then(|input| locked(&self.cloudwatch).handle(operation, &input, now));
        locked(&self.meters).other(operation, done.is_err());
        wire(done)
    }

    fn sns(&self, request: &Request, now: Timestamp) -> Reply {
        let input = decode::query(request.body());
        let operation = decode::action(&input);
        let done = locked(&self.sns).handle(&operation, &input, now);
        locked(&self.meters).other(&operation, done.is_err());
        wire::query(&operation, "http://sns.amazonaws.com/doc/2010-03-31/", done)
    }
}

impl Service for EmbeddedAws {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        let id = self.requests.fetch_add(1, Ordering::Relaxed);
        self.tables.at(now);
        self.reply(&request, now).into_response(id)
    }
}

impl<S: Service + ?Sized> Service for Arc<S> {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        (**self).serve(request, now)
    }
}

impl std::fmt::Debug for EmbeddedAws {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("EmbeddedAws").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// A panic elsewhere does not make recorded facts unreadable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By target header or path where the format has one; the query format is told apart by who signed what,
/// then by host name.
fn destination(request: &Request) -> Destination {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    match target.and_then(|target| target.split_once('.')) {
        Some(("DynamoDB_20120810", operation)) => return Destination::DynamoDb(operation.to_owned()),
        Some(("secretsmanager", operation)) => return Destination::Secrets(operation.to_owned()),
        Some(("GraniteServiceVersion20100801", operation)) => {
            return Destination::CloudWatchJson(operation.to_owned());
        }
        Some(_) | None => {}
    }
    let path = request.uri().path();
    if let Some(operation) = path.strip_prefix("/service/GraniteServiceVersion20100801/operation/") {
        return Destination::CloudWatchCbor(operation.to_owned());
    }
    match signed_for(request).or_else(|| host_service(request)) {
        Some("sns") => Destination::Sns,
        Some("monitoring") => Destination::CloudWatchQuery,
        Some(_) | None => Destination::Unknown,
    }
}

/// The service in the credential scope: `Credential=AKIA/20230301/us-east-1/sns/aws4_request`.
fn signed_for(request: &Request) -> Option<&str> {
    let text = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = text.split_once("Credential=")?;
    scope.split('/').nth(3)
}

/// The first label of the host name: `sns.us-east-1.amazonaws.com`.
fn host_service(request: &Request) -> Option<&str> {
    let header = || request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    request.uri().host().or_else(header)?.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut builder = http::Request::post(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Bytes::new()).unwrap()
    }

    #[test]
    fn requests_are_told_apart_by_target_then_path_then_signature_then_host() {
        let scope = "AWS4-HMAC-SHA256 Credential=AKIA/20230301/us-east-1/monitoring/aws4_request, X";
        let cases = [
            (
                request("/", &[("x-amz-target", "DynamoDB_20120810.GetItem")]),
                Destination::DynamoDb("GetItem".into()),
            ),
            (
                request("/service/GraniteServiceVersion20100801/operation/PutMetricData", &[]),
                Destination::CloudWatchCbor("PutMetricData".into()),
            ),
            (request("/", &[("authorization", scope)]), Destination::CloudWatchQuery),
            (request("/", &[("host", "sns.us-east-1.amazonaws.com")]), Destination::Sns),
            (request("https://sns.eu-west-1.amazonaws.com/", &[]), Destination::Sns),
            (request("https://s3.eu-west-1.amazonaws.com/", &[]), Destination::Unknown),
        ];
        for (request, expected) in cases {
            assert_eq!(destination(&request), expected);
        }
    }

    fn post(aws: &EmbeddedAws, headers: &[(&str, &str)], body: &'static str) -> (u16, String) {
        let request = request("/", headers).map(|_| Bytes::from_static(body.as_bytes()));
        let answer = aws.serve(request, Timestamp::from_millis(5_000));
        (answer.status().as_u16(), String::from_utf8(answer.into_body().to_vec()).unwrap())
    }

    #[test]
    fn the_command_line_puts_metrics_in_its_own_two_formats() {
        let aws = EmbeddedAws::new("us-east-1", Timestamp::from_millis(0)).unwrap();
        let query = "Action=PutMetricData&Version=2010-08-01&Namespace=t&MetricData.member.1.MetricName=a\
            &MetricData.member.1.Value=1.50&MetricData.member.1.Dimensions.member.1.Name=d\
            &MetricData.member.1.Dimensions.member.1.Value=e\
            &MetricData.member.1.Timestamp=1970-01-01T00%3A00%3A01Z";
        let (status, body) = post(&aws, &[("host", "monitoring.us-east-1.amazonaws.com")], query);
        assert!(status == 200 && body.starts_with("<PutMetricDataResponse"), "{body}");
        let target = [("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")];
        let json = r#"{"Namespace":"t","MetricData":[{"MetricName":"b","Value":2,"Timestamp":2.5}]}"#;
        assert_eq!(post(&aws, &target, json), (200, "{}".to_owned()));
        let put: Vec<_> = aws.metrics().iter().map(|m| format!("{} {} {}", m.name, m.value, m.at)).collect();
        assert_eq!(put, ["a 1.5 1970-01-01T00:00:01Z", "b 2 1970-01-01T00:00:02.500Z"]);
    }

    #[test]
    fn a_metric_is_kept_for_a_day() {
        let aws = EmbeddedAws::new("us-east-1", Timestamp::from_millis(0)).unwrap();
        let hour = 3_600_000;
        for at in [0, hour, 24 * hour, 25 * hour] {
            let request = http::Request::post("http://local/")
                .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")
                .body(r#"{"Namespace":"t","MetricData":[{"MetricName":"b","Value":2}]}"#.into())
                .unwrap();
            assert_eq!(aws.serve(request, Timestamp::from_millis(at)).status().as_u16(), 200);
        }
        let kept: Vec<i64> = aws.metrics().iter().map(|metric| metric.at.as_millis()).collect();
        assert_eq!(kept, [hour, 24 * hour, 25 * hour]);
    }

    #[test]
    fn the_command_line_makes_a_topic_and_subscribes_to_it() {
        let aws = EmbeddedAws::new("us-east-1", Timestamp::from_millis(0)).unwrap();
        let host = [("host", "sns.us-east-1.amazonaws.com")];
        let (_, body) = post(&aws, &host, "Action=CreateTopic&Name=alarms");
        assert!(body.contains("<TopicArn>arn:aws:sns:us-east-1:000000000000:alarms</TopicArn>"), "{body}");
        let subscribe = "Action=Subscribe&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Aalarms\
            &Protocol=email&Endpoint=a%40b.test";
        assert_eq!(post(&aws, &host, subscribe).0, 200);
        let list = "Action=ListSubscriptionsByTopic&TopicArn=arn:aws:sns:us-east-1:000000000000:alarms";
        let (_, body) = post(&aws, &host, list);
        assert!(body.contains("<member>") && body.contains("a@b.test"), "{body}");
        let (status, body) = post(&aws, &host, "Action=Publish&TopicArn=other&Message=x");
        assert!(status == 404 && body.contains("<Code>NotFound</Code>"), "{body}");
    }

    #[test]
    fn a_request_that_cannot_be_read_is_refused_in_dynamodbs_words() {
        let aws = EmbeddedAws::new("us-east-1", Timestamp::from_millis(0)).unwrap();
        let target = [("x-amz-target", "DynamoDB_20120810.PutItem")];
        for (body, kind) in [
            ("{", "SerializationException"),
            (r#"{"Item":{}}"#, "ValidationException"),
            (r#"{"TableName":"none","Item":{"pk":{"S":"a"}}}"#, "ResourceNotFoundException"),
        ] {
            let (status, answer) = post(&aws, &target, body);
            assert!(status == 400 && answer.contains(kind), "{answer}");
            assert!(!answer.contains("VALIDATION") && !answer.contains("at line"), "{answer}");
        }
    }

    #[test]
    fn a_table_that_exists_is_not_made_again() {
        let aws = EmbeddedAws::new("us-east-1", Timestamp::from_millis(0)).unwrap();
        aws.create_table("state", "pk", None).unwrap();
        assert_eq!(aws.create_table("state", "pk", None).unwrap_err().code, "ResourceInUseException");
    }
}
