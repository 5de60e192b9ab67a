//! Bedrock's Converse API: what it would refuse is refused here under the same error types, and it answers as it
//! does. The signature is checked as AWS checks it.

mod answer;
mod check;

use http::Method;
use serde_json::Value;
use shared::time::Timestamp;

use super::ask::{self, Ask, Heard, Way, list_at, text_at, text_of};
use super::fault::{Fault, Kind};
use super::signature;
use super::wire::tokens;
use crate::service::Request;

pub(super) use answer::{answer, fault};

/// The model's id as it stands in the path, still escaped.
fn segment(request: &Request) -> Option<&str> {
    let rest = request.uri().path().strip_prefix("/model/")?;
    rest.strip_suffix("/converse").filter(|id| !id.is_empty() && !id.contains('/'))
}

/// Whether this is a call of Converse.
pub(super) fn is_served(request: &Request) -> bool {
    request.method() == Method::POST && segment(request).is_some()
}

/// Checks signature and body.
pub(super) fn read(request: &Request, now: Timestamp) -> Result<Ask, Fault> {
    signature::check(request, now).map_err(|why| Fault::new(Kind::Unauthenticated, why))?;
    let id = unescaped(segment(request).unwrap_or_default());
    asked(&id, &ask::json(request)?, tokens(request.body().len()))
}

/// Checks id and body.
pub(super) fn asked(id: &str, body: &Value, input_tokens: u64) -> Result<Ask, Fault> {
    let model = check::model(id)?;
    let thought = check::check(body, &model)?;
    let messages: Vec<&Value> = list_at(body, "messages").collect();
    check::messages(&messages)?;
    let config = body.get("toolConfig").unwrap_or(&Value::Null);
    let tool = list_at(config, "tools").find_map(|tool| tool.get("toolSpec"));
    let named = text_of(config, "/toolChoice/tool/name");
    let schema = text_of(body, "/outputConfig/textFormat/structure/jsonSchema/schema");
    let way = match (schema, tool) {
        (Some(_), _) => Way::Schema,
        (None, Some(_)) => Way::Call,
        (None, None) => Way::Prose,
    };
    let form = match schema {
        // The schema is a text here.
        Some(text) => serde_json::from_str(text).ok(),
        None => tool.and_then(|tool| tool.pointer("/inputSchema/json").cloned()),
    };
    let blocks =
        messages.iter().filter(|one| text_at(one, "role") == "user").flat_map(|one| list_at(one, "content"));
    let mut heard = Heard::of(blocks.filter_map(|block| text_of(block, "/text").map(str::to_owned)));
    heard.is_corrected |= messages.last().is_some_and(|last| list_at(last, "content").any(is_error));
    Ok(Ask {
        max_tokens: body.pointer("/inferenceConfig/maxTokens").and_then(Value::as_u64).unwrap_or(u64::MAX),
        way,
        tool: named.or_else(|| tool.map(|tool| text_at(tool, "name"))).unwrap_or("decide").to_owned(),
        is_named: named.is_some(),
        form: form.unwrap_or_default(),
        thought,
        heard,
        input_tokens,
        model: id.to_owned(),
    })
}

fn is_error(block: &Value) -> bool {
    text_of(block, "/toolResult/status") == Some("error")
}

/// `%3A` as the sign that it stands for.
fn unescaped(segment: &str) -> String {
    form_urlencoded::parse(format!("id={}", segment.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, id)| id.into_owned())
        .unwrap_or_default()
}
