//! Anthropic's Messages API: what it would refuse is refused here with the same words, and it answers as it does.

mod answer;
mod check;

use http::{HeaderMap, Method};
use serde_json::Value;

use super::ask::{self, Ask, Heard, Way, bearer, header, list_at, text_at, text_of};
use super::fault::{Fault, Kind};
use super::wire::tokens;
use crate::service::Request;

pub(super) use answer::{answer, fault};
pub(super) use check::{Asked, thinking};

/// The one path that is served.
const PATH: &str = "/v1/messages";

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
    let version = version(request.headers())?;
    let body = ask::json(request)?;
    let model = required(&body, "model", Value::as_str, "Input should be a valid string")?;
    let max_tokens = required(&body, "max_tokens", Value::as_u64, "Input should be a valid integer")?;
    let messages = required(&body, "messages", Value::as_array, "Input should be a valid list")?;
    let thought = check::check(&body, model, max_tokens, version)?;
    check::messages(messages, model)?;
    let tool = list_at(&body, "tools").next();
    let named = text_of(&body, "/tool_choice/name");
    let schema = body.pointer("/output_config/format/schema");
    let way = match (schema, tool) {
        (Some(_), _) => Way::Schema,
        (None, Some(_)) => Way::Call,
        (None, None) => Way::Prose,
    };
    let form = schema.or_else(|| tool?.get("input_schema"));
    let mut heard = Heard::of(messages.iter().filter(|message| role(message) == "user").flat_map(texts));
    heard.is_corrected |= returns_error(messages);
    Ok(Ask {
        model: model.to_owned(),
        max_tokens,
        way,
        tool: named.or_else(|| tool.map(|tool| text_at(tool, "name"))).unwrap_or("decide").to_owned(),
        is_named: named.is_some(),
        form: form.cloned().unwrap_or_default(),
        thought,
        heard,
        input_tokens: tokens(request.body().len()),
    })
}

/// The version that the caller speaks.
fn version(headers: &HeaderMap) -> Result<&str, Fault> {
    // The SDK of version 2026-10-21 sends its key as a bearer's, older clients in a header of its own.
    if header(headers, "x-api-key").or_else(|| bearer(headers)).is_none() {
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

fn returns_error(messages: &[Value]) -> bool {
    let turn = messages.iter().rev().take_while(|message| role(message) == "user");
    turn.flat_map(blocks).any(|block| block.get("is_error").and_then(Value::as_bool) == Some(true))
}

fn texts(message: &Value) -> Vec<String> {
    let plain = message.get("content").and_then(Value::as_str);
    let blocks = blocks(message).filter(|block| text_at(block, "type") == "text");
    plain.into_iter().chain(blocks.map(|block| text_at(block, "text"))).map(str::to_owned).collect()
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    list_at(message, "content")
}

fn role(message: &Value) -> &str {
    text_at(message, "role")
}
