//! Answers as each server spells them: what is told and left out, and where reasoning is counted (recorded, a record or
//! more each).

use serde_json::{Value, json};
use shared::time::Timestamp;

use crate::model::answer::{Answer, Block, Stop};
use crate::model::ask::{Ask, Way};
use crate::model::rules::{Server, told};
use crate::model::wire::{Ids, put, respond};
use crate::service::Response;

/// What stands in `content` where there is no text.
#[derive(Debug, Clone, Copy)]
enum Content {
    Null,
    Empty,
    Absent,
}

/// Where a server tells how much was reasoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reasoned {
    /// Among the tokens of the completion, and in their details.
    Inside,
    /// In the total and the details alone.
    Apart,
    /// In the total alone.
    InTotal,
    /// Among the tokens of the completion alone.
    Untold,
}

/// How a server spells an answer.
struct Dialect {
    content: Content,
    /// The field of the message that holds what was reasoned.
    reasoning: Option<&'static str>,
    /// Calls have an `index`.
    has_index: bool,
    reasoned: Reasoned,
}

const fn dialect(server: Server) -> Dialect {
    let (content, reasoning, has_index, reasoned) = match server {
        Server::OpenAi => (Content::Null, None, false, Reasoned::Inside),
        Server::DeepSeek => (Content::Empty, Some("reasoning_content"), true, Reasoned::Inside),
        Server::Qwen => (Content::Empty, Some("reasoning_content"), true, Reasoned::Inside),
        Server::Kimi => (Content::Empty, Some("reasoning_content"), true, Reasoned::Inside),
        Server::Glm => (Content::Empty, Some("reasoning_content"), true, Reasoned::Inside),
        Server::Gemini => (Content::Absent, None, false, Reasoned::InTotal),
        Server::Xai => (Content::Empty, Some("reasoning_content"), false, Reasoned::Apart),
        Server::Mistral => (Content::Empty, None, true, Reasoned::Untold),
        Server::Groq => (Content::Absent, Some("reasoning"), false, Reasoned::Inside),
        Server::OpenRouter => (Content::Null, Some("reasoning"), true, Reasoned::Inside),
        Server::Ollama => (Content::Empty, Some("reasoning"), true, Reasoned::Untold),
        Server::Vllm => (Content::Null, Some("reasoning"), false, Reasoned::Inside),
        Server::LlamaCpp => (Content::Empty, Some("reasoning_content"), false, Reasoned::Untold),
        Server::LmStudio => (Content::Empty, Some("reasoning_content"), false, Reasoned::Inside),
        Server::Unknown => (Content::Null, None, false, Reasoned::Untold),
    };
    Dialect { content, reasoning, has_index, reasoned }
}

/// The answer as a completion.
pub(in crate::model) fn answer(
    server: Server,
    answer: &Answer,
    ids: Ids,
    ask: &Ask,
    now: Timestamp,
) -> Response {
    let dialect = dialect(server);
    let mut choice = json!({
        "index": 0,
        "message": message(server, &dialect, answer, ids, ask),
        "finish_reason": finish(server, answer, ask),
    });
    if server == Server::OpenRouter {
        put(&mut choice, "native_finish_reason", json!(finish(Server::OpenAi, answer, ask)));
    }
    let mut body = json!({
        "id": ids.make("chatcmpl"),
        "object": "chat.completion",
        "created": now.as_secs(),
        "model": told(&ask.model),
        "choices": [choice],
        "usage": usage(server, &dialect, answer, ask),
    });
    match server {
        Server::OpenAi => put(&mut body, "service_tier", json!("default")),
        Server::Groq => put(&mut body, "x_groq", json!({"id": ids.make("req")})),
        Server::OpenRouter => put(&mut body, "provider", json!("Simulated")),
        Server::LlamaCpp => {
            // Recorded `llamacpp-*`: it tells the file, whatever name was asked.
            put(&mut body, "model", json!(format!("/models/{}.gguf", ask.model)));
            put(&mut body, "timings", json!({"cache_n": 0, "predicted_ms": 1.5}));
        }
        Server::Glm => put(&mut body, "request_id", json!(ids.make("req"))),
        Server::DeepSeek
        | Server::Qwen
        | Server::Kimi
        | Server::Gemini
        | Server::Xai
        | Server::Mistral
        | Server::Ollama
        | Server::Vllm
        | Server::LmStudio
        | Server::Unknown => {}
    }
    respond(200, &body, &[("x-request-id", &ids.make("req"))])
}

