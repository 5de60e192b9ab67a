//! `intent -> risk -> gate -> release (safety mode) -> order -> submit -> fill`; protects what is open.
//!
//! Every tick does the same work from the tables: settle what was sent, protect what is held, then serve
//! what is wanted. A tick that loses a write to another one reads again; it never guesses.

pub mod approvals;
pub mod authority;
pub mod beat;
pub mod config;
pub mod crash;
pub mod desk;
pub mod entries;
pub mod exits;
pub mod follow;
pub mod gates;
pub mod journal;
pub mod keys;
pub mod markets;
pub mod observe;
pub mod protect;
pub mod remains;
pub mod risk;
pub mod send;
pub mod turn;
pub mod wiring;
pub mod wishes;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use shared::ports::{Level, Line, MarketData, OpenVenue, ReadAccount, TradeOrders, VenueError, WriteTables};
use shared::records;
use shared::roster::{self, Member, RosterError, members};
use shared::store::WriteError;
use shared::tables::Function;

use crate::keys::KeyUse;
use crate::observe::ObserveError;
use crate::turn::{Shift, Turn, TurnError};

/// How often a turn that lost a write to another invocation is read again.
const MOST_ATTEMPTS: u32 = 3;

/// What one invocation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Strategies of the shard.
    pub strategies: u32,
    /// Turns that ended with a beat.
    pub served: u32,
    /// Turns that failed: their strategies' beats go stale and page.
    pub failed: u32,
    /// Orders sent.
    pub sent: u32,
}

impl Report {
    /// The invocation's answer.
    pub fn to_json(self) -> Value {
        json!({
            "success": self.failed == 0,
            "strategies": self.strategies,
            "served": self.served,
            "failed": self.failed,
            "sent": self.sent,
        })
    }
}

/// Serves every strategy of the shard in turn; what befalls one never touches another.
pub async fn handle<T, A>(shift: &Shift<'_, T>, accounts: &A) -> Result<Report, RosterError>
where
    T: WriteTables,
    A: OpenVenue,
    A::Venue: MarketData + ReadAccount + TradeOrders,
{
    let mut report = Report::default();
    let now = shift.clock.now();
    if shift.tick.is_too_old(Function::Execute, now) {
        let line = Line::new(Level::Warn, now, "tick dropped");
        shift.log.write(line.with("scheduled_at", shift.tick.scheduled_at));
        return Ok(report);
    }
    for member in members(shift.tables, shift.tick.shard, shift.trail).await? {
        report.strategies = report.strategies.saturating_add(1);
        match serve(shift, accounts, member).await {
            Ok(sent) => {
                report.served = report.served.saturating_add(1);
                report.sent = report.sent.saturating_add(sent);
            }
            Err(failure) => {
                report.failed = report.failed.saturating_add(1);
                shift.log.write(failure.line(shift));
            }
        }
    }
    Ok(report)
}

/// Why a strategy was not served.
struct Failure {
    strategy: String,
    what: FailureKind,
}

#[derive(Debug, thiserror::Error)]
enum FailureKind {
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Turn(#[from] TurnError),
    #[error("venue not opened: {0}")]
    Venue(#[from] VenueError),
    #[error("lost {MOST_ATTEMPTS} times to other writes")]
    Outrun,
}

impl Failure {
    fn line<T>(&self, shift: &Shift<'_, T>) -> Line {
        let line = Line::new(Level::Error, shift.clock.now(), "strategy not served");
        line.with("strategy_id", &self.strategy).with("error", &self.what)
    }
}

async fn serve<T, A>(shift: &Shift<'_, T>, accounts: &A, member: Member) -> Result<u32, Failure>
where
    T: WriteTables,
    A: OpenVenue,
    A::Venue: MarketData + ReadAccount + TradeOrders,
{
    let strategy = member.id.to_string();
    let failure = |what| Failure { strategy: strategy.clone(), what };
    let mut member = member;
    for _ in 0..MOST_ATTEMPTS {
        match attempt(shift, accounts, &member).await {
            Err(FailureKind::Turn(TurnError::Write(WriteError::Lost { .. } | WriteError::Conflict))) => {
                let again = roster::member(shift.tables, member.id).await;
                member = again.map_err(|error| failure(FailureKind::Observe(error.into())))?;
            }
            result => return result.map_err(failure),
        }
    }
    Err(failure(FailureKind::Outrun))
}

async fn attempt<T, A>(shift: &Shift<'_, T>, accounts: &A, member: &Member) -> Result<u32, FailureKind>
where
    T: WriteTables,
    A: OpenVenue,
    A::Venue: MarketData + ReadAccount + TradeOrders,
{
    let mut found = remains::state_of(member).map_err(ObserveError::Unfit)?;
    let settings = match remains::settings_of(member) {
        Ok((settings, unfit)) => {
            found.damaged.extend(unfit.map(|unfit| (records::strategy_config::key(&member.id), unfit)));
            settings
        }
        Err(unfit) => {
            beat::tell(shift, &found.state, &unfit).await.map_err(TurnError::Write)?;
            return Err(ObserveError::Unfit(unfit).into());
        }
    };
    let venue = accounts.open(&settings, member.wait).await?;
    let desk = observe::desk(shift.tables, settings, found).await?;
    let mut turn = Turn::new(shift, venue, desk);
    let outcome = match take_turn(&mut turn).await {
        Err(error @ TurnError::Write(_)) => return Err(error.into()),
        outcome => outcome,
    };
    beat::conclude(&mut turn, outcome.is_ok()).await.map_err(TurnError::Write)?;
    outcome?;
    Ok(turn.sent)
}

/// The order matters: what was sent is settled first, what is held is protected next, and only then is
/// anything new begun. A gate whose setting cannot be read is not judged: it stays as it is.
async fn take_turn<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    follow::follow_orders(turn).await?;
    match keys::judge(turn).await? {
        KeyUse::Everything => {}
        KeyUse::NoEntries => turn.is_closed = true,
        KeyUse::Nothing => {
            // It lowered the status: what waits ends here, as under every other one that is not `running`.
            entries::refuse_waiting(turn).await?;
            return turn.outcome();
        }
    }
    if turn.has_whole_settings() {
        gates::lift_holds(turn).await?;
        let watched = crash::watch(turn).await;
        turn.is_closed |= watched.is_err();
        turn.survive(watched)?;
    }
    entries::withdraw_entries(turn).await?;
    entries::time_out_entries(turn).await?;
    protect::tend_positions(turn).await?;
    let bought = protect::bought(turn);
    wishes::grant_wishes(turn).await?;
    let looked = markets::look(turn).await;
    turn.survive(looked)?;
    if turn.has_whole_settings() {
        let judged = gates::judge_day(turn).await;
        turn.is_closed |= judged.is_err();
        turn.survive(judged)?;
    }
    approvals::serve_approvals(turn).await?;
    entries::serve_intents(turn).await?;
    // What an entry has just bought is protected in the same invocation.
    protect::tend_bought(turn, &bought).await?;
    turn.outcome()
}
