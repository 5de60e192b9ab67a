//! Every fault does what its name says, and the same seed does it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use shared::time::Millis;
use shared::transport::{Request, Sending, SharedTransport, Transport, TransportError};

use super::*;
use crate::checks::fixture::{World, at};
use crate::exchange::OrderStatus;

const ALWAYS: u32 = 1_000_000;
const TIMEOUT: Millis = Millis::from_secs(5);
const RESTING: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=19000";
const MARKET: &str = "side=BUY&type=MARKET&quantity=0.01";

/// Answers everything alike, and counts.
#[derive(Debug, Default)]
struct Echo(AtomicU64);

impl Transport for Echo {
    fn send(&self, _: Request, _: Millis) -> Sending<'_> {
        Box::pin(async {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(http::Response::new(Bytes::from_static(b"{\"status\":\"NEW\"}")))
        })
    }
}

fn venue(method: &str) -> Request {
    let request = http::Request::builder().method(method).uri("https://exchange.sim/api/v3/order");
    request.body(Bytes::new()).unwrap()
}

fn model() -> Request {
    http::Request::post("https://model.sim/v1/messages").body(Bytes::new()).unwrap()
}

fn table(operation: &str) -> Request {
    let request = http::Request::post("https://dynamodb.us-east-1.amazonaws.com/");
    let request = request.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
    request.body(Bytes::from_static(b"{\"TransactItems\":[{},{}]}")).unwrap()
}

fn publish() -> Request {
    let request = http::Request::post("https://sns.us-east-1.amazonaws.com/");
    request.body(Bytes::from_static(b"Action=Publish&Version=2010-03-31")).unwrap()
}

fn metrics() -> Request {
    let path = "https://monitoring.us-east-1.amazonaws.com/service/GraniteServiceVersion20100801/operation/x";
    http::Request::post(path).body(Bytes::new()).unwrap()
}

fn over(inner: SharedTransport, plan: FaultPlan) -> FaultyTransport {
    FaultyTransport::new(inner, crate::clock::SimClock::new(at(0)).shared(), 7, plan)
}

fn world_with(plan: FaultPlan) -> (World, FaultyTransport) {
    let world = World::new();
    let faults = FaultyTransport::new(Arc::clone(&world.network), world.clock.shared(), 7, plan);
    let faults = faults.with_exchange(Arc::clone(&world.exchange));
    (world, faults)
}

fn only(kind: Kind) -> FaultPlan {
    FaultPlan::none().with(kind, ALWAYS)
}

