//! OpenAI's messages: a question written, an answer read as strictly as it is documented.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema;
use crate::model::capabilities;
use crate::model::exchange::{says_no_such_model, set};
use crate::ports::{BadReply, Question, RawReply, Reply, Stop, Tool, ToolCall, Turn, Usage};
use crate::reported::Reported;

/// The body of `POST /v1/chat/completions`. The one tool must be called, once.
pub(super) fn body(question: &Question) -> Value {
    let takes = capabilities::of(&question.model);
    let mut body = json!({
        "model": question.name(),
        "tools": [tool(&question.tool, takes.strict)],
        "messages": messages(&question.system, &question.turns),
    });
    set(&mut body, takes.max_field, json!(question.max_tokens));
    if takes.names_tool {
        let named = json!({"type": "function", "function": {"name": question.tool.name}});
        set(&mut body, "tool_choice", named);
    }
    if takes.temperature {
        set(&mut body, "temperature", json!(0));
    }
    if let Some(effort) = takes.effort {
        set(&mut body, "reasoning_effort", json!(effort));
    }
    if takes.one_call {
        set(&mut body, "parallel_tool_calls", json!(false));
    }
    body
}

fn tool(tool: &Tool, is_strict: bool) -> Value {
    let mut function = json!({"name": tool.name, "description": tool.description});
    if is_strict {
        set(&mut function, "parameters", schema::strict(&tool.schema));
        set(&mut function, "strict", json!(true));
    } else {
        set(&mut function, "parameters", tool.schema.clone());
    }
    json!({"type": "function", "function": function})
}

fn messages(system: &str, turns: &[Turn]) -> Vec<Value> {
    let mut messages = vec![json!({"role": "system", "content": system})];
    // The calls of the last answer, which the next turn has to answer.
    let mut calls: Vec<String> = Vec::new();
    for turn in turns {
        match turn {
            Turn::Facts(text) => messages.push(json!({"role": "user", "content": text})),
            Turn::Answered(reply) => {
                let message = message(reply);
                calls = message.as_ref().map(call_ids).unwrap_or_default();
                messages.extend(message);
            }
            Turn::FormatError(text) => messages.extend(format_error(text, &std::mem::take(&mut calls))),
        }
    }
    messages
}

/// The Fixed Format Error as the result of every call that was made, or as plain words where none was.
fn format_error(text: &str, calls: &[String]) -> Vec<Value> {
    if calls.is_empty() {
        return vec![json!({"role": "user", "content": text})];
    }
    calls.iter().map(|id| json!({"role": "tool", "tool_call_id": id, "content": text})).collect()
}

/// What of an answer is shown back: its words and its calls, which is what is counted of it; none where it cannot be read
/// or has neither.
fn message(reply: &RawReply) -> Option<Value> {
    let Reply { text, calls, .. } = read(&reply.body).ok()?;
    let words = Some(text).filter(|text| !text.trim().is_empty());
    if words.is_none() && calls.is_empty() {
        return None;
    }
    let mut message = json!({"role": "assistant", "content": words});
    let call = |call: &ToolCall| {
        let function = json!({"name": call.name, "arguments": call.input.to_string()});
        json!({"id": call.id, "type": "function", "function": function})
    };
    if !calls.is_empty() {
        set(&mut message, "tool_calls", calls.iter().map(call).collect());
    }
    Some(message)
}

fn call_ids(message: &Value) -> Vec<String> {
    let calls = message.get("tool_calls").and_then(Value::as_array);
    let id = |call: &Value| call.get("id").and_then(Value::as_str).map(str::to_owned);
    calls.map(|calls| calls.iter().filter_map(id).collect()).unwrap_or_default()
}

/// An answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireCompletion {
    choices: Reported<Vec<WireChoice>>,
    usage: Reported<WireUsage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireChoice {
    message: Reported<WireMessage>,
    finish_reason: Reported<String>,
}

/// `content`, `refusal` and `tool_calls` are documented as optional.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireMessage {
    role: Reported<String>,
    content: Reported<String>,
    refusal: Reported<String>,
    tool_calls: Reported<Vec<WireCall>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireCall {
    id: Reported<String>,
    #[serde(rename = "type")]
    kind: Reported<String>,
    function: Reported<WireFunction>,
}

/// `arguments` is JSON as a text, written by the model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireFunction {
    name: Reported<String>,
    arguments: Reported<String>,
}

