//! Anthropic's Messages API: what it would refuse is refused here with the same words, and it answers as it does.

use std::collections::BTreeSet;

use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::ask::{self, Ask, claude_takes_temperature, header, is_retired, list_at, text_at};
use super::wire::{Answer, Block, Fault, Ids, Kind, Stop, respond, tokens};
use crate::service::{Request, Response};

/// The one path that is served.
const PATH: &str = "/v1/messages";
/// The version that still takes a temperature, for the models that do; 2026-10-21 rejects it for all.
const FIRST_VERSION: &str = "2023-06-01";
/// How long a throttled caller is asked to wait.
const RETRY_AFTER: &str = "retry-after";

/// Whether this is a call of the Messages API at all.
pub(super) fn is_served(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Checks route, headers and body, in the order in which the provider complains.
pub(super) fn read(request: &Request) -> Result<Ask, Fault> {
    if !is_served(request) {
        let (method, path) = (request.method(), request.uri().path());
        return Err(Fault::new(Kind::NotFound, format!("{method} {path} does not exist")));
    }
    let version = check_headers(request.headers())?;
    let body = ask::json(request)?;
    let takes_temperature = version == FIRST_VERSION && claude_takes_temperature(text_at(&body, "model"));
    if body.get("temperature").is_some() && !takes_temperature {
        return Err(Fault::invalid("`temperature` is deprecated for this model."));
    }
    from_body(&body, tokens(request.body().len()))
}

fn from_body(body: &Value, input_tokens: u64) -> Result<Ask, Fault> {
    let model = required(body, "model", Value::as_str, "Input should be a valid string")?;
    let max_tokens = required(body, "max_tokens", Value::as_u64, "Input should be a valid integer")?;
    let messages = required(body, "messages", Value::as_array, "Input should be a valid list")?;
    if max_tokens == 0 {
        return Err(Fault::invalid("max_tokens: must be greater than or equal to 1"));
    }
    if is_retired(model) {
        return Err(Fault::new(Kind::NoSuchModel, format!("model: {model}")));
    }
    check_messages(messages)?;
    let offered: Vec<&str> = list_at(body, "tools").map(|tool| text_at(tool, "name")).collect();
    let named = body.pointer("/tool_choice/name").and_then(Value::as_str);
    let said = said(messages);
    Ok(Ask {
        model: model.to_owned(),
        max_tokens,
        tool: ask::tool(&offered, named)?,
        is_forced: named.is_some(),
        facts: ask::facts(&said),
        said,
        corrected: corrected(messages),
        input_tokens,
    })
}

/// The version that the caller speaks.
fn check_headers(headers: &HeaderMap) -> Result<&str, Fault> {
    // The SDK of version 2026-10-21 sends its key as a bearer's, older clients in a header of its own.
    if header(headers, "x-api-key").or_else(|| header(headers, "authorization")).is_none() {
        return Err(Fault::new(Kind::Unauthenticated, "x-api-key header is required"));
    }
    header(headers, "anthropic-version")
        .ok_or_else(|| Fault::invalid("anthropic-version: header is required"))
}

fn required<'a, T>(
    body: &'a Value,
    field: &str,
    read: impl Fn(&'a Value) -> Option<T>,
    otherwise: &str,
) -> Result<T, Fault> {
    let value = body.get(field).ok_or_else(|| Fault::invalid(format!("{field}: Field required")))?;
    read(value).ok_or_else(|| Fault::invalid(format!("{field}: {otherwise}")))
}

fn check_messages(messages: &[Value]) -> Result<(), Fault> {
    match messages.first() {
        None => return Err(Fault::invalid("messages: at least one message is required")),
        Some(first) if role(first) != "user" => {
            return Err(Fault::invalid("messages: first message must use the \"user\" role"));
        }
        Some(_) => {}
    }
    let stranger = messages.iter().position(|message| !matches!(role(message), "user" | "assistant"));
    if let Some(at) = stranger {
        return Err(Fault::invalid(format!("messages.{at}.role: Input should be 'user' or 'assistant'")));
    }
    check_pairs(messages)
}

/// Every `tool_use` is answered in the very next turn, and nothing else is.
fn check_pairs(messages: &[Value]) -> Result<(), Fault> {
    let turns: Vec<&[Value]> = messages.chunk_by(|one, next| role(one) == role(next)).collect();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for turn in turns {
        let answered = ids(turn, "tool_result", "tool_use_id");
        if let Some(id) = open.difference(&answered).next() {
            return Err(Fault::invalid(format!(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {id}"
            )));
        }
        if let Some(id) = answered.difference(&open).next() {
            return Err(Fault::invalid(format!("messages: unexpected `tool_use_id` in `tool_result`: {id}")));
        }
        open = ids(turn, "tool_use", "id");
    }
    match open.first() {
        None => Ok(()),
        Some(id) => Err(Fault::invalid(format!("messages: `tool_use` without `tool_result`: {id}"))),
    }
}

fn ids<'a>(turn: &'a [Value], kind: &str, key: &str) -> BTreeSet<&'a str> {
    let blocks = turn.iter().flat_map(blocks).filter(|block| text_at(block, "type") == kind);
    blocks.map(|block| text_at(block, key)).collect()
}

