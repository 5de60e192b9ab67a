//! Converse's messages: a question written, an answer read as strictly as it is documented.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::capabilities;
use crate::model::exchange::{self, says_no_such_model, set};
use crate::ports::{BadReply, Question, RawReply, Reply, Stop, ToolCall, Turn, Usage};
use crate::reported::Reported;
use crate::transport::Response;

/// A model id as one segment of a path: an ARN has slashes, every id a colon.
pub(super) fn escaped(id: &str) -> String {
    let mut segment = String::new();
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte))
            }
            other => segment.push_str(&format!("%{other:02X}")),
        }
    }
    segment
}

/// The body of `POST /model/{id}/converse`. The one tool must be called.
pub(super) fn body(question: &Question) -> Value {
    let takes = capabilities::of(&question.model);
    let tool = &question.tool;
    let mut offered = json!({
        "name": tool.name,
        "description": tool.description,
        "inputSchema": {"json": tool.schema},
    });
    if takes.strict {
        set(&mut offered, "strict", json!(true));
    }
    let mut tools = json!({"tools": [{"toolSpec": offered}]});
    if takes.names_tool {
        set(&mut tools, "toolChoice", json!({"tool": {"name": tool.name}}));
    }
    let mut bounds = json!({});
    set(&mut bounds, takes.max_field, json!(question.max_tokens));
    if takes.temperature {
        set(&mut bounds, "temperature", json!(0));
    }
    json!({
        "system": [{"text": question.system}],
        "messages": messages(&question.turns),
        "inferenceConfig": bounds,
        "toolConfig": tools,
    })
}

fn messages(turns: &[Turn]) -> Vec<Value> {
    let mut messages = Vec::new();
    // The calls of the last answer, which the next turn has to answer.
    let mut calls: Vec<String> = Vec::new();
    for turn in turns {
        match turn {
            Turn::Facts(text) => add_said(&mut messages, vec![json!({"text": text})]),
            Turn::Answered(reply) => {
                let content = content(reply);
                calls = content.iter().filter_map(call_id).collect();
                if !content.is_empty() {
                    messages.push(json!({"role": "assistant", "content": content}));
                }
            }
            Turn::FormatError(text) => {
                add_said(&mut messages, format_error(text, &std::mem::take(&mut calls)));
            }
        }
    }
    messages
}

/// Adds what we say. Roles must alternate, so after an answer that is not shown back it joins what we said before.
fn add_said(messages: &mut Vec<Value>, blocks: Vec<Value>) {
    let last = messages.last_mut().filter(|last| last.get("role").and_then(Value::as_str) == Some("user"));
    match last.and_then(|last| last.get_mut("content")).and_then(Value::as_array_mut) {
        Some(content) => content.extend(blocks),
        None => messages.push(json!({"role": "user", "content": blocks})),
    }
}

/// The Fixed Format Error as the result of every call that was made, or as plain words where none was.
fn format_error(text: &str, calls: &[String]) -> Vec<Value> {
    if calls.is_empty() {
        return vec![json!({"text": text})];
    }
    let result = |id: &String| json!({"toolResult": {"toolUseId": id, "status": "error", "content": [{"text": text}]}});
    calls.iter().map(result).collect()
}

