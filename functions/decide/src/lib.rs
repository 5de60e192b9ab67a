//! `market -> snapshot -> features -> prompt -> model -> verdict -> intent`.
//!
//! Decide has no way to send an order: it records what is wanted, and execute reviews it. Every tick claims
//! its minute and beats for every strategy of the shard before any model is asked, so that one strategy's
//! slow model delays no other's beat.

pub mod actions;
pub mod ask;
pub mod bounds;
pub mod budget;
pub mod claim;
pub mod config;
pub mod cycle;
pub mod doubled;
pub mod due;
pub mod effect;
pub mod features;
pub mod judge;
pub mod market;
pub mod meters;
pub mod mirror;
pub mod notes;
pub mod probe;
pub mod probing;
pub mod prompt;
pub mod providers;
pub mod purse;
pub mod record;
pub mod replay;
pub mod report;
pub mod settle;
pub mod shift;
pub mod snapshot;
pub mod tokens;
pub mod unanswered;
pub mod unusable;
pub mod verdict;
pub mod warmup;
pub mod wiring;
pub mod worth;

#[cfg(test)]
mod contract_breaks;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod replaying;
#[cfg(test)]
mod resident;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use shared::ids::{Env, StrategyId};
use shared::ports::{AskModel, Level, Line, MarketData, OpenVenue, VenueError, WriteTables};
use shared::records;
use shared::roster::{Member, RosterError, Unfit, members};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::store::{Change, WriteError};
use shared::tables::Function;
use shared::tick::Tick;
use shared::time::Timestamp;

use crate::claim::{Claim, claim};
use crate::cycle::{Broken, Cycled, cycle};
use crate::market::{NoMarket, Sight, glance, is_fresh, look, was_read};
use crate::meters::judge_by_time;
use crate::purse::Purse;
pub use crate::report::Report;
pub use crate::shift::Ports;
use crate::shift::{Shift, Turn};
use crate::unanswered::{RETIRING, retiring};

/// Serves one scheduled minute of one shard; what befalls one strategy never touches another.
pub async fn handle<T, V, A>(
    tick: Tick,
    deadline: Timestamp,
    env: &Env,
    ports: &Ports<'_, T, V, A>,
) -> Result<Report, RosterError>
where
    T: WriteTables,
    V: OpenVenue,
    V::Venue: MarketData,
    A: AskModel,
{
    let shift = Shift { env, tick, deadline, ports, purse: Purse::default() };
    let mut report = Report::default();
    if tick.is_too_old(Function::Decide, shift.now()) {
        shift.write(
            Line::new(Level::Warn, shift.now(), "tick dropped").with("scheduled_at", tick.scheduled_at),
        );
        return Ok(report);
    }
    let mut due = Vec::new();
    for member in members(ports.tables, tick.shard, ports.trail).await? {
        report.strategies = report.strategies.saturating_add(1);
        let id = member.id.clone();
        match begin(&shift, member).await {
            Ok(follows) => due.extend(follows),
            Err(failure) => fail(&shift, &mut report, &id, &failure),
        }
    }
    for Due { mut turn, venue } in due {
        if !is_fresh(&turn.sight, shift.now()) {
            turn.sight = see(&shift, &venue, &turn.settings, true).await;
        }
        match cycle(&turn).await {
            Ok(Cycled::Decided(outcome)) => report.count(outcome),
            Ok(Cycled::NotAsked | Cycled::Taken) => {}
            Err(broken) => fail(&shift, &mut report, turn.id(), &Failure::Cycle(broken)),
        }
    }
    shift.purse.settle(ports.tables, ports.log, shift.now()).await;
    Ok(report)
}

/// A turn whose cycle follows, and where it sees its markets.
struct Due<'a, T, V, A, M> {
    turn: Turn<'a, T, V, A>,
    venue: Result<M, VenueError>,
}

