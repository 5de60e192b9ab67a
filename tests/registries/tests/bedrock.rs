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
use registries::python::interpreter;
use serde_json::{Value, json};
use shared::decision::Outcome as Decided;
use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::ids::Symbol;
use shared::model::bedrock::{Bedrock, read};
use shared::ports::{ModelError, Question, RawReply, Stop, Turn};
use shared::secret::Secret;
use shared::time::{Millis, Timestamp};
use sim::clock::SimClock;
use sim::model::{Outcome, Policy, ScriptedModel};
use sim::service::{Request, Response, Service};
use sim::socket::serve_local;
use tokio::runtime::Runtime;

/// The emulator, pinned, and what its account is furnished with.
const PINS: [&str; 3] = ["ministack==1.5.33", "cbor2==6.2.1", "boto3==1.43.106"];
const MODEL: &str = "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0";

/// The simulated model for a caller that shows no key: the emulator has none.
struct Keyless(Arc<ScriptedModel>);

impl Service for Keyless {
    fn serve(&self, mut request: Request, now: Timestamp) -> Response {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer emulator"));
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
        let python = interpreter(Path::new(env!("CARGO_TARGET_TMPDIR")), &PINS);
        let python = python.unwrap_or_else(|error| panic!("{error}"));
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bedrock/account.py");
        let mut command = Command::new(python);
        command.env_clear().arg("-B").arg(script).args([free.to_string(), served.url()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Account { runtime, process, model, _served: served, told }
    }

    /// The client, with the keys of `whom`, at the emulator's own time.
    fn client(&self, [access_key, secret]: [&str; 2]) -> Bedrock {
        let now = Timestamp::from_millis(self.told["now"].as_i64().unwrap() * 1_000);
        let aws = Aws {
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key: access_key.to_owned(),
            secret_key: Secret::new(secret.to_owned()),
            session_token: None,
        };
        let transport = Arc::new(HttpClient::new().unwrap());
        Bedrock::new(transport, Arc::new(SimClock::new(now)), self.told["url"].as_str().unwrap(), aws)
    }

    fn keys(&self, whom: &str) -> [&str; 2] {
        [0_usize, 1].map(|at| self.told[whom][at].as_str().unwrap())
    }

    fn ask_as(&self, keys: [&str; 2], model: &str, turns: Vec<Turn>) -> Result<RawReply, ModelError> {
        self.runtime.block_on(self.client(keys).ask(&question(model, turns)))
    }

    fn ask(&self, turns: Vec<Turn>) -> RawReply {
        let answer = self.ask_as(self.keys("may"), MODEL, turns);
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
fn question(model: &str, turns: Vec<Turn>) -> Question {
    let (model, system, tool) = (model.to_owned(), SYSTEM.to_owned(), tool(&symbols()));
    Question { model, system, tool, turns, max_tokens: 400, timeout: Millis::from_secs(20) }
}

fn facts() -> Turn {
    Turn::Facts(json!({"symbols": [{"symbol": "BTC-USDT"}], "allowed_actions": ["open"]}).to_string())
}

#[test]
fn an_emulated_converse_takes_the_question_and_its_correction_and_its_answers_are_decisions() {
    let account = Account::open(Policy::Momentum);
    let first = account.ask(vec![facts()]);
    let again = Turn::FormatError("Fixed Format Error: again.".to_owned());
    let second = account.ask(vec![facts(), Turn::Answered(Box::new(first.clone())), again]);
    for raw in [first, second] {
        let reply = read(&raw.body).unwrap();
        assert_eq!((reply.stop.clone(), reply.calls.len()), (Stop::Tool, 1), "{reply:?}");
        assert!(reply.usage.tokens_in > 0 && reply.usage.tokens_out > 0, "{:?}", reply.usage);
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
            let judged = verdict(&read(&account.ask(vec![facts()]).body), &symbols());
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
    account.ask(vec![facts()]);
    // The second call is throttled.
    let reply = read(&account.ask(vec![facts()]).body).unwrap();
    assert_eq!((reply.stop.clone(), reply.calls.len()), (Stop::End, 0));
    assert!(reply.text.starts_with("[ministack mock anthropic "), "{}", reply.text);
    assert!(reply.usage.tokens_in > 0, "{:?}", reply.usage);
    assert!(matches!(verdict(&Ok(reply), &symbols()), Verdict::Malformed(_)));
}

#[test]
fn a_wrong_signature_an_unknown_key_a_missing_permission_and_no_such_arn_are_refusals() {
    let account = Account::open(Policy::Momentum);
    let [known, _] = account.keys("may");
    for (keys, status, words) in [
        ([known, "wrong"], 403, "signature"),
        (["AKIAUNKNOWN00000000", "x"], 403, "security token"),
        (account.keys("may_not"), 403, "not authorized"),
    ] {
        let error = account.ask_as(keys, MODEL, vec![facts()]).unwrap_err();
        let ModelError::Refused { status: found, text } = &error else { panic!("{error}") };
        assert_eq!(*found, status, "{error}");
        assert!(text.contains(words), "{error}");
    }
    let arn = "bedrock/arn:aws:bedrock:us-east-1:000000000000:nothing/x";
    let error = account.ask_as(account.keys("may"), arn, vec![facts()]).unwrap_err();
    assert!(matches!(error, ModelError::Refused { status: 400, .. }), "{error}");
    assert_eq!(account.model.meters().count(Outcome::Answered), 0, "nobody behind it was asked");
}
