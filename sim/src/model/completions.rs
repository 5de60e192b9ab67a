//! OpenAI's Chat Completions API: what it would refuse is refused here with the same words, and it answers as it
//! does. Servers that imitate it are asked on the same path.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::time::Timestamp;

use super::ask::{self, Ask, header, is_retired, list_at, text_at};
use super::wire::{Answer, Block, Fault, Ids, Kind, Stop, respond, tokens};
use crate::service::{Request, Response};

/// The one path that is served.
const PATH: &str = "/v1/chat/completions";

/// Whether this is a call of Chat Completions.
pub(super) fn is_served(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Checks key and body.
pub(super) fn read(request: &Request) -> Result<Ask, Fault> {
    let key = header(request.headers(), "authorization").and_then(|text| text.strip_prefix("Bearer "));
    if key.is_none_or(str::is_empty) {
        return Err(Fault::new(Kind::Unauthenticated, "You didn't provide an API key."));
    }
    let body = ask::json(request)?;
    let model = text_at(&body, "model");
    if model.is_empty() {
        return Err(Fault::invalid("you must provide a model parameter"));
    }
    if is_retired(model) {
        let gone = format!("The model `{model}` does not exist or you do not have access to it.");
        return Err(Fault::new(Kind::NoSuchModel, gone));
    }
    check_parameters(&body, model)?;
    let messages: Vec<&Value> = list_at(&body, "messages").collect();
    check_pairs(&messages)?;
    let offered: Vec<&str> =
        list_at(&body, "tools").filter_map(|tool| tool.pointer("/function/name")?.as_str()).collect();
    list_at(&body, "tools").try_for_each(check_strict)?;
    let named = body.pointer("/tool_choice/function/name").and_then(Value::as_str);
    let said: Vec<String> =
        messages.iter().filter(|one| text_at(one, "role") == "user").flat_map(|one| texts(one)).collect();
    let bound = body.get("max_completion_tokens").or_else(|| body.get("max_tokens"));
    Ok(Ask {
        model: model.to_owned(),
        max_tokens: bound.and_then(Value::as_u64).unwrap_or(u64::MAX),
        tool: ask::tool(&offered, named)?,
        is_forced: named.is_some(),
        facts: ask::facts(&said),
        said,
        corrected: messages.last().is_some_and(|one| text_at(one, "role") == "tool"),
        input_tokens: tokens(request.body().len()),
    })
}

/// Models that reason: neither a temperature nor the old name of the bound.
fn reasons(model: &str) -> bool {
    let of_o_series = model.strip_prefix('o').is_some_and(|rest| rest.starts_with(['1', '3', '4']));
    of_o_series || model.starts_with("gpt-5") || model.starts_with("gpt-6")
}

fn check_parameters(body: &Value, model: &str) -> Result<(), Fault> {
    if !reasons(model) {
        return Ok(());
    }
    let temperature = body.get("temperature").and_then(Value::as_f64);
    if temperature.is_some_and(|temperature| temperature < 1.0) {
        return Err(Fault::invalid(
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is \
             supported.",
        ));
    }
    for (field, mend) in
        [("max_tokens", " Use 'max_completion_tokens' instead."), ("parallel_tool_calls", "")]
    {
        let is_rejected = field == "max_tokens" || model.starts_with('o');
        if is_rejected && body.get(field).is_some() {
            let words = format!("Unsupported parameter: '{field}' is not supported with this model.{mend}");
            return Err(Fault::invalid(words));
        }
    }
    Ok(())
}

/// A strict function's schema closes every object and requires every property.
fn check_strict(tool: &Value) -> Result<(), Fault> {
    let function = tool.get("function").unwrap_or(&Value::Null);
    if function.get("strict").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let schema = function.get("parameters").unwrap_or(&Value::Null);
    let name = text_at(function, "name");
    let required: BTreeSet<&str> = list_at(schema, "required").filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let missing =
        properties.into_iter().flatten().map(|(name, _)| name).find(|one| !required.contains(one.as_str()));
    match (missing, schema.get("additionalProperties")) {
        (Some(missing), _) => Err(Fault::invalid(format!(
            "Invalid schema for function '{name}': In context=(), 'required' is required to be supplied and to be \
             an array including every key in properties. Missing '{missing}'."
        ))),
        (None, Some(Value::Bool(false))) => Ok(()),
        (None, _) => Err(Fault::invalid(format!(
            "Invalid schema for function '{name}': In context=(), 'additionalProperties' is required to be supplied \
             and to be false."
        ))),
    }
}

/// Every call is answered by a message of the role `tool` before anything else is said.
fn check_pairs(messages: &[&Value]) -> Result<(), Fault> {
    if messages.is_empty() {
        return Err(Fault::invalid("[] is too short - 'messages'"));
    }
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        match text_at(message, "role") {
            "tool" => {
                if !open.remove(text_at(message, "tool_call_id")) {
                    return Err(Fault::invalid(
                        "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
                    ));
                }
            }
            "system" | "developer" | "user" | "assistant" => {
                unanswered(&open)?;
                open = list_at(message, "tool_calls").map(|call| text_at(call, "id")).collect();
            }
            other => return Err(Fault::invalid(format!("Invalid value: '{other}'."))),
        }
    }
    unanswered(&open)
}

