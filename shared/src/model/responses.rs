//! OpenAI's Responses API: a question written, an answer read. Its models that reason take tools here alone.
//!
//! Facts: platform.openai.com "Responses"; types of PyPI openai 3.57.0.

use serde_json::{Value, json};

use super::capabilities::{Ask, Capabilities};
use super::reading::{self, OTHER_BLOCKS, count, list_at, structured, text_at, with_reasoning, within};
use super::{instructions, schema, set};
use crate::ports::{BadReply, Question, Reply, ReportedUsage, Stop, ToolCall};

/// The body of `POST /v1/responses`. Nothing is stored there.
pub fn body(question: &Question, takes: &Capabilities) -> Value {
    let tool = &question.tool;
    let mut body = json!({
        "model": question.name(),
        "instructions": instructions(question, takes),
        "input": question.message(),
        "store": false,
    });
    set(&mut body, takes.max_field, json!(question.max_tokens));
    if let Some(effort) = takes.thinking.effort() {
        set(&mut body, "reasoning", json!({"effort": effort}));
    }
    let form = if takes.strict { schema::strict(&tool.schema) } else { tool.schema.clone() };
    match takes.ask {
        Ask::Schema => {
            let format =
                json!({"type": "json_schema", "name": tool.name, "schema": form, "strict": takes.strict});
            set(&mut body, "text", json!({"format": format}));
        }
        Ask::Named | Ask::Required | Ask::Auto => {
            let offered = json!({
                "type": "function",
                "name": tool.name,
                "description": tool.description,
                "parameters": form,
                "strict": takes.strict,
            });
            set(&mut body, "tools", json!([offered]));
            if takes.one_call {
                set(&mut body, "parallel_tool_calls", json!(false));
            }
        }
    }
    match takes.ask {
        Ask::Named => set(&mut body, "tool_choice", json!({"type": "function", "name": tool.name})),
        Ask::Required => set(&mut body, "tool_choice", json!("required")),
        Ask::Auto | Ask::Schema => {}
    }
    if takes.explicit_cache {
        set(&mut body, "prompt_cache_options", json!({"mode": "explicit"}));
    }
    if takes.temperature {
        set(&mut body, "temperature", json!(0));
    }
    body
}

/// Reads an answer: a list of items. A call whose own status is `incomplete` was cut off.
pub fn read(body: &Value, takes: &Capabilities) -> Result<Reply, BadReply> {
    if !body.get("output").is_some_and(Value::is_array) {
        return Err(BadReply("it has no output".to_owned()));
    }
    let mut stop = stop(body);
    let (mut text, mut calls, mut note) = (String::new(), Vec::new(), None);
    for item in list_at(body, "/output") {
        match text_at(item, "/type") {
            Some("message") => {
                for part in list_at(item, "/content") {
                    match text_at(part, "/type") {
                        Some("refusal") => {
                            text.push_str(text_at(part, "/refusal").unwrap_or_default());
                            stop = Stop::Refusal;
                        }
                        Some(_) | None => text.push_str(text_at(part, "/text").unwrap_or_default()),
                    }
                }
            }
            Some("function_call") => {
                if text_at(item, "/status") == Some("incomplete") && stop == Stop::End {
                    stop = Stop::Length;
                }
                calls.push(ToolCall {
                    name: text_at(item, "/name").unwrap_or_default().to_owned(),
                    input: reading::arguments(item.get("arguments")),
                });
            }
            // Not addressed to us.
            Some("reasoning") => {}
            Some(_) | None => note = Some(OTHER_BLOCKS),
        }
    }
    if stop == Stop::End && !calls.is_empty() {
        stop = Stop::Tool;
    }
    if takes.ask == Ask::Schema {
        calls.extend(structured(&text));
    }
    Ok(Reply { stop, text, calls, usage: usage(body), note })
}

fn stop(body: &Value) -> Stop {
    match (text_at(body, "/status"), text_at(body, "/incomplete_details/reason")) {
        (Some("completed") | None, _) => Stop::End,
        (Some("incomplete"), Some("max_output_tokens")) => Stop::Length,
        (Some("incomplete"), Some("content_filter")) => Stop::Refusal,
        (Some(status), reason) => Stop::Other(reason.unwrap_or(status).to_owned()),
    }
}

/// `input_tokens` includes what was cached, `output_tokens` what was reasoned.
fn usage(body: &Value) -> ReportedUsage {
    let of = |field: &str| count(body, &format!("/usage/{field}"));
    let usage = within(
        of("input_tokens"),
        of("input_tokens_details/cached_tokens").unwrap_or(0),
        of("input_tokens_details/cache_write_tokens").unwrap_or(0),
        of("total_tokens"),
    );
    let reasoning = of("output_tokens_details/reasoning_tokens");
    ReportedUsage { tokens_out: with_reasoning(of("output_tokens"), reasoning, usage.total), ..usage }
}
