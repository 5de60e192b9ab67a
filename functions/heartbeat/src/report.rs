//! The invocation's answer.

use serde_json::{Value, json};
use shared::tables::Names;
use shared::time::Millis;

use crate::checks::Judged;

/// What one invocation saw and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Strategies that are watched.
    pub active: u32,
    /// Of them, those with a beat that is not fresh.
    pub stale: u32,
    /// Messages about new facts that were published.
    pub alerts_sent: u32,
    /// How long it took.
    pub latency: Millis,
}

/// What could not be done, beside what was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of heartbeat's steps failed: {}", .failures.len(), .failures.first().map_or("", String::as_str))]
pub struct Failed {
    /// What was done.
    pub report: Report,
    /// What was not.
    pub failures: Vec<String>,
}

impl Report {
    /// Nothing was looked at.
    pub const fn nothing() -> Report {
        Report { active: 0, stale: 0, alerts_sent: 0, latency: Millis(0) }
    }

    /// The counts of what was judged.
    pub fn of(judged: &Judged, alerts_sent: u32, latency: Millis) -> Report {
        let watched = || judged.strategies.iter().filter(|verdict| verdict.watched);
        let stale = watched().filter(|verdict| verdict.findings.contains_key("heartbeat-stale"));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Report { active: number(watched().count()), stale: number(stale.count()), alerts_sent, latency }
    }

    /// The documented answer.
    pub fn to_json(self, names: &Names) -> Value {
        json!({
            "success": true,
            "data": { "summary": {
                "active_strategies": self.active,
                "stale": self.stale,
                "healthy": self.active.saturating_sub(self.stale),
                "alerts_sent": self.alerts_sent,
                "latency_ms": self.latency.0,
            } },
            "environment": names.env.as_str(),
        })
    }
}
