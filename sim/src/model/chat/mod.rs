//! Chat Completions as OpenAI and everybody else who speaks it serve it: each server refuses, ignores and answers as it
//! does.

mod answer;
mod errors;
mod openai;
mod router;
mod servers;

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use super::ask::{self, Ask, Heard, Way, bearer, list_at, text_at, text_of};
use super::fault::{Fault, Kind};
use super::rules::{Server, is_retired};
use super::wire::tokens;
use crate::service::Request;

pub(super) use answer::answer;
pub(super) use errors::fault;
pub(super) use openai::{effort, strict_form, temperature};

/// How a server takes a request.
#[derive(Debug, Clone, Copy)]
struct Taken {
    way: Way,
    /// Tokens that the model thinks.
    thought: u64,
}

/// The server that a request is addressed to, if it is a call of Chat Completions.
pub(super) fn server(request: &Request) -> Option<Server> {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let served = Server::of(request.uri().path(), text_at(&body, "model"));
    served.filter(|_| request.method() == Method::POST)
}

/// Checks key and body.
pub(super) fn read(server: Server, request: &Request) -> Result<Ask, Fault> {
    if bearer(request.headers()).is_none() && !server.is_local() {
        return Err(Fault::new(Kind::Unauthenticated, "You didn't provide an API key."));
    }
    let body = ask::json(request)?;
    let model = text_at(&body, "model");
    if model.is_empty() {
        return Err(Fault::invalid("you must provide a model parameter"));
    }
    if is_retired(model) {
        return Err(Fault::new(Kind::NoSuchModel, model));
    }
    let taken = match server {
        Server::OpenAi => openai::check(&body)?,
        Server::OpenRouter => router::check(&body)?,
        Server::DeepSeek
        | Server::Qwen
        | Server::Kimi
        | Server::Glm
        | Server::Gemini
        | Server::Xai
        | Server::Mistral
        | Server::Groq
        | Server::Ollama
        | Server::Vllm
        | Server::LlamaCpp
        | Server::LmStudio
        | Server::Unknown => servers::check(server, &body, tokens(request.body().len()))?,
    };
    let messages: Vec<&Value> = list_at(&body, "messages").collect();
    check_pairs(&messages)?;
    let tools = || list_at(&body, "tools").filter_map(|tool| tool.get("function"));
    let named = text_of(&body, "/tool_choice/function/name");
    if let Some(name) = named.filter(|name| !tools().any(|tool| text_at(tool, "name") == *name)) {
        let words =
            format!("Invalid value for 'tool_choice': function '{name}' not found in provided tools.");
        return Err(Fault::invalid(words).of("tool_choice"));
    }
    let format = body.pointer("/response_format/json_schema");
    let form = match taken.way {
        Way::Schema => format.and_then(|format| format.get("schema")),
        Way::Call | Way::Prose => tools().next().and_then(|tool| tool.get("parameters")),
    };
    let said = messages.iter().filter(|one| text_at(one, "role") == "user");
    let mut heard = Heard::of(said.flat_map(|one| texts(one)));
    heard.is_corrected |= messages.last().is_some_and(|one| text_at(one, "role") == "tool");
    Ok(Ask {
        model: servers::told(server, model).to_owned(),
        max_tokens: servers::bound(server, &body),
        way: taken.way,
        tool: named
            .or_else(|| tools().next().map(|tool| text_at(tool, "name")))
            .unwrap_or("decide")
            .to_owned(),
        is_named: named.is_some(),
        form: form.cloned().unwrap_or_default(),
        thought: taken.thought,
        heard,
        input_tokens: tokens(request.body().len()),
    })
}

/// A `tool_choice` that forces a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forced {
    Named,
    Required,
}

fn forced(body: &Value) -> Option<Forced> {
    match body.get("tool_choice")? {
        Value::Object(_) => Some(Forced::Named),
        Value::String(word) if word == "required" || word == "any" => Some(Forced::Required),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn wants_schema(body: &Value) -> bool {
    text_of(body, "/response_format/type") == Some("json_schema")
}

fn has_tools(body: &Value) -> bool {
    list_at(body, "tools").next().is_some()
}

/// The way in which a server answers that takes everything.
fn way(body: &Value) -> Way {
    match (wants_schema(body), has_tools(body)) {
        (true, _) => Way::Schema,
        (false, true) => Way::Call,
        (false, false) => Way::Prose,
    }
}

/// Every call is answered by a message of the role `tool` before anything else is said.
fn check_pairs(messages: &[&Value]) -> Result<(), Fault> {
    if messages.is_empty() {
        return Err(Fault::invalid("[] is too short - 'messages'").of("messages"));
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
