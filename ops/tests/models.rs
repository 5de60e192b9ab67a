//! Model servers as they really answer, asked by `tradai paper` and `tradai model probe` over a socket: the built program
//! where its exit code matters, the library where minutes are traded.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use clap::Parser;
use ops::paper::minds::{Chosen, default_model};
use ops::paper::options::Options;
use ops::paper::outcome::Outcome;
use ops::paper::{Prepared, json, prepare, trade};
use serde_json::{Value, json};
use shared::model::Provider;
use shared::time::{Millis, Timestamp};
use sim::model::Policy;
use sim::service::{Request, Response, Service};
use sim::socket::{Served, serve_local};

const KEY: &str = "canary-5ec2e7";

/// Status, headers and body.
type Answer = (u16, Vec<(&'static str, &'static str)>, String);

/// A server that answers what it is told to, by the body and the number of the question, and keeps what it was asked.
struct Desk {
    answers: fn(&Value, usize) -> Answer,
    asked: Mutex<Vec<(String, Value)>>,
}

impl Service for Desk {
    fn serve(&self, request: Request, _: Timestamp) -> Response {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(request.uri().path(), "/v1/chat/completions");
        let mut asked = self.asked.lock().unwrap();
        let key = request.headers().get("authorization").map(|key| key.to_str().unwrap().to_owned());
        asked.push((key.unwrap_or_default(), body.clone()));
        let (status, headers, text) = (self.answers)(&body, asked.len());
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(text.into()).unwrap()
    }
}

/// A server on a port of its own, and the runtime that it lives in.
struct Scene {
    desk: Arc<Desk>,
    served: Served,
    runtime: tokio::runtime::Runtime,
}

fn scene(answers: fn(&Value, usize) -> Answer) -> Scene {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let desk = Arc::new(Desk { answers, asked: Mutex::default() });
    let clock = sim::clock::SimClock::new(Timestamp::from_millis(0));
    let served = runtime.block_on(serve_local(Arc::<Desk>::clone(&desk), clock.shared())).unwrap();
    Scene { desk, served, runtime }
}

/// How the program ended, and what it said.
struct Ended {
    code: Option<i32>,
    out: String,
    said: String,
}

fn program(args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradai"));
    command.env_clear().envs(variables.iter().copied()).args(args).current_dir(env!("CARGO_TARGET_TMPDIR"));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), said: text(&output.stderr) }
}

impl Scene {
    fn program(&self, args: &[&str]) -> Ended {
        let url = self.served.url();
        program(args, &[("TRADAI_COMPATIBLE_URL", &url), ("TRADAI_COMPATIBLE_KEY", KEY)])
    }

