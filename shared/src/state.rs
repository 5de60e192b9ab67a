//! A strategy's live state: everything that its functions must know before they read anything else.

use std::collections::BTreeMap;

use crate::ids::{IncidentId, Leg, OrderId, PositionId, StrategyId};
use crate::money::{Amount, Notional};
use crate::order::Origin;
use crate::status::{Hold, Holds, Status};
use crate::time::{Day, Timestamp};

/// Most entries of `live`.
pub const MOST_LIVE: usize = 16;
/// A new position needs room for its order, its position, its stop and its exit.
pub const ROOM_TO_OPEN: usize = 4;

/// The key of a `live` entry, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// A position that is not closed; the key is its id.
    Position,
    /// An order that is not over; the key is its id.
    Order {
        /// Its position.
        position: PositionId,
        /// What it is for.
        leg: Leg,
    },
    /// Something wanted of what exists; the key is `w-{intent_seq}`.
    Wish(WishFor),
}

/// A wish to close a position or to cancel an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WishFor {
    /// What is wanted.
    pub target: Target,
    /// Who wants it.
    pub origin: Origin,
    /// Since when.
    pub at: Timestamp,
    /// The decision that it is of, where a model wants it; none in items from before it was kept.
    pub decision: Option<Timestamp>,
}

/// What a wish is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Close this position.
    Close(PositionId),
    /// Cancel this entry.
    Cancel {
        /// Its position.
        position: PositionId,
        /// The entry.
        order_id: OrderId,
    },
}

/// Something that must page, until the function that wrote it clears it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// When it began.
    pub since: Timestamp,
    /// What it is about: an order, a position, a symbol.
    pub key: String,
    /// One sentence for the person on call.
    pub detail: String,
}

/// What heartbeat knows about an episode that it has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The incident.
    pub incident_id: IncidentId,
    /// When the fact began.
    pub since: Timestamp,
    /// When its page was acknowledged by SNS; none while it is undelivered.
    pub paged_at: Option<Timestamp>,
}

/// What was sent today (UTC), counted when sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecDay {
    /// The day.
    pub day: Day,
    /// Orders sent.
    pub orders: u32,
    /// Cancels sent.
    pub cancels: u32,
    /// Profit realised, in quote.
    pub realised: Amount,
    /// Fees paid in a third asset, in quote at the prices of when they were recorded: `realised` is without them.
    pub fees: Amount,
    /// The limit of orders that the last one was counted against; none before the first. It stands beside the
    /// count so that whoever watches many strategies reads no settings.
    pub most_orders: Option<u32>,
}

impl ExecDay {
    /// A day on which nothing was sent yet.
    pub const fn begun(day: Day) -> ExecDay {
        ExecDay { day, orders: 0, cancels: 0, realised: Amount::ZERO, fees: Amount::ZERO, most_orders: None }
    }
}

/// What the model cost today (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LlmDay {
    /// The day.
    pub day: Day,
    /// Questions asked.
    pub calls: u32,
    /// Dollars spent.
    pub usd: Notional,
}

/// What one minute of execute saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecMinute {
    /// The minute, counted from the epoch.
    pub minute: i64,
    /// Orders refused by our rules.
    pub risk_rejections: u32,
    /// Venue calls that failed.
    pub backend_errors: u32,
    /// Orders that the venue refused.
    pub order_failures: u32,
}

/// What one minute of decide saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LlmMinute {
    /// The minute, counted from the epoch.
    pub minute: i64,
    /// Questions asked.
    pub calls: u32,
    /// Answers that were refusals or apologies.
    pub refusals: u32,
    /// Answers of 429.
    pub throttled: u32,
    /// Tokens in and out.
    pub tokens: u32,
}

/// Most minutes kept.
pub const RECENT_MINUTES: usize = 5;

/// The gates, as far as they are remembered in the state; all of it is execute's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Refusals by the risk chain in a row.
    pub rejections: u32,
    /// Where the rejection gate is.
    pub phase: Phase,
    /// When the last position was opened, newest first, at most one hour back.
    pub opens: Vec<Timestamp>,
    /// The request of a person that was last granted, by its time.
    pub reset_at: Option<Timestamp>,
    /// Where the daily loss gate counts from; none before a person reset it.
    pub pnl_from: Option<PnlFrom>,
    /// Until when the venue has banned us.
    pub banned_until: Option<Timestamp>,
    /// Stops in a row that did not come to rest.
    pub missing_stops: u32,
}

