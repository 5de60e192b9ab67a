//! Anthropic's messages: a question written, an answer read as strictly as it is documented.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::capabilities;
use crate::model::exchange::{self, says_no_such_model, set};
use crate::ports::{BadReply, Question, RawReply, Reply, Stop, ToolCall, Turn, Usage};
use crate::reported::{NotReported, Reported};

/// The body of `POST /v1/messages`. The one tool must be called, once.
pub(super) fn body(question: &Question) -> Value {
    let takes = capabilities::of(&question.model);
    let tool = &question.tool;
    let mut offered = json!({
        "name": tool.name,
        "description": tool.description,
        "input_schema": tool.schema,
    });
    if takes.strict {
        set(&mut offered, "strict", json!(true));
    }
    let mut body = json!({
        "model": question.name(),
        "system": question.system,
        "tools": [offered],
        "tool_choice": {"type": "tool", "name": tool.name, "disable_parallel_tool_use": true},
        "messages": messages(&question.turns),
    });
    set(&mut body, takes.max_field, json!(question.max_tokens));
    if takes.temperature {
        set(&mut body, "temperature", json!(0));
    }
    body
}

fn messages(turns: &[Turn]) -> Vec<Value> {
    let mut messages = Vec::new();
    // The calls of the last answer, which the next turn has to answer.
    let mut calls: Vec<String> = Vec::new();
    for turn in turns {
        match turn {
            Turn::Facts(text) => messages.push(json!({"role": "user", "content": text})),
            Turn::Answered(reply) => {
                let content = content(reply);
                calls = content.iter().filter_map(call_id).collect();
                if !content.is_empty() {
                    messages.push(json!({"role": "assistant", "content": content}));
                }
            }
            Turn::FormatError(text) => messages.push(format_error(text, &std::mem::take(&mut calls))),
        }
    }
    messages
}

/// The Fixed Format Error as the result of every call that was made, or as plain words where none was.
fn format_error(text: &str, calls: &[String]) -> Value {
    if calls.is_empty() {
        return json!({"role": "user", "content": text});
    }
    let result = |id| json!({"type": "tool_result", "tool_use_id": id, "is_error": true, "content": text});
    json!({"role": "user", "content": calls.iter().map(result).collect::<Vec<_>>()})
}

/// What of an answer is shown back: its words and its calls, which is what is counted of it. An answer that cannot be
/// read is not shown back; words that are none would be refused.
fn content(reply: &RawReply) -> Vec<Value> {
    let Ok(Reply { text, calls, .. }) = read(&reply.body) else { return Vec::new() };
    let words = (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}));
    let call =
        |call: ToolCall| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.input});
    words.into_iter().chain(calls.into_iter().map(call)).collect()
}

fn call_id(block: &Value) -> Option<String> {
    let is_call = block.get("type").and_then(Value::as_str) == Some("tool_use");
    block.get("id").and_then(Value::as_str).filter(|_| is_call).map(str::to_owned)
}

/// An answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireMessage {
    #[serde(rename = "type")]
    kind: Reported<String>,
    role: Reported<String>,
    content: Reported<Vec<WireBlock>>,
    stop_reason: Reported<String>,
    usage: Reported<WireUsage>,
}

/// One block of an answer, with the fields of all that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireBlock {
    #[serde(rename = "type")]
    kind: Reported<String>,
    text: Reported<String>,
    id: Reported<String>,
    name: Reported<String>,
    input: Reported<Value>,
}

/// `input_tokens` leaves out what was cached; the cache counts are documented as "number or null". The tokens
/// written for an hour are among those of `cache_creation_input_tokens`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    input_tokens: Reported<u32>,
    cache_read_input_tokens: Reported<u32>,
    cache_creation_input_tokens: Reported<u32>,
    cache_creation: Reported<WireCreation>,
    output_tokens: Reported<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireCreation {
    ephemeral_1h_input_tokens: Reported<u32>,
}

impl From<NotReported> for BadReply {
    fn from(error: NotReported) -> BadReply {
        BadReply(error.to_string())
    }
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Reply, BadReply> {
    let message: WireMessage = serde_json::from_slice(body).map_err(|error| BadReply(error.to_string()))?;
    expect("type", &message.kind.required("type")?, "message")?;
    expect("role", &message.role.required("role")?, "assistant")?;
    let mut reply = Reply {
        stop: stop(message.stop_reason.required("stop_reason")?),
        text: String::new(),
        calls: Vec::new(),
        usage: usage(message.usage.required("usage")?)?,
    };
    for block in message.content.required("content")? {
        add(&mut reply, block)?;
    }
    Ok(reply)
}

fn expect(field: &str, told: &str, wanted: &str) -> Result<(), BadReply> {
    if told == wanted { Ok(()) } else { Err(BadReply(format!("{field} is {told:?}, not {wanted:?}"))) }
}

fn stop(reason: String) -> Stop {
    match reason.as_str() {
        "tool_use" => Stop::Tool,
        "end_turn" | "stop_sequence" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => Stop::Refusal,
        _ => Stop::Other(reason),
    }
}

fn usage(wire: WireUsage) -> Result<Usage, BadReply> {
    let plain = wire.input_tokens.required("input_tokens")?;
    let cache_read = wire.cache_read_input_tokens.optional().unwrap_or(0);
    let cache_written = wire.cache_creation_input_tokens.optional().unwrap_or(0);
    let for_an_hour = wire.cache_creation.optional().unwrap_or_default();
    let cache_written_1h = for_an_hour.ephemeral_1h_input_tokens.optional().unwrap_or(0);
    let tokens_out = wire.output_tokens.required("output_tokens")?;
    exchange::usage(Usage { tokens_in: plain, cache_read, cache_written, cache_written_1h, tokens_out })
}

fn add(reply: &mut Reply, block: WireBlock) -> Result<(), BadReply> {
    match block.kind.required("content.type")?.as_str() {
        "text" => reply.text.push_str(&block.text.required("text")?),
        "tool_use" => reply.calls.push(ToolCall {
            id: block.id.required("id")?,
            name: block.name.required("name")?,
            input: block.input.required("input")?,
        }),
        // Not addressed to us.
        "thinking" | "redacted_thinking" => {}
        other => return Err(BadReply(format!("a block of type {other:?}"))),
    }
    Ok(())
}

/// What an error body says; every part of it may be missing.
#[derive(Debug, Default)]
pub(super) struct WireError {
    pub(super) message: Option<String>,
    kind: Option<String>,
    error_code: Option<String>,
}

impl WireError {
    pub(super) fn read(body: &[u8]) -> WireError {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |path| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
        WireError {
            message: text("/error/message"),
            kind: text("/error/type"),
            error_code: text("/error/details/error_code"),
        }
    }

    /// A limit that waiting does not lift: the documented code, 402, or 400 in the words in which a workspace's
    /// limit and an empty balance are told (they have no code).
    pub(super) fn is_spend_limit(&self, status: StatusCode) -> bool {
        let says = |words| self.message.as_ref().is_some_and(|text| text.contains(words));
        self.error_code.as_deref() == Some("enforced_spend_limit_reached")
            || status == StatusCode::PAYMENT_REQUIRED
            || (status == StatusCode::BAD_REQUEST
                && (says("API usage limits") || says("credit balance is too low")))
    }

    /// 404 is also a wrong path; of a model it says `model: its-name`.
    pub(super) fn is_no_such_model(&self) -> bool {
        let words = self.message.as_deref().unwrap_or_default();
        (self.kind.as_deref() == Some("not_found_error") && words.starts_with("model:"))
            || says_no_such_model(words)
    }
}
