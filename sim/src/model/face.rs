//! The dialects in which the one model is asked, told apart by their paths.

use shared::time::Timestamp;

use super::answer::Answer;
use super::ask::Ask;
use super::fault::Fault;
use super::rules::Server;
use super::wire::Ids;
use super::{chat, converse, messages, responses};
use crate::service::{Request, Response};

/// A provider's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// Anthropic's Messages; also what an unknown path is answered in.
    Messages,
    /// OpenAI's Responses.
    Responses,
    /// Chat Completions, as this server speaks it.
    Chat(Server),
    /// Bedrock's Converse.
    Converse,
}

impl Face {
    /// The one that this request is addressed to.
    pub(super) fn of(request: &Request) -> Face {
        if let Some(server) = chat::server(request) {
            Face::Chat(server)
        } else if converse::is_served(request) {
            Face::Converse
        } else if responses::is_served(request) {
            Face::Responses
        } else {
            Face::Messages
        }
    }

    /// Reads the request as the provider does.
    pub(super) fn read(self, request: &Request, now: Timestamp) -> Result<Ask, Fault> {
        match self {
            Face::Messages => messages::read(request),
            Face::Responses => responses::read(request),
            Face::Chat(server) => chat::read(server, request),
            Face::Converse => converse::read(request, now),
        }
    }

    /// Spells an answer.
    pub(super) fn answer(self, answer: &Answer, ids: Ids, ask: &Ask, now: Timestamp) -> Response {
        match self {
            Face::Messages => messages::answer(answer, ids, ask),
            Face::Responses => responses::answer(answer, ids, ask, now),
            Face::Chat(server) => chat::answer(server, answer, ids, ask, now),
            Face::Converse => converse::answer(answer, ids, ask),
        }
    }

    /// Spells a fault.
    pub(super) fn fault(self, fault: &Fault, ids: Ids) -> Response {
        match self {
            Face::Messages => messages::fault(fault, ids),
            Face::Responses => responses::fault(fault, ids),
            Face::Chat(server) => chat::fault(server, fault, ids),
            Face::Converse => converse::fault(fault, ids),
        }
    }
}

/// Whether a model is asked here at all.
pub(super) fn is_asked(request: &Request) -> bool {
    Face::of(request) != Face::Messages || messages::is_served(request)
}
