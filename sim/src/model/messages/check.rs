//! What the Messages API refuses, in its words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{blocks, role};
use crate::model::ask::{list_at, text_at, text_of, unknown};
use crate::model::fault::{Fault, Kind};
use crate::model::rules::{self, Claude};
use crate::model::schema;

/// The version that still takes a temperature, for the models that do; 2026-10-21 has the fields no more ("Migrating to
/// API version 2026-10-21").
const FIRST_VERSION: &str = "2023-06-01";
const SAMPLING: [&str; 3] = ["temperature", "top_p", "top_k"];

/// Every field of a request but those of sampling (PyPI anthropic 2.14.0, `types/message_create_params.py`).
const FIELDS: [&str; 20] = [
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "inference_geo",
    "max_tokens",
    "mcp_servers",
    "messages",
    "metadata",
    "model",
    "output_config",
    "service_tier",
    "speed",
    "stop_sequences",
    "stream",
    "system",
    "thinking",
    "tool_choice",
    "tools",
    "workspace_id",
];
/// The fields of what a request holds.
const INSIDE: [(&str, &[&str]); 3] = [
    ("output_config", &["effort", "format", "task_budget"]),
    ("tool_choice", &["disable_parallel_tool_use", "name", "type"]),
    ("thinking", &["block_binding", "budget_tokens", "display", "type"]),
];

/// What is asked of a Claude, here or on Bedrock.
pub(in crate::model) struct Asked<'a> {
    /// The type of `thinking`.
    pub(in crate::model) kind: Option<&'a str>,
    /// The effort.
    pub(in crate::model) effort: Option<&'a str>,
    /// A call is forced.
    pub(in crate::model) is_forced: bool,
}

/// Checks everything but the messages; returns the tokens that the model thinks.
pub(super) fn check(body: &Value, name: &str, max_tokens: u64, version: &str) -> Result<u64, Fault> {
    let model = Claude::of(name).filter(|model| !model.is_retired);
    let model = model.ok_or_else(|| Fault::new(Kind::NoSuchModel, name))?;
    fields(body, model, version)?;
    if max_tokens == 0 {
        return Err(Fault::invalid("max_tokens: must be greater than or equal to 1"));
    }
    if max_tokens > model.most_tokens {
        let most = model.most_tokens;
        return Err(Fault::invalid(format!(
            "max_tokens: {max_tokens} > {most}, which is the maximum allowed number of output tokens for {name}"
        )));
    }
    let choice = text_of(body, "/tool_choice/type");
    let asked = Asked {
        kind: text_of(body, "/thinking/type"),
        effort: text_of(body, "/output_config/effort"),
        is_forced: matches!(choice, Some("any" | "tool")),
    };
    let thought = thinking(model, &asked).map_err(Fault::invalid)?;
    forced(body, model, &asked)?;
    strict(body)?;
    Ok(thought)
}

