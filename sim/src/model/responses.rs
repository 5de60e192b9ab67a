//! OpenAI's Responses API: what it would refuse is refused here with the same words, and it answers as it does.

use http::Method;
use serde_json::{Value, json};
use shared::time::Timestamp;

use super::answer::{Answer, Block, Stop};
use super::ask::{self, Ask, Heard, Way, bearer, list_at, text_at, text_of, unknown};
use super::chat;
use super::fault::{Fault, Kind};
use super::rules::{self, Gpt, Server, told};
use super::wire::{Ids, body_of, respond, tokens, with_body};
use crate::service::{Request, Response};

const PATH: &str = "/v1/responses";
/// Every field of a request (PyPI openai 3.57.0, `types/responses/response_create_params.py`).
const FIELDS: [&str; 31] = [
    "access_programs",
    "background",
    "background_options",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
];

/// Whether this is a call of Responses.
pub(super) fn is_served(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Checks key and body. Words: recorded `openai-responses-*`, `gpt-5-6-luna-effort-minimal-refused`; lobehub#8116 (a
/// parameter that has moved).
pub(super) fn read(request: &Request) -> Result<Ask, Fault> {
    if bearer(request.headers()).is_none() {
        return Err(Fault::new(Kind::Unauthenticated, "You didn't provide an API key."));
    }
    let body = ask::json(request)?;
    let name = text_at(&body, "model");
    let model = Gpt::of(name).ok_or_else(|| Fault::new(Kind::NoSuchModel, name))?;
    fields(&body)?;
    let effort = chat::effort(model, name, text_of(&body, "/reasoning/effort"), "reasoning.effort")?;
    chat::temperature(&body)?;
    let temperature = body.get("temperature").and_then(Value::as_f64);
    let is_cold = temperature.is_some_and(|told| !model.takes_temperature(told, effort));
    let is_parallel = body.get("parallel_tool_calls").is_some() && !model.takes_parallel;
    for (is_refused, field) in [(is_cold, "temperature"), (is_parallel, "parallel_tool_calls")] {
        if is_refused {
            let words = format!("Unsupported parameter: '{field}' is not supported with this model.");
            return Err(Fault::invalid(words).of(field));
        }
    }
    strict(&body, model)?;
    let tool = list_at(&body, "tools").next();
    let named = text_of(&body, "/tool_choice/name");
    if let Some(name) =
        named.filter(|name| !list_at(&body, "tools").any(|tool| text_at(tool, "name") == *name))
    {
        let words = format!("Tool choice '{name}' not found in 'tools' parameter.");
        return Err(Fault::invalid(words).of("tool_choice"));
    }
    let schema = body.pointer("/text/format/schema");
    let way = match (schema, tool) {
        (Some(_), _) => Way::Schema,
        (None, Some(_)) => Way::Call,
        (None, None) => Way::Prose,
    };
    Ok(Ask {
        model: name.to_owned(),
        max_tokens: body.get("max_output_tokens").and_then(Value::as_u64).unwrap_or(u64::MAX),
        way,
        tool: named.or_else(|| tool.map(|tool| text_at(tool, "name"))).unwrap_or("decide").to_owned(),
        is_named: named.is_some(),
        form: schema.or_else(|| tool?.get("parameters")).cloned().unwrap_or_default(),
        thought: rules::thought(effort),
        heard: heard(&body),
        input_tokens: tokens(request.body().len()),
    })
}

fn fields(body: &Value) -> Result<(), Fault> {
    if body.get("reasoning_effort").is_some() {
        let words = "Unsupported parameter: 'reasoning_effort'. In the Responses API, this parameter has moved to \
                     'reasoning.effort'. Try again with the new parameter.";
        return Err(Fault::invalid(words).coded("unsupported_parameter"));
    }
    if let Some(field) = unknown(body, &FIELDS) {
        let words = format!("Unknown parameter: '{field}'.");
        return Err(Fault::invalid(words).of(field).coded("unknown_parameter"));
    }
    match body.get("max_output_tokens").and_then(Value::as_u64) {
        Some(told) if told < 16 => {
            let words = format!(
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got {told} \
                 instead."
            );
            Err(Fault::invalid(words).of("max_output_tokens").coded("integer_below_min_value"))
        }
        Some(_) | None => Ok(()),
    }
}

fn strict(body: &Value, model: &Gpt) -> Result<(), Fault> {
    let is_strict = |form: &Value| form.get("strict").and_then(Value::as_bool) == Some(true);
    let wants_schema = text_of(body, "/text/format/type") == Some("json_schema");
    if !model.takes_strict && (wants_schema || list_at(body, "tools").any(is_strict)) {
        let words =
            "Invalid parameter: 'text.format' of type 'json_schema' is not supported with this model.";
        return Err(Fault::invalid(words).of("text.format"));
    }
    for (nth, tool) in list_at(body, "tools").enumerate() {
        chat::strict_form(tool, tool.get("parameters"), "function", &format!("tools[{nth}].parameters"))?;
    }
    match body.pointer("/text/format") {
        Some(format) => {
            chat::strict_form(format, format.get("schema"), "response_format", "text.format.schema")
        }
        None => Ok(()),
    }
}

fn heard(body: &Value) -> Heard {
    let text = body.get("input").and_then(Value::as_str).map(str::to_owned);
    let items = list_at(body, "input").filter(|item| text_at(item, "role") == "user");
    let said = items.flat_map(|item| {
        let parts = list_at(item, "content").map(|part| text_at(part, "text").to_owned());
        text_of(item, "/content").map(str::to_owned).into_iter().chain(parts)
    });
    let mut heard = Heard::of(text.into_iter().chain(said));
    let last = list_at(body, "input").next_back();
    heard.is_corrected |= last.is_some_and(|item| text_at(item, "type") == "function_call_output");
    heard
}

/// The answer as a list of items. Where the reasoning alone reached the bound there is no other (recorded
/// `gpt-5-nano-responses-incomplete-reasoning`).
pub(super) fn answer(answer: &Answer, ids: Ids, ask: &Ask, now: Timestamp) -> Response {
    let is_cut = answer.stop == Stop::MaxTokens;
    let status = if is_cut { "incomplete" } else { "completed" };
    let reasoning = json!({"id": ids.make("rs"), "type": "reasoning", "summary": []});
    let mut output: Vec<Value> = Vec::from_iter((answer.thought > 0).then_some(reasoning));
    for (index, block) in answer.blocks.iter().enumerate() {
        output.push(match block {
            Block::Text(text) => {
                let part = match answer.stop == Stop::Refusal {
                    true => json!({"type": "refusal", "refusal": text}),
                    false => json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
                };
                json!({"id": ids.of_call("msg", index), "type": "message", "role": "assistant", "status": status,
                       "content": [part]})
            }
            Block::ToolUse { name, input } => {
                let mut arguments = input.to_string();
                if is_cut {
                    arguments.pop();
                }
                json!({"id": ids.of_call("fc", index), "type": "function_call", "status": status,
                       "call_id": ids.of_call("call", index), "name": name, "arguments": arguments})
            }
        });
    }
    let (tokens_in, tokens_out) = (ask.input_tokens, answer.output_tokens());
    let body = json!({
        "id": ids.make("resp"),
        "object": "response",
        "created_at": now.as_secs(),
        "status": status,
        "error": null,
        "incomplete_details": is_cut.then(|| json!({"reason": "max_output_tokens"})),
        "instructions": null,
        "metadata": {},
        "model": told(&ask.model),
        "output": output,
        "parallel_tool_calls": false,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "store": false,
        "usage": {
            "input_tokens": tokens_in,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": tokens_out,
            "output_tokens_details": {"reasoning_tokens": answer.thought},
            "total_tokens": tokens_in.saturating_add(tokens_out),
        },
    });
    respond(200, &body, &[("x-request-id", &ids.make("req"))])
}

/// A fault in OpenAI's envelope. A model that is not there has a status and words of its own here.
pub(super) fn fault(fault: &Fault, ids: Ids) -> Response {
    let response = chat::fault(Server::OpenAi, fault, ids);
    if fault.kind != Kind::NoSuchModel {
        return response;
    }
    let mut body = body_of(&response);
    if let Some(error) = body.get_mut("error") {
        *error = json!({
            "message": format!("The requested model '{}' does not exist.", fault.message),
            "type": "invalid_request_error",
            "param": "model",
            "code": "model_not_found",
        });
    }
    let mut response = with_body(response, &body);
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}
