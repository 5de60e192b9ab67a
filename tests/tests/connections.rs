//! Ticks of decide through the real HTTP client, against an exchange and a model whose connections close: no question
//! is asked twice, and none is lost to a connection that was idle.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use decide::wiring::KeyedModels;
use rust_decimal::Decimal;
use shared::books::AccountBook;
use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::ids::{Asset, Env, StrategyId};
use shared::money::{Amount, Notional};
use shared::ports::{Line, Log, OpenVenue, VenueError, Wait, WriteTables};
use shared::records::{self, AccountLedger, Shard};
use shared::roster::Trail;
use shared::secret::{Credentials, ReadSecret, Secret, SecretError};
use shared::settings::{Settings, Tokens};
use shared::state::StrategyState;
use shared::status::Status;
use shared::store::{Attr, Change, Cond, Path, Write};
use shared::tables::{Names, PREFIX, Table};
use shared::testkit::memory::MemoryStore;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};
use shared::transport::SharedTransport;
use shared::venue::binance::Binance;
use shared::venue::link::{Link, Share};
use sim::clock::SimClock;
use sim::exchange::{Candle, Exchange, ExchangeConfig};
use sim::model::{Policy, ScriptedModel};
use sim::service::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Minutes of history before the first tick: what decide reads.
const HISTORY: i64 = 1_000;

fn start() -> Timestamp {
    Timestamp::parse("2023-03-01T16:00:00Z").unwrap()
}

/// What a server does with its connections. No answer says anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Keeps each until the test closes it.
    Keeps,
    /// Closes after every answer.
    ClosesAfterEveryAnswer,
    /// Closes as a request arrives on a connection that carried one before.
    ClosesAsARequestArrives,
    /// Closes as every third request arrives.
    LosesEveryThird,
}

/// What has arrived at a server.
#[derive(Debug, Default)]
struct Arrivals {
    /// Every request: its target and body.
    requests: Vec<String>,
    connections: usize,
    /// Requests that were read and not answered.
    lost: usize,
    /// The connections that are open, as the operating system knows them.
    open: Vec<std::net::TcpStream>,
}

/// A simulated service behind a server of its own.
#[derive(Clone)]
struct Front {
    url: String,
    arrivals: Arc<Mutex<Arrivals>>,
}

impl Front {
    async fn new(service: Arc<dyn Service>, clock: SimClock, manner: Manner) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let front = Front { url, arrivals: Arc::default() };
        let arrivals = front.arrivals.clone();
        tokio::spawn(async move {
            loop {
                let stream = listener.accept().await.unwrap().0.into_std().unwrap();
                {
                    let mut arrivals = arrivals.lock().unwrap();
                    arrivals.connections += 1;
                    arrivals.open.push(stream.try_clone().unwrap());
                }
                let (service, clock, arrivals) = (service.clone(), clock.clone(), arrivals.clone());
                let stream = TcpStream::from_std(stream).unwrap();
                tokio::spawn(async move { serve(stream, &*service, &clock, manner, &arrivals).await });
            }
        });
        front
    }

    /// Closes every connection at once, while nothing else of this thread runs: as if the process were frozen.
    fn close_all(&self) {
        for stream in self.arrivals.lock().unwrap().open.drain(..) {
            // One that is closed already cannot be closed again.
            stream.shutdown(Shutdown::Both).ok();
        }
    }

    fn requests(&self) -> Vec<String> {
        self.arrivals.lock().unwrap().requests.clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    service: &dyn Service,
    clock: &SimClock,
    manner: Manner,
    arrivals: &Mutex<Arrivals>,
) {
    let mut bytes = Vec::new();
    for before in 0.. {
        let Some(request) = read(&mut stream, &mut bytes).await else { break };
        let is_lost = {
            let mut arrivals = arrivals.lock().unwrap();
            let body = String::from_utf8_lossy(request.body());
            arrivals.requests.push(format!("{} {body}", request.uri()));
            let is_lost = match manner {
                Manner::Keeps | Manner::ClosesAfterEveryAnswer => false,
                Manner::ClosesAsARequestArrives => before > 0,
                Manner::LosesEveryThird => arrivals.requests.len().is_multiple_of(3),
            };
            arrivals.lost += usize::from(is_lost);
            is_lost
        };
        if is_lost {
            break;
        }
        let (head, body) = service.serve(request, clock.now()).into_parts();
        let mut answer = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", head.status, body.len());
        for (name, value) in &head.headers {
            answer.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
        let answer = [answer.as_bytes(), b"\r\n", &body].concat();
        if stream.write_all(&answer).await.is_err() || manner == Manner::ClosesAfterEveryAnswer {
            break;
        }
    }
    // The other handle to it does not keep it open.
    stream.into_std().unwrap().shutdown(Shutdown::Both).ok();
}

/// The next request; none where the client has closed.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<http::Request<Bytes>> {
    loop {
        if let Some(length) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = std::str::from_utf8(&bytes[..length]).unwrap().to_owned();
            let mut lines = head.split("\r\n");
            let mut words = lines.next().unwrap().split(' ');
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            let mut request = http::Request::builder().method(method).uri(target);
            let mut body = 0;
            for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
                body = if name == "content-length" { value.parse().unwrap() } else { body };
                request = request.header(name, value);
            }
            if bytes.len() >= length + 4 + body {
                let body = bytes.drain(..length + 4 + body).skip(length + 4).collect::<Bytes>();
                return Some(request.body(body).unwrap());
            }
        }
        if stream.read_buf(bytes).await.unwrap_or_default() == 0 {
            return None;
        }
    }
}

