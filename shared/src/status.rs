//! Who may do what when: the authority table of the contract, as one pure function.

use std::collections::BTreeMap;

use crate::time::Timestamp;

/// A strategy's status: written by people, and by the system only downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Waits for enough closed candles and one clean reconcile.
    Warmup,
    /// Trades.
    Running,
    /// Closes what it has and opens nothing.
    Reducing,
    /// Protects what it has and opens nothing.
    Halted,
    /// A person has taken over.
    Stopped,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] =
        [Status::Warmup, Status::Running, Status::Reducing, Status::Halted, Status::Stopped];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Warmup => "warmup",
            Status::Running => "running",
            Status::Reducing => "reducing",
            Status::Halted => "halted",
            Status::Stopped => "stopped",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == text)
    }
    /// Whether its beats are watched even when nothing is open.
    pub const fn is_watched(self) -> bool {
        matches!(self, Status::Warmup | Status::Running | Status::Reducing)
    }
}

/// What clears by itself and blocks opening meanwhile; never touches the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// Books and venue differ (reconcile's).
    Divergence,
    /// Too many refusals in a row (execute's).
    RejectionGate,
    /// The day's loss reached its limit (execute's).
    PnlGate,
    /// The model is switched off (decide's).
    ModelOff,
    /// The market fell too fast (execute's).
    Crash,
    /// The venue banned us (execute's).
    VenueBan,
}

impl Hold {
    /// Every hold.
    pub const ALL: [Hold; 6] =
        [Hold::Divergence, Hold::RejectionGate, Hold::PnlGate, Hold::ModelOff, Hold::Crash, Hold::VenueBan];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Hold::Divergence => "divergence",
            Hold::RejectionGate => "rejection_gate",
            Hold::PnlGate => "pnl_gate",
            Hold::ModelOff => "model_off",
            Hold::Crash => "crash",
            Hold::VenueBan => "venue_ban",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Hold> {
        Hold::ALL.into_iter().find(|hold| hold.as_str() == text)
    }
}

/// The holds of a strategy and since when each stands.
pub type Holds = BTreeMap<Hold, Timestamp>;

/// What might be done at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Add risk.
    Open,
    /// Take back an entry that has not filled.
    CancelEntry,
    /// Rest a stop for what is held.
    ProtectiveStop,
    /// Close because one of our rules says so.
    ExitByRule,
    /// Close because the model says so.
    ExitByModel,
    /// Close because a person says so.
    ExitByPerson,
}

impl Act {
    /// Every act.
    pub const ALL: [Act; 6] = [
        Act::Open,
        Act::CancelEntry,
        Act::ProtectiveStop,
        Act::ExitByRule,
        Act::ExitByModel,
        Act::ExitByPerson,
    ];
}

/// Whether `act` is allowed: opening needs `running` and no hold; a hold binds nothing else.
pub fn may(act: Act, status: Status, held: bool) -> bool {
    match (act, status) {
        (Act::Open, Status::Running) => !held,
        (Act::Open, Status::Warmup | Status::Reducing | Status::Halted | Status::Stopped) => false,
        (Act::CancelEntry | Act::ProtectiveStop | Act::ExitByPerson, _) => true,
        (Act::ExitByRule, Status::Stopped) => false,
        (Act::ExitByRule, Status::Warmup | Status::Running | Status::Reducing | Status::Halted) => true,
        (Act::ExitByModel, Status::Running | Status::Reducing) => true,
        (Act::ExitByModel, Status::Warmup | Status::Halted | Status::Stopped) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of contract section 2, row by row.
    #[test]
    fn the_authority_table_is_the_contracts() {
        let row = |status, held| Act::ALL.map(|act| may(act, status, held));
        assert_eq!(row(Status::Warmup, false), [false, true, true, true, false, true]);
        assert_eq!(row(Status::Running, false), [true, true, true, true, true, true]);
        assert_eq!(row(Status::Reducing, false), [false, true, true, true, true, true]);
        assert_eq!(row(Status::Halted, false), [false, true, true, true, false, true]);
        assert_eq!(row(Status::Stopped, false), [false, true, true, false, false, true]);
    }

    #[test]
    fn a_hold_forbids_opening_and_nothing_else() {
        for status in Status::ALL {
            for act in Act::ALL {
                let expected = act != Act::Open && may(act, status, false);
                assert_eq!(may(act, status, true), expected, "{act:?} in {status:?}");
            }
        }
    }

    #[test]
    fn spellings_round_trip() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        for hold in Hold::ALL {
            assert_eq!(Hold::parse(hold.as_str()), Some(hold));
        }
        assert_eq!(Status::parse("Running"), None);
    }
}
