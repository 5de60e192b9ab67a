//! The dialects in which the one model is asked, told apart by their paths.

use shared::time::Timestamp;

use super::ask::Ask;
use super::wire::{Answer, Fault, Ids};
use super::{completions, converse, messages};
use crate::service::{Request, Response};

/// A provider's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// Anthropic's Messages; also what an unknown path is answered in.
    Messages,
    /// OpenAI's Chat Completions.
    Completions,
    /// Bedrock's Converse.
    Converse,
}

impl Face {
    /// The one that this request is addressed to.
    pub(super) fn of(request: &Request) -> Face {
        if completions::is_served(request) {
            Face::Completions
        } else if converse::is_served(request) {
            Face::Converse
        } else {
            Face::Messages
        }
    }

    /// Reads the request as the provider does.
    pub(super) fn read(self, request: &Request, now: Timestamp) -> Result<Ask, Fault> {
        match self {
            Face::Messages => messages::read(request),
            Face::Completions => completions::read(request),
            Face::Converse => converse::read(request, now),
        }
    }

    /// Spells an answer.
    pub(super) fn answer(self, answer: &Answer, ids: Ids, ask: &Ask, now: Timestamp) -> Response {
        match self {
            Face::Messages => messages::answer(answer, ids, ask),
            Face::Completions => completions::answer(answer, ids, ask, now),
            Face::Converse => converse::answer(answer, ids, ask),
        }
    }

    /// Spells a fault.
    pub(super) fn fault(self, fault: &Fault, ids: Ids) -> Response {
        match self {
            Face::Messages => messages::fault(fault, ids),
            Face::Completions => completions::fault(fault, ids),
            Face::Converse => converse::fault(fault, ids),
        }
    }
}

/// Whether a model is asked here at all.
pub(super) fn is_asked(request: &Request) -> bool {
    messages::is_served(request) || completions::is_served(request) || converse::is_served(request)
}