/// `prompt_tokens` includes what was cached, `completion_tokens` what was reasoned.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WireUsage {
    prompt_tokens: Reported<u32>,
    completion_tokens: Reported<u32>,
    prompt_tokens_details: Reported<WirePromptDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WirePromptDetails {
    cached_tokens: Reported<u32>,
    cache_write_tokens: Reported<u32>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Reply, BadReply> {
    let wire: WireCompletion = serde_json::from_slice(body).map_err(|error| BadReply(error.to_string()))?;
    let mut choices = wire.choices.required("choices")?.into_iter();
    let choice = choices.next().ok_or_else(|| BadReply("choices is empty".to_owned()))?;
    let message = choice.message.required("message")?;
    let role = message.role.required("role")?;
    if role != "assistant" {
        return Err(BadReply(format!("role is {role:?}, not \"assistant\"")));
    }
    let stop = stop(choice.finish_reason.required("finish_reason")?);
    let usage = usage(wire.usage.required("usage")?)?;
    let calls = message.tool_calls.optional().unwrap_or_default();
    let calls = calls.into_iter().map(call).collect::<Result<_, _>>()?;
    Ok(match message.refusal.optional() {
        Some(text) => Reply { stop: Stop::Refusal, text, calls, usage },
        None => Reply { stop, text: message.content.optional().unwrap_or_default(), calls, usage },
    })
}

/// Where the tool is named in `tool_choice`, a call ends with `stop` and not with `tool_calls`.
fn stop(reason: String) -> Stop {
    match reason.as_str() {
        "tool_calls" => Stop::Tool,
        "stop" => Stop::End,
        "length" => Stop::Length,
        "content_filter" => Stop::Refusal,
        _ => Stop::Other(reason),
    }
}

fn usage(wire: WireUsage) -> Result<Usage, BadReply> {
    let tokens_in = wire.prompt_tokens.required("prompt_tokens")?;
    let details = wire.prompt_tokens_details.optional().unwrap_or_default();
    let cache_read = details.cached_tokens.optional().unwrap_or(0);
    let cache_written = details.cache_write_tokens.optional().unwrap_or(0);
    if cache_read.saturating_add(cache_written) > tokens_in {
        return Err(BadReply(format!("{cache_read} + {cache_written} tokens cached of {tokens_in}")));
    }
    let tokens_out = wire.completion_tokens.required("completion_tokens")?;
    Ok(Usage { tokens_in, cache_read, cache_written, tokens_out, ..Usage::default() })
}

fn call(wire: WireCall) -> Result<ToolCall, BadReply> {
    match wire.kind.optional() {
        Some(kind) if kind != "function" => return Err(BadReply(format!("a call of type {kind:?}"))),
        Some(_) | None => {}
    }
    let function = wire.function.required("function")?;
    Ok(ToolCall {
        id: wire.id.required("id")?,
        name: function.name.required("name")?,
        input: arguments(function.arguments.required("arguments")?),
    })
}

/// The model writes the arguments, so a text that is no JSON is a malformed answer of the model and not a bad
/// reply of the provider: it is passed on as the text that it is, which no tool takes.
fn arguments(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value) => schema::without_nulls(value),
        Err(_) => Value::String(text),
    }
}

/// What an error body says; every part of it may be missing.
#[derive(Debug, Default)]
pub(super) struct WireError {
    pub(super) message: Option<String>,
    code: Option<String>,
    kind: Option<String>,
}

/// Codes and types of an account that has to be paid for first; waiting does not lift them.
const SPENT: [&str; 3] = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];

impl WireError {
    pub(super) fn read(body: &[u8]) -> WireError {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |path| body.pointer(path).and_then(Value::as_str).map(str::to_owned);
        WireError { message: text("/error/message"), code: text("/error/code"), kind: text("/error/type") }
    }

    /// A limit that waiting does not lift: by its code or type, or 402, which compatible servers send.
    pub(super) fn is_spend_limit(&self, status: StatusCode) -> bool {
        let is_spent = |word: &Option<String>| word.as_deref().is_some_and(|word| SPENT.contains(&word));
        is_spent(&self.code) || is_spent(&self.kind) || status == StatusCode::PAYMENT_REQUIRED
    }

    /// By its code, or in the words of servers that have none.
    pub(super) fn is_no_such_model(&self) -> bool {
        let words = self.message.as_deref().unwrap_or_default();
        self.code.as_deref() == Some("model_not_found") || says_no_such_model(words)
    }

    /// "The engine is currently overloaded", "Slow Down": 503, and 529 of servers that pass Anthropic on.
    pub(super) fn is_overload(&self, status: StatusCode) -> bool {
        let words = self.message.as_deref().unwrap_or_default().to_lowercase();
        let says_so = words.contains("overloaded") || words.contains("slow down");
        status.as_u16() == 529 || (status == StatusCode::SERVICE_UNAVAILABLE && says_so)
    }
}
