//! An episode or notice and its delivery: `tradai-incidents`, heartbeat's alone.

use crate::ids::{IncidentId, StrategyId};
use crate::records::attrs::{Draft, text, time};
use crate::records::fields::{Corrupt, Fields, Found};
use crate::signal::Severity;
use crate::store::{Item, Key};
use crate::tables::Table;
use crate::time::Timestamp;

/// Something that people are told, once, with reminders and one recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Derived from the fact that caused it, so that concurrent checkers collide.
    pub incident_id: IncidentId,
    /// The alarm's name, or the notice's.
    pub kind: String,
    /// Who is told.
    pub severity: Severity,
    /// The strategy, where it is about one.
    pub strategy_id: Option<StrategyId>,
    /// What it is about.
    pub subject: String,
    /// When the fact began.
    pub since: Timestamp,
    /// One sentence for the person on call.
    pub detail: String,
    /// When it was recorded.
    pub opened_at: Timestamp,
    /// When a checker took its delivery upon itself.
    pub claimed_at: Option<Timestamp>,
    /// When its message was acknowledged.
    pub published_at: Option<Timestamp>,
    /// When the last reminder was.
    pub reminded_at: Option<Timestamp>,
    /// When the fact ended.
    pub resolved_at: Option<Timestamp>,
    /// When the message that it ended was acknowledged.
    pub recovery_published_at: Option<Timestamp>,
}

/// Where each attribute is that changes after the put.
pub mod path {
    use crate::records::attrs::paths;

    paths!(claimed_at, published_at, reminded_at, resolved_at, recovery_published_at, detail);
}

/// The item of an incident.
pub fn key(id: &IncidentId) -> Key {
    Key { table: Table::Incidents, hash: id.as_str().to_owned(), range: None }
}

/// The whole item.
pub fn encode(incident: &Incident) -> Item {
    Draft::under(key(&incident.incident_id))
        .with("kind", text(&incident.kind))
        .with("severity", text(incident.severity.as_str()))
        .maybe("strategy_id", incident.strategy_id.as_ref().map(text))
        .with("subject", text(&incident.subject))
        .with("since", time(incident.since))
        .with("detail", text(&incident.detail))
        .with("opened_at", time(incident.opened_at))
        .maybe("claimed_at", incident.claimed_at.map(time))
        .maybe("published_at", incident.published_at.map(time))
        .maybe("reminded_at", incident.reminded_at.map(time))
        .maybe("resolved_at", incident.resolved_at.map(time))
        .maybe("recovery_published_at", incident.recovery_published_at.map(time))
        .item()
}

/// Reads the whole item.
pub fn decode(item: &Item) -> Result<Incident, Corrupt> {
    let fields = Fields::of(Table::Incidents, item);
    Ok(Incident {
        incident_id: fields.need("incident_id", Found::word)?,
        kind: fields.need("kind", Found::filled)?,
        severity: fields.need("severity", Found::word)?,
        strategy_id: fields.maybe("strategy_id", Found::word)?,
        subject: fields.need("subject", Found::text)?,
        since: fields.need("since", Found::word)?,
        detail: fields.need("detail", Found::text)?,
        opened_at: fields.need("opened_at", Found::word)?,
        claimed_at: fields.maybe("claimed_at", Found::word)?,
        published_at: fields.maybe("published_at", Found::word)?,
        reminded_at: fields.maybe("reminded_at", Found::word)?,
        resolved_at: fields.maybe("resolved_at", Found::word)?,
        recovery_published_at: fields.maybe("recovery_published_at", Found::word)?,
    })
}
