//! The gates as holds: refusals in a row, the day's loss, a venue's ban. All they know stands in the state, so
//! that a fresh process judges the same. They bind what adds risk and nothing else.
//!
//! The rejection gate is closed, open, or half-open. Refusals in a row open it, and the hold is set in the
//! same commit. After the cooldown the hold is gone and one trial may be sent: accepted by the venue, the gate
//! is closed and the count is zero; refused by our rules, it is open again at once. Dry runs and proposals
//! neither count nor clear, and what the venue fails to do neither adds nor clears.

use shared::books::{Position, PositionStatus};
use shared::ids::{Leg, OrderId};
use shared::money::{Amount, Price};
use shared::order::{Ended, Order, State};
use shared::ports::{Level, MarketData, ReadAccount, WriteTables};
use shared::settings::Gate;
use shared::state::{GateName, Phase, PnlFrom, StrategyState};
use shared::status::{Hold, Status};
use shared::time::{Day, Millis, Timestamp};

use crate::authority::lower;
use crate::desk::{Binds, Books};
use crate::risk::Rule;
use crate::turn::{Turn, TurnError};

/// How long an opening counts.
const AN_HOUR: Millis = Millis::from_minutes(60);
/// Stops in a row that do not come to rest, after which the strategy only reduces (contract section 3).
const MOST_MISSING_STOPS: u32 = 2;
/// How long a stop rests until the row is over.
const RESTED: Millis = Millis::from_minutes(10);

/// Counts a refusal of the risk chain; enough of them in a row, or the trial's, open the gate.
pub fn count_refusal(state: &mut StrategyState, rule: Rule, gate: &Gate, now: Timestamp) {
    if !rule.is_the_wishs_fault() {
        return;
    }
    let breaker = &mut state.breaker;
    breaker.rejections = breaker.rejections.saturating_add(1);
    let opens = match breaker.phase {
        Phase::Closed => breaker.rejections >= gate.threshold,
        Phase::HalfOpen { .. } => true,
        Phase::Open { .. } => false,
    };
    if opens {
        breaker.phase = Phase::Open { since: now };
        state.holds.insert(Hold::RejectionGate, now);
    }
}

/// The order that is sent while the gate is half-open is its trial.
pub fn begin_trial(state: &mut StrategyState, order: &OrderId) {
    if let Phase::HalfOpen { trial } = &mut state.breaker.phase {
        *trial = Some(order.clone());
    }
}

/// An opening counts from its send.
pub fn count_opening(state: &mut StrategyState, sent_at: Timestamp) {
    let opens = &mut state.breaker.opens;
    opens.retain(|at| sent_at.since(*at) < AN_HOUR);
    opens.insert(0, sent_at);
}

/// What became of a sent entry: one that the venue has clears the count, and closes the gate if it was the
/// trial. One that never came to be leaves room for another trial.
pub fn count_fate(state: &mut StrategyState, order: &Order) {
    match order.terms.leg {
        Leg::Entry => {}
        Leg::Stop => return count_stop(state, order),
        Leg::Exit => return,
    }
    let id = &order.terms.order_id;
    let breaker = &mut state.breaker;
    let is_trial = matches!(&breaker.phase, Phase::HalfOpen { trial: Some(trial) } if trial == id);
    match &order.state {
        State::Live { .. } | State::Done { .. } => {
            // One that was bounded and bought nothing has opened nothing.
            if let State::Done { venue, ended: Ended::Expired } = &order.state
                && venue.executed.is_zero()
            {
                breaker.opens.retain(|at| *at != venue.sent_at);
            }
            if is_trial {
                breaker.phase = Phase::Closed;
            }
            if breaker.phase == Phase::Closed {
                breaker.rejections = 0;
            }
        }
        State::Rejected { .. } | State::Absent { .. } if is_trial => {
            breaker.phase = Phase::HalfOpen { trial: None };
        }
        State::Rejected { .. }
        | State::Absent { .. }
        | State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Refused { .. }
        | State::DryRun => {}
    }
}

/// A stop that did not come to rest: after two in a row nothing more is bought that could not be protected either.
fn count_stop(state: &mut StrategyState, order: &Order) {
    let is_missing = match &order.state {
        State::Rejected { .. } | State::Absent { .. } => true,
        State::Done { venue, ended: Ended::Expired } => venue.executed.is_zero(),
        State::Done { .. }
        | State::Live { .. }
        | State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Refused { .. }
        | State::DryRun => false,
    };
    if !is_missing {
        return;
    }
    state.breaker.missing_stops = state.breaker.missing_stops.saturating_add(1);
    if state.breaker.missing_stops >= MOST_MISSING_STOPS {
        let why = format!("{} stops in a row did not come to rest", state.breaker.missing_stops);
        lower(state, Status::Reducing, &why, order.terms.created_at);
    }
}

/// A stop that has rested for a while ends the row.
pub fn has_rested(state: &mut StrategyState, sent_at: Timestamp, now: Timestamp) {
    if now.since(sent_at) >= RESTED {
        state.breaker.missing_stops = 0;
    }
}

/// Whether the rejection gate lets an entry be reviewed now: while a trial is on its way, none.
pub const fn lets_pass(state: &StrategyState) -> bool {
    match state.breaker.phase {
        Phase::Closed | Phase::HalfOpen { trial: None } => true,
        Phase::Open { .. } | Phase::HalfOpen { trial: Some(_) } => false,
    }
}

