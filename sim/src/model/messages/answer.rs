//! Answers and faults as the Messages API gives them.

use serde_json::{Value, json};

use crate::model::answer::{Answer, Block, Stop};
use crate::model::ask::Ask;
use crate::model::fault::{Fault, Kind};
use crate::model::rules::told;
use crate::model::wire::{Ids, put, respond};
use crate::service::Response;

/// The answer as a message. Thinking comes first, with its words left out (recorded
/// `claude-opus-4-7-thinking-then-tool`).
pub(in crate::model) fn answer(answer: &Answer, ids: Ids, ask: &Ask) -> Response {
    let thinking = json!({"type": "thinking", "thinking": "", "signature": ids.make("sig")});
    let thinking = (answer.thought > 0).then_some(thinking);
    let blocks = answer.blocks.iter().enumerate();
    let blocks = blocks.map(|(index, one)| block(one, ids.of_call("toolu", index)));
    let content: Vec<Value> = thinking.into_iter().chain(blocks).collect();
    let mut body = json!({
        "id": ids.make("msg"),
        "type": "message",
        "role": "assistant",
        "model": told(&ask.model),
        "content": content,
        "stop_reason": stop(answer.stop),
        "stop_sequence": null,
        "usage": {
            "input_tokens": ask.input_tokens,
            "output_tokens": answer.output_tokens(),
            "output_tokens_details": {"thinking_tokens": answer.thought},
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
        },
    });
    if answer.stop == Stop::Refusal {
        let details = json!({
            "type": "refusal",
            "category": "general_harms",
            "explanation": "The request was declined.",
        });
        put(&mut body, "stop_details", details);
    }
    respond(200, &body, &[("request-id", &ids.make("req"))])
}

fn block(block: &Block, id: String) -> Value {
    match block {
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::ToolUse { name, input } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": input, "caller": {"type": "direct"}})
        }
    }
}

const fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::ToolUse => "tool_use",
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "refusal",
    }
}

/// A fault in its envelope.
pub(in crate::model) fn fault(fault: &Fault, ids: Ids) -> Response {
    let own = fault.message.clone();
    let (status, kind, message) = match fault.kind {
        Kind::Invalid | Kind::Unprocessable | Kind::Unroutable | Kind::Upstream => {
            (400, "invalid_request_error", own)
        }
        Kind::Internal => (500, "api_error", own),
        Kind::Unauthenticated => (401, "authentication_error", own),
        Kind::NotFound => (404, "not_found_error", own),
        Kind::NoSuchModel | Kind::Gone => (404, "not_found_error", format!("model: {own}")),
        Kind::RateLimit { .. } => {
            let words = "This request would exceed your account's rate limit. Please try again later.";
            (429, "rate_limit_error", words.to_owned())
        }
        Kind::SpendLimit | Kind::DailyLimit => {
            (429, "rate_limit_error", "You have reached your enforced spend limit.".to_owned())
        }
        Kind::Overloaded => (529, "overloaded_error", "Overloaded".to_owned()),
    };
    let mut error = json!({"type": kind, "message": message});
    if matches!(fault.kind, Kind::SpendLimit | Kind::DailyLimit) {
        put(&mut error, "details", json!({"error_code": "enforced_spend_limit_reached"}));
    }
    let id = ids.make("req");
    let body = json!({"type": "error", "error": error, "request_id": id});
    let mut headers = vec![("request-id", id.as_str())];
    let wait;
    if let Kind::RateLimit { seconds } = fault.kind {
        wait = seconds.to_string();
        headers.push(("retry-after", &wait));
    }
    respond(status, &body, &headers)
}
