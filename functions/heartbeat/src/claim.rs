//! The writes by which concurrent heartbeats agree on one page: each with the conditions that let one win.

use shared::ids::IncidentId;
use shared::records::attrs::time;
use shared::records::incident::{self, path};
use shared::records::{Incident, account, state};
use shared::state::Episode;
use shared::store::{Attr, Change, Cond, Key, Path, Write};
use shared::tables::Table;
use shared::time::{Millis, Timestamp};

use crate::message::Notice;

/// How long a claim is left to its claimer: longer than a delivery takes, shorter than the next minute.
pub const CLAIM: Millis = Millis::from_secs(45);
/// How much older than our look a resolution must be before the same fact opens its incident again: a scan
/// may show what stood there a moment ago.
const LOOK_LAG: Millis = Millis::from_secs(10);

/// Whether another checker is about to deliver.
pub fn is_claimed(incident: &Incident, now: Timestamp) -> bool {
    incident.claimed_at.is_some_and(|at| now.since(at) < CLAIM)
}

/// Whether the fact was seen again after its incident was resolved.
pub fn has_come_back(incident: &Incident, seen_at: Timestamp) -> bool {
    incident.resolved_at.is_some_and(|at| seen_at.since(at) > LOOK_LAG)
}

/// Where an item keeps what people were told about `kind`.
fn entry(item: &Key, kind: &str) -> Path {
    match item.table {
        Table::TradingState => state::path::episode(kind),
        Table::StrategyConfig
        | Table::Positions
        | Table::Orders
        | Table::Decisions
        | Table::Incidents
        | Table::Ledgers
        | Table::Context => account::path::episode(kind),
    }
}

fn entry_attr(incident: &Incident) -> Attr {
    state::episode_attr(&Episode {
        incident_id: incident.incident_id.clone(),
        since: incident.since,
        paged_at: incident.published_at,
    })
}

/// The item is still there: an episode never brings back what was removed.
fn exists(item: &Key) -> Cond {
    Cond::Present(Path::of(item.table.hash_key()))
}

/// Notes the incident on its item, unless another checker has noted one.
pub fn note(incident: &Incident, item: &Key, replaces: bool) -> Write {
    let path = entry(item, &incident.kind);
    let mut conds = vec![exists(item)];
    if !replaces {
        conds.push(Cond::Absent(path.clone()));
    }
    Write::update(item.clone(), vec![Change::Set(path, entry_attr(incident))], conds)
}

/// Records the incident, claimed by this checker.
pub fn record(incident: &Incident) -> Write {
    Write::put_if_absent(incident::key(&incident.incident_id), incident::encode(incident))
}

/// Takes one message upon this checker, if nobody has since `incident` was read.
pub fn claim(incident: &Incident, notice: Notice, now: Timestamp) -> (Incident, Write) {
    let mut claimed = Incident { claimed_at: Some(now), ..incident.clone() };
    let mut changes = vec![Change::Set(path::claimed_at(), time(now))];
    let mut conds = vec![as_read(path::claimed_at(), incident.claimed_at)];
    match notice {
        Notice::Page => conds.push(Cond::Absent(path::published_at())),
        Notice::Reminder => conds.push(as_read(path::reminded_at(), incident.reminded_at)),
        Notice::Recovery => {
            conds.push(Cond::Absent(path::recovery_published_at()));
            if incident.resolved_at.is_none() {
                changes.push(Change::Set(path::resolved_at(), time(now)));
                claimed.resolved_at = Some(now);
            }
        }
    }
    (claimed, Write::update(incident::key(&incident.incident_id), changes, conds))
}

/// Opens a resolved incident again: the same fact has come back.
pub fn reopen(incident: &Incident, now: Timestamp) -> (Incident, Write) {
    let opened = Incident {
        opened_at: now,
        claimed_at: Some(now),
        published_at: None,
        reminded_at: None,
        resolved_at: None,
        recovery_published_at: None,
        ..incident.clone()
    };
    let changes = vec![
        Change::Set(Path::of("opened_at"), time(now)),
        Change::Set(path::claimed_at(), time(now)),
        Change::Remove(path::published_at()),
        Change::Remove(path::reminded_at()),
        Change::Remove(path::resolved_at()),
        Change::Remove(path::recovery_published_at()),
    ];
    let conds = vec![
        as_read(path::resolved_at(), incident.resolved_at),
        as_read(path::claimed_at(), incident.claimed_at),
    ];
    let write = Write::update(incident::key(&incident.incident_id), changes, conds);
    (opened, write)
}

/// Ends an incident of which nobody is told that it is over.
pub fn resolve(incident: &Incident, now: Timestamp) -> Write {
    let there = vec![Cond::Present(Path::of(Table::Incidents.hash_key())), Cond::Absent(path::resolved_at())];
    let set = vec![Change::Set(path::resolved_at(), time(now))];
    Write::update(incident::key(&incident.incident_id), set, there)
}

/// The incident and its write once a message was acknowledged.
pub fn done(incident: &Incident, notice: Notice, now: Timestamp) -> (Incident, Write) {
    let mut told = incident.clone();
    let path = match notice {
        Notice::Page => {
            told.published_at = Some(now);
            path::published_at()
        }
        Notice::Reminder => {
            told.reminded_at = Some(now);
            path::reminded_at()
        }
        Notice::Recovery => {
            told.recovery_published_at = Some(now);
            path::recovery_published_at()
        }
    };
    let set = vec![Change::Set(path, time(now))];
    let there = vec![Cond::Present(Path::of(Table::Incidents.hash_key()))];
    (told, Write::update(incident::key(&incident.incident_id), set, there))
}

/// Notes on the item that the page went out.
pub fn note_paged(incident: &Incident, item: &Key) -> Write {
    let set = Change::Set(entry(item, &incident.kind), entry_attr(incident));
    Write::update(item.clone(), vec![set], vec![exists(item)])
}

/// Forgets the episode on its item, if it is still this one.
pub fn forget(item: &Key, kind: &str, id: &IncidentId) -> Write {
    let path = entry(item, kind);
    let is_this_one = Cond::Equals(path.clone().then("id"), Attr::S(id.as_str().to_owned()));
    Write::update(item.clone(), vec![Change::Remove(path)], vec![is_this_one])
}

fn as_read(path: Path, at: Option<Timestamp>) -> Cond {
    match at {
        Some(at) => Cond::Equals(path, time(at)),
        None => Cond::Absent(path),
    }
}
