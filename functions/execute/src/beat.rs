//! The end of a turn: the beat, the acknowledgement, what is due next, the counters and the alerts, in one
//! write of the state that never touches `send_seq`.

use shared::books::PositionStatus;
use shared::ids::Leg;
use shared::order::State;
use shared::ports::WriteTables;
use shared::records;
use shared::state::{Alert, ExecMinute, RECENT_MINUTES, StrategyState};
use shared::store::{Attr, Cond, Path, Write, WriteError, changes};
use shared::time::{Millis, Timestamp};

use crate::desk::Books;
use crate::turn::Turn;

/// A fence, timeout or limit is due one more tick later: execute acts on it in the tick that sees it.
const ONE_MORE_TICK: Millis = Millis::from_secs(120);

/// Failures of one leg in a row that page.
const FAILURES_IN_A_ROW: u32 = 2;
/// Failures within the recent minutes that page.
const RECENT_FAILURES: u32 = 5;
/// Failed venue calls within the recent minutes that page.
const RECENT_BACKEND_ERRORS: u32 = 5;

/// Writes the beat. A beat that another invocation has overtaken leaves the later one standing.
pub async fn beat<T: WriteTables, V>(turn: &mut Turn<'_, T, V>) -> Result<(), WriteError> {
    turn.desk.forget();
    let before = turn.desk.books.state.clone();
    let after = state_after(turn);
    match write(turn, &before, &after, Some(after.last_heartbeat)).await {
        Err(WriteError::Lost { .. }) => {
            let after = StrategyState { last_heartbeat: before.last_heartbeat, ..after };
            write(turn, &before, &after, None).await
        }
        result => result,
    }
}

async fn write<T: WriteTables, V>(
    turn: &Turn<'_, T, V>,
    before: &StrategyState,
    after: &StrategyState,
    beat: Option<Timestamp>,
) -> Result<(), WriteError> {
    let key = records::state::key(&before.strategy_id);
    let changed = changes(&records::state::encode(before), &records::state::encode(after));
    // The strategy may have been removed meanwhile: a beat never creates it.
    let mut conds = vec![Cond::Present(Path::of("status"))];
    conds.extend(beat.map(|at| Cond::AbsentOrBelow(Path::of("last_heartbeat"), Attr::S(at.to_string()))));
    if changed.is_empty() {
        return Ok(());
    }
    turn.shift.tables.write(vec![Write::update(key, changed, conds)]).await
}

fn state_after<T, V>(turn: &Turn<'_, T, V>) -> StrategyState {
    let mut state = turn.desk.books.state.clone();
    state.last_heartbeat = turn.now;
    state.last_executed_at = turn.shift.tick.scheduled_at;
    if state.status_ack != Some(state.status) {
        state.status_ack = Some(state.status);
        state.status_ack_at = Some(turn.now);
    }
    state.recent_exec = with_minute(&state.recent_exec, turn.minute);
    let due = next_due(turn);
    state.due_at = due.as_ref().map(|(at, _)| *at);
    state.due_what = due.map(|(_, what)| what);
    judge_alerts(&mut state, &turn.desk.books, turn.now);
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

fn judge_alerts(state: &mut StrategyState, books: &Books, now: Timestamp) {
    let failing = books.positions.values().find(|one| one.exit_failures >= FAILURES_IN_A_ROW);
    let recent: u32 = state.recent_exec.iter().map(|minute| minute.order_failures).sum();
    let failures = match failing {
        Some(position) => {
            Some(format!("{} exits of {} failed in a row", position.exit_failures, position.id))
        }
        None if recent >= RECENT_FAILURES => Some(format!("{recent} orders failed within five minutes")),
        None => None,
    };
    set_alert(state, "order-failures", failures, now);
    let errors: u32 = state.recent_exec.iter().map(|minute| minute.backend_errors).sum();
    let errors =
        (errors > RECENT_BACKEND_ERRORS).then(|| format!("{errors} venue calls failed within five minutes"));
    set_alert(state, "backend-errors", errors, now);
    crate::approvals::ask_for_answers(state, books, now);
}

/// Raises, keeps or clears one alert: `since` stays that of the first moment.
fn set_alert(state: &mut StrategyState, kind: &str, detail: Option<String>, now: Timestamp) {
    match detail {
        None => {
            state.alerts.remove(kind);
        }
        Some(detail) => {
            let since = state.alerts.get(kind).map_or(now, |alert| alert.since);
            let key = state.strategy_id.to_string();
            state.alerts.insert(kind.to_owned(), Alert { since, key, detail });
        }
    }
}
