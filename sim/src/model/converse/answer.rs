//! Answers and faults as Converse gives them.

use serde_json::{Value, json};

use crate::model::answer::{Answer, Block, Stop};
use crate::model::ask::Ask;
use crate::model::fault::{Fault, Kind};
use crate::model::wire::{Ids, respond};
use crate::service::Response;

/// The answer as Converse gives it.
pub(in crate::model) fn answer(answer: &Answer, ids: Ids, ask: &Ask) -> Response {
    let reasoning = json!({"reasoningContent": {"reasoningText": {"text": "…"}}});
    let reasoning = (answer.thought > 0).then_some(reasoning);
    let blocks = answer.blocks.iter().enumerate();
    let blocks = blocks.map(|(n, one)| block(one, ids.of_call("tooluse", n)));
    let content: Vec<Value> = reasoning.into_iter().chain(blocks).collect();
    let stop = match answer.stop {
        Stop::ToolUse => "tool_use",
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::Refusal => "content_filtered",
    };
    let (tokens_in, tokens_out) = (ask.input_tokens, answer.output_tokens());
    let body = json!({
        "metrics": {"latencyMs": 500},
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop,
        "usage": {
            "inputTokens": tokens_in,
            "outputTokens": tokens_out,
            "totalTokens": tokens_in.saturating_add(tokens_out),
            "cacheReadInputTokens": 0,
            "cacheWriteInputTokens": 0,
        },
    });
    respond(200, &body, &[("x-amzn-requestid", &ids.make("req"))])
}

fn block(block: &Block, id: String) -> Value {
    match block {
        Block::Text(text) => json!({"text": text}),
        Block::ToolUse { name, input } => json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}),
    }
}

/// A fault: its type stands in a header. Recorded and reported: `bedrock-id-invalid`, `bedrock-end-of-life`,
/// `bedrock-tokens-per-day`.
pub(in crate::model) fn fault(fault: &Fault, ids: Ids) -> Response {
    let own = fault.message.as_str();
    let (status, kind, message) = match fault.kind {
        Kind::Invalid | Kind::Unprocessable | Kind::Unroutable | Kind::Upstream => {
            (400, "ValidationException", own)
        }
        Kind::Internal => (500, "InternalServerException", own),
        Kind::Unauthenticated => (403, "InvalidSignatureException", own),
        Kind::NotFound => (404, "ResourceNotFoundException", own),
        Kind::NoSuchModel => (400, "ValidationException", "The provided model identifier is invalid."),
        Kind::Gone => (
            404,
            "ResourceNotFoundException",
            "This model version has reached the end of its life. Please refer to the AWS documentation for more details.",
        ),
        Kind::RateLimit { .. } => {
            (429, "ThrottlingException", "Too many requests, please wait before trying again.")
        }
        Kind::DailyLimit => {
            (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.")
        }
        Kind::SpendLimit => (400, "ServiceQuotaExceededException", "Your account has used up its quota."),
        Kind::Overloaded => {
            (503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
        }
    };
    let named = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let id = ids.make("req");
    let headers = [("x-amzn-requestid", id.as_str()), ("x-amzn-errortype", named.as_str())];
    respond(status, &json!({"message": message}), &headers)
}