fn said(messages: &[Value]) -> Vec<String> {
    let said = messages.iter().filter(|message| role(message) == "user");
    said.flat_map(texts).map(str::to_owned).collect()
}

fn corrected(messages: &[Value]) -> bool {
    let turn = messages.iter().rev().take_while(|message| role(message) == "user");
    turn.flat_map(blocks).any(|block| block.get("is_error").and_then(Value::as_bool) == Some(true))
}

fn texts(message: &Value) -> Vec<&str> {
    let plain = message.get("content").and_then(Value::as_str);
    let blocks = blocks(message).filter(|block| text_at(block, "type") == "text");
    plain.into_iter().chain(blocks.map(|block| text_at(block, "text"))).collect()
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn role(message: &Value) -> &str {
    text_at(message, "role")
}

/// The answer as a message.
pub(super) fn answer(answer: &Answer, ids: Ids, ask: &Ask) -> Response {
    let blocks = answer.blocks.iter().enumerate();
    let content: Vec<Value> = blocks.map(|(index, one)| block(one, ids.of_call("toolu", index))).collect();
    let mut body = json!({
        "id": ids.make("msg"),
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": content,
        "stop_reason": stop(answer.stop),
        "stop_sequence": null,
        "usage": {
            "input_tokens": ask.input_tokens,
            "output_tokens": answer.output_tokens(),
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    });
    if let (Stop::Refusal, Some(fields)) = (answer.stop, body.as_object_mut()) {
        let details = json!({
            "type": "refusal",
            "category": "general_harms",
            "explanation": "The request was declined.",
        });
        fields.insert("stop_details".to_owned(), details);
    }
    respond(StatusCode::OK, &body, &[("request-id", &ids.make("req"))])
}

fn block(block: &Block, id: String) -> Value {
    match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::ToolUse { name, input } => json!({"type": "tool_use", "id": id, "name": name, "input": input}),
    }
}

const fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::ToolUse => "tool_use",
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "refusal",
    }
}

/// A fault in its envelope.
pub(super) fn fault(fault: &Fault, ids: Ids) -> Response {
    let (status, kind) = match fault.kind {
        Kind::Invalid => (400, "invalid_request_error"),
        Kind::Unauthenticated => (401, "authentication_error"),
        Kind::NotFound | Kind::NoSuchModel => (404, "not_found_error"),
        Kind::RateLimit { .. } | Kind::SpendLimit => (429, "rate_limit_error"),
        Kind::Overloaded => (529, "overloaded_error"),
    };
    let message = match fault.kind {
        Kind::RateLimit { .. } => "This request would exceed your rate limit.",
        Kind::SpendLimit => "You have reached your enforced spend limit.",
        Kind::Overloaded => "Overloaded",
        Kind::Invalid | Kind::Unauthenticated | Kind::NotFound | Kind::NoSuchModel => &fault.message,
    };
    let mut error = json!({"type": kind, "message": message});
    if let (Kind::SpendLimit, Some(fields)) = (fault.kind, error.as_object_mut()) {
        fields.insert("details".to_owned(), json!({"error_code": "enforced_spend_limit_reached"}));
    }
    let id = ids.make("req");
    let body = json!({"type": "error", "error": error, "request_id": id});
    let mut headers = vec![("request-id", id.as_str())];
    let wait;
    if let Kind::RateLimit { seconds } = fault.kind {
        wait = seconds.to_string();
        headers.push((RETRY_AFTER, &wait));
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, &body, &headers)
}
