//! What a readable request asks for, whichever provider's dialect it came in.

use http::HeaderMap;
use serde_json::Value;

use super::facts::Facts;
use super::wire::Fault;
use crate::service::Request;

/// What a readable request asks for.
#[derive(Debug)]
pub(super) struct Ask {
    /// The model id, echoed in the answer.
    pub(super) model: String,
    /// The most that may be answered.
    pub(super) max_tokens: u64,
    /// The tool to answer through; none when the request offers none.
    pub(super) tool: Option<String>,
    /// The tool was named as the one to call.
    pub(super) is_forced: bool,
    /// Every text that the user said, oldest first.
    pub(super) said: Vec<String>,
    /// What the model is told, where it could be read.
    pub(super) facts: Option<Facts>,
    /// The last turn returns an error about the answer before.
    pub(super) corrected: bool,
    /// What the request weighs.
    pub(super) input_tokens: u64,
}

/// The last text of the user that is a JSON object. A correction may follow it without repeating it.
pub(super) fn facts(said: &[String]) -> Option<Facts> {
    said.iter().rev().find_map(|text| Facts::read(text))
}

/// The body as JSON.
pub(super) fn json(request: &Request) -> Result<Value, Fault> {
    serde_json::from_slice(request.body())
        .map_err(|error| Fault::invalid(format!("The request body is not valid JSON: {error}")))
}

/// A header's text, where there is one.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// A model that everybody once had; it stands for all that are retired.
pub(super) fn is_retired(model: &str) -> bool {
    model.contains("retired")
}

/// Whether a model of Anthropic still takes a temperature: those before Opus 4.7 do.
pub(super) fn claude_takes_temperature(model: &str) -> bool {
    ["claude-3", "haiku-4-5", "sonnet-4-", "opus-4-1", "opus-4-5", "opus-4-6"]
        .iter()
        .any(|old| model.contains(old))
}

/// The text at `key`, or nothing.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The list at `key`, or an empty one.
pub(super) fn list_at<'a>(
    value: &'a Value,
    key: &str,
) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// The tool that the answer must use: the named one, else the first.
pub(super) fn tool(offered: &[&str], named: Option<&str>) -> Result<Option<String>, Fault> {
    match named {
        Some(name) if !offered.contains(&name) => {
            Err(Fault::invalid(format!("tool_choice: Tool '{name}' not found in provided tools")))
        }
        Some(name) => Ok(Some(name.to_owned())),
        None => Ok(offered.first().map(|name| (*name).to_owned())),
    }
}
