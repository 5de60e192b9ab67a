//! `observe (whole or not at all) -> diff -> repair`: compares the books with the venue, and never adds risk.
//!
//! It writes what others read: the opening balance, trades that are not ours, differences, the hold
//! `divergence`, alerts of its own kinds and `last_reconciled_at`. It never changes an order or a position
//! of ours, and it cannot send one.

pub mod accounts;
pub mod books;
pub mod config;
pub mod diff;
pub mod external;
pub mod first_look;
pub mod known;
pub mod marks;
pub mod observe;
pub mod record;
pub mod repair;
pub mod report;
pub mod truth;
pub mod wiring;

#[cfg(test)]
mod tests;

use shared::ports::{Clock, Level, Line, Log, OpenVenue, ReadAccount, VenueError, WriteTables};
use shared::roster::{RosterError, Trail, members};
use shared::store::WriteError;
use shared::tables::Function;
use shared::tick::Tick;
use shared::time::{Millis, Timestamp};

use crate::accounts::{Account, group};
use crate::observe::{ObserveError, Observed, observe};
use crate::repair::{Plan, plan};
use crate::report::{Look, Report};

/// What one look at an account may take.
const LOOK_NEEDS: Millis = Millis::from_secs(15);

/// What reconcile may touch.
pub struct Ports<'a, T, A> {
    /// The tables.
    pub tables: &'a T,
    /// Where the last tick found its shard.
    pub trail: &'a Trail,
    /// The venues, to be read.
    pub accounts: &'a A,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The log.
    pub log: &'a dyn Log,
}

/// Why an account was not reconciled: nothing of it was reset, and its beat goes stale and pages.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be seen whole.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// The venue could not be opened.
    #[error(transparent)]
    Venue(#[from] VenueError),
    /// What was found could not be recorded; the next run finds it again.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Its strategies' items do not fit together.
    #[error("{0}")]
    Refused(String),
    /// This invocation ends too soon.
    #[error("no time left for another look")]
    NoTime,
}

/// Reconciles every account of the shard; what befalls one never touches another.
pub async fn handle<T, A>(
    tick: Tick,
    deadline: Timestamp,
    ports: &Ports<'_, T, A>,
) -> Result<Report, RosterError>
where
    T: WriteTables,
    A: OpenVenue<Venue: ReadAccount>,
{
    let mut report = Report::default();
    let now = ports.clock.now();
    if tick.is_too_old(Function::Reconcile, now) {
        let line = Line::new(Level::Warn, now, "tick dropped").with("scheduled_at", tick.scheduled_at);
        ports.log.write(line);
        return Ok(report);
    }
    let grouped = group(&members(ports.tables, tick.shard, ports.trail).await?);
    for (account, why) in grouped.refused {
        let failure = Failure::Refused(why);
        log_failure(ports.log, now, &account, &failure);
        report.count(&Err(failure));
    }
    for account in &grouped.accounts {
        let run = Run { tick, deadline, ports, account };
        let look = run.reconcile().await;
        if let Err(failure) = &look {
            log_failure(ports.log, ports.clock.now(), account.id.as_str(), failure);
        }
        report.count(&look);
    }
    Ok(report)
}

fn log_failure(log: &dyn Log, now: Timestamp, account: &str, failure: &Failure) {
    log.write(Line::new(Level::Error, now, "not reconciled").with("account", account).with("error", failure));
}

/// One account's run.
pub struct Run<'a, T, A> {
    /// The tick.
    pub tick: Tick,
    /// When this invocation is ended from outside.
    pub deadline: Timestamp,
    /// What reconcile may touch.
    pub ports: &'a Ports<'a, T, A>,
    /// The account.
    pub account: &'a Account,
}

impl<T, A> Run<'_, T, A>
where
    T: WriteTables,
    A: OpenVenue<Venue: ReadAccount>,
{
    async fn reconcile(&self) -> Result<Look, Failure> {
        let venue = self.ports.accounts.open(&self.account.settings, self.account.wait).await?;
        let mut observed = self.look(&venue).await?;
        if first_look::is_due(&observed.books) {
            return self.open_books(&observed).await;
        }
        if self.plan(&observed).is_divergent() {
            // A difference counts once it was seen twice: each look is whole in itself.
            observed = self.look(&venue).await?;
        }
        let plan = self.plan(&observed);
        self.log_plan(&plan);
        record::record(self.ports.tables, &observed.books, &plan, self.tick.scheduled_at).await?;
        Ok(Look::of(&plan))
    }

    async fn look(&self, venue: &impl ReadAccount) -> Result<Observed, Failure> {
        if self.deadline.since(self.ports.clock.now()) < LOOK_NEEDS {
            return Err(Failure::NoTime);
        }
        Ok(observe(self.ports.tables, venue, self.account).await?)
    }

    fn plan(&self, observed: &Observed) -> Plan {
        plan(observed, diff::diff(observed, self.ports.clock.now()), self.tick.scheduled_at)
    }

    async fn open_books(&self, observed: &Observed) -> Result<Look, Failure> {
        let opening = first_look::writes(observed, self.tick.scheduled_at).map_err(Failure::Refused)?;
        self.ports.tables.write(vec![opening.ledger]).await?;
        if opening.whole {
            record::note_look(self.ports.tables, &observed.books, false, self.tick.scheduled_at).await?;
        }
        let line = Line::new(Level::Info, self.ports.clock.now(), "books opened");
        self.ports.log.write(line.with("account", &self.account.id).with("whole", opening.whole));
        Ok(if opening.whole { Look::Clean { adopted: 0 } } else { Look::Partial })
    }

    fn log_plan(&self, plan: &Plan) {
        let now = self.ports.clock.now();
        for finding in &plan.findings {
            let line =
                Line::new(Level::Warn, now, "books and venue differ").with("account", &self.account.id);
            self.ports.log.write(line.with("detail", finding));
        }
    }
}