/// Where the rejection gate is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Phase {
    /// Orders pass.
    #[default]
    Closed,
    /// Nothing opens; the hold `rejection_gate` stands.
    Open {
        /// Since when: the cooldown counts from here.
        since: Timestamp,
    },
    /// The cooldown is over and the hold is gone: one order may be sent, and what becomes of it decides.
    HalfOpen {
        /// That order, once it is sent and until its fate is known.
        trial: Option<OrderId>,
    },
}

/// The day's result at which a person reset the daily loss gate: that day, losses count from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PnlFrom {
    /// The day.
    pub day: Day,
    /// The result, in quote.
    pub result: Amount,
}

/// A gate that a person may close before it closes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateName {
    /// Too many refusals in a row.
    Rejection,
    /// The day's loss.
    Pnl,
}

impl GateName {
    /// Every gate.
    pub const ALL: [GateName; 2] = [GateName::Rejection, GateName::Pnl];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            GateName::Rejection => "rejection",
            GateName::Pnl => "pnl",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<GateName> {
        GateName::ALL.into_iter().find(|gate| gate.as_str() == text)
    }
    /// The hold by which it blocks opening.
    pub const fn hold(self) -> Hold {
        match self {
            GateName::Rejection => Hold::RejectionGate,
            GateName::Pnl => Hold::PnlGate,
        }
    }
}

/// A person's request to close gates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateReset {
    /// Which; none means both.
    pub gate: Option<GateName>,
    /// Who.
    pub by: String,
    /// When: also what tells one request from the next.
    pub at: Timestamp,
}

/// A strategy's live state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyState {
    /// The strategy.
    pub strategy_id: StrategyId,
    /// Written by people, and downwards by the system.
    pub status: Status,
    /// The status that execute last acted on.
    pub status_ack: Option<Status>,
    /// When.
    pub status_ack_at: Option<Timestamp>,
    /// Why the system lowered the status, or who stopped it.
    pub halt_reason: Option<String>,
    /// What blocks opening for now.
    pub holds: Holds,
    /// The last cycle or tick that made progress.
    pub last_heartbeat: Timestamp,
    /// Decide's last scheduled minute.
    pub last_decided_at: Timestamp,
    /// Execute's last scheduled minute.
    pub last_executed_at: Timestamp,
    /// Reconcile's last clean or unclean look; none before the first.
    pub last_reconciled_at: Option<Timestamp>,
    /// Every live position, order and wish.
    pub live: BTreeMap<String, Live>,
    /// The earliest fence, timeout or exit limit.
    pub due_at: Option<Timestamp>,
    /// What is due then: `orders` or `positions`, and which.
    pub due_what: Option<String>,
    /// What must page.
    pub alerts: BTreeMap<String, Alert>,
    /// What heartbeat has paged.
    pub episodes: BTreeMap<String, Episode>,
    /// Raised with every intent and wish.
    pub intent_seq: u64,
    /// Raised with every send and every fill.
    pub send_seq: u64,
    /// What was sent today.
    pub exec_day: ExecDay,
    /// What the model cost today.
    pub llm_day: LlmDay,
    /// Execute's last minutes, oldest first.
    pub recent_exec: Vec<ExecMinute>,
    /// Decide's last minutes, oldest first.
    pub recent_llm: Vec<LlmMinute>,
    /// Cycles in a row without a usable answer (decide's).
    pub bad_cycles: u32,
    /// The gates.
    pub breaker: Breaker,
    /// The last request of a person to reset the gates; execute grants it once.
    pub gate_reset: Option<GateReset>,
}

impl StrategyState {
    /// The state that `strategy apply` writes first.
    pub fn first(strategy_id: StrategyId, status: Status, now: Timestamp) -> StrategyState {
        StrategyState {
            strategy_id,
            status,
            status_ack: None,
            status_ack_at: None,
            halt_reason: None,
            holds: Holds::new(),
            last_heartbeat: now,
            last_decided_at: now,
            last_executed_at: now,
            last_reconciled_at: None,
            live: BTreeMap::new(),
            due_at: None,
            due_what: None,
            alerts: BTreeMap::new(),
            episodes: BTreeMap::new(),
            intent_seq: u64::try_from(now.as_secs()).unwrap_or(0),
            send_seq: 0,
            exec_day: ExecDay::begun(now.day()),
            llm_day: LlmDay { day: now.day(), calls: 0, usd: Notional::ZERO },
            recent_exec: Vec::new(),
            recent_llm: Vec::new(),
            bad_cycles: 0,
            breaker: Breaker::default(),
            gate_reset: None,
        }
    }

    /// Whether a new position still fits into `live`.
    pub fn has_room_to_open(&self) -> bool {
        self.live.len().saturating_add(ROOM_TO_OPEN) <= MOST_LIVE
    }
}
