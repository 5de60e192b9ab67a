//! What OpenAI's own Chat Completions refuse, in their words.

use serde_json::Value;

use super::{Taken, has_tools, way};
use crate::model::ask::{list_at, text_at, unknown};
use crate::model::fault::{Fault, Kind};
use crate::model::rules::gpt::OnChat;
use crate::model::rules::{self, Gpt};
use crate::model::schema;

/// Every field of a request (PyPI openai 3.57.0, `types/chat/completion_create_params.py`).
const FIELDS: [&str; 37] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Checks everything but the messages. Words: recorded `gpt-*-chat-tools-refused`, `openai-chat-*`;
/// nashsu/llm_wiki#336 (an unknown argument, 2026-06); tingly-dev/tingly-box#233 (no chat model).
pub(super) fn check(body: &Value) -> Result<Taken, Fault> {
    let name = text_at(body, "model");
    let model = Gpt::of(name).ok_or_else(|| Fault::new(Kind::NoSuchModel, name))?;
    if model.on_chat == OnChat::Absent {
        let words = "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean \
                     to use v1/completions?";
        return Err(Fault::new(Kind::Unroutable, words).of("model"));
    }
    let is_known = |field: &str| field != "reasoning_effort" || model.reasons();
    let known: Vec<&str> = FIELDS.into_iter().filter(|field| is_known(field)).collect();
    if let Some(field) = unknown(body, &known) {
        return Err(Fault::invalid(format!("Unrecognized request argument supplied: {field}")));
    }
    let sent = body.get("reasoning_effort").and_then(Value::as_str);
    let effort = effort(model, name, sent, "reasoning_effort")?;
    if sent == Some("max") {
        // Only Responses have it (danny-avila/LibreChat#14231).
        return Err(unsupported(name, "max", model, "reasoning_effort"));
    }
    if model.reasons() && body.get("max_tokens").is_some() {
        let words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use \
                     'max_completion_tokens' instead.";
        return Err(Fault::invalid(words).of("max_tokens").coded("unsupported_parameter"));
    }
    temperature(body)?;
    let told = body.get("temperature").and_then(Value::as_f64);
    if let Some(told) = told.filter(|told| !model.takes_temperature(*told, effort)) {
        let words = format!(
            "Unsupported value: 'temperature' does not support {told} with this model. Only the default (1) value is \
             supported."
        );
        return Err(Fault::invalid(words).of("temperature").coded("unsupported_value"));
    }
    if body.get("parallel_tool_calls").is_some() && !model.takes_parallel {
        let words = "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.";
        return Err(Fault::invalid(words).of("parallel_tool_calls").coded("unsupported_parameter"));
    }
    tools(body, model, name, sent)?;
    strict(body)?;
    Ok(Taken { way: way(body), thought: rules::thought(effort) })
}

fn tools(body: &Value, model: &Gpt, name: &str, effort: Option<&str>) -> Result<(), Fault> {
    let is_taken = match model.on_chat {
        OnChat::Tools => true,
        OnChat::ToolsWithoutEffort => matches!(effort, None | Some("none")),
        OnChat::ToolsAtNone => effort == Some("none"),
        OnChat::NoTools | OnChat::Absent => false,
    };
    if is_taken || !has_tools(body) {
        return Ok(());
    }
    let words = format!(
        "Function tools with reasoning_effort are not supported for {name} in /v1/chat/completions. To use function \
         tools, use /v1/responses or set reasoning_effort to 'none'."
    );
    Err(Fault::invalid(words).of("reasoning_effort"))
}

/// The effort at which a model works, told by `field`.
pub(in crate::model) fn effort<'a>(
    model: &Gpt,
    name: &str,
    sent: Option<&'a str>,
    field: &'static str,
) -> Result<&'a str, Fault> {
    match sent {
        None => Ok(model.effort),
        Some(effort) if model.efforts.contains(&effort) => Ok(effort),
        Some(effort) => Err(unsupported(name, effort, model, field)),
    }
}

fn unsupported(name: &str, effort: &str, model: &Gpt, field: &str) -> Fault {
    let words = format!(
        "Unsupported value: '{effort}' is not supported with the '{name}' model. Supported values are: {}.",
        rules::listed(model.efforts)
    );
    Fault::invalid(words).of(field).coded("unsupported_value")
}

/// The range that every model has (recorded `openai-chat-temperature-above-max`).
pub(in crate::model) fn temperature(body: &Value) -> Result<(), Fault> {
    match body.get("temperature").and_then(Value::as_f64) {
        Some(told) if told > 2.0 => {
            let words = format!(
                "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got {told:?} instead."
            );
            Err(Fault::invalid(words).of("temperature").coded("decimal_above_max_value"))
        }
        Some(_) | None => Ok(()),
    }
}

fn strict(body: &Value) -> Result<(), Fault> {
    for (nth, tool) in list_at(body, "tools").enumerate() {
        let Some(function) = tool.get("function") else { continue };
        let place = format!("tools[{nth}].function.parameters");
        strict_form(function, function.get("parameters"), "function", &place)?;
    }
    match body.pointer("/response_format/json_schema") {
        Some(format) => strict_form(format, format.get("schema"), "response_format", "response_format"),
        None => Ok(()),
    }
}

/// Checks a function or a format that is strict.
pub(in crate::model) fn strict_form(
    form: &Value,
    schema: Option<&Value>,
    what: &str,
    place: &str,
) -> Result<(), Fault> {
    if form.get("strict").and_then(Value::as_bool) != Some(true) {
        return Ok(());
    }
    let code = if what == "function" { "invalid_function_parameters" } else { "invalid_json_schema" };
    let name = text_at(form, "name");
    schema::strict(schema.unwrap_or(&Value::Null)).map_err(|why| {
        Fault::invalid(format!("Invalid schema for {what} '{name}': {why}")).of(place).coded(code)
    })
}
