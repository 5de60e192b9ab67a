//! OpenAI's Chat Completions API, and servers that speak it at another address: one question, one answer,
//! nothing repaired.
//!
//! Facts: platform.openai.com "Chat Completions", "Error codes", "Function calling", "Structured outputs";
//! openai-sdk types.

mod schema;
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
pub const HOME: &str = "https://api.openai.com";

/// Asks OpenAI's models, or those of a compatible server.
#[derive(Clone)]
pub struct OpenAi {
    transport: SharedTransport,
    clock: SharedClock,
    base: String,
    key: Secret,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("OpenAi").field("base", &self.base).finish_non_exhaustive()
    }
}

impl OpenAi {
    /// Speaks to `base` ([`HOME`], or where a compatible server has its `/v1`) with `key`.
    pub fn new(transport: SharedTransport, clock: SharedClock, base: &str, key: Secret) -> OpenAi {
        OpenAi { transport, clock, base: base.trim_end_matches('/').to_owned(), key }
    }

    fn request(&self, question: &Question) -> Result<Request, ModelError> {
        let mut key = HeaderValue::from_str(&format!("Bearer {}", self.key.expose()))
            .map_err(|_| ModelError::Unavailable("the key cannot stand in a header".to_owned()))?;
        key.set_sensitive(true);
        http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/v1/chat/completions", self.base))
            .header(header::AUTHORIZATION, key)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(wire::body(question).to_string()))
            .map_err(|error| ModelError::Unavailable(format!("no request could be made: {error}")))
    }
}

impl OpenAi {
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
        503 | 529 if error.is_overload(status) => ModelError::Overloaded,
        429 => ModelError::Throttled { wait: retry_after::wait(response.headers(), now) },
        400..=499 if status != StatusCode::REQUEST_TIMEOUT => {
            ModelError::Refused { status: status.as_u16(), text: text() }
        }
        other => ModelError::Unavailable(format!("HTTP {other} {}", text())),
    }
}

#[cfg(test)]
mod tests;
