//! The process dies at its n-th call: that call never returns, and whoever drives the process is told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use tokio::sync::Notify;

use super::dice::stream;

/// What becomes of the process at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It lives on.
    Lives,
    /// It dies before the request leaves.
    DiesBefore,
    /// It dies once the request was served, before it reads the answer.
    DiesAfter,
}

#[derive(Debug)]
struct State {
    chance: ChaCha8Rng,
    left: Option<u32>,
    after_effect: bool,
    crashed: bool,
    before: u64,
    after: u64,
}

/// Where the next crash is.
#[derive(Debug)]
pub(super) struct Crash {
    state: Mutex<State>,
    told: Notify,
}

impl Crash {
    pub(super) fn new(seed: u64) -> Crash {
        let chance = stream(seed, "crash");
        let state = State { chance, left: None, after_effect: false, crashed: false, before: 0, after: 0 };
        Crash { state: Mutex::new(state), told: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arm(&self, calls: u32) {
        let mut state = self.state();
        state.left = Some(calls.max(1));
        state.after_effect = state.chance.next_u32() % 2 == 1;
        state.crashed = false;
    }

    /// Whether it had crashed.
    pub(super) fn disarm(&self) -> bool {
        let mut state = self.state();
        state.left = None;
        std::mem::take(&mut state.crashed)
    }

    /// One call; what it says of a death, [`Crash::die`] carries out.
    pub(super) fn step(&self) -> Step {
        let mut state = self.state();
        let left = state.left.map(|left| left.saturating_sub(1));
        state.left = left.filter(|left| *left > 0);
        match (left, state.after_effect) {
            (Some(0), true) => Step::DiesAfter,
            (Some(0), false) => Step::DiesBefore,
            (Some(_) | None, _) => Step::Lives,
        }
    }

    /// Never returns.
    pub(super) async fn die<T>(&self) -> T {
        {
            let mut state = self.state();
            state.crashed = true;
            let count = if state.after_effect { &mut state.after } else { &mut state.before };
            *count = count.saturating_add(1);
        }
        self.told.notify_one();
        std::future::pending().await
    }

    pub(super) async fn crashed(&self) {
        while !self.state().crashed {
            self.told.notified().await;
        }
    }

    /// Crashes before and after an effect.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.before, state.after)
    }
}
