//! What goes wrong between the functions and the world: a decorator around any transport.
//!
//! Every call draws from its host's own stream, so the same seed and the same calls meet the same faults.
//! Signed requests pass unchanged. Whether a fault befalls a call is decided here; what a caller makes of it
//! is judged by the checkers.
//!
//! Two limits keep the faults within what a venue's clients can survive at all. A request is delivered twice
//! only where the exchange can tell (a cancel, or an order that rests): Binance frees a client id once its order
//! is over, so a market order that a network delivers twice trades twice, whatever its sender does. And a late
//! request is delivered at its own time: [`FaultyTransport::tick`] must come before anything else moves the
//! exchange's time on.

mod answers;
mod crash;
mod dice;
mod invocations;
mod kind;
mod plan;
mod target;
#[cfg(test)]
mod tests;
mod venue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::time::{Millis, Timestamp};
use shared::transport::{Request, Response, Sending, SharedTransport, Transport, TransportError};

pub use invocations::{Invocation, InvocationFaults};
pub use kind::Kind;
pub use plan::FaultPlan;
pub use target::{Hosts, Target};

use crate::clock::{SharedNow, SimClock};
use crate::exchange::Exchange;
use crate::model::latency_of;
use crash::{Crash, Step};
use dice::{Dice, Roll};
use venue::Late;

/// What came of a call.
type Outcome = Result<Response, TransportError>;

/// A transport on which things go wrong.
#[derive(Debug)]
pub struct FaultyTransport {
    inner: SharedTransport,
    clock: SharedNow,
    waits: Option<SimClock>,
    hosts: Hosts,
    exchange: Option<Arc<Exchange>>,
    crash: Crash,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    quiet: bool,
    window: Option<(Timestamp, Timestamp)>,
    late: Vec<Late>,
    lag_until: Option<Timestamp>,
}

impl FaultyTransport {
    /// Faults by `plan` between callers and `inner`; `clock` is the world's.
    pub fn new(inner: SharedTransport, clock: SharedNow, seed: u64, plan: FaultPlan) -> FaultyTransport {
        let dice = Dice::new(seed, plan);
        let state = State { dice, quiet: false, window: None, late: Vec::new(), lag_until: None };
        FaultyTransport {
            inner,
            clock,
            waits: None,
            hosts: Hosts::default(),
            exchange: None,
            crash: Crash::new(seed),
            state: Mutex::new(state),
        }
    }

    /// The same with the exchange at hand, so that it knows of the waits that are asked for in its name, makes
    /// fresh orders invisible, and is given late requests at their own time.
    #[must_use]
    pub fn with_exchange(self, exchange: Arc<Exchange>) -> FaultyTransport {
        FaultyTransport { exchange: Some(exchange), ..self }
    }

    /// The same with other host names.
    #[must_use]
    pub fn with_hosts(self, hosts: Hosts) -> FaultyTransport {
        FaultyTransport { hosts, ..self }
    }

    /// The same where waiting in vain takes its time: `clock` moves on by the caller's timeout.
    #[must_use]
    pub fn taking_time(self, clock: SimClock) -> FaultyTransport {
        FaultyTransport { waits: Some(clock), ..self }
    }

    /// The same with faults from `from` and before `until` alone.
    #[must_use]
    pub fn within(self, from: Timestamp, until: Timestamp) -> FaultyTransport {
        self.state().window = Some((from, until));
        self
    }

    /// From now on nothing fails. What is under way still arrives at its time.
    pub fn quiet(&self) {
        self.state().quiet = true;
        self.show_fresh_orders();
    }

