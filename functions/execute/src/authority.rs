//! Who may do what in this tick, and how the system lowers a status: always with a page, never up.

use shared::settings::SafetyMode;
use shared::state::{Alert, StrategyState};
use shared::status::{Act, Status, may};
use shared::time::Timestamp;

use crate::turn::Turn;

/// The alert of a status that execute lowered; its key is the status that it was lowered to.
pub const STATUS_LOWERED: &str = "status-lowered";

impl<T, V> Turn<'_, T, V> {
    /// The status that this tick acts on: where an item cannot be read, it is `halted` at most.
    pub fn status(&self) -> Status {
        let status = self.desk.books.state.status;
        let whole = self.desk.books.damaged.is_empty();
        match status {
            Status::Stopped => Status::Stopped,
            Status::Warmup | Status::Running | Status::Reducing | Status::Halted if !whole => Status::Halted,
            Status::Warmup | Status::Running | Status::Reducing | Status::Halted => status,
        }
    }
    /// Whether anything may be sent that changes something at the venue: under a dry run nothing is, not even for what
    /// was held before.
    pub const fn acts(&self) -> bool {
        match self.desk.settings.safety_mode {
            SafetyMode::DryRun => false,
            SafetyMode::TwoPhase | SafetyMode::Direct => true,
        }
    }
    /// Whether the authority table allows `act` now.
    pub fn may(&self, act: Act) -> bool {
        may(act, self.status(), !self.desk.books.state.holds.is_empty())
    }
}

/// Lowers the status to `to`, `reducing` or `halted`, and pages; never over `stopped`, and never up.
pub fn lower(state: &mut StrategyState, to: Status, reason: &str, now: Timestamp) {
    if height(to) >= height(state.status) {
        return;
    }
    state.status = to;
    state.halt_reason = Some(reason.to_owned());
    let detail = format!("the status was lowered to {}: {reason}", to.as_str());
    let alert = Alert { since: now, key: to.as_str().to_owned(), detail };
    state.alerts.insert(STATUS_LOWERED.to_owned(), alert);
}

/// Once a person has set another status, its lowering is no news.
pub fn forget_lowering(state: &mut StrategyState) {
    if state.alerts.get(STATUS_LOWERED).is_some_and(|alert| alert.key != state.status.as_str()) {
        state.alerts.remove(STATUS_LOWERED);
    }
}

/// `running` down to `reducing` down to `halted`; `stopped` is a person's and below all.
const fn height(status: Status) -> u8 {
    match status {
        Status::Running | Status::Warmup => 3,
        Status::Reducing => 2,
        Status::Halted => 1,
        Status::Stopped => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{demo, minute};

    #[test]
    fn a_status_is_only_ever_lowered_and_stopped_never_touched() {
        for to in [Status::Reducing, Status::Halted] {
            for from in Status::ALL {
                let mut state = StrategyState::first(demo(), from, minute(0));
                lower(&mut state, to, "as a test", minute(1));
                let fell = height(to) < height(from);
                assert_eq!(state.status, if fell { to } else { from });
                assert_eq!(state.alerts.contains_key(STATUS_LOWERED), fell, "{from:?} to {to:?}");
            }
        }
    }
}