/// Why a strategy was not served.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("market not readable: {0}")]
    Market(VenueError),
    #[error("minute not claimed: {0}")]
    Claim(#[from] WriteError),
    #[error(transparent)]
    Cycle(#[from] Broken),
}

fn fail<T, V, A>(shift: &Shift<'_, T, V, A>, report: &mut Report, id: &StrategyId, failure: &Failure) {
    report.failed = report.failed.saturating_add(1);
    if matches!(failure, Failure::Cycle(Broken::Record(_) | Broken::Settle(_))) {
        report.unrecorded = report.unrecorded.saturating_add(1);
    }
    shift.write(shift.line(Level::Error, id, "strategy not served").with("error", failure));
}

/// Looks at the market, claims the minute with its beat, and says whether a cycle follows.
async fn begin<'a, T, V, A>(
    shift: &'a Shift<'a, T, V, A>,
    member: Member,
) -> Result<Option<Due<'a, T, V, A, V::Venue>>, Failure>
where
    T: WriteTables,
    V: OpenVenue,
    V::Venue: MarketData,
    A: AskModel,
{
    let minute = shift.tick.scheduled_at;
    let (mut state, settings) = match (member.state, member.settings) {
        (Ok(state), Ok(settings)) => (state, settings),
        (Err(unfit), _) | (_, Err(unfit)) => {
            // The minute is written whatever the status; without state and market there is no beat.
            claim(shift.ports.tables, &member.id, minute, None, &[]).await?;
            return Err(unfit.into());
        }
    };
    if state.last_decided_at >= minute {
        return Ok(None);
    }
    let is_due = due::is_due(&member.id, minute, settings.decide_every) && actions::may_be_asked(&state);
    let venue = shift.ports.venues.open(&settings, member.wait).await;
    let sight = see(shift, &venue, &settings, is_due).await;
    let beat = was_read(&sight).then(|| shift.now());
    let mut told = judge_by_time(&mut state, shift.now());
    told.extend(tell_retiring(shift, &settings, &mut state));
    if claim(shift.ports.tables, &member.id, minute, beat, &told).await? == Claim::Taken {
        return Ok(None);
    }
    if let Ok(venue) = &venue {
        warmup::warm_up(shift, venue, &settings, &state).await?;
    }
    match sight {
        sight if is_due => Ok(Some(Due { turn: Turn { shift, settings, state, sight }, venue })),
        Err(NoMarket::Venue(error)) => Err(Failure::Market(error)),
        Ok(_) | Err(NoMarket::Unfit { .. }) => Ok(None),
    }
}

/// Has people told of a model near its last day, and says what of the state changes.
fn tell_retiring<T, V, A: AskModel>(
    shift: &Shift<'_, T, V, A>,
    settings: &Settings,
    state: &mut StrategyState,
) -> Option<Change> {
    let path = records::state::path::alert(RETIRING);
    let now = retiring(settings, shift.ports.model.servers(), shift.now().day());
    match (now, state.alerts.get(RETIRING)) {
        (Some(alert), before)
            if before.map(|before| (before.since, &before.key)) != Some((alert.since, &alert.key)) =>
        {
            let change = Change::Set(path, records::state::alert_attr(&alert));
            state.alerts.insert(RETIRING.to_owned(), alert);
            Some(change)
        }
        (None, Some(_)) => {
            state.alerts.remove(RETIRING);
            Some(Change::Remove(path))
        }
        (Some(_) | None, _) => None,
    }
}

/// Everything where a cycle is due, else one quote.
async fn see<T, V, A, M: MarketData>(
    shift: &Shift<'_, T, V, A>,
    venue: &Result<M, VenueError>,
    settings: &Settings,
    is_due: bool,
) -> Sight {
    match venue {
        Ok(venue) if is_due => look(venue, &settings.symbols, shift.ports.clock).await,
        Ok(venue) => glance(venue, &settings.symbols).await,
        Err(error) => Err(NoMarket::Venue(error.clone())),
    }
}
