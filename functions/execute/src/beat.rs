//! The end of a turn: the beat, the acknowledgement, what is due next, the counters and the alerts, in one
//! write of the state that never touches `send_seq`.

use shared::books::{Position, PositionStatus};
use shared::ids::Leg;
use shared::order::State;
use shared::ports::WriteTables;
use shared::records;
use shared::roster::Unfit;
use shared::state::{Alert, ExecMinute, RECENT_MINUTES, StrategyState};
use shared::status::{Hold, Status};
use shared::store::{Attr, Cond, Path, Write, WriteError, changes};
use shared::time::{Millis, Timestamp};

use crate::authority::{forget_lowering, lower};
use crate::desk::{Binds, Books, FILL_AFTER_CLOSE};
use crate::exits::FAILURES_IN_A_ROW;
use crate::gates::{self, ban};
use crate::keys;
use crate::markets::MARKET_CLOSED;
use crate::turn::{Shift, Turn};

/// A fence, timeout or limit is due one more tick later: execute acts on it in the tick that sees it.
const ONE_MORE_TICK: Millis = Millis::from_secs(120);

/// The alert of items that cannot be read.
const BOOKS_DAMAGED: &str = "books-damaged";

/// The alert of what is held or rests while the safety mode is `DryRun`.
const DRY_RUN_HOLDS: &str = "dry-run-holds";

/// Failures within the recent minutes that page.
const RECENT_FAILURES: u32 = 5;
/// Failed venue calls within the recent minutes that page.
const RECENT_BACKEND_ERRORS: u32 = 5;

/// Ends a turn. What failed is written too, with everything but the beat: failing is not an outcome, and a
/// page about it must not wait until it works again. A beat that another invocation has overtaken leaves the
/// later one standing.
pub async fn conclude<T: WriteTables, V>(turn: &mut Turn<'_, T, V>, whole: bool) -> Result<(), WriteError> {
    turn.desk.forget();
    heed_the_venue(turn).await?;
    let before = turn.desk.books.state.clone();
    let after = state_after(turn, whole);
    match write(turn.shift.tables, &before, &after, whole.then_some(after.last_heartbeat)).await {
        Err(WriteError::Lost { .. }) if whole => {
            let after = StrategyState { last_heartbeat: before.last_heartbeat, ..after };
            write(turn.shift.tables, &before, &after, None).await
        }
        result => result,
    }
}

/// A ban blocks opening, and a refused key halts: both bind the next send, so both are written like one.
async fn heed_the_venue<T: WriteTables, V>(turn: &mut Turn<'_, T, V>) -> Result<(), WriteError> {
    let now = turn.now;
    let state = &mut turn.desk.books.state;
    if let Some(until) = turn.banned_until {
        ban(state, until, now);
    }
    if let Some(reason) = &turn.refused_key {
        lower(state, Status::Halted, reason, now);
        keys::forget(turn.desk.books.account.as_mut());
    }
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await
}

/// Pages about a strategy that cannot be served at all because of `unfit`; without a beat.
pub async fn tell<T: WriteTables>(
    shift: &Shift<'_, T>,
    state: &StrategyState,
    unfit: &Unfit,
) -> Result<(), WriteError> {
    let mut after = state.clone();
    set_alert(&mut after, BOOKS_DAMAGED, Some(unfit.to_string()), shift.clock.now(), Ending::AtOnce);
    write(shift.tables, state, &after, None).await
}

async fn write(
    tables: &impl WriteTables,
    before: &StrategyState,
    after: &StrategyState,
    beat: Option<Timestamp>,
) -> Result<(), WriteError> {
    let key = records::state::key(&before.strategy_id);
    let changed = changes(&records::state::encode(before), &records::state::encode(after));
    // The strategy may have been removed meanwhile: a beat never creates it.
    let mut conds = vec![Cond::Present(Path::of("send_seq"))];
    conds.extend(beat.map(|at| Cond::AbsentOrBelow(Path::of("last_heartbeat"), Attr::S(at.to_string()))));
    if changed.is_empty() {
        return Ok(());
    }
    tables.write(vec![Write::update(key, changed, conds)]).await
}

