//! Anthropic's Messages API: a question written, an answer read.
//!
//! Facts: platform.claude.com "Messages", "Structured outputs", "Thinking"; types of PyPI anthropic 2.14.0.

use serde_json::{Value, json};

use super::capabilities::{Ask, Capabilities};
use super::reading::{self, OTHER_BLOCKS, apart, count, list_at, stop_or_end, structured, text_at};
use super::{instructions, set};
use crate::ports::{BadReply, Question, Reply, ReportedUsage, Stop, ToolCall};

/// The body of `POST /v1/messages`.
pub fn body(question: &Question, takes: &Capabilities) -> Value {
    let tool = &question.tool;
    let mut body = json!({
        "model": question.name(),
        "system": instructions(question, takes),
        "messages": [{"role": "user", "content": question.message()}],
    });
    set(&mut body, takes.max_field, json!(question.max_tokens));
    if let Some(kind) = takes.thinking.kind() {
        set(&mut body, "thinking", json!({"type": kind}));
    }
    let mut output = json!({});
    if let Some(effort) = takes.thinking.effort() {
        set(&mut output, "effort", json!(effort));
    }
    match takes.ask {
        Ask::Schema => set(&mut output, "format", json!({"type": "json_schema", "schema": tool.schema})),
        Ask::Named | Ask::Required | Ask::Auto => {
            let mut offered = json!({
                "name": tool.name,
                "description": tool.description,
                "input_schema": tool.schema,
            });
            if takes.strict {
                set(&mut offered, "strict", json!(true));
            }
            set(&mut body, "tools", json!([offered]));
            set(&mut body, "tool_choice", choice(&tool.name, takes));
        }
    }
    if output.as_object().is_some_and(|fields| !fields.is_empty()) {
        set(&mut body, "output_config", output);
    }
    if takes.temperature {
        set(&mut body, "temperature", json!(0));
    }
    body
}

fn choice(tool: &str, takes: &Capabilities) -> Value {
    let mut choice = match takes.ask {
        Ask::Named => json!({"type": "tool", "name": tool}),
        Ask::Required => json!({"type": "any"}),
        Ask::Auto | Ask::Schema => json!({"type": "auto"}),
    };
    if takes.one_call {
        set(&mut choice, "disable_parallel_tool_use", json!(true));
    }
    choice
}

/// Reads an answer. Blocks are told apart by their type, never by their place.
pub fn read(body: &Value, takes: &Capabilities) -> Result<Reply, BadReply> {
    match text_at(body, "/role") {
        Some("assistant") | None => {}
        Some(other) => return Err(BadReply(format!("role is {other:?}, not \"assistant\""))),
    }
    if !body.get("content").is_some_and(Value::is_array) {
        return Err(BadReply("it has no content".to_owned()));
    }
    let (stop, mut note) = stop_or_end(text_at(body, "/stop_reason"), stop);
    let (mut text, mut calls) = (String::new(), Vec::new());
    for block in list_at(body, "/content") {
        match text_at(block, "/type") {
            Some("text") => text.push_str(text_at(block, "/text").unwrap_or_default()),
            Some("tool_use") => calls.push(ToolCall {
                name: text_at(block, "/name").unwrap_or_default().to_owned(),
                input: reading::arguments(block.get("input")),
            }),
            // Not addressed to us.
            Some("thinking" | "redacted_thinking") => {}
            Some(_) | None => note = Some(OTHER_BLOCKS),
        }
    }
    if takes.ask == Ask::Schema {
        calls.extend(structured(&text));
    }
    Ok(Reply { stop, text, calls, usage: usage(body), note })
}

fn stop(reason: &str) -> Stop {
    match reason {
        "tool_use" => Stop::Tool,
        "end_turn" | "stop_sequence" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "refusal" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// `input_tokens` leaves out what was cached, and `output_tokens` includes the thinking. The tokens written for an hour
/// are among those of `cache_creation_input_tokens`.
fn usage(body: &Value) -> ReportedUsage {
    let of = |field: &str| count(body, &format!("/usage/{field}"));
    let usage = apart(
        of("input_tokens"),
        of("cache_read_input_tokens").unwrap_or(0),
        of("cache_creation_input_tokens").unwrap_or(0),
        of("cache_creation/ephemeral_1h_input_tokens").unwrap_or(0),
    );
    ReportedUsage { tokens_out: of("output_tokens"), ..usage }
}