fn unanswered(open: &BTreeSet<&str>) -> Result<(), Fault> {
    match open.first() {
        None => Ok(()),
        Some(id) => Err(Fault::invalid(format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {id}"
        ))),
    }
}

fn texts(message: &Value) -> Vec<String> {
    let parts = list_at(message, "content").map(|part| text_at(part, "text"));
    message.get("content").and_then(Value::as_str).into_iter().chain(parts).map(str::to_owned).collect()
}

/// The answer as a completion. Where the tool was named, a call ends with `stop`.
pub(super) fn answer(answer: &Answer, ids: Ids, ask: &Ask, now: Timestamp) -> Response {
    let is_refused = answer.stop == Stop::Refusal;
    let (content, refusal) = if is_refused { (None, answer.text()) } else { (answer.text(), None) };
    let calls: Vec<Value> =
        answer.blocks.iter().enumerate().filter_map(|(n, one)| call(one, ids, n, answer.stop)).collect();
    let mut message = json!({"role": "assistant", "content": content, "refusal": refusal, "annotations": []});
    if let (false, Some(fields)) = (calls.is_empty(), message.as_object_mut()) {
        fields.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    let finish = match answer.stop {
        Stop::ToolUse if !ask.is_forced => "tool_calls",
        Stop::ToolUse | Stop::EndTurn | Stop::Refusal => "stop",
        Stop::MaxTokens => "length",
    };
    let (tokens_in, tokens_out) = (ask.input_tokens, answer.output_tokens());
    let body = json!({
        "id": ids.make("chatcmpl"),
        "object": "chat.completion",
        "created": now.as_secs(),
        "model": ask.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in.saturating_add(tokens_out),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": null,
    });
    respond(StatusCode::OK, &body, &[("x-request-id", &ids.make("req"))])
}

/// Arguments are a text; those that were cut off end in the middle of it.
fn call(block: &Block, ids: Ids, index: usize, stop: Stop) -> Option<Value> {
    let Block::ToolUse { name, input } = block else { return None };
    let mut arguments = input.to_string();
    if stop == Stop::MaxTokens {
        arguments.pop();
    }
    let function = json!({"name": name, "arguments": arguments});
    Some(json!({"id": ids.of_call("call", index), "type": "function", "function": function}))
}

/// A fault in its envelope.
pub(super) fn fault(fault: &Fault, ids: Ids) -> Response {
    let (status, kind, code) = match fault.kind {
        Kind::Invalid => (400, "invalid_request_error", None),
        Kind::Unauthenticated => (401, "invalid_request_error", Some("invalid_api_key")),
        Kind::NotFound => (404, "invalid_request_error", None),
        Kind::NoSuchModel => (404, "invalid_request_error", Some("model_not_found")),
        Kind::RateLimit { .. } => (429, "tokens", Some("rate_limit_exceeded")),
        Kind::SpendLimit => (429, "insufficient_quota", Some("insufficient_quota")),
        Kind::Overloaded => (503, "service_unavailable_error", None),
    };
    let message = match fault.kind {
        Kind::RateLimit { seconds } => format!("Rate limit reached. Please try again in {seconds}s."),
        Kind::SpendLimit => {
            "You exceeded your current quota, please check your plan and billing details.".to_owned()
        }
        Kind::Overloaded => "The engine is currently overloaded, please try again later".to_owned(),
        Kind::Invalid | Kind::Unauthenticated | Kind::NotFound | Kind::NoSuchModel => fault.message.clone(),
    };
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": code}});
    let id = ids.make("req");
    let mut headers = vec![("x-request-id", id.as_str())];
    let millis;
    if let Kind::RateLimit { seconds } = fault.kind {
        millis = seconds.saturating_mul(1_000).to_string();
        headers.push(("retry-after-ms", &millis));
    }
    respond(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body, &headers)
}