fn state_after<T, V>(turn: &Turn<'_, T, V>, whole: bool) -> StrategyState {
    let mut state = turn.desk.books.state.clone();
    if whole {
        state.last_heartbeat = turn.now;
        state.last_executed_at = turn.shift.tick.scheduled_at;
    }
    if whole && state.status_ack != Some(state.status) {
        state.status_ack = Some(state.status);
        state.status_ack_at = Some(turn.now);
    }
    state.recent_exec = with_minute(&state.recent_exec, turn.minute);
    let due = next_due(turn);
    state.due_at = due.as_ref().map(|(at, _)| *at);
    state.due_what = due.map(|(_, what)| what);
    judge_alerts(&mut state, turn);
    state
}

/// The last five minutes with this one added.
fn with_minute(recent: &[ExecMinute], now: ExecMinute) -> Vec<ExecMinute> {
    let quiet = now.risk_rejections == 0 && now.backend_errors == 0 && now.order_failures == 0;
    let window = i64::try_from(RECENT_MINUTES).unwrap_or(0);
    let mut minutes: Vec<ExecMinute> =
        recent.iter().filter(|one| now.minute.saturating_sub(one.minute) < window).copied().collect();
    match minutes.last_mut() {
        Some(last) if last.minute == now.minute => {
            last.risk_rejections = last.risk_rejections.saturating_add(now.risk_rejections);
            last.backend_errors = last.backend_errors.saturating_add(now.backend_errors);
            last.order_failures = last.order_failures.saturating_add(now.order_failures);
        }
        _ if quiet => {}
        _ => minutes.push(now),
    }
    minutes
}

/// The earliest fence, timeout or exit limit, and what it is of.
fn next_due<T, V>(turn: &Turn<'_, T, V>) -> Option<(Timestamp, String)> {
    let exits = &turn.desk.settings.exits;
    let orders = turn.desk.books.orders.values().filter_map(|order| {
        let at = match &order.state {
            State::Pending(sent) | State::Unknown(sent) => sent.fence,
            State::Live { venue, .. } if order.terms.leg == Leg::Entry => venue.sent_at + exits.entry_timeout,
            State::Live { .. }
            | State::Intended
            | State::AwaitingApproval { .. }
            | State::Done { .. }
            | State::Rejected { .. }
            | State::Absent { .. }
            | State::Refused { .. }
            | State::DryRun => return None,
        };
        Some((at + ONE_MORE_TICK, format!("orders {}", order.terms.order_id)))
    });
    let positions = turn.desk.books.positions.values().filter_map(|position| match position.status {
        PositionStatus::Closing => {
            let at = position.closing_since? + exits.exit_limit;
            Some((at, format!("positions {}", position.id)))
        }
        PositionStatus::Open | PositionStatus::Closed => None,
    });
    orders.chain(positions).min()
}

fn judge_alerts<T, V>(state: &mut StrategyState, turn: &Turn<'_, T, V>) {
    forget_lowering(state);
    let (books, now) = (&turn.desk.books, turn.now);
    let ended = Ending::After(STANDS);
    set_alert(state, "order-failures", order_failures(state, turn), now, ended);
    set_alert(state, "backend-errors", backend_errors(state), now, Ending::AtOnce);
    set_alert(state, "gate-open", open_gates(state, turn), now, Ending::AtOnce);
    set_alert(state, "market-crash", crash(state, turn), now, Ending::AtOnce);
    if let Some(closed) = &turn.closed_markets {
        let detail = (!closed.is_empty()).then(|| closed.join("; "));
        set_alert(state, MARKET_CLOSED, detail, now, Ending::AtOnce);
    }
    let damaged: Vec<String> = books.damaged.values().map(ToString::to_string).collect();
    let damaged = (!damaged.is_empty()).then(|| damaged.join("; "));
    set_alert(state, BOOKS_DAMAGED, damaged, now, Ending::AtOnce);
    set_alert(state, DRY_RUN_HOLDS, held_in_a_dry_run(turn), now, Ending::AtOnce);
    set_alert(state, FILL_AFTER_CLOSE, reopened(state, books), now, ended);
    crate::approvals::ask_for_answers(state, books, now);
}

