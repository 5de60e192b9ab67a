//! Chat Completions, of OpenAI and of everybody who speaks it: a question written, an answer read.
//!
//! Facts: platform.openai.com "Chat Completions"; types of PyPI openai 3.57.0; for the others the sources of their rows in
//! the table of capabilities.

use serde_json::{Value, json};

use super::capabilities::{Ask, Capabilities, Thinking};
use super::provider::Provider;
use super::reading::{
    self, count, dollars, list_at, stop_or_end, structured, text_at, with_reasoning, within,
};
use super::{instructions, schema, set};
use crate::ports::{BadReply, Question, Reply, ReportedUsage, Stop, ToolCall};

/// xAI tells the cost in ten-thousand-millionths of a dollar (vercel/ai PR 12425).
const TICKS_A_DOLLAR: u64 = 10_000_000_000;

/// The body of `POST …/chat/completions` to a provider or a kind of server.
pub fn body(question: &Question, takes: &Capabilities, provider: Provider) -> Value {
    let tool = &question.tool;
    let mut body = json!({
        "model": question.name(),
        "messages": [
            {"role": "system", "content": instructions(question, takes)},
            {"role": "user", "content": question.message()},
        ],
    });
    set(&mut body, takes.max_field, json!(question.max_tokens));
    let form = if takes.strict { schema::strict(&tool.schema) } else { tool.schema.clone() };
    match takes.ask {
        Ask::Schema => {
            let mut named = json!({"name": tool.name, "schema": form});
            if takes.strict {
                set(&mut named, "strict", json!(true));
            }
            set(&mut body, "response_format", json!({"type": "json_schema", "json_schema": named}));
        }
        Ask::Named | Ask::Required | Ask::Auto => {
            let mut function =
                json!({"name": tool.name, "description": tool.description, "parameters": form});
            if takes.strict {
                set(&mut function, "strict", json!(true));
            }
            set(&mut body, "tools", json!([{"type": "function", "function": function}]));
            if takes.one_call {
                set(&mut body, "parallel_tool_calls", json!(false));
            }
        }
    }
    match takes.ask {
        Ask::Named => {
            set(&mut body, "tool_choice", json!({"type": "function", "function": {"name": tool.name}}));
        }
        // Mistral's own word; `required` is told of it at second hand alone.
        Ask::Required if provider == Provider::Mistral => set(&mut body, "tool_choice", json!("any")),
        Ask::Required => set(&mut body, "tool_choice", json!("required")),
        Ask::Auto | Ask::Schema => {}
    }
    think(&mut body, takes.thinking);
    if provider == Provider::OpenRouter {
        // Elsewhere a route that does not know a field leaves it out in silence, or another provider answers.
        let route = json!({"require_parameters": true, "allow_fallbacks": false});
        set(&mut body, "provider", route);
    }
    if takes.temperature {
        set(&mut body, "temperature", json!(0));
    }
    body
}

fn think(body: &mut Value, thinking: Thinking) {
    if let Some(kind) = thinking.kind() {
        set(body, "thinking", json!({"type": kind}));
    }
    if let Some(effort) = thinking.effort() {
        set(body, "reasoning_effort", json!(effort));
    }
    match thinking {
        Thinking::EnableThinkingFalse => set(body, "enable_thinking", json!(false)),
        Thinking::TemplateFalse => {
            set(body, "chat_template_kwargs", json!({"enable_thinking": false}));
        }
        Thinking::AsIs
        | Thinking::Disabled
        | Thinking::BetweenTools
        | Thinking::EffortNone
        | Thinking::EffortMinimal
        | Thinking::EffortLow
        | Thinking::EffortMedium
        | Thinking::EffortHigh
        | Thinking::BetweenToolsLow => {}
    }
}

/// Reads an answer.
pub fn read(body: &Value, takes: &Capabilities) -> Result<Reply, BadReply> {
    let choice = list_at(body, "/choices").first().ok_or_else(|| BadReply("it has no choices".to_owned()))?;
    if !choice.get("message").is_some_and(Value::is_object) {
        return Err(BadReply("its choice has no message".to_owned()));
    }
    match text_at(choice, "/message/role") {
        Some("assistant") | None => {}
        Some(other) => return Err(BadReply(format!("role is {other:?}, not \"assistant\""))),
    }
    let (mut stop, note) = stop_or_end(text_at(choice, "/finish_reason"), stop);
    let mut text = said(choice.pointer("/message/content"));
    let mut calls: Vec<ToolCall> = list_at(choice, "/message/tool_calls").iter().map(call).collect();
    if let Some(words) = text_at(choice, "/message/refusal").filter(|words| !words.is_empty()) {
        (stop, text) = (Stop::Refusal, words.to_owned());
    }
    if takes.ask == Ask::Schema {
        calls.extend(structured(&text));
    }
    Ok(Reply { stop, text, calls, usage: usage(body), note })
}

/// The content: a text, or parts of which the texts count (recorded of Mistral and of routes of OpenRouter).
fn said(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let is_text = |part: &&Value| matches!(text_at(part, "/type"), Some("text") | None);
            parts.iter().filter(is_text).filter_map(|part| text_at(part, "/text")).collect()
        }
        Some(_) | None => String::new(),
    }
}

/// Ids, types and indices of calls are missing or empty at several servers, and nobody needs them.
fn call(call: &Value) -> ToolCall {
    ToolCall {
        name: text_at(call, "/function/name").unwrap_or_default().to_owned(),
        input: reading::arguments(call.pointer("/function/arguments")),
    }
}

/// Where the tool is named in `tool_choice`, a call ends with `stop` and not with `tool_calls`.
fn stop(reason: &str) -> Stop {
    match reason {
        "tool_calls" => Stop::Tool,
        "stop" => Stop::End,
        // Mistral's and Z.ai's words for a window that is full.
        "length" | "model_length" | "model_context_window_exceeded" => Stop::Length,
        "content_filter" | "sensitive" => Stop::Refusal,
        other => Stop::Other(other.to_owned()),
    }
}

/// `prompt_tokens` includes what was cached. What was reasoned is in `completion_tokens`, but for xAI and Gemini, where
/// only the total has it.
fn usage(body: &Value) -> ReportedUsage {
    let of = |field: &str| count(body, &format!("/usage/{field}"));
    let cached = of("prompt_tokens_details/cached_tokens")
        .or_else(|| of("prompt_cache_hit_tokens"))
        .or_else(|| of("cached_tokens"));
    let written = of("prompt_tokens_details/cache_write_tokens").unwrap_or(0);
    let usage = within(of("prompt_tokens"), cached.unwrap_or(0), written, of("total_tokens"));
    let reasoning = of("completion_tokens_details/reasoning_tokens");
    ReportedUsage {
        tokens_out: with_reasoning(of("completion_tokens"), reasoning, usage.total),
        usd: dollars(body, "/usage/cost", 1)
            .or_else(|| dollars(body, "/usage/cost_in_usd_ticks", TICKS_A_DOLLAR)),
        ..usage
    }
}
