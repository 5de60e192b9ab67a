//! What comes back where no answer does: with status 200, or as a redirect. A caller that takes it for the model's answer
//! blames the model for what its provider did.

use serde_json::{Value, json};

use super::face::Face;
use super::fault::{Fault, Kind};
use super::wire::{Ids, body_of, respond, respond_text, with_body};
use crate::service::Response;

/// A way in which a provider fails to answer, or to say what the answer cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// Status 200 with an error object (OpenRouter, pydantic/pydantic-ai#3994 and #6900; Responses `failed`).
    ErrorInside,
    /// Status 200 with null where the answer would be (`choices` of OpenRouter).
    NullAnswer,
    /// Status 200 with an empty list where the answer would be (`choices` of Groq).
    NoChoices,
    /// Status 200 with the finish reason `error` inside the answer.
    FinishError,
    /// A web page with status 200.
    Page,
    /// A redirect to another address.
    Moved,
    /// Server-sent events that nobody asked for.
    Stream,
    /// A whole answer whose usage is null.
    NoUsage,
    /// The account's money is used up, as this provider says it.
    Spent,
    /// The tokens of this day are used up, where the provider has such a limit (Bedrock); else as [`Broken::Spent`].
    DailyLimit,
}

impl Broken {
    /// Every way.
    pub const ALL: [Broken; 10] = [
        Broken::ErrorInside,
        Broken::NullAnswer,
        Broken::NoChoices,
        Broken::FinishError,
        Broken::Page,
        Broken::Moved,
        Broken::Stream,
        Broken::NoUsage,
        Broken::Spent,
        Broken::DailyLimit,
    ];

    /// The fault that it is, where it is one with a status of its own.
    pub(super) fn fault(self) -> Option<Fault> {
        match self {
            Broken::Spent => Some(Fault::new(Kind::SpendLimit, "")),
            Broken::DailyLimit => Some(Fault::new(Kind::DailyLimit, "")),
            Broken::ErrorInside
            | Broken::NullAnswer
            | Broken::NoChoices
            | Broken::FinishError
            | Broken::Page
            | Broken::Moved
            | Broken::Stream
            | Broken::NoUsage => None,
        }
    }

    /// What comes instead of `answer`.
    pub(super) fn instead(self, face: Face, answer: Response, ids: Ids) -> Response {
        let mut body = body_of(&answer);
        match self {
            Broken::ErrorInside => return respond(200, &error(face, ids, body), &[]),
            Broken::NullAnswer => set(&mut body, place(face), Value::Null),
            Broken::NoChoices => match face {
                Face::Chat(_) => set(&mut body, place(face), json!([])),
                Face::Messages | Face::Responses | Face::Converse => body = json!({}),
            },
            Broken::FinishError => match face {
                Face::Chat(_) => {
                    let error = json!({"code": 502, "message": "Provider disconnected"});
                    let choice = json!({"index": 0, "finish_reason": "error", "error": error,
                                        "message": {"role": "assistant", "content": ""}});
                    set(&mut body, "/choices", json!([choice]));
                }
                Face::Messages => set(&mut body, "/stop_reason", json!("pause_turn")),
                Face::Responses => return respond(200, &error(face, ids, body), &[]),
                Face::Converse => set(&mut body, "/stopReason", json!("malformed_model_output")),
            },
            Broken::Page => {
                let page = "<html><body><h1>We will be back soon</h1></body></html>".to_owned();
                return respond_text(200, page, &[("content-type", "text/html")]);
            }
            Broken::Moved => {
                return respond_text(308, String::new(), &[("location", "https://elsewhere.example/v2")]);
            }
            Broken::Stream => {
                let events = format!("data: {body}\n\ndata: [DONE]\n\n");
                return respond_text(200, events, &[("content-type", "text/event-stream")]);
            }
            Broken::NoUsage => set(&mut body, "/usage", Value::Null),
            Broken::Spent | Broken::DailyLimit => {}
        }
        with_body(answer, &body)
    }
}

/// Where a dialect's answer stands.
const fn place(face: Face) -> &'static str {
    match face {
        Face::Messages => "/content",
        Face::Responses => "/output",
        Face::Chat(_) => "/choices",
        Face::Converse => "/output/message",
    }
}

/// An error with status 200: inside what would be an answer, or alone.
fn error(face: Face, ids: Ids, answer: Value) -> Value {
    match face {
        Face::Responses => {
            let mut body = answer;
            set(&mut body, "/status", json!("failed"));
            set(&mut body, "/output", json!([]));
            set(&mut body, "/error", json!({"code": "server_error", "message": "The server had an error."}));
            set(&mut body, "/usage", Value::Null);
            body
        }
        Face::Messages | Face::Converse => body_of(&face.fault(&Fault::new(Kind::Overloaded, ""), ids)),
        Face::Chat(_) => json!({
            "choices": null,
            "usage": null,
            "error": {"code": 429, "message": "Rate limit exceeded: free-models-per-min."},
        }),
    }
}

fn set(body: &mut Value, path: &str, value: Value) {
    if let Some(place) = body.pointer_mut(path) {
        *place = value;
    }
}