fn fields(body: &Value, model: &Claude, version: &str) -> Result<(), Fault> {
    if let Some(field) = SAMPLING.into_iter().find(|field| body.get(field).is_some()) {
        if version != FIRST_VERSION {
            return Err(Fault::invalid(format!("{field}: Extra inputs are not permitted")));
        }
        if !model.takes_sampling {
            return Err(Fault::invalid(format!("`{field}` is deprecated for this model.")));
        }
    }
    let temperature = body.get("temperature").and_then(Value::as_f64);
    if temperature.is_some_and(|temperature| !(0.0..=1.0).contains(&temperature)) {
        return Err(Fault::invalid("temperature: range: 0..1"));
    }
    let known: Vec<&str> = FIELDS.into_iter().chain(SAMPLING).collect();
    let extra = unknown(body, &known).map(str::to_owned);
    let extra = extra.or_else(|| {
        INSIDE
            .into_iter()
            .find_map(|(field, known)| Some(format!("{field}.{}", unknown(body.get(field)?, known)?)))
    });
    let kind = text_of(body, "/thinking/type").unwrap_or_default();
    let has_budget = body.pointer("/thinking/budget_tokens").is_some();
    let extra =
        extra.or_else(|| (has_budget && kind != "enabled").then(|| format!("thinking.{kind}.budget_tokens")));
    match extra {
        Some(field) => Err(Fault::invalid(format!("{field}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

/// The tokens that a Claude thinks, or why it does not take what is said of its thinking. Sources of the words:
/// Sylinko/Everywhere#410 (`enabled`), Yeachan-Heo/gajae-code PR 1542 (`disabled`), pensarai/apex PR 890 (`adaptive`),
/// anthropics/claude-code#30010 and #81084 (efforts); recorded `claude-opus-4-6-effort-xhigh-refused`.
pub(in crate::model) fn thinking(model: &Claude, asked: &Asked<'_>) -> Result<u64, String> {
    if let Some(kind) = asked.kind.filter(|kind| !model.thinking.contains(kind)) {
        return Err(refused(kind, model));
    }
    let is_off = matches!(asked.kind, Some("disabled" | "between_tools"));
    if let Some(effort) = asked.effort {
        if model.efforts.is_empty() {
            return Err("This model does not support the effort parameter.".to_owned());
        }
        if !model.efforts.contains(&effort) {
            let mut levels = model.efforts.to_vec();
            levels.sort_unstable();
            return Err(format!(
                "This model does not support effort level '{effort}'. Supported levels: {}.",
                levels.join(", ")
            ));
        }
        if is_off && model.caps_effort && matches!(effort, "xhigh" | "max") {
            return Err(format!(
                "output_config.effort '{effort}' is not supported when thinking is disabled on this model. Use effort \
                 'high' or below, or enable thinking."
            ));
        }
    }
    let thinks = match asked.kind {
        Some(_) if is_off => None,
        Some(_) => Some("high"),
        None => model.thinks,
    };
    let is_begun = asked.is_forced && !model.thinks_when_forced;
    Ok(thinks.filter(|_| !is_begun).map_or(0, |effort| rules::thought(asked.effort.unwrap_or(effort))))
}

fn refused(kind: &str, model: &Claude) -> String {
    match kind {
        "enabled" => "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \
                      \"output_config.effort\" to control thinking behavior."
            .to_owned(),
        "adaptive" => "adaptive thinking is not supported on this model".to_owned(),
        // The words of Sonnet 5.5 are told by their sense alone: they name the way to switch it off.
        "disabled" if model.thinking.contains(&"between_tools") => {
            "\"thinking.type.disabled\" is not supported for this model. Use \"thinking.type.between_tools\" instead."
                .to_owned()
        }
        "disabled" => "\"thinking.type.disabled\" is not supported for this model. Thinking defaults to adaptive mode \
                       when not specified; use \"thinking.type.enabled\" with \"budget_tokens\" for extended thinking."
            .to_owned(),
        "between_tools" => "\"thinking.type.between_tools\" is not supported for this model.".to_owned(),
        other => format!(
            "thinking: Input tag '{other}' found using 'type' does not match any of the expected tags: 'adaptive', \
             'between_tools', 'disabled', 'enabled'"
        ),
    }
}

/// Recorded `claude-fable-5-1-forced-refused`, `claude-thinking-with-forced-tool`.
fn forced(body: &Value, model: &Claude, asked: &Asked<'_>) -> Result<(), Fault> {
    let named = text_of(body, "/tool_choice/name");
    let is_offered = |name: &str| list_at(body, "tools").any(|tool| text_at(tool, "name") == name);
    if let Some(name) = named.filter(|name| !is_offered(name)) {
        return Err(Fault::invalid(format!("tool_choice: Tool '{name}' not found in provided tools")));
    }
    if asked.is_forced && !model.takes_forced {
        return Err(Fault::invalid(
            "tool_choice: type \"tool\" and \"any\" are not supported for this model.",
        ));
    }
    if asked.is_forced && asked.kind == Some("enabled") {
        return Err(Fault::invalid("Thinking may not be enabled when tool_choice forces tool use."));
    }
    Ok(())
}

fn strict(body: &Value) -> Result<(), Fault> {
    let is_strict = |tool: &Value| tool.get("strict").and_then(Value::as_bool) == Some(true);
    let tools = list_at(body, "tools").enumerate().filter(|(_, tool)| is_strict(tool));
    let mut schemas: Vec<(String, &Value)> = tools
        .filter_map(|(nth, tool)| Some((format!("tools.{nth}.custom"), tool.get("input_schema")?)))
        .collect();
    let tools = schemas.len();
    let format = body.pointer("/output_config/format/schema");
    schemas.extend(format.map(|schema| ("output_config.format.schema".to_owned(), schema)));
    schema::compile(&schemas, tools).map_err(Fault::invalid)
}

/// Checks who speaks when, and that each call has its result.
pub(super) fn messages(messages: &[Value], name: &str) -> Result<(), Fault> {
    match messages.first() {
        None => return Err(Fault::invalid("messages: at least one message is required")),
        Some(first) if role(first) != "user" => {
            return Err(Fault::invalid("messages: first message must use the \"user\" role"));
        }
        Some(_) => {}
    }
    let stranger = messages.iter().position(|message| !matches!(role(message), "user" | "assistant"));
    if let Some(at) = stranger {
        return Err(Fault::invalid(format!("messages.{at}.role: Input should be 'user' or 'assistant'")));
    }
    let is_prefilled = messages.last().is_some_and(|last| role(last) == "assistant");
    if is_prefilled && !Claude::of(name).is_some_and(|model| model.takes_prefill) {
        return Err(Fault::invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        ));
    }
    pairs(messages)
}

/// Every `tool_use` is answered in the very next turn, and nothing else is.
fn pairs(messages: &[Value]) -> Result<(), Fault> {
    let turns: Vec<&[Value]> = messages.chunk_by(|one, next| role(one) == role(next)).collect();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for turn in turns {
        let answered = ids(turn, "tool_result", "tool_use_id");
        if let Some(id) = open.difference(&answered).next() {
            return Err(Fault::invalid(format!(
                "messages: `tool_use` ids were found without `tool_result` blocks immediately after: {id}"
            )));
        }
        if let Some(id) = answered.difference(&open).next() {
            return Err(Fault::invalid(format!("messages: unexpected `tool_use_id` in `tool_result`: {id}")));
        }
        open = ids(turn, "tool_use", "id");
    }
    match open.first() {
        None => Ok(()),
        Some(id) => Err(Fault::invalid(format!("messages: `tool_use` without `tool_result`: {id}"))),
    }
}

fn ids<'a>(turn: &'a [Value], kind: &str, key: &str) -> BTreeSet<&'a str> {
    let blocks = turn.iter().flat_map(blocks).filter(|block| text_at(block, "type") == kind);
    blocks.map(|block| text_at(block, key)).collect()
}
