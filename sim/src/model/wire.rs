//! What every dialect has in common: answers and faults before they are spelled, ids and token counts.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
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

/// One block of an answer.
#[derive(Debug, Clone)]
pub(super) enum Block {
    /// Prose.
    Text(String),
    /// A tool call.
    ToolUse { name: String, input: Value },
}

impl Block {
    fn weight(&self) -> u64 {
        match self {
            Block::Text(text) => tokens(text.len()),
            Block::ToolUse { name, input } => tokens(name.len().saturating_add(input.to_string().len())),
        }
    }
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    ToolUse,
    EndTurn,
    MaxTokens,
    Refusal,
}

/// An answer with status 200.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) blocks: Vec<Block>,
    pub(super) stop: Stop,
    /// Counted before a cut, since what was cut off was generated and is paid for.
    spent: u64,
}

impl Answer {
    pub(super) fn new(blocks: Vec<Block>, stop: Stop) -> Answer {
        let spent = blocks.iter().map(Block::weight).sum();
        Answer { blocks, stop, spent }
    }

    pub(super) fn output_tokens(&self) -> u64 {
        self.spent
    }

    /// Its prose, where there is any.
    pub(super) fn text(&self) -> Option<String> {
        let texts = self.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::ToolUse { .. } => None,
        });
        Some(texts.collect::<String>()).filter(|text| !text.is_empty())
    }

    /// Cut off where the caller's bound lies: a tool's input that did not fit arrives empty.
    pub(super) fn within(mut self, max_tokens: u64) -> Answer {
        if self.spent <= max_tokens {
            return self;
        }
        self.spent = max_tokens;
        self.stop = Stop::MaxTokens;
        for block in &mut self.blocks {
            if let Block::ToolUse { input, .. } = block {
                *input = Value::Object(Map::new());
            }
        }
        self
    }
}

/// An answer with an error status, before a dialect spells it.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// What is wrong, where the kind does not say it all.
    pub(super) message: String,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The request is not one.
    Invalid,
    /// Key or signature are not.
    Unauthenticated,
    /// The path is not.
    NotFound,
    /// The model is not, or no more.
    NoSuchModel,
    /// Too much, too fast.
    RateLimit { seconds: u64 },
    /// The money is used up.
    SpendLimit,
    /// Everybody is asking.
    Overloaded,
}

impl Fault {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Invalid, message)
    }
}

/// A response with a JSON body.
pub(super) fn respond(status: StatusCode, body: &Value, headers: &[(&'static str, &str)]) -> Response {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let kept = response.headers_mut();
    kept.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            kept.insert(*name, value);
        }
    }
    response
}
