//! Delivery: claim, publish, mark. No page is lost, and one fact makes one page.
//!
//! An incident is recorded together with its entry on the item, claimed; then its message is published; then
//! both are marked. A crash in between leaves a claim that the next minute takes over: a page may then come
//! twice, with the same incident id. Whoever loses a condition leaves the message to the winner.

use std::collections::BTreeMap;

use shared::ids::IncidentId;
use shared::page::Publish;
use shared::ports::{Level, Line, WriteTables};
use shared::records::fields::Read;
use shared::records::{Incident, incident};
use shared::signal::Severity;
use shared::state::Episode;
use shared::store::{Key, Write, WriteError};
use shared::tables::{Names, Table};
use shared::time::{Millis, Timestamp};

use crate::Ports;
use crate::claim;
use crate::finding::{Finding, tells_recovery};
use crate::message::{Notice, message};
use crate::plan::{Errand, REMIND_EVERY};

/// How long a page may be undelivered before that is a signal.
pub const UNDELIVERED: Millis = Millis::from_minutes(3);
/// How often a write that met another transaction is tried.
const MOST_ATTEMPTS: u32 = 3;

/// What came of a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Messages about new facts that were published.
    pub pages: u32,
    /// Pages that wait longer than they may.
    pub undelivered: u32,
    /// What could not be done.
    pub failures: Vec<String>,
}

/// What came of one errand.
enum Outcome {
    /// A message was published.
    Told(Incident),
    /// There was nothing to do, or another checker does it.
    Left,
    /// It is another checker's, and has not gone out as far as is known.
    Waits(Incident),
}

/// Why an errand was not done; it is tried again in the next minute.
struct Undone {
    why: String,
    incident: Option<Incident>,
}

impl From<WriteError> for Undone {
    fn from(error: WriteError) -> Undone {
        Undone { why: error.to_string(), incident: None }
    }
}

/// One invocation's deliveries.
pub struct Round<'a, T, P, G> {
    /// The stage's names.
    pub names: &'a Names,
    /// What heartbeat may touch.
    pub ports: &'a Ports<'a, T, P, G>,
    /// When the facts were looked at.
    pub now: Timestamp,
}