    /// How often each kind happened, by printed name.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = {
            let state = self.state();
            state.dice.happened().iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect()
        };
        let (before, after) = self.crash.counts();
        let crashes = [("crash_before_effect", before), ("crash_after_effect", after)];
        counts.extend(crashes.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)));
        counts
    }

    /// The process dies at its `calls`-th call from now, counted from 1: before or after the effect, by chance.
    pub fn arm_crash(&self, calls: u32) {
        self.crash.arm(calls);
    }

    /// The process has ended: says whether it crashed, and makes the next one live.
    pub fn disarm_crash(&self) -> bool {
        self.crash.disarm()
    }

    /// Completes once the process has died; its future must then be dropped.
    pub async fn crashed(&self) {
        self.crash.crashed().await;
    }

    /// Delivers the late requests that are due, and ends what has lasted long enough. Every call does this first.
    pub async fn tick(&self) {
        let now = self.clock.now();
        for late in self.due(now) {
            self.deliver(late).await;
        }
        let is_over = self.state().lag_until.is_some_and(|until| until <= now);
        if is_over {
            self.show_fresh_orders();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn roll(&self, host: &str, target: Target) -> Option<Roll> {
        let now = self.clock.now();
        let mut state = self.state();
        let inside = state.window.is_none_or(|(from, until)| from <= now && now < until);
        let may_fail = inside && !state.quiet;
        state.dice.roll(host, target, may_fail)
    }

    fn count(&self, kind: Kind) {
        self.state().dice.count(kind);
    }

    async fn carry(&self, request: Request, timeout: Millis) -> Outcome {
        self.tick().await;
        let step = self.crash.step();
        if step == Step::DiesBefore {
            return self.crash.die().await;
        }
        let host = target::host(&request);
        let target = target::of(&request, &host, &self.hosts);
        let outcome = match self.roll(&host, target) {
            Some(roll) => self.befall(roll, request, timeout).await,
            None => self.in_time(self.inner.send(request, timeout).await, timeout),
        };
        if step == Step::DiesAfter {
            return self.crash.die().await;
        }
        outcome
    }

    async fn befall(&self, roll: Roll, request: Request, timeout: Millis) -> Outcome {
        match roll.kind {
            Kind::VenueRequestLost | Kind::TableRequestLost | Kind::ModelTimeout => {
                self.lost(roll.kind, timeout, "lost on the way out")
            }
            Kind::VenueReplyLost | Kind::TableReplyLost | Kind::PublishReplyLost => {
                let _arrived = self.inner.send(request, timeout).await;
                self.lost(roll.kind, timeout, "lost on the way back")
            }
            Kind::Venue503Applied => self.applied(roll.kind, request, timeout, answers::venue_unknown).await,
            Kind::Venue1007Applied => self.applied(roll.kind, request, timeout, answers::venue_timeout).await,
            Kind::VenueHtml502 => self.bad_gateway(roll, request, timeout).await,
            Kind::VenueTruncatedJson | Kind::ModelGarbage => {
                self.count(roll.kind);
                self.inner.send(request, timeout).await.map(answers::cut)
            }
            Kind::VenueNeverSent => {
                self.count(roll.kind);
                Err(TransportError::NeverSent("fault: connection refused".to_owned()))
            }
            Kind::Venue429 => Ok(self.throttle(roll)),
            Kind::VenueGhost => self.ghost(roll, request, timeout),
            Kind::VenueDuplicate => self.duplicate(roll, request, timeout).await,
            Kind::VenueReadLag => self.hide(roll, request, timeout).await,
            Kind::Venue503Clean => Ok(self.clean(roll.kind, answers::venue_overloaded())),
            Kind::Model429 => Ok(self.clean(roll.kind, answers::model_wait(30))),
            Kind::Model529 => Ok(self.clean(roll.kind, answers::model_overloaded())),
            Kind::TableThrottled => Ok(self.clean(roll.kind, answers::table_throttled())),
            Kind::TableConflict => Ok(self.clean(roll.kind, answers::table_conflict(&request))),
            Kind::Table500Clean => Ok(self.clean(roll.kind, answers::table_failed())),
            Kind::PublishFailed => Ok(self.clean(roll.kind, answers::publish_failed())),
            Kind::MetricsFailed => Ok(self.clean(roll.kind, answers::metrics_failed())),
        }
    }

    /// An answer instead of an effect.
    fn clean(&self, kind: Kind, answer: Response) -> Response {
        self.count(kind);
        answer
    }

    /// Another answer than the one to the effect.
    async fn applied(
        &self,
        kind: Kind,
        request: Request,
        timeout: Millis,
        answer: fn() -> Response,
    ) -> Outcome {
        self.count(kind);
        self.inner.send(request, timeout).await.map(|_| answer())
    }

    /// No answer, after the whole wait.
    /// A model declares how long its answer takes: one that takes longer than is waited for is none.
    fn in_time(&self, outcome: Outcome, timeout: Millis) -> Outcome {
        if outcome.as_ref().map_or(Millis(0), latency_of) <= timeout {
            return outcome;
        }
        if let Some(clock) = &self.waits {
            clock.advance(timeout);
        }
        Err(TransportError::NoAnswer(format!("nothing within {} ms", timeout.0)))
    }

    fn lost(&self, kind: Kind, timeout: Millis, how: &str) -> Outcome {
        self.count(kind);
        if let Some(clock) = &self.waits {
            clock.advance(timeout);
        }
        Err(TransportError::NoAnswer(format!("fault: {how}")))
    }
}

impl Transport for FaultyTransport {
    fn send(&self, request: Request, timeout: Millis) -> Sending<'_> {
        Box::pin(self.carry(request, timeout))
    }
}
