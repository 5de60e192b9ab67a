//! The provider's answers on the wire: messages, error envelopes, ids and token counts.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use shared::time::Millis;

use super::ask::Ask;
use crate::service::Response;

/// How long an answer takes, in milliseconds: for the carrier, who applies it or gives up.
pub const LATENCY_HEADER: HeaderName = HeaderName::from_static("x-sim-latency-ms");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const RETRY_AFTER: HeaderName = HeaderName::from_static("retry-after");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");

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
    fn make(self, prefix: &str) -> String {
        format!("{prefix}_sim{:04x}{:08}", self.seed, self.nth)
    }

    fn of_call(self, index: usize) -> String {
        format!("{}{index:02}", self.make("toolu"))
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
    fn encode(&self, id: String) -> Value {
        match self {
            Block::Text(text) => json!({"type": "text", "text": text}),
            Block::ToolUse { name, input } => {
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
        }
    }

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

impl Stop {
    const fn name(self) -> &'static str {
        match self {
            Stop::ToolUse => "tool_use",
            Stop::EndTurn => "end_turn",
            Stop::MaxTokens => "max_tokens",
            Stop::Refusal => "refusal",
        }
    }
}

/// An answer with status 200.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) blocks: Vec<Block>,
    stop: Stop,
    details: Option<Value>,
    /// Counted before a cut, since what was cut off was generated and is paid for.
    spent: u64,
}

impl Answer {
    pub(super) fn new(blocks: Vec<Block>, stop: Stop) -> Answer {
        let spent = blocks.iter().map(Block::weight).sum();
        Answer { blocks, stop, details: None, spent }
    }

    pub(super) fn with_details(mut self, details: Value) -> Answer {
        self.details = Some(details);
        self
    }

    pub(super) fn output_tokens(&self) -> u64 {
        self.spent
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

    pub(super) fn respond(&self, ids: Ids, ask: &Ask) -> Response {
        let blocks = self.blocks.iter().enumerate();
        let content: Vec<Value> = blocks.map(|(index, block)| block.encode(ids.of_call(index))).collect();
        let mut body = json!({
            "id": ids.make("msg"),
            "type": "message",
            "role": "assistant",
            "model": ask.model,
            "content": content,
            "stop_reason": self.stop.name(),
            "stop_sequence": null,
            "usage": {
                "input_tokens": ask.input_tokens,
                "output_tokens": self.spent,
                "cache_read_input_tokens": 0,
                "cache_creation_input_tokens": 0,
            },
        });
        if let (Some(details), Some(fields)) = (&self.details, body.as_object_mut()) {
            fields.insert("stop_details".to_owned(), details.clone());
        }
        respond(StatusCode::OK, &body, ids)
    }
}

/// An answer with an error status.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    status: u16,
    kind: &'static str,
    message: String,
    error_code: Option<&'static str>,
    retry_after_secs: Option<u64>,
}

impl Fault {
    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Fault {
        Fault { status, kind, message: message.into(), error_code: None, retry_after_secs: None }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Fault {
        Fault::new(400, "invalid_request_error", message)
    }

    pub(super) fn unauthenticated(message: &str) -> Fault {
        Fault::new(401, "authentication_error", message)
    }

    pub(super) fn not_found(method: &str, path: &str) -> Fault {
        Fault::new(404, "not_found_error", format!("{method} {path} does not exist"))
    }

    pub(super) fn rate_limit(retry_after_secs: u64) -> Fault {
        let fault = Fault::new(429, "rate_limit_error", "This request would exceed your rate limit.");
        Fault { retry_after_secs: Some(retry_after_secs), ..fault }
    }

    pub(super) fn spend_limit() -> Fault {
        let fault = Fault::new(429, "rate_limit_error", "You have reached your enforced spend limit.");
        Fault { error_code: Some("enforced_spend_limit_reached"), ..fault }
    }

    pub(super) fn overloaded() -> Fault {
        Fault::new(529, "overloaded_error", "Overloaded")
    }

    pub(super) fn respond(&self, ids: Ids) -> Response {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let (Some(code), Some(fields)) = (self.error_code, error.as_object_mut()) {
            fields.insert("details".to_owned(), json!({"error_code": code}));
        }
        let body = json!({"type": "error", "error": error, "request_id": ids.make("req")});
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = respond(status, &body, ids);
        if let Some(seconds) = self.retry_after_secs {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn respond(status: StatusCode, body: &Value, ids: Ids) -> Response {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(&ids.make("req")) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