    fn asked(&self) -> Vec<Value> {
        self.desk.asked.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    fn prepared(&self, options: &Options) -> Prepared {
        let variable = |name: &str| (name == "TRADAI_COMPATIBLE_URL").then(|| self.served.url());
        self.runtime.block_on(prepare(options, variable)).map_err(|error| error.to_string()).unwrap()
    }
}

fn plain(status: u16, body: impl ToString) -> Answer {
    (status, vec![("content-type", "application/json")], body.to_string())
}

/// Every field that does not apply is there and says nothing.
fn hold() -> Value {
    json!({
        "analysis": "flat", "action": "hold", "symbol": "", "side": "", "quantity": "0", "order_type": null,
        "limit_price": "", "time_in_force": "", "stop_loss": "", "take_profit": "", "order_id": "", "reason": "flat",
    })
}

fn message(message: &Value) -> Answer {
    plain(
        200,
        json!({
            "choices": [{"message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 700, "completion_tokens": 50},
        }),
    )
}

fn called() -> Answer {
    message(&json!({"tool_calls": [{"function": {"name": "decide", "arguments": hold()}}]}))
}

fn prose() -> Answer {
    message(&json!({"content": "I would hold."}))
}

/// llama.cpp's server takes `tool_choice` only as a word, and a model behind it that is not made to call answers in prose.
fn by_word(body: &Value, _: usize) -> Answer {
    if body["tool_choice"] == "required" { called() } else { prose() }
}

/// A server without tools; it repeats the key to whom it refuses.
fn by_schema(body: &Value, _: usize) -> Answer {
    match body["response_format"]["type"] == "json_schema" {
        true => message(&json!({"content": hold().to_string()})),
        false => plain(400, json!({"error": {"message": format!("no tools for {KEY}")}})),
    }
}

/// A file of this test binary alone.
fn place(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_file(&path).ok();
    path
}

/// Exit code 2, the provider's words, and nothing before them.
#[test]
fn a_run_whose_model_cannot_be_asked_does_not_begin() {
    for (answers, words, questions) in [
        (
            (|_, _| plain(429, json!({"error": {"code": "1113", "message": "run out of balance"}})))
                as fn(&Value, usize) -> Answer,
            "spend limit reached: HTTP 429: run out of balance",
            1,
        ),
        (
            |_, _| (308, vec![("location", "https://new.example/v1")], String::new()),
            "HTTP 308: it has moved to https://new.example/v1",
            1,
        ),
        (
            |body, _| {
                let words = format!("The model `{}` does not exist", body["model"].as_str().unwrap());
                plain(404, json!({"error": {"message": words, "code": "model_not_found"}}))
            },
            "no such model: HTTP 404: The model `gpt-nonsense` does not exist",
            1,
        ),
        (
            |_, _| plain(401, json!({"error": {"message": format!("no key {KEY}")}})),
            "HTTP 401: no key [key]",
            1,
        ),
        (|_, _| plain(429, json!({"error": {"message": "slow down, please"}})), "slow down, please", 1),
        (|_, _| prose(), "expected exactly one call of decide, found 0", 3),
        (
            |_, _| (200, vec![("content-type", "text/html")], "<html>soon</html>".to_owned()),
            "<html>soon</html>",
            3,
        ),
        (
            |body, _| {
                let words = if body["tools"].is_null() { "no schema" } else { "no tools" };
                plain(400, json!({"error": {"message": words}}))
            },
            "auto: HTTP 400: no tools; required: HTTP 400: no tools; schema: HTTP 400: no schema",
            3,
        ),
    ] {
        let scene = scene(answers);
        let ended = scene.program(&["paper", "--days", "1", "--model", "compatible/gpt-nonsense"]);
        let start = "tradai: compatible/gpt-nonsense cannot be asked: ";
        assert_eq!(ended.code, Some(2), "{}", ended.said);
        assert!(ended.said.starts_with(start) && ended.said.contains(words), "{words}: {}", ended.said);
        assert!(ended.said.lines().count() == 1 && ended.out.is_empty(), "{}{}", ended.said, ended.out);
        assert!(!ended.said.contains(KEY), "{}", ended.said);
        assert_eq!(scene.asked().len(), questions, "{words}");
    }
}

#[test]
fn what_cannot_be_used_is_one_line_and_exit_code_2() {
    let url = ("TRADAI_COMPATIBLE_URL", "http://127.0.0.1:1");
    let file = place("servers.toml");
    std::fs::write(&file, "[servers.home]\nurl = \"https://models.example/v1\"\ntool = 1\n").unwrap();
    let file = file.to_str().unwrap();
    for (model, more, variables, wanted) in [
        (
            "compatible/x",
            vec![],
            vec![url],
            "nothing could be sent to http://127.0.0.1:1/v1/chat/completions: ",
        ),
        (
            "compatible/x",
            vec![],
            vec![("TRADAI_COMPATIBLE_URL", "127.0.0.1:8300")],
            "TRADAI_COMPATIBLE_URL: url: ",
        ),
        (
            "compatible/x",
            vec![],
            vec![url, ("TRADAI_COMPATIBLE_KEY", "k\n")],
            "TRADAI_COMPATIBLE_KEY: the key has a line feed",
        ),
        ("openai", vec![], vec![("OPENAI_API_KEY", "k\r\n")], "OPENAI_API_KEY: the key has a line feed"),
        ("gemini", vec![], vec![], "GEMINI_API_KEY is not set; export"),
        ("ollama/x", vec![], vec![], "ollama/x cannot be asked: question of "),
        ("home/x", vec![], vec![], "home is no provider"),
        ("home/x", vec!["--servers", file], vec![], "servers.home.tool: is no option; they are url"),
        ("home/x", vec!["--servers", "nowhere.toml"], vec![], "nowhere.toml: cannot be read"),
        (
            "scripted:momentum",
            vec!["--servers", file],
            vec![],
            "--servers: scripted:momentum asks no server; leave it out",
        ),
    ] {
        let args = [vec!["paper", "--days", "1", "--model", model], more].concat();
        let ended = program(&args, &variables);
        assert_eq!(ended.code, Some(2), "{}", ended.said);
        assert!(
            ended.said.starts_with("tradai: ") && ended.said.contains(wanted),
            "{wanted}: {}",
            ended.said
        );
        assert!(ended.said.lines().count() == 1 && ended.out.is_empty(), "{}{}", ended.said, ended.out);
    }
}

#[test]
fn a_probe_shows_request_answer_reading_tokens_and_dollars() {
    let scene = scene(by_word);
    let ended = scene.program(&["model", "probe", "compatible/x"]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let url = scene.served.url();
    for part in [
        "request, tool_choice = \"auto\"\nPOST ",
        &format!("POST {url}/v1/chat/completions\n{{\n"),
        "why not: its answer is no decision: expected exactly one call of decide, found 0\n",
        "request, tool_choice = \"required\"\n",
        "answer: HTTP 200\n{\n",
        "read as hold: flat\nused 700 tokens in, 50 out, ",
        " dollars, assumed\n",
        "compatible/x answers to tool_choice = \"required\" alone, which is used now; set it under [servers.NAME]",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(!ended.out.contains(KEY));
    assert_eq!(scene.desk.asked.lock().unwrap()[0].0, format!("Bearer {KEY}"));
}

#[test]
fn a_probe_of_a_model_that_cannot_be_asked_ends_with_exit_code_2() {
    let scene = scene(|_, _| plain(402, json!({"error": {"message": "top up"}})));
    let ended = scene.program(&["model", "probe", "compatible/x"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.out.contains("answer: HTTP 402") && ended.out.contains("used 0 tokens in, 0 out"),
        "{}",
        ended.out
    );
    assert_eq!(ended.said, "tradai: compatible/x cannot be asked: spend limit reached: HTTP 402: top up\n");
}

#[test]
fn a_named_server_is_asked_with_its_options_its_key_and_its_price() {
    let scene = scene(by_schema);
    let file = place("named.toml");
    let text = format!(
        "[servers.home]\nurl = \"{}/v1\"\ntool_choice = \"schema\"\nanswer_tokens = 700\nusd_per_million_in = 1\n\
         usd_per_million_out = 2\nkey_env = \"HOME_KEY\"\n",
        scene.served.url()
    );
    std::fs::write(&file, text).unwrap();
    let args = ["model", "probe", "home/llama", "--servers", file.to_str().unwrap()];
    let ended = program(&args, &[("HOME_KEY", KEY)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.out.contains("used 700 tokens in, 50 out, 0.0008 dollars\n"), "{}", ended.out);
    let asked = scene.asked();
    assert_eq!((asked.len(), &asked[0]["max_tokens"], &asked[0]["model"]), (1, &json!(700), &json!("llama")));
    assert_eq!(scene.desk.asked.lock().unwrap()[0].0, format!("Bearer {KEY}"));
}

#[derive(Parser)]
struct Given {
    #[command(flatten)]
    options: Options,
}

fn options(args: &[&str]) -> Options {
    Given::parse_from([&["paper", "--days", "1"], args].concat()).options
}

/// The first hours of the bundled day, decided every five minutes.
fn hours(scene: &Scene, options: &Options, hours: usize) -> (Outcome, Vec<String>) {
    let Prepared { mut input, chosen, said } = scene.prepared(options);
    input.candles.truncate(hours * 60);
    input.settings.decide_every = Millis::from_minutes(5);
    let finished = scene.runtime.block_on(trade(options, input, chosen, |_, _, _, _| {}));
    (finished.map_err(|error| error.to_string()).unwrap().outcome, said)
}

fn outcomes(outcome: &Outcome, wanted: &str) -> usize {
    outcome.decisions.iter().filter(|one| one.outcome == wanted).count()
}

#[test]
fn a_run_asks_in_the_way_that_its_probe_has_found() {
    let scene = scene(by_word);
    let (outcome, said) = hours(&scene, &options(&["--model", "compatible/x"]), 2);
    assert!(outcome.decisions.len() > 5 && outcomes(&outcome, "hold") == outcome.decisions.len());
    let asked = scene.asked();
    assert_eq!(outcome.model.calls, u64::try_from(asked.len() - 2).unwrap(), "two were the probe's");
    assert!(asked[1..].iter().all(|body| body["tool_choice"] == "required"));
    assert!(outcome.model.is_assumed && json::line(&outcome).contains("\"usd_assumed\":true"));
    let [probe, advice] = said.as_slice() else { panic!("{said:?}") };
    assert!(
        probe.starts_with("probe: compatible/x answers hold: flat (2 questions: 1,400 tokens in, 100 out, "),
        "{probe}"
    );
    assert!(
        probe.ends_with(" dollars, assumed)") && advice.contains("tool_choice = \"required\""),
        "{said:?}"
    );
    assert_eq!(outcome.run.notes.iter().filter(|note| said.contains(note)).count(), 2);
}

#[test]
fn a_run_in_which_no_question_is_answered_is_not_good() {
    let scene = scene(|_, nth| match nth {
        1 => called(),
        _ => plain(503, "{}"),
    });
    let (outcome, _) = hours(&scene, &options(&["--model", "compatible/x"]), 2);
    assert!(outcome.books_equal_venue() && outcome.violations.is_empty());
    assert!(outcome.model.calls > 0 && outcome.model.answered == 0 && !outcome.is_good());
    assert!(outcome.model.failure.as_ref().unwrap().contains("HTTP 503"), "{:?}", outcome.model);
}

#[test]
fn a_fallback_that_cannot_be_asked_is_a_warning() {
    let scene = scene(by_word);
    let file = place("fallback.toml");
    let text = include_str!("../strategies/demo.toml");
    std::fs::write(&file, text.replace("model_fallbacks = []", "model_fallbacks = [\"xai/grok-4.3\"]"))
        .unwrap();
    let options = options(&["--model", "compatible/x", "--strategy", file.to_str().unwrap()]);
    let said = scene.prepared(&options).said;
    let warning = "warning: the fallback xai/grok-4.3 cannot be asked: XAI_API_KEY is not set; export";
    assert!(said.iter().any(|line| line.starts_with(warning)), "{said:?}");
}

/// Answers of all kinds: read by a schema, unreadable, of the wrong form, late, moved, in a stream.
fn of_all_kinds(body: &Value, nth: usize) -> Answer {
    let plain_answer = by_schema(body, nth);
    match nth % 9 {
        _ if nth < 8 => plain_answer,
        1 => message(&json!({"content": "I would hold."})),
        2 => (200, vec![], "{\"choices\": [".to_owned()),
        3 => (429, vec![("retry-after", "120")], "{}".to_owned()),
        4 => (200, vec![("content-type", "text/event-stream")], "{}".to_owned()),
        5 => plain(200, json!({"choices": [], "error": null})),
        _ => plain_answer,
    }
}

/// The whole run, by the orders, the books and every decision's reason, tokens and dollars.
fn assert_same(first: &Outcome, mut again: Outcome) {
    again.run.model.clone_from(&first.run.model);
    again.run.notes.clone_from(&first.run.notes);
    assert_eq!(again.model, first.model);
    assert_eq!(again, *first);
}

#[test]
fn a_recorded_run_of_a_real_model_is_repeated_with_its_faults() {
    for faults in ["none", "heavy"] {
        let scene = scene(of_all_kinds);
        let path = place(&format!("recorded-{faults}.jsonl"));
        let file = path.to_str().unwrap();
        let recorded = options(&["--model", "compatible/x", "--faults", faults, "--record", file]);
        let (first, _) = hours(&scene, &recorded, 3);
        let text = std::fs::read_to_string(&path).unwrap();
        let second = text.lines().filter(|line| line.contains("\"question\":2")).count();
        assert!(text.starts_with("{\"servers\":{\"compatible\":{") && second > 0, "{text}");
        assert!(text.contains("\"wait_ms\":120000") && text.contains("text/event-stream"), "{text}");
        let asked = scene.asked().len();

        let repeated = options(&["--model", &format!("recorded:{file}"), "--faults", faults]);
        let (again, said) = hours(&scene, &repeated, 3);
        assert!(said.is_empty() && scene.asked().len() == asked, "no model is asked: {said:?}");
        assert_same(&first, again);
    }
}

/// The scripted model answers each provider's way of asking, for the model that is asked by default.
#[test]
fn a_scripted_run_answers_for_every_provider() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let prepared = runtime.block_on(prepare(&options(&[]), |_| None)).map_err(|error| error.to_string());
    let Prepared { mut input, .. } = prepared.unwrap();
    input.candles.truncate(65);
    input.settings.decide_every = Millis::from_minutes(5);
    // The usual window of Ollama has no room for a question.
    for provider in Provider::ALL.into_iter().filter(|provider| *provider != Provider::Ollama) {
        let model = default_model(provider).map_or_else(|| format!("{}/x", provider.as_str()), str::to_owned);
        input.settings.model.clone_from(&model);
        let chosen = Chosen::Scripted(Policy::Momentum);
        let finished = runtime.block_on(trade(&options(&[]), input.clone(), chosen, |_, _, _, _| {}));
        let outcome = finished.map_err(|error| error.to_string()).unwrap().outcome;
        let (calls, answered) = (outcome.model.calls, outcome.model.answered);
        assert!(
            calls > 0 && calls == answered,
            "{model}: {answered} of {calls}, {:?}",
            outcome.model.failure
        );
        let abstained = outcome.decisions.iter().find(|one| one.outcome.starts_with("abstain"));
        assert_eq!(abstained, None, "{model}");
    }
}

#[test]
fn a_recording_that_is_there_already_is_refused_before_anything_is_asked() {
    let scene = scene(by_word);
    let path = place("paid-for.jsonl");
    std::fs::write(&path, "paid for").unwrap();
    let ended = scene.program(&[
        "paper",
        "--days",
        "1",
        "--model",
        "compatible/x",
        "--record",
        path.to_str().unwrap(),
    ]);
    assert!(ended.code == Some(2) && ended.said.contains("is there already"), "{}", ended.said);
    assert!(scene.asked().is_empty());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "paid for");
}
