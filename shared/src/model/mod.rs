//! Model providers behind the [`AskModel`](crate::ports::AskModel) port.
//!
//! What a model takes is data: [`capabilities`] has a row a model family, and [`Servers`] the user's own servers. Each
//! endpoint has one file that writes a question and reads an answer ([`messages`], [`responses`], [`chat`],
//! [`converse`]); [`Client`] sends for all of them, and `failure` says what an error means. A shape that real servers
//! send is read as it was meant; what is missing or contradicts itself is refused, never guessed.

pub mod capabilities;
pub mod chat;
#[cfg(feature = "model")]
mod client;
pub mod converse;
#[cfg(feature = "model")]
mod failure;
pub mod messages;
pub mod provider;
mod reading;
pub mod responses;
mod schema;
pub mod servers;
mod substitute;

use serde_json::Value;

use crate::ports::{BadReply, Question, RawReply, Reply};

pub use capabilities::{Ask, Capabilities, Endpoint, Thinking};
#[cfg(feature = "model")]
pub use client::{Access, Client};
pub use provider::Provider;
pub use servers::{Server, Servers};

/// The one tool, and the name of a decision that is asked for as structured output.
pub const TOOL: &str = "decide";
/// Where the answer is structured output: there is no tool to call.
const AS_TEXT: &str = "\nHere decide is no tool: the answer is its one JSON object, with nothing around it.";

/// Reads an answer of `model` (`provider/name`), asked as it is asked now; needs no client and no key.
pub fn read(servers: &Servers, model: &str, reply: &RawReply) -> Result<Reply, BadReply> {
    read_as(servers, model, servers.capabilities(model).ask, reply)
}

/// Reads an answer of `model` that was asked for in this way.
pub fn read_as(servers: &Servers, model: &str, ask: Ask, reply: &RawReply) -> Result<Reply, BadReply> {
    let takes = Capabilities { ask, ..servers.capabilities(model) };
    let body = reading::json(&reply.body)?;
    // A record may be older than the table: the shape of an answer says which endpoint gave it.
    match shape(&body).unwrap_or(takes.endpoint) {
        Endpoint::Messages => messages::read(&body, &takes),
        Endpoint::Responses => responses::read(&body, &takes),
        Endpoint::Chat => chat::read(&body, &takes),
        Endpoint::Converse => converse::read(&body, &takes),
    }
}

/// The model that answered (`provider/name`), where the answer says that it is not `model`, which was asked. An answer that
/// cannot be read as one may still say it.
pub fn other(servers: &Servers, model: &str, reply: &RawReply) -> Option<String> {
    substitute::of(servers, model, &reading::json(&reply.body).ok()?)
}

/// The endpoint that answers in this shape.
fn shape(body: &Value) -> Option<Endpoint> {
    if body.get("choices").is_some() {
        Some(Endpoint::Chat)
    } else if body.pointer("/output/message").is_some() {
        Some(Endpoint::Converse)
    } else if body.get("output").is_some() {
        Some(Endpoint::Responses)
    } else if body.get("content").is_some() {
        Some(Endpoint::Messages)
    } else {
        None
    }
}

/// The fixed text of a question.
fn instructions(question: &Question, takes: &Capabilities) -> String {
    match takes.ask {
        Ask::Schema => format!("{}{AS_TEXT}", question.system),
        Ask::Named | Ask::Required | Ask::Auto => question.system.clone(),
    }
}

/// One more field of a body under construction.
fn set(body: &mut Value, field: &str, value: Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
#[cfg(feature = "model")]
mod tests;
