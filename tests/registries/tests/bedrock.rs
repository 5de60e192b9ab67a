//! Our client of Bedrock against PyPI's emulator of AWS: its signatures are verified, its questions taken, and what
//! the emulator answers is read as a type or refused as one. Behind the emulator's Converse stands the simulated model,
//! asked as any server that speaks Chat Completions.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use decide::prompt::{SYSTEM, tool};
use decide::verdict::{Verdict, verdict};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use registries::python::judges;
use serde_json::{Value, json};
use shared::decision::Outcome as Decided;
use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::ids::Symbol;
use shared::model::{Access, Client, Provider, Servers, capabilities, read};
use shared::ports::{BadReply, ModelError, Question, RawReply, Reply, Stop, Usage};
use shared::secret::Secret;
use shared::time::{Millis, Timestamp};
use sim::clock::SimClock;
use sim::model::{Outcome, Policy, ScriptedModel};
use sim::service::{Request, Response, Service};
use sim::socket::serve_local;
use tokio::runtime::Runtime;

const MODEL: &str = "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// The simulated model for a caller that shows no key: the emulator has none.
struct Keyless(Arc<ScriptedModel>);

impl Service for Keyless {
    fn serve(&self, mut request: Request, now: Timestamp) -> Response {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer emulator"));
        // A server that heeds the tool that the emulator names; one of no known kind ignores it.
        *request.uri_mut() = format!("/vllm{}", request.uri().path()).parse().unwrap_or_default();
        self.0.serve(request, now)
    }
}

/// A running account with a model of this policy behind its Bedrock; it ends with this value.
struct Account {
    runtime: Runtime,
    process: Child,
    model: Arc<ScriptedModel>,
    _served: sim::socket::Served,
    /// What it said once it listened.
    told: Value,
}

