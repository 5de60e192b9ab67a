//! What the model said: trade, hold, or nothing usable, and why.

use std::fmt;

use crate::ids::{OrderId, Symbol};
use crate::market::Side;
use crate::money::{Price, Qty};
use crate::order::TimeInForce;

/// What the model may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Open a position.
    Open,
    /// Close the whole position.
    Close,
    /// Cancel an entry that has not filled.
    Cancel,
    /// Do nothing, as a decision.
    Hold,
    /// Say that no decision is possible.
    Abstain,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 5] = [Action::Open, Action::Close, Action::Cancel, Action::Hold, Action::Abstain];
    /// The spelling of the tool.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Open => "open",
            Action::Close => "close",
            Action::Cancel => "cancel",
            Action::Hold => "hold",
            Action::Abstain => "abstain",
        }
    }
    /// Reads the spelling of the tool.
    pub fn parse(text: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// A well-formed wish to change something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Open a position with its stop.
    Open(Opening),
    /// Close the position in `symbol`.
    Close {
        /// The market.
        symbol: Symbol,
    },
    /// Cancel one entry.
    Cancel {
        /// The market.
        symbol: Symbol,
        /// The entry.
        order_id: OrderId,
    },
}

/// The terms of a wish to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The market.
    pub symbol: Symbol,
    /// Which way; on spot always buy.
    pub side: Side,
    /// How much base.
    pub quantity: Qty,
    /// At market, or at a limit.
    pub limit: Option<(Price, TimeInForce)>,
    /// Where the stop rests.
    pub stop_loss: Price,
    /// Where profit is taken, if anywhere.
    pub take_profit: Option<Price>,
}

/// What came of one cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Something should change.
    Trade(Wish),
    /// Nothing should change.
    Hold,
    /// There is no decision; nothing changes, and it is counted.
    Abstain(Why),
}

/// Why there is no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The model itself said `abstain`.
    ByModel,
    /// The model refused or apologised.
    Refused,
    /// The answer was cut off.
    Truncated,
    /// The answer was empty: no call and no word.
    Empty,
    /// The answer had the wrong form, twice.
    Malformed,
    /// Asking would exceed a budget.
    OverBudget,
    /// The provider could not be reached or said no.
    Unavailable,
    /// The market data was stale or incomplete.
    StaleMarket,
    /// The books of the account do not say what it holds.
    UnknownBalance,
    /// Models are switched off until a person resumes them.
    ModelOff,
    /// Nothing material changed since the last decision: it was not worth asking.
    Unchanged,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 11] = [
        Why::ByModel,
        Why::Refused,
        Why::Truncated,
        Why::Empty,
        Why::Malformed,
        Why::OverBudget,
        Why::Unavailable,
        Why::StaleMarket,
        Why::UnknownBalance,
        Why::ModelOff,
        Why::Unchanged,
    ];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::ByModel => "by_model",
            Why::Refused => "refused",
            Why::Truncated => "truncated",
            Why::Empty => "empty",
            Why::Malformed => "malformed",
            Why::OverBudget => "over_budget",
            Why::Unavailable => "unavailable",
            Why::StaleMarket => "stale_market",
            Why::UnknownBalance => "unknown_balance",
            Why::ModelOff => "model_off",
            Why::Unchanged => "unchanged",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.as_str() == text)
    }
    /// Whether it counts towards three bad cycles in a row.
    pub const fn is_bad_answer(self) -> bool {
        matches!(self, Why::Refused | Why::Truncated | Why::Empty | Why::Malformed)
    }
}

/// `open`, `close`, `cancel`, `hold` or `abstain:why`.
impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Trade(Wish::Open(_)) => out.write_str("open"),
            Outcome::Trade(Wish::Close { .. }) => out.write_str("close"),
            Outcome::Trade(Wish::Cancel { .. }) => out.write_str("cancel"),
            Outcome::Hold => out.write_str("hold"),
            Outcome::Abstain(why) => write!(out, "abstain:{}", why.as_str()),
        }
    }
}
