//! What one invocation did: its answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What one invocation did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Strategies of the shard.
    pub strategies: u32,
    /// Cycles with an outcome.
    pub cycles: u32,
    /// Strategies that were not served: the log says why.
    pub failed: u32,
    /// Of them, those of which an answer or an outcome is not in the tables.
    pub unrecorded: u32,
    /// How often each outcome occurred.
    pub outcomes: BTreeMap<String, u32>,
}

/// Why the invocation fails as a whole although the others were served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} cycles are not in the tables as they ended; each ERROR line of this invocation names one")]
pub struct Unrecorded(pub u32);

impl Report {
    /// Counts one outcome.
    pub fn count(&mut self, outcome: String) {
        self.cycles = self.cycles.saturating_add(1);
        let count = self.outcomes.entry(outcome).or_insert(0);
        *count = count.saturating_add(1);
    }
    /// The invocation's answer. What may have been asked and paid for and is not recorded is told by the function's
    /// own alarm: the tables, which would tell it, did not take it.
    pub fn answer(&self) -> Result<Value, Unrecorded> {
        if self.unrecorded == 0 { Ok(self.to_json()) } else { Err(Unrecorded(self.unrecorded)) }
    }
    /// What it did.
    pub fn to_json(&self) -> Value {
        json!({
            "cycles": self.cycles,
            "failed": self.failed,
            "outcomes": self.outcomes,
            "strategies": self.strategies,
            "success": self.failed == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_small_and_says_what_happened() {
        let mut report = Report { strategies: 2, ..Report::default() };
        report.count("hold".to_owned());
        insta::assert_snapshot!(report.to_json(), @r#"{"cycles":1,"failed":0,"outcomes":{"hold":1},"strategies":2,"success":true}"#);
    }
}