impl<T: WriteTables, P: Publish, G> Round<'_, T, P, G> {
    /// Runs every errand; one that fails stops no other.
    pub async fn run(&self, errands: Vec<Errand>) -> Delivery {
        let mut delivery = Delivery::default();
        let known = match self.incidents(&errands).await {
            Ok(known) => known,
            Err(why) => {
                delivery.failures.push(why);
                BTreeMap::new()
            }
        };
        for errand in errands {
            let outcome = self.errand(&errand, &known).await;
            self.count(&mut delivery, &errand, outcome);
        }
        delivery
    }

    /// Every incident that exists already, in one read.
    async fn incidents(
        &self,
        errands: &[Errand],
    ) -> Result<BTreeMap<IncidentId, Option<Read<Incident>>>, String> {
        let ids: Vec<IncidentId> = errands.iter().filter_map(Errand::incident).cloned().collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: Vec<Key> = ids.iter().map(incident::key).collect();
        let items = self.ports.tables.get(&keys).await.map_err(|error| format!("incidents: {error}"))?;
        let read = items.into_iter().map(|item| item.map(|item| incident::decode(&item)));
        Ok(ids.into_iter().zip(read).collect())
    }

    fn count(&self, delivery: &mut Delivery, errand: &Errand, outcome: Result<Outcome, Undone>) {
        let is_news = matches!(errand, Errand::Open { .. } | Errand::Deliver { .. });
        let waits = match outcome {
            Ok(Outcome::Told(_)) if is_news => {
                delivery.pages = delivery.pages.saturating_add(1);
                None
            }
            Ok(Outcome::Told(_) | Outcome::Left) => None,
            Ok(Outcome::Waits(incident)) => Some(incident),
            Err(Undone { why, incident }) => {
                delivery.failures.push(why);
                incident
            }
        };
        let late = waits.is_some_and(|incident| self.is_late(&incident));
        delivery.undelivered = delivery.undelivered.saturating_add(u32::from(late));
    }

    fn is_late(&self, incident: &Incident) -> bool {
        let waits = self.ports.clock.now().since(incident.opened_at);
        incident.severity == Severity::Page && incident.published_at.is_none() && waits > UNDELIVERED
    }

    async fn errand(
        &self,
        errand: &Errand,
        known: &BTreeMap<IncidentId, Option<Read<Incident>>>,
    ) -> Result<Outcome, Undone> {
        let Some(id) = errand.incident() else {
            let Errand::Open { finding, replaces } = errand else { return Ok(Outcome::Left) };
            return self.open(finding, *replaces).await;
        };
        // An incident that could not be read was counted with the read: nothing is guessed about it.
        let Some(incident) = known.get(id) else { return Ok(Outcome::Left) };
        let incident = match incident {
            Some(Ok(incident)) => Some(incident),
            Some(Err(corrupt)) => return Err(Undone { why: corrupt.to_string(), incident: None }),
            None => None,
        };
        match errand {
            Errand::Open { .. } => Ok(Outcome::Left),
            Errand::Deliver { finding, .. } | Errand::Remind { finding, .. } => match incident {
                Some(incident) => self.go_on(finding, incident).await,
                None => self.open_as(finding, finding.incident(id.clone(), self.clock()), true).await,
            },
            Errand::Recover { item, kind, episode, is_replaced } => {
                let is_told = tells_recovery(kind) && !is_replaced;
                self.recover(item, kind, episode, incident, is_told).await
            }
        }
    }

    fn clock(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// A fact without an episode.
    async fn open(&self, finding: &Finding, replaces: bool) -> Result<Outcome, Undone> {
        let incident = finding.incident(finding.incident_id(self.names), self.clock());
        self.open_as(finding, incident, replaces).await
    }

    /// Records the incident with its entry; where the entry cannot be written, the incident alone.
    async fn open_as(
        &self,
        finding: &Finding,
        incident: Incident,
        replaces: bool,
    ) -> Result<Outcome, Undone> {
        let record = claim::record(&incident);
        let both = vec![record.clone(), claim::note(&incident, &finding.item, replaces)];
        let recorded = match self.write(both).await {
            Err(WriteError::NotDone(_) | WriteError::Conflict) => self.write(vec![record]).await,
            result => result,
        };
        match recorded {
            Ok(()) => self.tell(&finding.item, incident, Notice::Page).await,
            Err(WriteError::Lost { key, .. }) if key.table == Table::Incidents => {
                self.take_up(finding, &incident).await
            }
            Err(WriteError::Lost { .. }) => Ok(Outcome::Left),
            Err(error) => Err(error.into()),
        }
    }

    /// Someone has recorded this incident before.
    async fn take_up(&self, finding: &Finding, ours: &Incident) -> Result<Outcome, Undone> {
        let key = incident::key(&ours.incident_id);
        let undone = |why: String| Undone { why, incident: None };
        let read = self.ports.tables.get(&[key]).await.map_err(|error| undone(error.to_string()))?;
        let Some(item) = read.into_iter().flatten().next() else { return Ok(Outcome::Left) };
        let theirs = incident::decode(&item).map_err(|corrupt| undone(corrupt.to_string()))?;
        if claim::has_come_back(&theirs, self.now) {
            return self.reopen(finding, &theirs).await;
        }
        if theirs.resolved_at.is_some() {
            return Ok(Outcome::Left);
        }
        self.go_on(finding, &theirs).await
    }

    async fn reopen(&self, finding: &Finding, resolved: &Incident) -> Result<Outcome, Undone> {
        let (opened, write) = claim::reopen(resolved, self.clock());
        match self.write(vec![write]).await {
            Ok(()) => self.tell(&finding.item, opened, Notice::Page).await,
            Err(WriteError::Lost { .. }) => Ok(Outcome::Left),
            Err(error) => Err(error.into()),
        }
    }

    /// Delivers what has not gone out, notes what has, and reminds when it is time.
    async fn go_on(&self, finding: &Finding, incident: &Incident) -> Result<Outcome, Undone> {
        if incident.recovery_published_at.is_some() && claim::has_come_back(incident, self.now) {
            return self.reopen(finding, incident).await;
        }
        let Some(published_at) = incident.published_at else {
            return self.deliver(&finding.item, incident, Notice::Page).await;
        };
        let told_at = incident.reminded_at.map_or(published_at, |at| at.max(published_at));
        if self.now.since(told_at) >= REMIND_EVERY {
            return self.deliver(&finding.item, incident, Notice::Reminder).await;
        }
        if self.now.since(published_at) < REMIND_EVERY {
            self.note_paged(incident, &finding.item).await;
        }
        Ok(Outcome::Left)
    }

    /// Claims one message and tells it, unless another checker is at it.
    async fn deliver(&self, item: &Key, incident: &Incident, notice: Notice) -> Result<Outcome, Undone> {
        let now = self.clock();
        if claim::is_claimed(incident, now) {
            return Ok(Outcome::Waits(incident.clone()));
        }
        let (claimed, write) = claim::claim(incident, notice, now);
        match self.write(vec![write]).await {
            Ok(()) => self.tell(item, claimed, notice).await,
            Err(WriteError::Lost { .. }) => Ok(Outcome::Waits(incident.clone())),
            Err(error) => Err(Undone { why: error.to_string(), incident: Some(claimed) }),
        }
    }

    /// Publishes a claimed message and marks it.
    async fn tell(&self, item: &Key, incident: Incident, notice: Notice) -> Result<Outcome, Undone> {
        let message = message(notice, &incident, self.names, self.clock());
        if let Err(error) = self.ports.publish.publish(&message).await {
            let why = format!("{}: {error}", message.subject_line());
            return Err(Undone { why, incident: Some(incident) });
        }
        self.log(Level::Warn, "published", &incident, &message.subject_line());
        let (told, done) = claim::done(&incident, notice, self.clock());
        let entry = match notice {
            Notice::Page => Some(claim::note_paged(&told, item)),
            Notice::Reminder => None,
            Notice::Recovery => Some(claim::forget(item, &told.kind, &told.incident_id)),
        };
        self.mark(done, entry).await?;
        Ok(Outcome::Told(told))
    }

    /// Marks incident and item together; where the item cannot be written, the incident alone.
    async fn mark(&self, done: Write, entry: Option<Write>) -> Result<(), Undone> {
        let both: Vec<Write> = std::iter::once(done.clone()).chain(entry).collect();
        let alone = both.len() > 1;
        match self.write(both).await {
            Ok(()) => Ok(()),
            Err(_) if alone => Ok(self.write(vec![done]).await?),
            Err(error) => Err(error.into()),
        }
    }

    /// An episode whose fact has gone: its page first, if that never went out, then its recovery.
    async fn recover(
        &self,
        item: &Key,
        kind: &str,
        episode: &Episode,
        incident: Option<&Incident>,
        is_told: bool,
    ) -> Result<Outcome, Undone> {
        let forget = claim::forget(item, kind, &episode.incident_id);
        let Some(incident) = incident.filter(|one| one.recovery_published_at.is_none()) else {
            self.write_if_ours(forget).await?;
            return Ok(Outcome::Left);
        };
        if !is_told {
            self.write_if_ours(claim::resolve(incident, self.clock())).await?;
            self.write_if_ours(forget).await?;
            return Ok(Outcome::Left);
        }
        if incident.published_at.is_some() {
            return self.deliver(item, incident, Notice::Recovery).await;
        }
        match self.deliver(item, incident, Notice::Page).await? {
            // The claim for the page is ours, and fresh: the recovery goes out under it.
            Outcome::Told(told) => {
                let (claimed, write) = claim::claim(&told, Notice::Recovery, self.clock());
                match self.write(vec![write]).await {
                    Ok(()) => self.tell(item, claimed, Notice::Recovery).await,
                    Err(WriteError::Lost { .. }) => Ok(Outcome::Left),
                    Err(error) => Err(error.into()),
                }
            }
            left @ (Outcome::Left | Outcome::Waits(_)) => Ok(left),
        }
    }

    async fn write_if_ours(&self, write: Write) -> Result<(), Undone> {
        match self.write(vec![write]).await {
            Ok(()) | Err(WriteError::Lost { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The entry only spares the next minute a look; what matters stands in the incident.
    async fn note_paged(&self, incident: &Incident, item: &Key) {
        if let Err(error) = self.write(vec![claim::note_paged(incident, item)]).await {
            self.log(Level::Warn, "episode not noted", incident, &error.to_string());
        }
    }

    /// A beat is often written at the same moment: a conflict is tried again at once.
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        let mut result = Err(WriteError::Conflict);
        for _attempt in 0..MOST_ATTEMPTS {
            result = self.ports.tables.write(writes.clone()).await;
            if !matches!(result, Err(WriteError::Conflict)) {
                break;
            }
        }
        result
    }

    fn log(&self, level: Level, what: &'static str, incident: &Incident, detail: &str) {
        let line = Line::new(level, self.clock(), what).with("kind", &incident.kind);
        let line = line.with("strategy_id", &incident.subject).with("detail", detail);
        self.ports.log.write(line.with("incident_id", incident.incident_id.as_str()));
    }
}
