//! The invocation's answer.

use serde_json::{Value, json};

use crate::Failure;
use crate::repair::Plan;

/// What came of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Books equal venue.
    Clean {
        /// Trades that were adopted to make it so.
        adopted: u32,
    },
    /// They do not.
    Diverged,
    /// There is more than one run can read: nothing was judged.
    Partial,
}

impl Look {
    /// What a plan amounts to.
    pub fn of(plan: &Plan) -> Look {
        match (plan.whole, plan.holds) {
            (false, _) => Look::Partial,
            (true, true) => Look::Diverged,
            (true, false) => Look::Clean { adopted: u32::try_from(plan.adopt.len()).unwrap_or(u32::MAX) },
        }
    }
}

/// What one invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Accounts whose books equal their venue.
    pub clean: u32,
    /// Accounts whose books do not.
    pub diverged: u32,
    /// Accounts with more to read.
    pub partial: u32,
    /// Accounts and strategies that could not be looked at.
    pub failed: u32,
    /// Trades that were adopted.
    pub adopted: u32,
}

impl Report {
    /// Counts one account.
    pub fn count(&mut self, look: &Result<Look, Failure>) {
        let counter = match look {
            Ok(Look::Clean { adopted }) => {
                self.adopted = self.adopted.saturating_add(*adopted);
                &mut self.clean
            }
            Ok(Look::Diverged) => &mut self.diverged,
            Ok(Look::Partial) => &mut self.partial,
            Err(_) => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
    }

    /// The invocation's answer.
    pub fn to_json(self) -> Value {
        json!({
            "success": self.failed == 0,
            "clean": self.clean,
            "diverged": self.diverged,
            "partial": self.partial,
            "failed": self.failed,
            "adopted": self.adopted,
        })
    }
}
