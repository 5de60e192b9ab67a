//! What the model was asked and answered, so that a test can compare it with what the system counted.

use std::collections::BTreeMap;

use super::answer::Answer;
use super::ask::Ask;

/// How one call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// One well-formed decision.
    Answered,
    /// Declined with status 200.
    Refused,
    /// Status 200, and not one well-formed decision: nonsense, an answer that was cut off, or prose where the server
    /// ignores how a decision was asked for.
    Malformed,
    /// Status 200 or a redirect, and no answer at all.
    Broken,
    /// 429 with a time to come back.
    Throttled,
    /// 429 that no waiting cures.
    SpendLimited,
    /// 529.
    Overloaded,
    /// The request itself was wrong.
    Invalid,
}

/// Counts since the model was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meters {
    /// Calls by how they ended.
    pub calls: BTreeMap<Outcome, u64>,
    /// Well-formed decisions by action.
    pub actions: BTreeMap<String, u64>,
    /// Calls that carried an error about the answer before.
    pub corrections: u64,
    /// Input tokens of calls that were answered.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
}

impl Meters {
    /// How many calls ended as `outcome`.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.calls.get(&outcome).copied().unwrap_or_default()
    }

    /// All calls.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    pub(super) fn failed(&mut self, outcome: Outcome) {
        bump(self.calls.entry(outcome).or_default(), 1);
    }

    pub(super) fn answered(&mut self, outcome: Outcome, ask: &Ask, answer: &Answer, action: Option<String>) {
        bump(self.calls.entry(outcome).or_default(), 1);
        bump(&mut self.corrections, u64::from(ask.heard.is_corrected));
        bump(&mut self.input_tokens, ask.input_tokens);
        bump(&mut self.output_tokens, answer.output_tokens());
        if let Some(action) = action.filter(|_| outcome == Outcome::Answered) {
            bump(self.actions.entry(action).or_default(), 1);
        }
    }
}

fn bump(counter: &mut u64, by: u64) {
    *counter = counter.saturating_add(by);
}
