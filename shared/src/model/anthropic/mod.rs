//! Anthropic's Messages API: one question, one answer, nothing repaired.
//!
//! Facts: docs.anthropic.com "Messages", "Errors", "Rate limits"; anthropic-sdk types.

mod wire;

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};

use crate::ports::{AskModel, BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use crate::retry_after;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::transport::{Request, Response, SharedTransport};
use wire::WireError;

/// The version of the API that is spoken.
const VERSION: &str = "2023-06-01";
/// The largest answer that is read.
const LARGEST_BODY: usize = 1024 * 1024;
/// How much of the provider's words is kept for people.
const EXCERPT: usize = 300;

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
    /// Speaks to `base` (`https://api.anthropic.com`) with `key`.
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

impl AskModel for Anthropic {
    async fn ask(&self, question: &Question) -> Result<RawReply, ModelError> {
        let sending = self.transport.send(self.request(question)?, question.timeout);
        let response = sending.await.map_err(|error| ModelError::Unavailable(error.to_string()))?;
        if !response.status().is_success() {
            return Err(failure(&response, self.clock.now()));
        }
        if response.body().len() > LARGEST_BODY {
            return Err(ModelError::Unavailable(format!("the answer has more than {LARGEST_BODY} bytes")));
        }
        Ok(RawReply { body: response.body().to_vec() })
    }

    fn read(&self, reply: &RawReply) -> Result<Reply, BadReply> {
        wire::read(&reply.body)
    }
}

/// What a status that is no success means.
fn failure(response: &Response, now: Timestamp) -> ModelError {
    let error = WireError::read(response.body());
    let status = response.status();
    let text = || error.message.clone().unwrap_or_else(|| excerpt(response.body()));
    match status.as_u16() {
        400..=499 if error.is_spend_limit(status) => ModelError::SpendLimit(text()),
        429 => ModelError::Throttled { wait: retry_after::wait(response.headers(), now) },
        529 => ModelError::Overloaded,
        400..=499 if status != StatusCode::REQUEST_TIMEOUT => {
            ModelError::Refused { status: status.as_u16(), text: text() }
        }
        other => ModelError::Unavailable(format!("HTTP {other} {}", text())),
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(EXCERPT).collect()
}

#[cfg(test)]
mod tests;