fn message(server: Server, dialect: &Dialect, answer: &Answer, ids: Ids, ask: &Ask) -> Value {
    let mut message = json!({"role": "assistant"});
    // Only OpenAI, and who passes its answers on, have a field of its own for a refusal.
    let refuses = matches!(server, Server::OpenAi | Server::OpenRouter);
    let is_refused = answer.stop == Stop::Refusal && refuses;
    if refuses {
        put(&mut message, "refusal", json!(answer.text().filter(|_| is_refused)));
    }
    match (answer.text().filter(|_| !is_refused), dialect.content) {
        (Some(text), _) => put(&mut message, "content", content(server, answer, text)),
        (None, Content::Null) => put(&mut message, "content", Value::Null),
        (None, Content::Empty) => put(&mut message, "content", json!("")),
        (None, Content::Absent) => {}
    }
    if let Some(field) = dialect.reasoning.filter(|_| answer.thought > 0) {
        put(&mut message, field, json!("…"));
    }
    let calls: Vec<Value> = answer
        .blocks
        .iter()
        .enumerate()
        .filter_map(|(n, one)| call(server, dialect, one, ids, n, answer))
        .collect();
    if !calls.is_empty() || is_empty_call(server, ask) {
        put(&mut message, "tool_calls", Value::Array(calls));
    }
    message
}

/// Mistral's reasoning is a part of the content (recorded `mistral-large-4-content-parts`).
fn content(server: Server, answer: &Answer, text: String) -> Value {
    if server == Server::Mistral && answer.thought > 0 {
        let thinking =
            json!({"type": "thinking", "thinking": [{"type": "text", "text": "…"}], "closed": true});
        return json!([thinking, {"type": "text", "text": text}]);
    }
    json!(text)
}

/// Arguments are a text; those that were cut off end in the middle of it. Google's calls have an empty id, Mistral's no
/// type.
fn call(
    server: Server,
    dialect: &Dialect,
    block: &Block,
    ids: Ids,
    index: usize,
    answer: &Answer,
) -> Option<Value> {
    let Block::ToolUse { name, input } = block else { return None };
    let mut arguments = input.to_string();
    if answer.stop == Stop::MaxTokens {
        arguments.pop();
    }
    let id = match server == Server::Gemini {
        true => String::new(),
        false => ids.of_call("call", index),
    };
    let mut call = json!({"id": id, "function": {"name": name, "arguments": arguments}});
    if server != Server::Mistral {
        put(&mut call, "type", json!("function"));
    }
    if dialect.has_index {
        put(&mut call, "index", json!(index));
    }
    Some(call)
}

/// Recorded `vllm-gemma-4-finish-tool-calls-without-call`: the parser ignores the choice, and says that it called.
fn is_empty_call(server: Server, ask: &Ask) -> bool {
    server == Server::Vllm && ask.way == Way::Prose && ask.model.starts_with("google/gemma-4")
}

/// Where OpenAI's tool is named, a call ends with `stop`.
fn finish(server: Server, answer: &Answer, ask: &Ask) -> &'static str {
    match answer.stop {
        Stop::ToolUse if ask.is_named && server == Server::OpenAi => "stop",
        Stop::ToolUse => "tool_calls",
        Stop::EndTurn if is_empty_call(server, ask) => "tool_calls",
        Stop::Refusal if !matches!(server, Server::OpenAi | Server::OpenRouter) => "content_filter",
        Stop::EndTurn | Stop::Refusal => "stop",
        Stop::MaxTokens => "length",
    }
}

fn usage(server: Server, dialect: &Dialect, answer: &Answer, ask: &Ask) -> Value {
    let tokens_in = ask.input_tokens;
    let is_apart = matches!(dialect.reasoned, Reasoned::Apart | Reasoned::InTotal);
    let tokens_out = if is_apart { answer.visible_tokens() } else { answer.output_tokens() };
    let mut usage = json!({
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in.saturating_add(answer.output_tokens()),
    });
    if server != Server::Gemini {
        put(&mut usage, "prompt_tokens_details", json!({"cached_tokens": 0}));
    }
    if matches!(dialect.reasoned, Reasoned::Inside | Reasoned::Apart) {
        put(&mut usage, "completion_tokens_details", json!({"reasoning_tokens": answer.thought}));
    }
    match server {
        Server::DeepSeek => put(&mut usage, "prompt_cache_miss_tokens", json!(tokens_in)),
        // A thousandth of a cent, whatever it was.
        Server::OpenRouter => put(&mut usage, "cost", json!(0.000_01)),
        Server::Xai => put(&mut usage, "cost_in_usd_ticks", json!(100_000)),
        Server::OpenAi
        | Server::Qwen
        | Server::Kimi
        | Server::Glm
        | Server::Gemini
        | Server::Mistral
        | Server::Groq
        | Server::Ollama
        | Server::Vllm
        | Server::LlamaCpp
        | Server::LmStudio
        | Server::Unknown => {}
    }
    usage
}