/// The documented words of the axon-llm runbook; none while the gate is not open.
pub fn reason(state: &StrategyState, gate: &Gate, now: Timestamp) -> Option<String> {
    let Phase::Open { since } = state.breaker.phase else { return None };
    let remaining = (since + gate.cooldown).since(now).0.max(0);
    let rejections = state.breaker.rejections;
    Some(format!("circuit breaker open (rejections={rejections}, cooldown_remaining_ms={remaining})"))
}

/// What clears by itself is cleared: a cooldown, a ban, yesterday's loss.
pub async fn lift_holds<T: WriteTables, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError> {
    let (now, gate) = (turn.now, turn.desk.settings.gate.clone());
    let state = &mut turn.desk.books.state;
    cool_down(state, &gate, now);
    lift_ban(state, now);
    if state.holds.get(&Hold::PnlGate).is_some_and(|since| since.day() < now.day()) {
        state.holds.remove(&Hold::PnlGate);
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// A hold without its phase is an open gate, and an open gate without its hold gets it back.
fn cool_down(state: &mut StrategyState, gate: &Gate, now: Timestamp) {
    if let (Phase::Closed, Some(since)) = (&state.breaker.phase, state.holds.get(&Hold::RejectionGate)) {
        state.breaker.phase = Phase::Open { since: *since };
    }
    let Phase::Open { since } = state.breaker.phase else { return };
    if now.since(since) >= gate.cooldown {
        state.breaker.phase = Phase::HalfOpen { trial: None };
        state.holds.remove(&Hold::RejectionGate);
    } else {
        state.holds.insert(Hold::RejectionGate, since);
    }
}

/// A ban blocks opening until it is over; a later end stands.
pub fn ban(state: &mut StrategyState, until: Timestamp, now: Timestamp) {
    state.holds.entry(Hold::VenueBan).or_insert(now);
    state.breaker.banned_until = state.breaker.banned_until.max(Some(until));
}

fn lift_ban(state: &mut StrategyState, now: Timestamp) {
    if state.breaker.banned_until.is_none_or(|until| until <= now) {
        state.breaker.banned_until = None;
        state.holds.remove(&Hold::VenueBan);
    }
}

/// Grants a person's request, and judges the day's loss. Where a position cannot be priced, the loss is not
/// known and nothing more is opened in this tick.
pub async fn judge_day<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let unrealised = unrealised(turn).await?;
    let now = turn.now;
    let result = realised(&turn.desk.books, now.day()) + unrealised;
    grant_reset(turn, result);
    let limit = turn.desk.settings.pnl_gate.amount();
    let state = &mut turn.desk.books.state;
    let from = state.breaker.pnl_from.filter(|from| from.day == now.day());
    let since_then = result - from.map_or(Amount::ZERO, |from| from.result);
    if since_then <= -limit && !state.holds.contains_key(&Hold::PnlGate) {
        state.holds.insert(Hold::PnlGate, now);
        let line = turn.line(Level::Error, "daily loss gate opened").with("result", result);
        turn.write(line.with("limit", limit).with("source", "risk_gate"));
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// Once for each request: the gates that it means are closed, and today's losses count from here.
fn grant_reset<T, V>(turn: &mut Turn<'_, T, V>, result: Amount) {
    let now = turn.now;
    let state = &mut turn.desk.books.state;
    let Some(asked) = state.gate_reset.clone().filter(|one| state.breaker.reset_at != Some(one.at)) else {
        return;
    };
    state.breaker.reset_at = Some(asked.at);
    for gate in GateName::ALL.into_iter().filter(|gate| asked.gate.is_none_or(|meant| meant == *gate)) {
        let was_open = state.holds.remove(&gate.hold()).is_some();
        match gate {
            GateName::Rejection => {
                state.breaker.phase = Phase::Closed;
                state.breaker.rejections = 0;
            }
            GateName::Pnl if was_open => state.breaker.pnl_from = Some(PnlFrom { day: now.day(), result }),
            GateName::Pnl => {}
        }
    }
    let line = turn.line(Level::Warn, "gates reset by a person").with("by", &asked.by);
    let line = line.with("gate", asked.gate.map_or("both", GateName::as_str));
    turn.write(line.with("asked_at", asked.at).with("result", result));
}

/// What today realised, less the fees that are in no position's profit; nothing before its first fill.
fn realised(books: &Books, today: Day) -> Amount {
    let day = &books.state.exec_day;
    if day.day == today { day.realised - day.fees } else { Amount::ZERO }
}

async fn unrealised<T, V>(turn: &mut Turn<'_, T, V>) -> Result<Amount, TurnError>
where
    V: MarketData + ReadAccount,
{
    let held = turn.desk.books.positions.values();
    let held: Vec<Position> =
        held.filter(|one| one.status != PositionStatus::Closed && !one.quantity.is_zero()).cloned().collect();
    let mut sum = Amount::ZERO;
    for position in held {
        let bid = turn.quote(&position.symbol).await?.bid;
        sum = sum + would_gain(&position, bid);
    }
    Ok(sum)
}

/// What selling the rest at `bid` would add to what is realised.
fn would_gain(position: &Position, bid: Price) -> Amount {
    let all = position.proceeds.amount() + (position.quantity * bid).amount() - position.cost.amount();
    all - position.realised()
}
