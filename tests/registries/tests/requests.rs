//! The bodies of our requests judged by the types of their providers' own SDKs, which we did not write:
//! `requests/judge.py` says how. A judge that refuses nothing judges nothing, so bodies with one fault each are judged, too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::path::Path;
use std::sync::Arc;

use decide::prompt::{SYSTEM, tool};
use registries::python::{NoVerdict, judge};
use serde_json::{Value, json};
use shared::environment::Aws;
use shared::ids::Symbol;
use shared::model::capabilities::{self, Capabilities, ROWS};
use shared::model::{Access, Client, Provider};
use shared::ports::Question;
use shared::secret::Secret;
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Sending, Transport, TransportError};
use sim::clock::SimClock;

/// The day on which the models are asked: those that end on it or before are refused.
const DAY: &str = "2026-12-01";

/// What the judge prints for these rows.
fn judged(rows: &[Value]) -> Result<String, NoVerdict> {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    judge(folder, "requests/judge.py", &[DAY], &lines.join("\n"))
}

/// One request as the judge reads it.
fn row(name: &str, endpoint: &str, provider: &str, body: Value, model: &str) -> Value {
    json!({"row": name, "endpoint": endpoint, "provider": provider, "model": model, "body": body})
}

/// Nothing is sent.
#[derive(Debug)]
struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: Request, _: Millis) -> Sending<'_> {
        Box::pin(async { Err(TransportError::NeverSent("nowhere".to_owned())) })
    }
}

/// The request of each row that lives, and of a model that no row lists for each provider.
fn bodies() -> Vec<Value> {
    let lives = |takes: &Capabilities| takes.retires.is_none_or(|day| day > DAY);
    let listed = ROWS.iter().map(|row| (row.provider, row.model.replace('*', "x"), row.takes));
    let unlisted =
        Provider::ALL.map(|provider| (provider, "new".to_owned(), capabilities::at(provider, "new")));
    let rows = listed.chain(unlisted).filter(|(_, _, takes)| lives(takes));
    rows.map(|(provider, name, takes)| {
        let model = format!("{}/{name}", provider.as_str());
        row(&model, takes.endpoint.as_str(), provider.as_str(), body(provider, &name, &takes), &name)
    })
    .collect()
}

/// The body of decide's question to a model.
fn body(provider: Provider, name: &str, takes: &Capabilities) -> Value {
    let clock = Arc::new(SimClock::new(Timestamp::parse("2026-12-01T00:00:00Z").unwrap()));
    let key = Secret::new("key".to_owned());
    let access = if provider == Provider::Bedrock {
        Access::Aws(Aws {
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key: "key".to_owned(),
            secret_key: key,
            session_token: None,
        })
    } else {
        Access::Key(key)
    };
    let client = Client::new(Arc::new(Nowhere), clock, provider, "http://127.0.0.1", access);
    let question = Question {
        model: format!("{}/{name}", provider.as_str()),
        system: SYSTEM.to_owned(),
        tool: tool(&[Symbol::parse("BTC-USDT").unwrap()]),
        facts: "{}".to_owned(),
        format_error: None,
        max_tokens: takes.answer_tokens,
        timeout: Millis::from_secs(20),
    };
    serde_json::from_slice(client.request(&question, takes).unwrap().body()).unwrap()
}

#[test]
fn requests_fit_the_types_of_their_providers_sdks() {
    let answer = judged(&bodies()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.lines().count(), bodies().len());
}

/// A schema as every provider takes it where it is strict.
fn schema() -> Value {
    json!({"type": "object", "properties": {"action": {"type": "string", "enum": ["hold"]}}, "required": ["action"],
        "additionalProperties": false})
}

/// One good body by endpoint and provider, with most of what an endpoint takes.
fn good(endpoint: &str, provider: &str) -> Value {
    let said = json!([{"role": "user", "content": "facts"}]);
    let function = json!({"name": "decide", "description": "d", "parameters": schema(), "strict": true});
    let model = "a-model";
    let body = match (endpoint, provider) {
        ("messages", _) => json!({"model": model, "max_tokens": 1_000, "system": "s", "messages": said,
            "tools": [{"name": "decide", "description": "d", "input_schema": schema(), "strict": true}],
            "tool_choice": {"type": "tool", "name": "decide", "disable_parallel_tool_use": true},
            "thinking": {"type": "between_tools"},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema()}}}),
        ("responses", _) => {
            json!({"model": model, "max_output_tokens": 1_000, "instructions": "s", "input": said,
            "tools": [{"type": "function", "name": "decide", "parameters": schema(), "strict": true}],
            "tool_choice": {"type": "function", "name": "decide"}, "parallel_tool_calls": false, "store": false,
            "reasoning": {"effort": "none"}, "prompt_cache_options": {"mode": "explicit"},
            "text": {"format": {"type": "json_schema", "name": "decide", "schema": schema(), "strict": true}}})
        }
        ("converse", _) => json!({"system": [{"text": "s"}], "inferenceConfig": {"maxTokens": 1_000},
            "messages": [{"role": "user", "content": [{"text": "facts"}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "decide", "inputSchema": {"json": schema()},
                "strict": true}}], "toolChoice": {"tool": {"name": "decide"}}},
            "additionalModelRequestFields": {"thinking": {"type": "disabled"}}}),
        (_, "mistral") => json!({"model": model, "max_tokens": 1_000, "messages": said, "temperature": 0,
            "tools": [{"type": "function", "function": function}], "tool_choice": "any"}),
        _ => {
            json!({"model": model, "max_completion_tokens": 1_000, "messages": said, "reasoning_effort": "none",
            "tools": [{"type": "function", "function": function}], "parallel_tool_calls": false,
            "tool_choice": {"type": "function", "function": {"name": "decide"}}})
        }
    };
    let name = if endpoint == "converse" { "anthropic.claude-haiku-4-5-20251001-v1:0" } else { model };
    row(&format!("{endpoint} of {provider}"), endpoint, provider, body, name)
}

