//! Bedrock's Converse API: what it would refuse is refused here under the same error types, and it answers as it
//! does. The signature is checked as AWS checks it.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::time::Timestamp;

use super::ask::{self, Ask, claude_takes_temperature, is_retired, list_at, text_at};
use super::signature;
use super::wire::{Answer, Block, Fault, Ids, Kind, Stop, respond, tokens};
use crate::service::{Request, Response};

/// The model's id as it stands in the path, still escaped.
fn segment(request: &Request) -> Option<&str> {
    let rest = request.uri().path().strip_prefix("/model/")?;
    rest.strip_suffix("/converse").filter(|id| !id.is_empty() && !id.contains('/'))
}

/// Whether this is a call of Converse.
pub(super) fn is_served(request: &Request) -> bool {
    request.method() == Method::POST && segment(request).is_some()
}

/// Checks signature and body.
pub(super) fn read(request: &Request, now: Timestamp) -> Result<Ask, Fault> {
    signature::check(request, now).map_err(|why| Fault::new(Kind::Unauthenticated, why))?;
    let model = unescaped(segment(request).unwrap_or_default());
    if is_retired(&model) {
        return Err(Fault::new(Kind::NoSuchModel, "This model version has reached the end of its life."));
    }
    let body = ask::json(request)?;
    let bounds = body.get("inferenceConfig").unwrap_or(&Value::Null);
    if bounds.get("temperature").is_some() && model.contains("claude") && !claude_takes_temperature(&model) {
        return Err(Fault::invalid(
            "The model returned the following errors: `temperature` is deprecated for this model.",
        ));
    }
    let messages: Vec<&Value> = list_at(&body, "messages").collect();
    check_messages(&messages)?;
    let tools = body.get("toolConfig").unwrap_or(&Value::Null);
    let offered: Vec<&str> =
        list_at(tools, "tools").filter_map(|tool| tool.pointer("/toolSpec/name")?.as_str()).collect();
    let named = tools.pointer("/toolChoice/tool/name").and_then(Value::as_str);
    let blocks =
        messages.iter().filter(|one| text_at(one, "role") == "user").flat_map(|one| list_at(one, "content"));
    let said: Vec<String> = blocks.map(|block| text_at(block, "text").to_owned()).collect();
    Ok(Ask {
        max_tokens: bounds.get("maxTokens").and_then(Value::as_u64).unwrap_or(u64::MAX),
        tool: ask::tool(&offered, named)?,
        is_forced: named.is_some(),
        facts: ask::facts(&said),
        said,
        corrected: messages.last().is_some_and(|last| list_at(last, "content").any(is_error)),
        input_tokens: tokens(request.body().len()),
        model,
    })
}

fn is_error(block: &Value) -> bool {
    block.pointer("/toolResult/status").and_then(Value::as_str) == Some("error")
}

/// `%3A` as the sign that it stands for.
fn unescaped(segment: &str) -> String {
    form_urlencoded::parse(format!("id={}", segment.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, id)| id.into_owned())
        .unwrap_or_default()
}

fn check_messages(messages: &[&Value]) -> Result<(), Fault> {
    if messages.first().is_none_or(|first| text_at(first, "role") != "user") {
        return Err(Fault::invalid("A conversation must start with a user message."));
    }
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut before = "";
    for message in messages {
        let role = text_at(message, "role");
        if role == before || !matches!(role, "user" | "assistant") {
            return Err(Fault::invalid("A conversation must alternate between user and assistant roles."));
        }
        if list_at(message, "content").next().is_none() {
            return Err(Fault::invalid("The content field in the Message object is empty."));
        }
        let answered = ids(message, "/toolResult/toolUseId");
        if answered != open {
            let wanted: Vec<&str> = open.into_iter().collect();
            let wanted = wanted.join(", ");
            return Err(Fault::invalid(format!(
                "Expected toolResult blocks for the following Ids: {wanted}"
            )));
        }
        open = ids(message, "/toolUse/toolUseId");
        before = role;
    }
    Ok(())
}

fn ids<'a>(message: &'a Value, path: &str) -> BTreeSet<&'a str> {
    list_at(message, "content").filter_map(|block| block.pointer(path)?.as_str()).collect()
}

/// The answer as Converse gives it.
pub(super) fn answer(answer: &Answer, ids: Ids, ask: &Ask) -> Response {
    let blocks = answer.blocks.iter().enumerate();
    let content: Vec<Value> = blocks.map(|(n, one)| block(one, ids.of_call("tooluse", n))).collect();
    let stop = match answer.stop {
        Stop::ToolUse => "tool_use",
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "content_filtered",
    };
    let (tokens_in, tokens_out) = (ask.input_tokens, answer.output_tokens());
    let body = json!({
        "metrics": {"latencyMs": 500},
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {
            "inputTokens": tokens_in,
            "outputTokens": tokens_out,
            "totalTokens": tokens_in.saturating_add(tokens_out),
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 0,
        },
    });
    respond(StatusCode::OK, &body, &[("x-amzn-requestid", &ids.make("req"))])
}

fn block(block: &Block, id: String) -> Value {
    match block {
        Block::Text(text) => json!({"text": text}),
        Block::ToolUse { name, input } => json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}),
    }
}

/// A fault: its type stands in a header.
pub(super) fn fault(fault: &Fault, ids: Ids) -> Response {
    let (status, kind, message) = match fault.kind {
        Kind::Invalid => (400, "ValidationException", fault.message.as_str()),
        Kind::Unauthenticated => (403, "InvalidSignatureException", fault.message.as_str()),
        Kind::NotFound | Kind::NoSuchModel => (404, "ResourceNotFoundException", fault.message.as_str()),
        Kind::RateLimit { .. } => {
            (429, "ThrottlingException", "Too many requests, please wait before trying again.")
        }
        Kind::SpendLimit => (400, "ServiceQuotaExceededException", "Your account has used up its quota."),
        Kind::Overloaded => {
            (503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let named = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let headers = [("x-amzn-requestid", ids.make("req")), ("x-amzn-errortype", named)];
    respond(
        status,
        &json!({"message": message}),
        &headers.each_ref().map(|(name, value)| (*name, value.as_str())),
    )
}