fn spell(outcome: &Result<Response, TransportError>) -> String {
    match outcome {
        Ok(answer) => format!("{} {}", answer.status().as_u16(), String::from_utf8_lossy(answer.body())),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn faults_do_what_their_names_say() {
    let cases: [(Kind, Request, &str, u64); 19] = [
        (Kind::VenueRequestLost, venue("POST"), "no answer: fault: lost on the way out", 0),
        (Kind::VenueReplyLost, venue("POST"), "no answer: fault: lost on the way back", 1),
        (Kind::Venue503Applied, venue("POST"), "503 {\"code\":-1000", 1),
        (Kind::Venue503Clean, venue("POST"), "503 {\"code\":-1008", 0),
        (Kind::Venue1007Applied, venue("DELETE"), "504 {\"code\":-1007", 1),
        (Kind::Venue429, venue("GET"), "429 {\"code\":-1003", 0),
        (Kind::VenueHtml502, venue("GET"), "502 <html>", 0),
        (Kind::VenueTruncatedJson, venue("POST"), "200 {\"status", 1),
        (Kind::VenueNeverSent, venue("POST"), "never sent: fault", 0),
        (Kind::VenueGhost, venue("POST"), "no answer: fault: late", 0),
        (Kind::VenueDuplicate, venue("POST"), "200 {\"status\":\"NEW\"}", 2),
        (Kind::VenueReadLag, venue("POST"), "no answer: fault: lost on the way back, and not", 1),
        (Kind::Model429, model(), "429 {\"type\":\"error\"", 0),
        (Kind::ModelTimeout, model(), "no answer", 0),
        (Kind::ModelGarbage, model(), "200 {\"status", 1),
        (
            Kind::TableConflict,
            table("TransactWriteItems"),
            "400 {\"__type\":\"com.amazonaws.dynamodb.v20120810#TransactionCanceled",
            0,
        ),
        (Kind::TableReplyLost, table("PutItem"), "no answer: fault: lost on the way back", 1),
        (Kind::PublishReplyLost, publish(), "no answer", 1),
        (Kind::MetricsFailed, metrics(), "500 ", 0),
    ];
    for (kind, request, expected, served) in cases {
        let echo = Arc::new(Echo::default());
        let faults = over(echo.clone(), only(kind));
        let said = spell(&faults.send(request, TIMEOUT).await);
        assert!(said.starts_with(expected), "{kind:?}: {said}");
        assert_eq!(echo.0.load(Ordering::SeqCst), served, "{kind:?}");
        assert_eq!(faults.counts(), BTreeMap::from([(kind.as_str().to_owned(), 1)]));
    }
}

#[tokio::test]
async fn faults_befall_only_the_calls_that_they_are_for() {
    let plan = Kind::ALL.iter().fold(FaultPlan::none(), |plan, kind| plan.with(*kind, 1));
    let targets = [
        (venue("POST"), Target::VenueSend, 12),
        (venue("GET"), Target::VenueRead, 7),
        (model(), Target::Model, 4),
        (table("PutItem"), Target::Table, 4),
        (table("TransactWriteItems"), Target::Transaction, 5),
        (publish(), Target::Publish, 2),
        (metrics(), Target::Metrics, 1),
    ];
    for (request, expected, kinds) in targets {
        let host = target::host(&request);
        assert_eq!(target::of(&request, &host, &Hosts::default()), expected);
        let fit = Kind::ALL.iter().filter(|kind| plan.ppm(**kind, expected) > 0).count();
        assert_eq!(fit, kinds, "{expected:?}");
    }
}

/// Days of calls as a trading system makes them: many reads and tables, few orders, pages and cycles.
async fn days(faults: &FaultyTransport, days: u32) -> Vec<String> {
    let mut said = Vec::new();
    for minute in 0..days * 1_440 {
        let mut calls = vec![venue("GET"), table("GetItem"), table("UpdateItem"), metrics()];
        if minute % 25 == 0 {
            calls.push(model());
        }
        if minute % 120 == 0 {
            calls.extend([table("TransactWriteItems"), venue("POST"), table("TransactWriteItems")]);
        }
        if minute % 1_440 == 0 {
            calls.push(publish());
        }
        for call in calls {
            said.push(spell(&faults.send(call, TIMEOUT).await));
        }
    }
    said
}

#[tokio::test]
async fn faults_of_every_kind_happen_within_three_weeks_and_the_same_seed_repeats_them() {
    for (plan, least, most) in [(FaultPlan::light(), 10, 40), (FaultPlan::heavy(), 200, 400)] {
        let (world, _) = world_with(FaultPlan::none());
        let run = || {
            let faults = over(Arc::new(Echo::default()), plan.clone());
            faults.with_exchange(Arc::clone(&world.exchange))
        };
        let (first, second) = (run(), run());
        let said = days(&first, 21).await;
        let again = days(&second, 2).await;
        assert_eq!(said[..again.len()], again);
        let counts = first.counts();
        let missing: Vec<&str> =
            Kind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| !counts.contains_key(*kind)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let in_10k = counts.values().sum::<u64>() * 10_000 / u64::try_from(said.len()).unwrap();
        assert!((least..=most).contains(&in_10k), "{in_10k} of 10000: {counts:?}");
    }
}

#[tokio::test]
async fn faults_of_one_host_are_not_shifted_by_calls_to_another() {
    let plan = || FaultPlan::none().with(Kind::VenueNeverSent, 300_000);
    let (alone, mixed) = (over(Arc::new(Echo::default()), plan()), over(Arc::new(Echo::default()), plan()));
    let mut both = (Vec::new(), Vec::new());
    for _ in 0..50 {
        both.0.push(spell(&alone.send(venue("GET"), TIMEOUT).await));
        mixed.send(model(), TIMEOUT).await.unwrap();
        both.1.push(spell(&mixed.send(venue("GET"), TIMEOUT).await));
    }
    assert_eq!(both.0, both.1);
    assert!(
        both.0.iter().any(|said| said.starts_with("never"))
            && both.0.iter().any(|said| said.starts_with('2'))
    );
}

#[tokio::test]
async fn faults_end_when_told_and_stay_within_their_window() {
    let clock = crate::clock::SimClock::new(at(0));
    let faults =
        FaultyTransport::new(Arc::new(Echo::default()), clock.shared(), 7, only(Kind::Table500Clean));
    let faults = faults.within(at(60), at(120));
    for (seconds, status) in [(0, 200), (60, 500), (119, 500), (120, 200)] {
        clock.set(at(seconds));
        let answer = faults.send(table("GetItem"), TIMEOUT).await.unwrap();
        assert_eq!(answer.status(), status, "at {seconds}");
    }
    let faults = over(Arc::new(Echo::default()), only(Kind::Table500Clean));
    faults.quiet();
    assert_eq!(faults.send(table("GetItem"), TIMEOUT).await.unwrap().status(), 200);
}

#[tokio::test]
async fn faults_that_wait_in_vain_take_their_time() {
    let clock = crate::clock::SimClock::new(at(0));
    let plan = only(Kind::VenueRequestLost);
    let faults = FaultyTransport::new(Arc::new(Echo::default()), clock.shared(), 7, plan);
    let faults = faults.taking_time(clock.clone());
    faults.send(venue("GET"), TIMEOUT).await.unwrap_err();
    assert_eq!(clock.now(), at(5));
}

#[tokio::test]
async fn faults_late_requests_are_judged_when_they_arrive() {
    let (world, faults) = world_with(only(Kind::VenueGhost));
    for n in 0..20 {
        world.clock.set(at(n * 60));
        faults.tick().await;
        let order = world.order(&format!("late-{n}"), RESTING);
        assert!(faults.send(order, TIMEOUT).await.is_err());
        assert!(world.exchange.orders().iter().all(|order| order.client_id != format!("late-{n}")));
    }
    faults.quiet();
    world.clock.set(at(3_000));
    faults.tick().await;
    let arrived = world.exchange.orders();
    // Half were within their receive window of five seconds; they stand at the time of their arrival.
    assert!((4..=16).contains(&arrived.len()), "{}", arrived.len());
    for order in &arrived {
        let sent = order.client_id.strip_prefix("late-").unwrap().parse::<i64>().unwrap() * 60;
        assert!((500..=4_000).contains(&order.time.since(at(sent)).0), "{order:?}");
    }
    assert_eq!(faults.counts()["venue_ghost"], 20);
}

#[tokio::test]
async fn faults_deliver_twice_only_what_the_exchange_can_tell() {
    let (world, faults) = world_with(only(Kind::VenueDuplicate));
    let mut said = Vec::new();
    for n in 0..8 {
        said.push(spell(&faults.send(world.order(&format!("rests-{n}"), RESTING), TIMEOUT).await));
    }
    assert!(said.iter().any(|said| said.contains("Duplicate order sent.")));
    assert!(said.iter().any(|said| said.starts_with("200")));
    faults.send(world.order("market", MARKET), TIMEOUT).await.unwrap();
    faults.send(world.cancelling("rests-0"), TIMEOUT).await.unwrap();
    assert_eq!(world.exchange.orders().len(), 9);
    assert_eq!(world.exchange.orders()[0].status, OrderStatus::Canceled);
    assert_eq!(faults.counts()["venue_duplicate"], 9);
}

#[tokio::test]
async fn faults_a_request_inside_the_wait_is_a_violation() {
    let (world, faults) = world_with(only(Kind::Venue429));
    let answer = faults.send(world.query("x"), TIMEOUT).await.unwrap();
    let seconds: i64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    faults.quiet();
    world.clock.set(at(seconds));
    assert_eq!(faults.send(world.query("x"), TIMEOUT).await.unwrap().status(), 400);
    assert_eq!(world.exchange.violations(), 0);
    world.exchange.throttle(at(seconds), Millis::from_secs(9));
    assert_eq!(faults.send(world.query("x"), TIMEOUT).await.unwrap().status(), 429);
    assert_eq!(world.exchange.violations(), 0);
    assert_eq!(faults.send(world.query("x"), TIMEOUT).await.unwrap().status(), 418);
    assert_eq!(world.exchange.violations(), 1);
}

#[tokio::test]
async fn faults_fresh_orders_are_invisible_for_some_seconds() {
    let (world, faults) = world_with(only(Kind::VenueReadLag));
    assert!(faults.send(world.order("a", RESTING), TIMEOUT).await.is_err());
    let unseen = faults.send(world.query("a"), TIMEOUT).await.unwrap();
    assert!(spell(&Ok(unseen)).contains("-2013"));
    world.clock.set(at(9));
    assert_eq!(faults.send(world.query("a"), TIMEOUT).await.unwrap().status(), 200);
    faults.quiet();
    faults.send(world.order("b", RESTING), TIMEOUT).await.unwrap();
    assert_eq!(faults.send(world.query("b"), TIMEOUT).await.unwrap().status(), 200);
}

/// Whether the process died, and what it had done by then.
async fn process(faults: &FaultyTransport, calls: u32) -> (bool, u32) {
    let mut done = 0;
    let work = async {
        for _ in 0..calls {
            faults.send(table("PutItem"), TIMEOUT).await.unwrap();
            done += 1;
        }
    };
    let died = tokio::select! {
        () = work => false,
        () = faults.crashed() => true,
    };
    assert_eq!(faults.disarm_crash(), died);
    (died, done)
}

#[tokio::test]
async fn faults_a_process_dies_at_its_nth_call_before_or_after_the_effect() {
    let echo = Arc::new(Echo::default());
    let faults = over(echo.clone(), FaultPlan::none());
    let mut effects = Vec::new();
    for _ in 0..12 {
        let before = echo.0.load(Ordering::SeqCst);
        faults.arm_crash(3);
        assert_eq!(process(&faults, 5).await, (true, 2));
        effects.push(echo.0.load(Ordering::SeqCst) - before);
    }
    assert!(effects.contains(&2) && effects.contains(&3), "{effects:?}");
    faults.arm_crash(9);
    assert_eq!(process(&faults, 5).await, (false, 5));
    assert_eq!(process(&faults, 9).await, (false, 9));
    assert_eq!(faults.counts().values().sum::<u64>(), 12);
}

#[tokio::test]
async fn faults_of_tables_read_as_what_they_are_through_the_real_client() {
    use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
    use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
    let (world, _) = world_with(FaultPlan::none());
    let clock = world.clock.clone();
    let config = AwsConfig {
        region: "us-east-1".to_owned(),
        endpoint: None,
        keys: Some(AwsKeys { access_key: "AKIA".into(), secret_key: "secret".into(), session_token: None }),
        timeout: TIMEOUT,
        time: time_source(move || clock.now()),
    };
    let client = |kind| {
        let faults = over(Arc::clone(&world.network), only(kind));
        clients::dynamodb(&config, Arc::new(faults))
    };
    let put =
        Put::builder().table_name("tradai-test-incidents").item("incident_id", AttributeValue::S("a".into()));
    let item = TransactWriteItem::builder().put(put.build().unwrap()).build();
    let conflict = client(Kind::TableConflict).transact_write_items().transact_items(item).send().await;
    let conflict = conflict.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = conflict
    else {
        panic!("{conflict:?}")
    };
    assert_eq!(cancelled.cancellation_reasons()[0].code(), Some("TransactionConflict"));
    let throttled = client(Kind::TableThrottled).list_tables().send().await.unwrap_err();
    let throttled = throttled.into_service_error().meta().code().map(str::to_owned);
    assert_eq!(throttled.as_deref(), Some("ProvisionedThroughputExceededException"));
}
