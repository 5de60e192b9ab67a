//! Reading a request as the provider does: what it would refuse is refused here with the same words.

use std::collections::BTreeSet;

use http::{HeaderMap, Method};
use serde_json::Value;

use super::facts::Facts;
use super::wire::{Fault, tokens};
use crate::service::Request;

/// The one path that is served.
const PATH: &str = "/v1/messages";

/// What a readable request asks for.
#[derive(Debug)]
pub(super) struct Ask {
    /// The model id, echoed in the answer.
    pub(super) model: String,
    /// The most that may be answered.
    pub(super) max_tokens: u64,
    /// The tool to answer through; none when the request offers none.
    pub(super) tool: Option<String>,
    /// What the model is told, where it could be read.
    pub(super) facts: Option<Facts>,
    /// The last turn returns an error about the answer before.
    pub(super) corrected: bool,
    /// What the request weighs.
    pub(super) input_tokens: u64,
}

/// Whether this is a call of the Messages API at all.
pub(super) fn is_messages(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

impl Ask {
    /// Checks route, headers and body, in the order in which the provider complains.
    pub(super) fn read(request: &Request) -> Result<Ask, Fault> {
        if !is_messages(request) {
            return Err(Fault::not_found(request.method().as_str(), request.uri().path()));
        }
        check_headers(request.headers())?;
        let body: Value = serde_json::from_slice(request.body())
            .map_err(|error| Fault::invalid(format!("The request body is not valid JSON: {error}")))?;
        Ask::from_body(&body, tokens(request.body().len()))
    }

    fn from_body(body: &Value, input_tokens: u64) -> Result<Ask, Fault> {
        let model = required(body, "model", Value::as_str, "Input should be a valid string")?;
        let max_tokens = required(body, "max_tokens", Value::as_u64, "Input should be a valid integer")?;
        let messages = required(body, "messages", Value::as_array, "Input should be a valid list")?;
        if max_tokens == 0 {
            return Err(Fault::invalid("max_tokens: must be greater than or equal to 1"));
        }
        check_messages(messages)?;
        Ok(Ask {
            model: model.to_owned(),
            max_tokens,
            tool: tool(body)?,
            facts: facts(messages),
            corrected: corrected(messages),
            input_tokens,
        })
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Fault> {
    let given = |name: &str| headers.get(name).is_some_and(|value| !value.is_empty());
    if !given("x-api-key") {
        return Err(Fault::unauthenticated("x-api-key header is required"));
    }
    if !given("anthropic-version") {
        return Err(Fault::invalid("anthropic-version: header is required"));
    }
    Ok(())
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

/// The tool that the answer must use: the forced one, else the first.
fn tool(body: &Value) -> Result<Option<String>, Fault> {
    let offered: Vec<&str> = body
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|one| text_at(one, "name"))
        .collect();
    let forced = body.get("tool_choice").and_then(|choice| choice.get("name")).and_then(Value::as_str);
    match forced {
        Some(name) if !offered.contains(&name) => {
            Err(Fault::invalid(format!("tool_choice: Tool '{name}' not found in provided tools")))
        }
        Some(name) => Ok(Some(name.to_owned())),
        None => Ok(offered.first().map(|name| (*name).to_owned())),
    }
}

/// The last text of the user that is a JSON object. A correction may follow it without repeating it.
fn facts(messages: &[Value]) -> Option<Facts> {
    let said = messages.iter().rev().filter(|message| role(message) == "user");
    said.flat_map(|message| texts(message).into_iter().rev()).find_map(Facts::read)
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

fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
