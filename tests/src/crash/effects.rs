//! The one counter through which every external call of a run passes, and what befalls each.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use shared::tables::Function;
use shared::time::{Millis, Timestamp};
use sim::clock::SimClock;

use crate::permissions::Permission;

use super::phases::{Method, Phase};

/// Faults by the number of the call that they befall, from 0.
pub type Faults = BTreeMap<usize, Phase>;

/// One call as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which invocation made it, from 0.
    pub invocation: usize,
    /// The function.
    pub function: Function,
    /// The method.
    pub method: Method,
    /// When it was made.
    pub at: Timestamp,
    /// What it was about.
    pub what: String,
}

/// Why an invocation does not go on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It died.
    Crashed,
    /// It is frozen; the phase says until when.
    Frozen(Phase),
    /// The other of two goes on.
    Switched,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Without any effect.
    Clean,
    /// Without any effect, because the other side is busy.
    Busy,
    /// Without any effect, by a code.
    Refused,
    /// Nobody knows.
    NoAnswer,
}

/// A request that is still under way when its sender is gone.
struct Ghost {
    due: Timestamp,
    deliver: Box<dyn FnOnce()>,
}

/// What a call takes.
const CALL_TAKES: Millis = Millis(40);
/// What a client waits for an answer.
const CLIENT_WAITS: Millis = Millis::from_secs(10);
/// When a ghost arrives that arrives within its receive window.
const SOON: Millis = Millis(4_200);
/// When a ghost arrives that arrives after the next tick.
const LATE: Millis = Millis::from_secs(75);

/// The counter, the faults, and what is under way.
pub struct Effects {
    clock: SimClock,
    call_takes: Cell<Millis>,
    faults: Faults,
    calls: RefCell<Vec<Call>>,
    suffered: RefCell<Vec<(Method, Phase)>>,
    needed: RefCell<BTreeSet<Permission>>,
    stop: Cell<Option<Stop>>,
    ghosts: RefCell<Vec<Ghost>>,
    current: Cell<(usize, Function)>,
    last_fault: Cell<Option<Timestamp>>,
}

impl Effects {
    /// Nothing has happened yet.
    pub fn new(clock: SimClock, faults: Faults) -> Effects {
        Effects {
            clock,
            call_takes: Cell::new(CALL_TAKES),
            faults,
            calls: RefCell::default(),
            suffered: RefCell::default(),
            needed: RefCell::default(),
            stop: Cell::new(None),
            ghosts: RefCell::default(),
            current: Cell::new((0, Function::Decide)),
            last_fault: Cell::new(None),
        }
    }

    /// Calls take no time from now on.
    pub fn calls_take_no_time(&self) {
        self.call_takes.set(Millis(0));
    }

    /// The invocation that runs from now on.
    pub fn enter(&self, invocation: usize, function: Function) {
        self.current.set((invocation, function));
    }

    /// The invocation that runs.
    pub fn invocation(&self) -> usize {
        self.current.get().0
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.borrow().clone()
    }

    /// Every fault that befell a call.
    pub fn suffered(&self) -> Vec<(Method, Phase)> {
        self.suffered.borrow().clone()
    }

    /// The function that runs asks AWS for this.
    pub fn needs(&self, action: &'static str, resource: &'static str) {
        let (_, function) = self.current.get();
        self.needed.borrow_mut().insert(Permission { function: function.as_str(), action, resource });
    }

    /// Everything that AWS was asked for.
    pub fn needed(&self) -> BTreeSet<Permission> {
        self.needed.borrow().clone()
    }

    /// When something last went wrong.
    pub fn last_fault(&self) -> Option<Timestamp> {
        self.last_fault.get()
    }

    /// Why the invocation that was polled last does not go on.
    pub fn take_stop(&self) -> Option<Stop> {
        self.stop.take()
    }

    /// When the next ghost arrives.
    pub fn next_ghost(&self) -> Option<Timestamp> {
        self.ghosts.borrow().iter().map(|ghost| ghost.due).min()
    }

    /// Delivers every ghost that is due.
    pub fn deliver_ghosts(&self) {
        let now = self.clock.now();
        loop {
            let due = {
                let mut ghosts = self.ghosts.borrow_mut();
                let at = ghosts.iter().position(|ghost| ghost.due <= now);
                at.map(|at| ghosts.remove(at))
            };
            match due {
                Some(ghost) => (ghost.deliver)(),
                None => return,
            }
        }
    }

    /// One external call: `apply` has its effect, `failed` is what its caller is told instead of an answer,
    /// `stale` an old answer, `ghost` the same request without its sender.
    pub async fn pass<R>(
        &self,
        method: Method,
        what: impl FnOnce() -> String,
        apply: impl Fn() -> R,
        failed: impl Fn(Failure) -> R,
        stale: impl Fn() -> R,
        ghost: impl Fn() -> Box<dyn FnOnce()>,
    ) -> R {
        let phase = self.arrive(method, what);
        let Some(phase) = phase else { return apply() };
        let sent = self.clock.now();
        match phase {
            Phase::CrashBefore => self.die().await,
            Phase::CrashAfter => {
                apply();
                self.die().await
            }
            Phase::ReplyLost => {
                apply();
                self.clock.advance(CLIENT_WAITS);
                failed(Failure::NoAnswer)
            }
            Phase::Fails => failed(Failure::Clean),
            Phase::Busy => failed(Failure::Busy),
            Phase::Refused => failed(Failure::Refused),
            Phase::FailsApplied => {
                apply();
                failed(Failure::NoAnswer)
            }
            Phase::GhostSoon => {
                self.haunt(sent + SOON, ghost());
                self.die().await
            }
            Phase::GhostLate => {
                self.haunt(sent + LATE, ghost());
                self.die().await
            }
            Phase::GhostAlive => {
                self.haunt(sent + SOON, ghost());
                failed(Failure::NoAnswer)
            }
            Phase::Twice => {
                let answer = apply();
                apply();
                answer
            }
            Phase::Stale => stale(),
            Phase::Frozen | Phase::FrozenLong | Phase::FrozenPerson => {
                self.halt(Stop::Frozen(phase)).await;
                apply()
            }
            Phase::Switch => {
                self.halt(Stop::Switched).await;
                apply()
            }
        }
    }

    fn arrive(&self, method: Method, what: impl FnOnce() -> String) -> Option<Phase> {
        self.clock.advance(self.call_takes.get());
        self.deliver_ghosts();
        let (invocation, function) = self.current.get();
        let mut calls = self.calls.borrow_mut();
        let number = calls.len();
        calls.push(Call { invocation, function, method, at: self.clock.now(), what: what() });
        let phase = self.faults.get(&number).copied();
        if let Some(phase) = phase {
            self.suffered.borrow_mut().push((method, phase));
            self.last_fault.set(Some(self.clock.now()));
        }
        phase
    }

    fn haunt(&self, due: Timestamp, deliver: Box<dyn FnOnce()>) {
        self.ghosts.borrow_mut().push(Ghost { due, deliver });
    }

    /// The driver drops the invocation here.
    async fn die<R>(&self) -> R {
        self.stop.set(Some(Stop::Crashed));
        pending().await
    }

    /// The driver polls again when it goes on.
    async fn halt(&self, stop: Stop) {
        self.stop.set(Some(stop));
        Once(false).await;
    }
}

/// Waits for one more poll.
struct Once(bool);

impl Future for Once {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        Poll::Pending
    }
}
