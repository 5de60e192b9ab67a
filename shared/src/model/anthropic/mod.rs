//! Anthropic's Messages API: one question, one answer, nothing repaired.
//!
//! Facts: docs.anthropic.com "Messages", "Errors", "Rate limits"; anthropic-sdk types.

mod wire;

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

use super::exchange::{self, excerpt};
use crate::ports::{BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use crate::retry_after;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::transport::{Request, Response, SharedTransport};
use wire::WireError;

/// Where it is.
pub const HOME: &str = "https://api.anthropic.com";
/// The version of the API that is spoken. 2026-10-21, which the SDKs speak by now, rejects a temperature for every
/// model ("Migrating to API version 2026-10-21"); the older one keeps its parameters ("Versions").
const VERSION: &str = "2023-06-01";

/// Asks Anthropic's models.
#[derive(Clone)]
pub struct Anthropic {
    transport: SharedTransport,
    clock: SharedClock,
    base: String,
    key: Secret,
}

impl fmt::Debug for Anthropic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Anthropic").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Anthropic {
    /// Speaks to `base` ([`HOME`]) with `key`.
    pub fn new(transport: SharedTransport, clock: SharedClock, base: &str, key: Secret) -> Anthropic {
        Anthropic { transport, clock, base: base.trim_end_matches('/').to_owned(), key }
    }

    fn request(&self, question: &Question) -> Result<Request, ModelError> {
        let mut key = HeaderValue::from_str(self.key.expose())
            .map_err(|_| ModelError::Unavailable("the key cannot stand in a header".to_owned()))?;
        key.set_sensitive(true);
        http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/v1/messages", self.base))
            .header("x-api-key", key)
            .header("anthropic-version", VERSION)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(wire::body(question).to_string()))
            .map_err(|error| ModelError::Unavailable(format!("no request could be made: {error}")))
    }
}

impl Anthropic {
    /// Asks once and returns what came back, unread.
    pub async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let now = || self.clock.now();
        exchange::ask(&self.transport, self.request(question)?, question.timeout, |response| {
            failure(response, now())
        })
        .await
    }
}

/// Reads an answer.
pub fn read(body: &[u8]) -> Result<Reply, BadReply> {
    wire::read(body)
}

/// What a status that is no success means.
fn failure(response: &Response, now: Timestamp) -> ModelError {
    let error = WireError::read(response.body());
    let status = response.status();
    let text = || error.message.clone().unwrap_or_else(|| excerpt(response.body()));
    match status.as_u16() {
        400..=499 if error.is_spend_limit(status) => ModelError::SpendLimit(text()),
        400..=499 if error.is_no_such_model() => ModelError::NoSuchModel(text()),
        429 => ModelError::Throttled { wait: retry_after::wait(response.headers(), now) },
        529 => ModelError::Overloaded,
        400..=499 if status != StatusCode::REQUEST_TIMEOUT => {
            ModelError::Refused { status: status.as_u16(), text: text() }
        }
        other => ModelError::Unavailable(format!("HTTP {other} {}", text())),
    }
}

#[cfg(test)]
mod tests;