/// The exchange's public data for every strategy.
struct Public(Binance);

impl OpenVenue for Public {
    type Venue = Binance;
    async fn open(&self, _: &Settings, _: Wait) -> Result<Binance, VenueError> {
        Ok(self.0.clone())
    }
}

struct Vault;

impl ReadSecret for Vault {
    async fn read(&self, name: &str) -> Result<Credentials, SecretError> {
        Credentials::parse(name, r#"{"api_key":"a-key"}"#)
    }
}

#[derive(Default)]
struct Lines(RefCell<Vec<Line>>);

impl Log for Lines {
    fn write(&self, line: Line) {
        self.0.borrow_mut().push(line);
    }
}

fn settings() -> Settings {
    let text = include_str!("../../ops/strategies/demo.toml");
    Settings {
        decide_every: Millis::from_minutes(1),
        model: "anthropic/claude-haiku-4-5".to_owned(),
        model_fallbacks: Vec::new(),
        llm_usd_per_day: Notional::parse("1000").unwrap(),
        llm_tokens: Tokens::new(Tokens::MOST).unwrap(),
        ..Settings::from_toml(text, "demo.toml").unwrap().settings
    }
}

fn planted(settings: &Settings) -> MemoryStore {
    let tables = MemoryStore::new();
    let id = &settings.strategy_id;
    let before = start() - Millis::from_minutes(1);
    let state = StrategyState::first(id.clone(), Status::Running, before);
    tables.plant(records::state::key(id), records::state::encode(&state));
    tables.plant(records::strategy_config::key(id), records::strategy_config::encode(settings));
    let opening = BTreeMap::from([(Asset::parse("USDT").unwrap(), Amount::parse("1000").unwrap())]);
    let book = AccountBook { opening, ..AccountBook::default() };
    let ledger = AccountLedger { book, ..AccountLedger::first(settings.account.clone()) };
    tables.plant(records::account::key(&ledger.account), records::account::encode(&ledger));
    let shard = Shard { shard: 0, strategies: vec![id.clone()] };
    tables.plant(records::shard::key(0), records::shard::encode(&shard));
    tables
}

/// Reconcile has looked.
async fn reconciled(tables: &MemoryStore, id: &StrategyId, now: Timestamp) {
    let set = Change::Set(Path::of("last_reconciled_at"), Attr::S(now.to_string()));
    let write = Write::update(records::state::key(id), vec![set], vec![Cond::Present(Path::of("status"))]);
    tables.write(vec![write]).await.unwrap();
}

/// A market that hardly rises, so that the model holds and no question is like another.
fn flat(minutes: i64) -> Vec<Candle> {
    let candle = |minute: i64| {
        let price = Decimal::new(2_300_000 + 100 * (minute % 2) + minute, 2);
        Candle {
            open_time: start() + Millis::from_minutes(minute - HISTORY),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::from(12),
        }
    };
    (0..HISTORY + minutes).map(candle).collect()
}

/// How the connections of a run behave, and how old the client takes them to be.
#[derive(Debug, Clone, Copy)]
struct Case {
    market: Manner,
    model: Manner,
    /// Whether every connection is closed between two ticks.
    closes_between: bool,
    /// Whether the clock that the client judges ages by goes on with the ticks. Where it stands, every connection
    /// stays young.
    ages: bool,
}

/// What came of a run.
struct Ran {
    failed: u32,
    outcomes: BTreeMap<String, u32>,
    market: Front,
    model: Front,
    tables: MemoryStore,
    log: Lines,
}

async fn ticks(count: i64, case: Case) -> Ran {
    let (clock, settings) = (SimClock::new(start()), settings());
    let tables = planted(&settings);
    let exchange = Exchange::new(ExchangeConfig::btcusdt("main"), flat(count + 1)).unwrap();
    let model = ScriptedModel::new(Policy::Momentum, 1);
    let market = Front::new(Arc::new(exchange), clock.clone(), case.market).await;
    let model = Front::new(Arc::new(model), clock.clone(), case.model).await;
    let ages = if case.ages { clock.clone() } else { SimClock::new(start()) };
    let transport: SharedTransport = Arc::new(HttpClient::new(Arc::new(ages)).unwrap());
    let link = Rc::new(Link::new(Share::Look));
    let shared_clock = Arc::new(clock.clone());
    let timeout = Millis::from_secs(5);
    let venues = Public(Binance::new(transport.clone(), shared_clock.clone(), &market.url, timeout, link));
    let env = Env::parse("dev").unwrap();
    let models = KeyedModels {
        secrets: Vault,
        names: Names { prefix: PREFIX.to_owned(), env: env.clone() },
        transport,
        clock: shared_clock,
        aws: Aws {
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key: "id".to_owned(),
            secret_key: Secret::new("secret".to_owned()),
            session_token: None,
        },
        url: Some(model.url.clone()),
        servers: shared::model::Servers::NONE,
        keys: RefCell::default(),
    };
    let (log, trail) = (Lines::default(), Trail::default());
    let (mut failed, mut outcomes) = (0, BTreeMap::new());
    for minute in 0..count {
        let scheduled_at = start() + Millis::from_minutes(minute);
        clock.set(scheduled_at + Millis::from_secs(1));
        reconciled(&tables, &settings.strategy_id, scheduled_at).await;
        let tick = Tick { shard: 0, of: 1, scheduled_at };
        let ports = decide::Ports {
            tables: &tables,
            trail: &trail,
            venues: &venues,
            model: &models,
            clock: &clock,
            log: &log,
        };
        let report = decide::handle(tick, scheduled_at + Millis::from_secs(59), &env, &ports).await.unwrap();
        failed += report.failed;
        for (outcome, times) in report.outcomes {
            *outcomes.entry(outcome).or_insert(0) += times;
        }
        if case.closes_between {
            market.close_all();
            model.close_all();
        }
    }
    Ran { failed, outcomes, market, model, tables, log }
}

/// No tick failed, and each asked one question, which was answered; it arrived once, on a connection of its own.
fn all_answered(ran: &Ran, count: u32, case: Case) {
    let lines = ran.log.0.borrow();
    assert_eq!(ran.failed, 0, "{case:?}: {lines:#?}");
    assert_eq!(ran.outcomes, BTreeMap::from([("hold".to_owned(), count)]), "{case:?}: {lines:#?}");
    let questions = ran.model.requests();
    assert_eq!(questions.len(), count as usize, "{case:?}");
    assert_eq!(questions.iter().collect::<BTreeSet<_>>().len(), questions.len(), "{case:?}: asked twice");
    let arrivals = ran.model.arrivals.lock().unwrap();
    assert_eq!((arrivals.connections, arrivals.lost), (count as usize, 0), "{case:?}");
}

#[tokio::test]
async fn no_tick_fails_where_every_answer_closes_its_connection() {
    for ages in [true, false] {
        let manner = Manner::ClosesAfterEveryAnswer;
        let case = Case { market: manner, model: manner, closes_between: false, ages };
        all_answered(&ticks(200, case).await, 200, case);
    }
}

#[tokio::test]
async fn no_question_is_lost_where_reused_connections_close() {
    for ages in [true, false] {
        let manner = Manner::ClosesAsARequestArrives;
        let case = Case { market: manner, model: manner, closes_between: false, ages };
        let ran = ticks(200, case).await;
        all_answered(&ran, 200, case);
        let market = ran.market.arrivals.lock().unwrap();
        println!("{} of {} reads were lost and repeated", market.lost, market.requests.len());
        assert!(market.lost >= 200, "{case:?}: reads met it");
    }
}

#[tokio::test]
async fn no_question_is_lost_where_idle_connections_close() {
    for ages in [true, false] {
        let case = Case { market: Manner::Keeps, model: Manner::Keeps, closes_between: true, ages };
        let ran = ticks(55, case).await;
        all_answered(&ran, 55, case);
        let market = ran.market.arrivals.lock().unwrap();
        assert_eq!((market.connections, market.lost), (55, 0), "{case:?}: one connection serves a tick");
    }
}

#[tokio::test]
async fn a_lost_question_is_unanswered_and_not_asked_again() {
    let (market, model) = (Manner::ClosesAsARequestArrives, Manner::LosesEveryThird);
    let ran = ticks(60, Case { market, model, closes_between: false, ages: false }).await;
    let expected = BTreeMap::from([("abstain:unavailable".to_owned(), 20), ("hold".to_owned(), 40)]);
    assert_eq!((ran.failed, &ran.outcomes), (0, &expected), "{:#?}", ran.log.0.borrow());
    let questions = ran.model.requests();
    assert_eq!(questions.iter().collect::<BTreeSet<_>>().len(), 60, "asked twice");
    assert_eq!((questions.len(), ran.model.arrivals.lock().unwrap().lost), (60, 20));
    let items = ran.tables.snapshot().into_iter().filter(|(key, _)| key.table == Table::Decisions);
    let decisions: Vec<_> = items.map(|(_, item)| records::decision::decode(&item).unwrap()).collect();
    let lost = decisions.iter().filter(|one| one.outcome.as_deref() == Some("abstain:unavailable"));
    assert!(
        lost.clone().count() == 20 && lost.clone().all(|one| one.usd > Notional::ZERO),
        "it may be billed"
    );
}
