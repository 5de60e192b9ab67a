//! What people have to be told, from what is wrong now and what they were told before: pure.

use shared::ids::IncidentId;
use shared::records::fields::Read;
use shared::signal::Severity;
use shared::state::Episode;
use shared::store::Key;
use shared::time::{Millis, Timestamp};

use crate::checks::{Judged, Verdict};
use crate::finding::{Finding, severity_of};

/// How often people are reminded of what lasts.
pub const REMIND_EVERY: Millis = Millis::from_minutes(60);
/// Most errands of one invocation; the next minute goes on with the rest.
pub const MOST_ERRANDS: usize = 300;

/// Something that people may have to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// A fact without an episode.
    Open {
        /// The fact.
        finding: Finding,
        /// Whether the item has an unreadable entry for it, which is replaced.
        replaces: bool,
    },
    /// A fact whose page is not known to have gone out.
    Deliver {
        /// The fact.
        finding: Finding,
        /// Its incident.
        incident: IncidentId,
    },
    /// A fact that people were told of, long ago enough to look whether a reminder is due.
    Remind {
        /// The fact.
        finding: Finding,
        /// Its incident.
        incident: IncidentId,
    },
    /// An episode whose fact has gone.
    Recover {
        /// The item that keeps the episode.
        item: Key,
        /// The kind of the fact.
        kind: String,
        /// What is known of the episode.
        episode: Episode,
        /// Whether another fact of its kind has taken its place, of which people are told: nothing has recovered.
        is_replaced: bool,
    },
}

impl Errand {
    /// The incident that exists already.
    pub const fn incident(&self) -> Option<&IncidentId> {
        match self {
            Errand::Open { .. } => None,
            Errand::Deliver { incident, .. } | Errand::Remind { incident, .. } => Some(incident),
            Errand::Recover { episode, .. } => Some(&episode.incident_id),
        }
    }
    /// First pages, then notices, then what is over, then reminders.
    fn rank(&self) -> (u8, Severity) {
        match self {
            Errand::Open { finding, .. } | Errand::Deliver { finding, .. } => (0, severity_of(&finding.kind)),
            Errand::Recover { kind, .. } => (1, severity_of(kind)),
            Errand::Remind { finding, .. } => (2, severity_of(&finding.kind)),
        }
    }
}

/// Every errand, the most urgent first, at most [`MOST_ERRANDS`].
pub fn plan(judged: &Judged, now: Timestamp) -> Vec<Errand> {
    let mut errands: Vec<Errand> = judged.verdicts().flat_map(|verdict| of(verdict, now)).collect();
    errands.sort_by_key(Errand::rank);
    errands.truncate(MOST_ERRANDS);
    errands
}

fn of(verdict: &Verdict, now: Timestamp) -> Vec<Errand> {
    let findings = verdict.findings.values().filter_map(|finding| for_finding(verdict, finding, now));
    let over = verdict.episodes.iter().filter_map(|(kind, episode)| over(verdict, kind, episode));
    findings.chain(over).collect()
}

/// An episode whose fact has gone, or in whose place another stands.
fn over(verdict: &Verdict, kind: &str, episode: &Read<Episode>) -> Option<Errand> {
    let episode = episode.as_ref().ok()?;
    let is_replaced = verdict.findings.get(kind).is_some_and(|finding| finding.is_another(episode));
    let (item, kind, episode) = (verdict.item.clone(), kind.to_owned(), episode.clone());
    (is_replaced || verdict.has_gone(&kind)).then_some(Errand::Recover { item, kind, episode, is_replaced })
}

/// It is one episode as long as its entry stands, whatever `since` says meanwhile.
fn for_finding(verdict: &Verdict, finding: &Finding, now: Timestamp) -> Option<Errand> {
    let finding = finding.clone();
    match verdict.episodes.get(&finding.kind) {
        None => Some(Errand::Open { finding, replaces: false }),
        Some(Err(_)) => Some(Errand::Open { finding, replaces: true }),
        Some(Ok(episode)) if finding.is_another(episode) => Some(Errand::Open { finding, replaces: true }),
        Some(Ok(episode)) => {
            let incident = episode.incident_id.clone();
            match episode.paged_at {
                None => Some(Errand::Deliver { finding, incident }),
                Some(at) if now.since(at) >= REMIND_EVERY => Some(Errand::Remind { finding, incident }),
                Some(_) => None,
            }
        }
    }
}