/// Endpoint, provider, a place in the good body, what is set there, and what the judge says of it.
type Fault = (&'static str, &'static str, &'static str, Value, &'static str);

fn faults() -> Vec<Fault> {
    let open = json!({"type": "object", "properties": {}, "required": []});
    let short = json!({"type": "object", "properties": {"reason": {"type": "string", "maxLength": 9}}, "required": [],
        "additionalProperties": false});
    let optional = json!({"type": "object", "properties": {"action": {"type": "string"}}, "required": [],
        "additionalProperties": false});
    let nested = json!({"type": "function", "function": {"name": "decide"}});
    let off = json!({"type": "disabled"});
    vec![
        ("messages", "anthropic", "/temperature", json!(0), "temperature: Extra inputs"),
        (
            "messages",
            "anthropic",
            "/max_tokens",
            json!("1000"),
            "max_tokens: Input should be a valid integer",
        ),
        ("messages", "anthropic", "/tool_choice/strict", json!(true), "strict: Extra inputs"),
        ("messages", "anthropic", "/messages/0/name", json!("x"), "name: Extra inputs"),
        ("messages", "anthropic", "/thinking/type", json!("off"), "thinking"),
        ("messages", "anthropic", "/tools/0/parameters", json!({}), "parameters: Extra inputs"),
        ("messages", "anthropic", "/tools/0/input_schema", open.clone(), "transform_schema"),
        ("messages", "anthropic", "/output_config/format/schema", short.clone(), "transform_schema"),
        ("messages", "anthropic", "/model", json!("claude-sonnet-4-5"), "ended on 2026-11-30"),
        ("responses", "openai", "/max_tokens", json!(1_000), "max_tokens: Extra inputs"),
        ("responses", "openai", "/tool_choice", nested, "function: Extra inputs"),
        ("responses", "openai", "/tools/0/function", json!({"name": "decide"}), "function: Extra inputs"),
        ("responses", "openai", "/reasoning/effort", json!("least"), "reasoning.effort: Input should be"),
        ("responses", "openai", "/tools/0/parameters", optional.clone(), "openai's helper"),
        ("responses", "openai", "/text/format/schema", open.clone(), "openai's helper"),
        ("chat", "openai", "/tools/0/strict", json!(true), "strict: Extra inputs"),
        ("chat", "openai", "/tool_choice", json!("any"), "tool_choice"),
        ("chat", "openai", "/thinking", off.clone(), "thinking: Extra inputs"),
        ("chat", "openai", "/tools/0/function/parameters", optional, "openai's helper"),
        ("chat", "deepseek", "/thinking/type", json!("off"), "thinking"),
        ("chat", "qwen", "/enable_thinking", json!("false"), "enable_thinking"),
        ("chat", "openrouter", "/provider/require", json!(true), "provider: require: Extra inputs"),
        ("chat", "mistral", "/max_completion_tokens", json!(1_000), "max_completion_tokens: Extra inputs"),
        ("chat", "mistral", "/tool_choice", json!("tool"), "tool_choice"),
        ("chat", "mistral", "/thinking", off, "thinking: Extra inputs"),
        ("converse", "bedrock", "/tool_choice", json!({}), "Unknown parameter in input: \"tool_choice\""),
        ("converse", "bedrock", "/toolConfig/tools/0/strict", json!(true), "tagged union"),
        ("converse", "bedrock", "/toolConfig/toolChoice/auto", json!({}), "tagged union"),
        ("converse", "bedrock", "/inferenceConfig/maxTokens", json!("1000"), "inferenceConfig.maxTokens"),
        ("converse", "bedrock", "/messages/0/role", json!("tool"), "messages[0].role"),
        ("converse", "bedrock", "/toolConfig/tools/0/toolSpec/inputSchema/json", short, "transform_schema"),
    ]
}

/// Sets one field, in an object that is made where it is missing.
fn set(body: &mut Value, place: &str, value: Value) {
    let (parent, field) = place.rsplit_once('/').unwrap();
    if body.pointer(parent).is_none() {
        set(body, parent, json!({}));
    }
    body.pointer_mut(parent).unwrap()[field] = value;
}

#[test]
fn each_faulty_body_is_refused_for_its_fault() {
    let kinds = [
        ("messages", "anthropic"),
        ("responses", "openai"),
        ("chat", "openai"),
        ("chat", "mistral"),
        ("converse", "bedrock"),
    ];
    let faulty = |(endpoint, provider, place, value, _): Fault| {
        let mut row = good(endpoint, provider);
        if place == "/model" {
            row["model"] = value.clone();
        }
        set(&mut row["body"], place, value);
        row
    };
    let good_ones = kinds.map(|(endpoint, provider)| good(endpoint, provider));
    let rows: Vec<Value> = good_ones.into_iter().chain(faults().into_iter().map(faulty)).collect();
    let Err(NoVerdict::Objection { answer, said, .. }) = judged(&rows) else { panic!("nothing is refused") };
    assert_eq!(answer.lines().count(), rows.len(), "{said}");
    let (of_good, of_faulty): (Vec<_>, Vec<_>) =
        answer.lines().enumerate().partition(|(at, _)| *at < kinds.len());
    assert!(of_good.iter().all(|(_, line)| line.ends_with(": ok")), "{of_good:?}");
    for ((_, line), fault) in of_faulty.iter().zip(faults()) {
        assert!(line.contains(fault.4), "{fault:?}: {line}");
    }
}