fn order_failures<T, V>(state: &StrategyState, turn: &Turn<'_, T, V>) -> Option<String> {
    let recent: u32 = state.recent_exec.iter().map(|minute| minute.order_failures).sum();
    let recent = (recent >= RECENT_FAILURES).then(|| format!("{recent} orders failed within five minutes"));
    let in_a_row = |what: &str, of: fn(&Position) -> u32| {
        let failing = turn.desk.books.positions.values().find(|one| of(one) >= FAILURES_IN_A_ROW)?;
        Some(format!("{} {what} of {} failed in a row", of(failing), failing.id))
    };
    in_a_row("exits", |one| one.exit_failures)
        .or_else(|| turn.unprotected.clone())
        .or_else(|| in_a_row("stops", |one| one.stop_failures))
        .or(recent)
}

fn backend_errors(state: &StrategyState) -> Option<String> {
    let errors: u32 = state.recent_exec.iter().map(|minute| minute.backend_errors).sum();
    (errors > RECENT_BACKEND_ERRORS).then(|| format!("{errors} venue calls failed within five minutes"))
}

fn open_gates<T, V>(state: &StrategyState, turn: &Turn<'_, T, V>) -> Option<String> {
    let rejections = gates::reason(state, &turn.desk.settings.gate, turn.now);
    let limit = turn.desk.settings.pnl_gate;
    let loss = state.holds.contains_key(&Hold::PnlGate);
    let loss = loss.then(|| format!("daily loss gate open (limit={limit}), until the next UTC day"));
    match (rejections, loss) {
        (Some(rejections), Some(loss)) => Some(format!("{rejections}; {loss}")),
        (rejections, loss) => rejections.or(loss),
    }
}

fn crash<T, V>(state: &StrategyState, turn: &Turn<'_, T, V>) -> Option<String> {
    let stands = state.holds.contains_key(&Hold::Crash);
    let known = state.alerts.get("market-crash").map(|alert| alert.detail.clone());
    let words = turn.crash.clone().or(known).unwrap_or_else(|| "the market fell too fast".to_owned());
    stands.then_some(words)
}

/// What nothing is sent for, neither a stop nor an exit nor a cancel, until a person decides.
fn held_in_a_dry_run<T, V>(turn: &Turn<'_, T, V>) -> Option<String> {
    if turn.acts() {
        return None;
    }
    let (positions, orders) = (turn.desk.books.positions.values(), turn.desk.books.orders.values());
    let held = positions.filter(|one| one.status != PositionStatus::Closed);
    let held = held.map(|one| format!("{} of {} in {}", one.quantity, one.symbol.base, one.id));
    let sent = orders.filter(|one| one.state.may_be_at_venue());
    let sent = sent.map(|one| format!("{} {}", one.terms.leg.as_str(), one.terms.order_id));
    let all: Vec<String> = held.chain(sent).collect();
    (!all.is_empty()).then(|| format!("DryRun: nothing is sent for {}", all.join(", ")))
}

/// The words stand as long as the position is being closed again.
fn reopened(state: &StrategyState, books: &Books) -> Option<String> {
    let alert = state.alerts.get(FILL_AFTER_CLOSE)?;
    let position = books.positions.values().find(|one| one.id.to_string() == alert.key)?;
    (position.status == PositionStatus::Closing).then(|| alert.detail.clone())
}

/// How long an alert of something that is over within a tick stands: heartbeat looks once a minute, and must
/// have seen it.
const STANDS: Millis = Millis::from_secs(120);

/// When an alert goes whose fact is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    AtOnce,
    After(Millis),
}

/// Raises, keeps or clears one alert: `since` and `key` stay those of the first moment.
fn set_alert(state: &mut StrategyState, kind: &str, detail: Option<String>, now: Timestamp, ending: Ending) {
    let known = state.alerts.get(kind);
    match detail {
        None => {
            let since = known.map(|alert| alert.since);
            let is_over = match ending {
                Ending::AtOnce => true,
                Ending::After(span) => since.is_none_or(|since| now.since(since) >= span),
            };
            if is_over {
                state.alerts.remove(kind);
            }
        }
        Some(detail) => {
            let since = known.map_or(now, |alert| alert.since);
            let key = known.map_or_else(|| state.strategy_id.to_string(), |alert| alert.key.clone());
            state.alerts.insert(kind.to_owned(), Alert { since, key, detail });
        }
    }
}
