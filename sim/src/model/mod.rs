//! A scripted model behind three providers' APIs (Anthropic's Messages, OpenAI's Chat Completions, Bedrock's
//! Converse), told apart by path: the same facts and seed give the same answers.
//!
//! The adapter under test cannot tell it from the provider: it checks headers, signature and body as the
//! provider does, answers through the `decide` tool, and can be told to refuse, stall, throttle or talk nonsense.
//! It never waits: an answer that would take long says so in a header ([`latency_of`]), and whoever
//! carries the answer decides what that means.

mod ask;
mod completions;
mod converse;
mod decision;
mod face;
mod facts;
mod gullible;
mod messages;
mod meters;
mod misbehave;
mod momentum;
mod policy;
mod signature;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::time::{Millis, Timestamp};

pub use meters::{Meters, Outcome};
pub use misbehave::Garbage;
pub use policy::{Policy, UnknownPolicy};
pub use signature::{AWS_KEY, AWS_SECRET};
pub use wire::{LATENCY_HEADER, latency_of};

use crate::service::{Request, Response, Service};
use ask::Ask;
use face::Face;
use wire::{Answer, Fault, Ids};

/// How long the `slow` policy's answers take: longer than any deadline of one decide cycle.
const SLOW: Millis = Millis::from_secs(45);

/// What a policy says to one readable request.
type Scripted = Result<(Outcome, Answer), (Outcome, Fault)>;

/// A model that follows a named policy.
#[derive(Debug)]
pub struct ScriptedModel {
    policy: Policy,
    seed: u64,
    state: Mutex<State>,
}

/// What changes from call to call.
#[derive(Debug, Default)]
struct State {
    requests: u64,
    asked: u64,
    meters: Meters,
}

impl ScriptedModel {
    /// A model that follows `policy`; `seed` marks its message ids and shifts where its cycles begin.
    pub fn new(policy: Policy, seed: u64) -> ScriptedModel {
        ScriptedModel { policy, seed, state: Mutex::default() }
    }

    /// How long the answer to `request` takes.
    pub fn latency(&self, request: &Request) -> Millis {
        match self.policy {
            Policy::Slow if face::is_asked(request) => SLOW,
            Policy::Slow
            | Policy::Momentum
            | Policy::Refuses
            | Policy::Garbage
            | Policy::Throttled
            | Policy::Greedy
            | Policy::Gullible => Millis(0),
        }
    }

    /// What was asked and answered so far.
    pub fn meters(&self) -> Meters {
        self.state().meters.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The `nth` readable request, from 1.
    fn script(&self, nth: u64, ask: &Ask) -> Scripted {
        match self.policy {
            Policy::Momentum | Policy::Slow => Ok((Outcome::Answered, momentum::answer(ask))),
            Policy::Refuses => Ok((Outcome::Refused, misbehave::refuse(nth))),
            Policy::Garbage => {
                Ok((Outcome::Malformed, misbehave::Garbage::nth(nth.wrapping_add(self.seed)).answer(ask)))
            }
            Policy::Throttled => match misbehave::throttle(nth) {
                Some(refusal) => Err(refusal),
                None => Ok((Outcome::Answered, momentum::answer(ask))),
            },
            Policy::Greedy => Ok((Outcome::Answered, misbehave::overreach(ask))),
            Policy::Gullible => Ok((Outcome::Answered, gullible::answer(ask))),
        }
    }

    fn answer(&self, request: &Request, now: Timestamp) -> Response {
        let face = Face::of(request);
        let mut state = self.state();
        state.requests = state.requests.saturating_add(1);
        let ids = Ids { seed: self.seed, nth: state.requests };
        let ask = match face.read(request, now) {
            Ok(ask) => ask,
            Err(fault) => {
                state.meters.failed(Outcome::Invalid);
                return face.fault(&fault, ids);
            }
        };
        state.asked = state.asked.saturating_add(1);
        match self.script(state.asked, &ask) {
            Ok((outcome, answer)) => {
                let answer = answer.within(ask.max_tokens);
                state.meters.answered(outcome, &ask, &answer);
                face.answer(&answer, ids, &ask, now)
            }
            Err((outcome, fault)) => {
                state.meters.failed(outcome);
                face.fault(&fault, ids)
            }
        }
    }
}

impl Service for ScriptedModel {
    fn serve(&self, request: Request, now: Timestamp) -> Response {
        wire::with_latency(self.answer(&request, now), self.latency(&request))
    }
}

#[cfg(test)]
mod clients;
#[cfg(test)]
mod tests;
