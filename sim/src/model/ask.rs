//! What a readable request asks for, whichever provider's dialect it came in.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::facts::Facts;
use super::fault::Fault;
use crate::service::Request;

/// What a decision's `analysis` says, where the form of the answer has that field.
const ANALYSIS: &str = "The figures are weighed as they are told.";

/// How the answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Through the tool.
    Call,
    /// As the text of structured output.
    Schema,
    /// In prose: nothing else was asked for, or the server ignores what was.
    Prose,
}

/// What a readable request asks for.
#[derive(Debug)]
pub(super) struct Ask {
    /// The model id that the answer tells.
    pub(super) model: String,
    /// The most that may be answered, thinking included.
    pub(super) max_tokens: u64,
    /// How the answer comes.
    pub(super) way: Way,
    /// The tool to answer through, or the name of the structured output.
    pub(super) tool: String,
    /// The tool was named as the one to call.
    pub(super) is_named: bool,
    /// The schema of the answer.
    pub(super) form: Value,
    /// Tokens that the model thinks before it answers.
    pub(super) thought: u64,
    /// What the user said.
    pub(super) heard: Heard,
    /// What the request weighs.
    pub(super) input_tokens: u64,
}

/// What the user said.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Every text, oldest first; of the facts without the error that follows them.
    pub(super) said: Vec<String>,
    /// What the model is told, where it could be read.
    pub(super) facts: Option<Facts>,
    /// The last turn returns an error about the answer before.
    pub(super) is_corrected: bool,
}

impl Heard {
    /// Reads the texts of the user. Facts are one JSON object; behind them stands the error about the answer before.
    pub(super) fn of(texts: impl IntoIterator<Item = String>) -> Heard {
        let mut heard = Heard::default();
        for text in texts {
            let (said, rest) = split(&text).unwrap_or((&text, ""));
            heard.is_corrected = !rest.trim().is_empty();
            heard.facts = Facts::read(said).or(heard.facts);
            heard.said.push(said.to_owned());
        }
        heard
    }
}

/// A text that begins with a JSON object, as that object and the rest.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<Map<String, Value>>();
    objects.next()?.ok()?;
    text.split_at_checked(objects.byte_offset())
}

impl Ask {
    /// What the model is told, where it could be read.
    pub(super) fn facts(&self) -> Option<&Facts> {
        self.heard.facts.as_ref()
    }

    /// An input with what the form wants beside the decision: an analysis, and null for what does not apply where
    /// every field must be there.
    pub(super) fn filled(&self, mut input: Value) -> Value {
        let Some(fields) = input.as_object_mut() else { return input };
        let property = |name: &str| self.form.get("properties")?.get(name);
        if property("analysis").is_some() {
            fields.entry("analysis").or_insert_with(|| Value::from(ANALYSIS));
        }
        for name in list_at(&self.form, "required").filter_map(Value::as_str) {
            if property(name).is_some_and(is_nullable) {
                fields.entry(name).or_insert(Value::Null);
            }
        }
        input
    }
}

fn is_nullable(schema: &Value) -> bool {
    list_at(schema, "type").any(|kind| kind == "null")
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

/// A bearer's key, where one is shown.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    header(headers, "authorization")?.strip_prefix("Bearer ").filter(|key| !key.is_empty())
}

/// The text at `key`, or nothing.
pub(super) fn text_at<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The text at `path`, where there is one.
pub(super) fn text_of<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path).and_then(Value::as_str)
}

/// The list at `key`, or an empty one.
pub(super) fn list_at<'a>(
    value: &'a Value,
    key: &str,
) -> impl DoubleEndedIterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// The first field of `value` that is not among `known`.
pub(super) fn unknown<'a>(value: &'a Value, known: &[&str]) -> Option<&'a str> {
    value.as_object()?.keys().map(String::as_str).find(|field| !known.contains(field))
}