/// What of an answer is shown back: its words and its calls, which is what is counted of it. An answer that cannot be
/// read is not shown back; words that are none would be refused.
fn content(reply: &RawReply) -> Vec<Value> {
    let Ok(Reply { text, calls, .. }) = read(&reply.body) else { return Vec::new() };
    let words = (!text.trim().is_empty()).then(|| json!({"text": text}));
    let call =
        |call: ToolCall| json!({"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.input}});
    words.into_iter().chain(calls.into_iter().map(call)).collect()
}

fn call_id(block: &Value) -> Option<String> {
    block.pointer("/toolUse/toolUseId").and_then(Value::as_str).map(str::to_owned)
}

/// An answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireAnswer {
    output: Reported<WireOutput>,
    stop_reason: Reported<String>,
    usage: Reported<WireUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireOutput {
    message: Reported<WireMessage>,
}

/// A block is an object with one field, which names its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireMessage {
    role: Reported<String>,
    content: Reported<Vec<serde_json::Map<String, Value>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireCall {
    tool_use_id: Reported<String>,
    name: Reported<String>,
    input: Reported<Value>,
}

/// `inputTokens` leaves out what was cached, and the cache counts are optional ("Prompt caching"). Of
/// `cacheWriteInputTokens`, `cacheDetails` says what was written for an hour.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireUsage {
    input_tokens: Reported<u32>,
    output_tokens: Reported<u32>,
    cache_read_input_tokens: Reported<u32>,
    cache_write_input_tokens: Reported<u32>,
    cache_details: Reported<Vec<WireCache>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireCache {
    ttl: Reported<String>,
    input_tokens: Reported<u32>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Reply, BadReply> {
    let wire: WireAnswer = serde_json::from_slice(body).map_err(|error| BadReply(error.to_string()))?;
    let message = wire.output.required("output")?.message.required("message")?;
    let role = message.role.required("role")?;
    if role != "assistant" {
        return Err(BadReply(format!("role is {role:?}, not \"assistant\"")));
    }
    let mut reply = Reply {
        stop: stop(wire.stop_reason.required("stopReason")?),
        text: String::new(),
        calls: Vec::new(),
        usage: usage(wire.usage.required("usage")?)?,
    };
    for block in message.content.required("content")? {
        for (kind, value) in block {
            add(&mut reply, &kind, value)?;
        }
    }
    Ok(reply)
}

fn stop(reason: String) -> Stop {
    match reason.as_str() {
        "tool_use" => Stop::Tool,
        "end_turn" | "stop_sequence" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "guardrail_intervened" | "content_filtered" | "refusal" => Stop::Refusal,
        _ => Stop::Other(reason),
    }
}

fn usage(wire: WireUsage) -> Result<Usage, BadReply> {
    let plain = wire.input_tokens.required("inputTokens")?;
    let cache_read = wire.cache_read_input_tokens.optional().unwrap_or(0);
    let cache_written = wire.cache_write_input_tokens.optional().unwrap_or(0);
    let cache_written_1h = for_an_hour(wire.cache_details.optional().unwrap_or_default())?;
    let tokens_out = wire.output_tokens.required("outputTokens")?;
    exchange::usage(Usage { tokens_in: plain, cache_read, cache_written, cache_written_1h, tokens_out })
}

fn for_an_hour(details: Vec<WireCache>) -> Result<u32, BadReply> {
    let mut sum = 0_u32;
    for one in details {
        if one.ttl.required("cacheDetails.ttl")? == "1h" {
            sum = sum.saturating_add(one.input_tokens.required("cacheDetails.inputTokens")?);
        }
    }
    Ok(sum)
}

fn add(reply: &mut Reply, kind: &str, value: Value) -> Result<(), BadReply> {
    match (kind, value) {
        ("text", Value::String(text)) => reply.text.push_str(&text),
        ("toolUse", value) => {
            let call: WireCall =
                serde_json::from_value(value).map_err(|error| BadReply(error.to_string()))?;
            reply.calls.push(ToolCall {
                id: call.tool_use_id.required("toolUseId")?,
                name: call.name.required("name")?,
                input: call.input.required("input")?,
            });
        }
        // Not addressed to us.
        ("reasoningContent", _) => {}
        (other, _) => return Err(BadReply(format!("a block of type {other:?}"))),
    }
    Ok(())
}

/// What an error says; every part of it may be missing.
#[derive(Debug, Default)]
pub(super) struct WireError {
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
}

impl WireError {
    /// The type stands in a header (`ThrottlingException:http://…`), or, from some gateways, in the body.
    pub(super) fn read(response: &Response) -> WireError {
        let header = response.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
        let body: Value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        let text = |name| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = header.map(str::to_owned).or_else(|| text("__type"));
        let bare = |kind: String| {
            let kind = kind.split_once(':').map_or(kind.as_str(), |(kind, _)| kind);
            kind.rsplit_once('#').map_or(kind, |(_, kind)| kind).to_owned()
        };
        WireError { kind: kind.map(bare), message: text("message").or_else(|| text("Message")) }
    }

    /// What waiting does not lift: a quota of the account, or nobody who pays.
    pub(super) fn is_spend_limit(&self, status: u16) -> bool {
        let unpaid = self.message.as_ref().is_some_and(|words| words.contains("INVALID_PAYMENT_INSTRUMENT"));
        self.kind.as_deref() == Some("ServiceQuotaExceededException") || status == 402 || unpaid
    }

    pub(super) fn is_no_such_model(&self) -> bool {
        let words = self.message.as_deref().unwrap_or_default();
        self.kind.as_deref() == Some("ResourceNotFoundException") || says_no_such_model(words)
    }
}
