//! What Converse refuses, in its words.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::ask::{list_at, text_at, text_of, unknown};
use crate::model::fault::{Fault, Kind};
use crate::model::messages::{Asked, thinking};
use crate::model::rules;
use crate::model::rules::converse::{Converse, is_gone};
use crate::model::schema;

/// Every field of a request (PyPI botocore 1.44.8, `bedrock-runtime`), but `modelId`, which stands in the path.
const FIELDS: [&str; 13] = [
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "messages",
    "outputConfig",
    "performanceConfig",
    "projectIdentifier",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "system",
    "toolConfig",
];
/// The regions of inference profiles ("Supported Regions and models for inference profiles").
const REGIONS: [&str; 9] = ["us-gov.", "us.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "global."];
/// What a Claude takes in `additionalModelRequestFields`.
const CLAUDES: [&str; 6] =
    ["anthropic_beta", "output_config", "thinking", "tool_choice", "top_k", "stop_sequences"];

/// The model of an id: alone, with a region in front, or in an ARN.
pub(super) fn model(id: &str) -> Result<Converse, Fault> {
    let (is_profile, name) = match id.strip_prefix("arn:").and_then(|arn| arn.rsplit_once('/')) {
        Some((arn, name)) => (arn.ends_with("inference-profile"), name),
        None => (false, id),
    };
    let region = REGIONS.into_iter().find(|region| name.starts_with(region));
    let bare = versionless(region.and_then(|region| name.strip_prefix(region)).unwrap_or(name));
    if is_gone(bare) {
        return Err(Fault::new(Kind::Gone, id));
    }
    let model = Converse::of(bare);
    let model = model.ok_or_else(|| Fault::new(Kind::NoSuchModel, id))?;
    if model.needs_profile && region.is_none() && !is_profile {
        return Err(Fault::invalid(format!(
            "Invocation of model ID {id} with on-demand throughput isn\u{2019}t supported. Retry your request with the \
             ID or ARN of an inference profile that contains this model."
        )));
    }
    Ok(model)
}

/// An id without `-v1:0`, `-1:0` or `:0`.
fn versionless(id: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = id.rsplit_once(':').filter(|(_, minor)| digits(minor)).map_or(id, |(whole, _)| whole);
    whole.rsplit_once("-v").filter(|(_, major)| digits(major)).map_or(whole, |(name, _)| name)
}

/// What the service itself says of a field that a model does not have (recorded `bedrock-openai-temperature-refused`).
fn without(field: &str) -> Fault {
    Fault::invalid(format!("This model doesn't support the {field} field. Remove {field} and try again."))
}

/// What the model behind it says.
fn said(words: impl std::fmt::Display) -> Fault {
    Fault::invalid(format!("The model returned the following errors: {words}"))
}

/// Checks everything but the messages; returns the tokens that the model thinks. Recorded: `bedrock-*-refused`,
/// `bedrock-opus-5-5-forced-refused`.
pub(super) fn check(body: &Value, model: &Converse) -> Result<u64, Fault> {
    if let Some(field) = unknown(body, &FIELDS) {
        return Err(Fault::invalid(format!(
            "Malformed input request: #: extraneous key [{field}] is not permitted, please reformat your input and try \
             again."
        )));
    }
    for field in ["temperature", "topP"] {
        if body.pointer(&format!("/inferenceConfig/{field}")).is_some() && !model.takes_sampling {
            let words = format!("`{field}` is deprecated for this model.");
            return Err(if model.claude.is_some() { said(words) } else { without(field) });
        }
    }
    let config = body.get("toolConfig").unwrap_or(&Value::Null);
    let thought = match model.claude {
        Some(_) => claude(body, config, model)?,
        None => other(body, model)?,
    };
    tools(config, model)?;
    native(body, model)?;
    Ok(thought)
}

/// An effort of Claude stands in `outputConfig` or, as at home, in the additional fields.
fn claude(body: &Value, config: &Value, model: &Converse) -> Result<u64, Fault> {
    let Some(claude) = model.claude else { return Ok(0) };
    let more = body.get("additionalModelRequestFields").unwrap_or(&Value::Null);
    if let Some(field) = unknown(more, &CLAUDES) {
        return Err(said(format!("{field}: Extra inputs are not permitted")));
    }
    let effort = text_of(body, "/outputConfig/effort").or_else(|| text_of(more, model.effort_at));
    let is_forced = is_forced(config);
    thinking(claude, &Asked { kind: text_of(more, "/thinking/type"), effort, is_forced }).map_err(said)
}

fn other(body: &Value, model: &Converse) -> Result<u64, Fault> {
    if body.pointer("/outputConfig/effort").is_some() {
        return Err(without("outputConfig.effort"));
    }
    let more = body.get("additionalModelRequestFields").unwrap_or(&Value::Null);
    let own = model.effort_at.split('/').nth(1).unwrap_or_default();
    if let Some(field) = unknown(more, &[own]) {
        // Recorded `bedrock-openai-effort-field-refused`: the body of who refuses, as a text.
        let words = format!("Unknown parameter: '{field}'.");
        let error = serde_json::json!({"error": {
            "code": "unknown_parameter", "message": words, "param": field, "type": "invalid_request_error",
        }});
        return Err(said(error));
    }
    let effort = text_of(more, model.effort_at).unwrap_or(model.effort);
    let is_taken = effort == model.effort || model.efforts.contains(&effort);
    match is_taken {
        true => Ok(rules::thought(effort)),
        false => Err(said(format!(
            "Unsupported value: '{effort}' is not supported with this model. Supported values are: {}.",
            rules::listed(model.efforts)
        ))),
    }
}

fn is_forced(config: &Value) -> bool {
    let choice = config.get("toolChoice");
    choice.is_some_and(|choice| choice.get("any").is_some() || choice.get("tool").is_some())
}

fn tools(config: &Value, model: &Converse) -> Result<(), Fault> {
    let specs: Vec<&Value> = list_at(config, "tools").filter_map(|tool| tool.get("toolSpec")).collect();
    if !specs.is_empty() && !model.takes_tools {
        return Err(Fault::invalid("This model doesn't support tool use."));
    }
    let named = text_of(config, "/toolChoice/tool/name");
    if let Some(name) = named.filter(|name| !specs.iter().any(|spec| text_at(spec, "name") == *name)) {
        return Err(Fault::invalid(format!(
            "The toolChoice names the tool {name}, which is not in toolConfig.tools."
        )));
    }
    if is_forced(config) && !model.takes_forced {
        let field = if named.is_some() { "toolConfig.toolChoice.tool" } else { "toolConfig.toolChoice.any" };
        return Err(match model.claude {
            Some(_) => said("tool_choice: type \"tool\" and \"any\" are not supported for this model."),
            None => without(field),
        });
    }
    let is_strict = |spec: &&Value| spec.get("strict").and_then(Value::as_bool) == Some(true);
    let strict: Vec<&Value> = specs.iter().copied().filter(is_strict).collect();
    if !strict.is_empty() && !model.takes_strict {
        return Err(match model.claude {
            Some(_) => said("tools.0.custom.strict: Extra inputs are not permitted"),
            None => without("toolConfig.tools.0.toolSpec.strict"),
        });
    }
    let schemas = strict.iter().filter_map(|spec| spec.pointer("/inputSchema/json"));
    let schemas: Vec<(String, &Value)> =
        schemas.enumerate().map(|(nth, schema)| (format!("tools.{nth}.custom"), schema)).collect();
    schema::compile(&schemas, schemas.len()).map_err(said)
}

fn native(body: &Value, model: &Converse) -> Result<(), Fault> {
    let Some(format) = body.pointer("/outputConfig/textFormat") else { return Ok(()) };
    if !model.takes_strict {
        return Err(match model.claude {
            Some(_) => said("output_config.format: Extra inputs are not permitted"),
            None => without("outputConfig.textFormat"),
        });
    }
    let text = text_of(format, "/structure/jsonSchema/schema").unwrap_or_default();
    let schema: Value = serde_json::from_str(text).unwrap_or_default();
    schema::compile(&[("output_config.format.schema".to_owned(), &schema)], 0).map_err(said)
}

/// Checks that the roles alternate and that each use of a tool has its result.
pub(super) fn messages(messages: &[&Value]) -> Result<(), Fault> {
    if messages.first().is_none_or(|first| text_at(first, "role") != "user") {
        return Err(Fault::invalid("A conversation must start with a user message."));
    }
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut before = "";
    for message in messages {
        let role = text_at(message, "role");
        if role == before || !matches!(role, "user" | "assistant") {
            return Err(Fault::invalid("A conversation must alternate between user and assistant roles."));
        }
        if list_at(message, "content").next().is_none() {
            return Err(Fault::invalid("The content field in the Message object is empty."));
        }
        let answered = ids(message, "/toolResult/toolUseId");
        if answered != open {
            let wanted: Vec<&str> = open.into_iter().collect();
            let wanted = wanted.join(", ");
            return Err(Fault::invalid(format!(
                "Expected toolResult blocks for the following Ids: {wanted}"
            )));
        }
        open = ids(message, "/toolUse/toolUseId");
        before = role;
    }
    Ok(())
}

fn ids<'a>(message: &'a Value, path: &str) -> BTreeSet<&'a str> {
    list_at(message, "content").filter_map(|block| block.pointer(path)?.as_str()).collect()
}