impl Account {
    fn open(policy: Policy) -> Account {
        let model = Arc::new(ScriptedModel::new(policy, 0));
        let clock = SimClock::new(Timestamp::parse("2023-03-01T00:05:00Z").unwrap());
        let runtime = Runtime::new().unwrap();
        let served = runtime.block_on(serve_local(Arc::new(Keyless(model.clone())), clock.shared())).unwrap();
        let python = judges(Path::new(env!("CARGO_TARGET_TMPDIR")));
        let python = python.unwrap_or_else(|error| panic!("{error}"));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bedrock/account.py");
        let mut command = Command::new(python);
        command.env_clear().arg(script).args([free.to_string(), served.url()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Account { runtime, process, model, _served: served, told }
    }

    /// The client, with the keys of `whom`, at the emulator's own time.
    fn client(&self, [access_key, secret]: [&str; 2]) -> Client {
        let now = Timestamp::from_millis(self.told["now"].as_i64().unwrap() * 1_000);
        let aws = Aws {
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key: access_key.to_owned(),
            secret_key: Secret::new(secret.to_owned()),
            session_token: None,
        };
        let clock = Arc::new(SimClock::new(now));
        let transport = Arc::new(HttpClient::new(clock.clone()).unwrap());
        let url = self.told["url"].as_str().unwrap();
        Client::new(transport, clock, Provider::Bedrock, url, Access::Aws(aws))
    }

    fn keys(&self, whom: &str) -> [&str; 2] {
        [0_usize, 1].map(|at| self.told[whom][at].as_str().unwrap())
    }

    fn ask_as(&self, keys: [&str; 2], model: &str, error: Option<&str>) -> Result<RawReply, ModelError> {
        let (question, takes) = (question(model, error), capabilities::of(model));
        self.runtime.block_on(self.client(keys).ask(&question, &takes))
    }

    fn ask(&self, error: Option<&str>) -> RawReply {
        let answer = self.ask_as(self.keys("may"), MODEL, error);
        answer.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Account {
    /// It ends with its standard input.
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

fn symbols() -> Vec<Symbol> {
    vec![Symbol::parse("BTC-USDT").unwrap()]
}

/// The question that decide asks, but for its facts.
fn question(model: &str, error: Option<&str>) -> Question {
    let (model, system, tool) = (model.to_owned(), SYSTEM.to_owned(), tool(&symbols()));
    let facts = json!({"symbols": [{"symbol": "BTC-USDT"}], "allowed_actions": ["open"]}).to_string();
    let format_error = error.map(str::to_owned);
    Question { model, system, tool, facts, format_error, max_tokens: 1_000, timeout: Millis::from_secs(20) }
}

fn reply(raw: &RawReply) -> Result<Reply, BadReply> {
    read(&Servers::NONE, MODEL, raw)
}

#[test]
fn an_emulated_converse_takes_the_question_and_its_correction_and_its_answers_are_decisions() {
    let account = Account::open(Policy::Momentum);
    let first = account.ask(None);
    let second = account.ask(Some("Fixed Format Error: again."));
    for raw in [first, second] {
        let reply = reply(&raw).unwrap();
        assert_eq!((reply.stop.clone(), reply.calls.len()), (Stop::Tool, 1), "{reply:?}");
        let used = reply.usage.or_bound(Usage::default());
        assert!(used.tokens_in > 0 && used.tokens_out > 0, "{used:?}");
        assert!(matches!(verdict(&Ok(reply), &symbols()), Verdict::Final(..)));
    }
    let meters = account.model.meters();
    assert_eq!((meters.count(Outcome::Answered), meters.corrections), (2, 1));
}

/// Whatever comes back, no order comes of it.
#[test]
fn what_an_emulated_converse_makes_of_refusals_and_garbage_is_read_or_refused_and_never_a_trade() {
    for (policy, count, outcome) in
        [(Policy::Refuses, 2, Outcome::Refused), (Policy::Garbage, 13, Outcome::Malformed)]
    {
        let account = Account::open(policy);
        for _ in 0..count {
            let judged = verdict(&reply(&account.ask(None)), &symbols());
            let is_trade = matches!(&judged, Verdict::Final(Decided::Trade(_), _));
            assert!(!is_trade, "{policy:?}: {judged:?}");
        }
        assert_eq!(account.model.meters().count(outcome), count, "{policy:?}");
    }
}

/// Where the model behind it fails, the emulator answers in prose of its own.
#[test]
fn the_emulators_own_prose_is_read_and_is_no_decision() {
    let account = Account::open(Policy::Throttled);
    account.ask(None);
    // The second call is throttled.
    let reply = reply(&account.ask(None)).unwrap();
    assert_eq!((reply.stop.clone(), reply.calls.len()), (Stop::End, 0));
    assert!(reply.text.starts_with("[ministack mock anthropic "), "{}", reply.text);
    assert!(reply.usage.tokens_in.is_some_and(|tokens| tokens > 0), "{:?}", reply.usage);
    assert!(matches!(verdict(&Ok(reply), &symbols()), Verdict::Malformed(_)));
}

#[test]
fn a_wrong_signature_an_unknown_key_a_missing_permission_and_no_such_arn_are_refusals() {
    let account = Account::open(Policy::Momentum);
    let [known, _] = account.keys("may");
    for (keys, is_key, words) in [
        ([known, "wrong"], true, "signature"),
        (["AKIAUNKNOWN00000000", "x"], true, "security token"),
        (account.keys("may_not"), false, "not authorized"),
    ] {
        let error = account.ask_as(keys, MODEL, None).unwrap_err();
        assert_eq!(matches!(error, ModelError::Refused { status: 401, .. }), is_key, "{error}");
        assert!(is_key || matches!(error, ModelError::Unfit(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let arn = "bedrock/arn:aws:bedrock:us-east-1:000000000000:nothing/x";
    let error = account.ask_as(account.keys("may"), arn, None).unwrap_err();
    assert!(matches!(error, ModelError::NoSuchModel(_)), "{error}");
    assert_eq!(account.model.meters().count(Outcome::Answered), 0, "nobody behind it was asked");
}
