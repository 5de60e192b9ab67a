//! Amazon Bedrock's Converse API: a question written, an answer read.
//!
//! Facts: the Bedrock API reference, "Converse"; the service model `bedrock-runtime` of botocore 1.44.8.

use serde_json::{Value, json};

use super::capabilities::{Ask, Capabilities};
use super::reading::{self, OTHER_BLOCKS, apart, count, list_at, stop_or_end, structured, text_at};
use super::{instructions, set};
use crate::ports::{BadReply, Question, Reply, ReportedUsage, Stop, ToolCall};

/// A model id as one segment of a path: an ARN has slashes, every id a colon.
pub fn escaped(id: &str) -> String {
    let mut segment = String::new();
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            other => segment.push_str(&format!("%{other:02X}")),
        }
    }
    segment
}

/// The body of `POST /model/{id}/converse`.
pub fn body(question: &Question, takes: &Capabilities) -> Value {
    let tool = &question.tool;
    let mut bounds = json!({});
    set(&mut bounds, takes.max_field, json!(question.max_tokens));
    if takes.temperature {
        set(&mut bounds, "temperature", json!(0));
    }
    let mut body = json!({
        "system": [{"text": instructions(question, takes)}],
        "messages": [{"role": "user", "content": [{"text": question.message()}]}],
        "inferenceConfig": bounds,
    });
    let (mut output, mut more) = (json!({}), json!({}));
    if let Some(kind) = takes.thinking.kind() {
        set(&mut more, "thinking", json!({"type": kind}));
    }
    if let Some(effort) = takes.thinking.effort() {
        // OpenAI's models take it as they do at home; Claude by Converse's own field.
        match question.name().contains("openai.") {
            true => set(&mut more, "reasoning", json!({"effort": effort})),
            false => set(&mut output, "effort", json!(effort)),
        }
    }
    match takes.ask {
        Ask::Schema => {
            // The schema is a text here.
            let form = json!({"name": tool.name, "schema": tool.schema.to_string()});
            let format = json!({"type": "json_schema", "structure": {"jsonSchema": form}});
            set(&mut output, "textFormat", format);
        }
        Ask::Named | Ask::Required | Ask::Auto => set(&mut body, "toolConfig", tools(question, takes)),
    }
    for (field, value) in [("outputConfig", output), ("additionalModelRequestFields", more)] {
        if value.as_object().is_some_and(|fields| !fields.is_empty()) {
            set(&mut body, field, value);
        }
    }
    body
}

fn tools(question: &Question, takes: &Capabilities) -> Value {
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
    match takes.ask {
        Ask::Named => set(&mut tools, "toolChoice", json!({"tool": {"name": tool.name}})),
        Ask::Required => set(&mut tools, "toolChoice", json!({"any": {}})),
        Ask::Auto | Ask::Schema => {}
    }
    tools
}

/// Reads an answer. A block is an object whose field names its kind.
pub fn read(body: &Value, takes: &Capabilities) -> Result<Reply, BadReply> {
    match text_at(body, "/output/message/role") {
        Some("assistant") | None => {}
        Some(other) => return Err(BadReply(format!("role is {other:?}, not \"assistant\""))),
    }
    if !body.pointer("/output/message/content").is_some_and(Value::is_array) {
        return Err(BadReply("it has no content".to_owned()));
    }
    let (stop, mut note) = stop_or_end(text_at(body, "/stopReason"), stop);
    let (mut text, mut calls) = (String::new(), Vec::new());
    for block in list_at(body, "/output/message/content") {
        if let Some(words) = text_at(block, "/text") {
            text.push_str(words);
        } else if let Some(call) = block.get("toolUse").filter(|call| !is_of_server(call)) {
            calls.push(ToolCall {
                name: text_at(call, "/name").unwrap_or_default().to_owned(),
                input: reading::arguments(call.get("input")),
            });
        } else if block.get("reasoningContent").is_none() {
            note = Some(OTHER_BLOCKS);
        }
    }
    if takes.ask == Ask::Schema {
        calls.extend(structured(&text));
    }
    Ok(Reply { stop, text, calls, usage: usage(body), note })
}

/// A tool of the provider's own, which it has run itself (recorded of Nova).
fn is_of_server(call: &Value) -> bool {
    text_at(call, "/type") == Some("server_tool_use")
}

fn stop(reason: &str) -> Stop {
    match reason {
        "tool_use" => Stop::Tool,
        "end_turn" | "stop_sequence" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "guardrail_intervened" | "content_filtered" | "refusal" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// `inputTokens` leaves out what was cached ("Prompt caching"). Of `cacheWriteInputTokens`, `cacheDetails` says what was
/// written for an hour.
fn usage(body: &Value) -> ReportedUsage {
    let of = |field: &str| count(body, &format!("/usage/{field}"));
    let hours = list_at(body, "/usage/cacheDetails").iter().filter(|one| text_at(one, "/ttl") == Some("1h"));
    let for_an_hour = hours.filter_map(|one| count(one, "/inputTokens")).fold(0, u32::saturating_add);
    let usage = apart(
        of("inputTokens"),
        of("cacheReadInputTokens").unwrap_or(0),
        of("cacheWriteInputTokens").unwrap_or(0),
        for_an_hour,
    );
    ReportedUsage { tokens_out: of("outputTokens"), total: of("totalTokens"), ..usage }
}
