//! What every dialect has in common: ids, token counts and responses.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use shared::time::Millis;

use crate::service::Response;

/// How long an answer takes, in milliseconds: for the carrier, who applies it or gives up.
pub const LATENCY_HEADER: HeaderName = HeaderName::from_static("x-sim-latency-ms");

/// The latency that an answer declares; none is declared as zero.
pub fn latency_of(response: &Response) -> Millis {
    let declared = response.headers().get(LATENCY_HEADER).and_then(|value| value.to_str().ok());
    Millis(declared.and_then(|text| text.parse().ok()).unwrap_or_default())
}

pub(super) fn with_latency(mut response: Response, latency: Millis) -> Response {
    if latency > Millis(0) {
        response.headers_mut().insert(LATENCY_HEADER, HeaderValue::from(latency.0));
    }
    response
}

/// Two tokens for each seven bytes, rounded up.
pub(super) fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(2).div_ceil(7)
}

/// Ids made from a counter, so that a run can be repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) seed: u64,
    pub(super) nth: u64,
}

impl Ids {
    pub(super) fn make(self, prefix: &str) -> String {
        format!("{prefix}_sim{:04x}{:08}", self.seed, self.nth)
    }

    pub(super) fn of_call(self, prefix: &str, index: usize) -> String {
        format!("{}{index:02}", self.make(prefix))
    }
}

/// One more field of an object, or another value of one.
pub(super) fn put(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

/// A response with a JSON body.
pub(super) fn respond(status: u16, body: &Value, headers: &[(&'static str, &str)]) -> Response {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    respond_text(status, body.to_string(), &all)
}

/// A response with any body.
pub(super) fn respond_text(status: u16, body: String, headers: &[(&'static str, &str)]) -> Response {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kept = response.headers_mut();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            kept.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The body of a response as JSON.
pub(super) fn body_of(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap_or(Value::Null)
}

/// The same response with another body.
pub(super) fn with_body(response: Response, body: &Value) -> Response {
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Bytes::from(body.to_string()))
}
