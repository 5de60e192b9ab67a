//! Something that is not as it should be, and who is told.

use std::collections::BTreeMap;

use shared::ids::{IncidentId, StrategyId};
use shared::records::Incident;
use shared::records::llm::{TOKEN_BOUND, UNANSWERED, UNUSABLE};
use shared::signal::{Severity, Signal};
use shared::state::Episode;
use shared::store::Key;
use shared::tables::{Names, Table};
use shared::time::Timestamp;

/// An item whose attributes cannot be read: the strategy counts as `halted`.
pub const ITEM_DAMAGED: &str = "item-damaged";
/// A strategy that no invocation serves.
pub const STRATEGY_UNSHARDED: &str = "strategy-unsharded";
/// An order that waits for a person's answer: a notice, of which only the beginning is told.
pub const APPROVAL_NEEDED: &str = "approval-needed";
/// A model near its last day: a notice, of which only the beginning is told.
pub const MODEL_RETIRING: &str = "model-retiring";

/// When a fact began, as far as the tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// What every checker finds alike: a time, or the words of the problem.
    pub text: String,
    /// The time, or the moment at which it was seen.
    pub at: Timestamp,
}

impl Since {
    /// A time that stands in the tables.
    pub fn at(at: Timestamp) -> Since {
        Since { text: at.to_string(), at }
    }
    /// A problem that has no time of its own.
    pub const fn seen(text: String, at: Timestamp) -> Since {
        Since { text, at }
    }
}

/// One fact about one item; an item has at most one of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The alarm's or the notice's name.
    pub kind: String,
    /// The item that it is about and that keeps its episode.
    pub item: Key,
    /// What within it: an order, a position, a beat.
    pub key: String,
    /// When it began.
    pub since: Since,
    /// One sentence for the person on call.
    pub detail: String,
}

/// The findings of one item by kind.
pub type Findings = BTreeMap<String, Finding>;

/// Who is told of a kind. A kind that nobody declared wakes a person rather than nobody.
pub fn severity_of(kind: &str) -> Severity {
    match Signal::parse(kind) {
        Some(signal) => signal.severity(),
        None if kind == STRATEGY_UNSHARDED => Severity::Warn,
        None if kind == APPROVAL_NEEDED || kind == MODEL_RETIRING => Severity::Info,
        None => Severity::Page,
    }
}

/// Whether people are told that it is over. They answered, or the offer ended: that needs no message.
pub fn tells_recovery(kind: &str) -> bool {
    kind != APPROVAL_NEEDED && kind != MODEL_RETIRING
}

impl Finding {
    /// Whether `episode` is of another fact of this kind: the next order that waits is told anew, even where no
    /// minute lies between the two, and so is what befell the models of a provider once more, or for a further cause.
    pub fn is_another(&self, episode: &Episode) -> bool {
        // A fact without a time of its own is seen anew each time.
        let is_later = episode.since < self.since.at && self.since == Since::at(self.since.at);
        match (self.kind.as_str(), Signal::parse(&self.kind)) {
            (APPROVAL_NEEDED | MODEL_RETIRING, _) => episode.since != self.since.at,
            (UNUSABLE | TOKEN_BOUND | UNANSWERED, _)
            | (_, Some(Signal::LlmRefusals | Signal::LlmThrottled | Signal::LlmCost)) => is_later,
            _ => false,
        }
    }

    /// The incident's id, the same for every checker that sees this fact.
    pub fn incident_id(&self, names: &Names) -> IncidentId {
        IncidentId::derive(&names.env, &self.kind, &self.item.hash, &self.since.text)
    }

    /// The incident as it is first recorded: claimed by whoever records it.
    pub fn incident(&self, incident_id: IncidentId, now: Timestamp) -> Incident {
        Incident {
            incident_id,
            kind: self.kind.clone(),
            severity: severity_of(&self.kind),
            strategy_id: strategy_of(&self.item),
            subject: self.item.hash.clone(),
            since: self.since.at,
            detail: self.detail.clone(),
            opened_at: now,
            claimed_at: Some(now),
            published_at: None,
            reminded_at: None,
            resolved_at: None,
            recovery_published_at: None,
        }
    }
}

fn strategy_of(item: &Key) -> Option<StrategyId> {
    (item.table == Table::TradingState).then(|| StrategyId::parse(&item.hash).ok()).flatten()
}
