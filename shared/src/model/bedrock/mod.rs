//! Amazon Bedrock's Converse API: one question, one answer, nothing repaired. It is asked with the function's
//! own AWS keys; there is no other secret.
//!
//! Facts: the Bedrock API reference, "Converse" with its errors; the service model `bedrock-runtime` of botocore
//! 1.44.5; the AWS reference, "Signature Version 4".

mod wire;

use std::fmt;

use bytes::Bytes;
use http::{Method, header};

use super::exchange::{self, excerpt};
use crate::environment::Aws;
use crate::ports::{BadReply, ModelError, Question, RawReply, Reply, SharedClock};
use crate::retry_after;
use crate::signature;
use crate::time::Timestamp;
use crate::transport::{Request, Response, SharedTransport};
use wire::WireError;

/// The service's name in a signature; it is not that of its host.
const SERVICE: &str = "bedrock";

/// Asks the models of Bedrock.
#[derive(Clone)]
pub struct Bedrock {
    transport: SharedTransport,
    clock: SharedClock,
    base: String,
    aws: Aws,
}

impl fmt::Debug for Bedrock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bedrock").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Where it is in a region.
pub fn home(region: &str) -> String {
    format!("https://bedrock-runtime.{region}.amazonaws.com")
}

impl Bedrock {
    /// Speaks to `base` ([`home`]), signing with `aws` for its region.
    pub fn new(transport: SharedTransport, clock: SharedClock, base: &str, aws: Aws) -> Bedrock {
        Bedrock { transport, clock, base: base.trim_end_matches('/').to_owned(), aws }
    }

    fn request(&self, question: &Question) -> Result<Request, ModelError> {
        let unmade = |why: String| ModelError::Unavailable(format!("no request could be made: {why}"));
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/model/{}/converse", self.base, wire::escaped(question.name())))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(wire::body(question).to_string()))
            .map_err(|error| unmade(error.to_string()))?;
        signature::signed(request, SERVICE, &self.aws, self.clock.now()).map_err(unmade)
    }
}

impl Bedrock {
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

/// What a status that is no success means: by the error's type where there is one, else by the status.
fn failure(response: &Response, now: Timestamp) -> ModelError {
    let error = WireError::read(response);
    let status = response.status().as_u16();
    let text = || error.message.clone().unwrap_or_else(|| excerpt(response.body()));
    match (error.kind.as_deref(), status) {
        (_, 400..=499) if error.is_spend_limit(status) => ModelError::SpendLimit(text()),
        (_, 400..=499) if error.is_no_such_model() => ModelError::NoSuchModel(text()),
        // Of the model, not of this account: it is being loaded, or all of it is in use.
        (Some("ModelNotReadyException" | "ServiceUnavailableException"), _) | (_, 503) => {
            ModelError::Overloaded
        }
        (_, 429) => ModelError::Throttled { wait: retry_after::wait(response.headers(), now) },
        // The model failed or took too long, which is nobody's refusal.
        (_, 408 | 424) => ModelError::Unavailable(format!("HTTP {status} {}", text())),
        (_, 400..=499) => ModelError::Refused { status, text: text() },
        _ => ModelError::Unavailable(format!("HTTP {status} {}", text())),
    }
}

#[cfg(test)]
mod tests;
