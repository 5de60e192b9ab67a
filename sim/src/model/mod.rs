//! A scripted model behind the APIs of every provider that we ask, told apart by path: the same facts and seed give the
//! same answers.
//!
//! The adapter under test cannot tell it from the provider: it refuses what the real one refuses, with its status and
//! words ([`rules`] says what that is, and why), thinks before it answers where the real one does, answers in the
//! provider's shape, and can be told to refuse, stall, throttle, talk nonsense or fail. One host is all of them:
//! `/v1/messages`, `/v1/responses`, `/model/{id}/converse`, and Chat Completions under each provider's own path
//! ([`Server::of`] lists them; `/ollama/v1`, `/vllm/v1`, `/llamacpp/v1` and `/lmstudio/v1` are ours). It never waits: an
//! answer that would take long says so in a header ([`latency_of`]), and whoever carries the answer decides what that
//! means.

mod answer;
mod ask;
mod broken;
mod chat;
mod converse;
mod decision;
mod face;
mod facts;
mod fault;
mod gullible;
mod messages;
mod meters;
mod misbehave;
mod momentum;
mod policy;
mod responses;
mod rules;
mod schema;
mod signature;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::time::{Millis, Timestamp};

pub use broken::Broken;
pub use meters::{Meters, Outcome};
pub use misbehave::Garbage;
pub use policy::{Policy, UnknownPolicy};
pub use signature::{AWS_KEY, AWS_SECRET};
pub use wire::{LATENCY_HEADER, latency_of};

use crate::service::{Request, Response, Service};
use answer::{Answer, Stop};
use ask::{Ask, Way};
use face::Face;
use fault::Fault;
use wire::Ids;

/// How long the `slow` policy's answers take: longer than any deadline of one decide cycle.
const SLOW: Millis = Millis::from_secs(45);

/// What a policy says to one readable request.
type Scripted = Result<(Outcome, Answer), (Outcome, Fault)>;

/// A model that follows a named policy.
#[derive(Debug)]
pub struct ScriptedModel {
    policy: Policy,
    broken: Option<Broken>,
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
        ScriptedModel { policy, broken: None, seed, state: Mutex::default() }
    }

    /// A provider that answers no readable request as it should, always in the same way.
    pub fn breaking(broken: Broken, seed: u64) -> ScriptedModel {
        ScriptedModel { broken: Some(broken), ..ScriptedModel::new(Policy::Momentum, seed) }
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
        if let Some(fault) = self.broken.and_then(Broken::fault) {
            return Err((Outcome::SpendLimited, fault));
        }
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

    /// How a call ended that would have ended as `outcome`.
    fn outcome(&self, outcome: Outcome, ask: &Ask, answer: &Answer) -> Outcome {
        if self.broken.is_some_and(|broken| broken != Broken::NoUsage) {
            return Outcome::Broken;
        }
        let is_lost = answer.stop == Stop::MaxTokens || ask.way == Way::Prose;
        if outcome == Outcome::Answered && is_lost { Outcome::Malformed } else { outcome }
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
                let decided = answer.action().map(str::to_owned);
                let answer = answer.asked_by(&ask).within(&ask);
                let outcome = self.outcome(outcome, &ask, &answer);
                state.meters.answered(outcome, &ask, &answer, decided);
                let response = face.answer(&answer, ids, &ask, now);
                match self.broken {
                    Some(broken) => broken.instead(face, response, ids),
                    None => response,
                }
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
mod matrix;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
