//! An exit: the position is `closing`; its entry is cancelled; once the market takes a sell, its stop is cancelled and what
//! is left is sold; what did not sell gets its stop back. A crash in between is finished first in the next tick.

use shared::books::{ExitReason, Position, PositionStatus};
use shared::ids::{Leg, OrderId, PositionId};
use shared::market::{Instrument, Sellable, Side, Trading};
use shared::money::{Price, Qty};
use shared::order::{Ended, Kind, Order, Origin, State, Terms};
use shared::ports::{Level, Line, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::status::Act;
use shared::time::{Millis, Timestamp};

use crate::desk::Binds;
use crate::protect::put_stop_back;
use crate::send::{Submitted, cancel, submit};
use crate::turn::{Turn, TurnError};

/// Failures of one leg in a row that page.
pub const FAILURES_IN_A_ROW: u32 = 2;

/// How long a sell waits that the venue has refused that often.
const AFTER_REFUSALS: Millis = Millis::from_minutes(5);

/// What an exit needs to be allowed.
pub const fn act_of(reason: ExitReason) -> Act {
    match reason {
        ExitReason::Model => Act::ExitByModel,
        ExitReason::Person => Act::ExitByPerson,
        ExitReason::TakeProfit
        | ExitReason::Trailing
        | ExitReason::StopTriggered
        | ExitReason::StopMissing
        | ExitReason::Crash => Act::ExitByRule,
    }
}

/// Whether the table allows this exit now, and it is no dry run.
pub fn is_allowed<T, V>(turn: &Turn<'_, T, V>, reason: ExitReason) -> bool {
    turn.acts() && turn.may(act_of(reason))
}

/// Orders an exit, and takes it as far as it goes in this invocation. `decision` is the model's, where it wished it.
pub async fn begin_exit<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    reason: ExitReason,
    decision: Option<Timestamp>,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let now = turn.now;
    let Some(position) = turn.desk.books.positions.get_mut(id) else { return Ok(()) };
    position.status = PositionStatus::Closing;
    position.closing_since = Some(now);
    position.exit_reason = Some(reason);
    position.exit_decision = decision;
    turn.desk.commit(turn.shift.tables, Binds::Authority).await?;
    let line = turn.line(Level::Info, "exit ordered").with("position_id", id).with("reason", reason.as_str());
    let line = match decision {
        Some(minute) => line.with("decision", minute),
        None => line,
    };
    turn.write(traced(turn, line, id));
    continue_exit(turn, id).await
}

/// Takes an ordered exit as far as it goes.
pub async fn continue_exit<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let now = turn.now;
    let Some(position) = turn.desk.books.positions.get_mut(id) else { return Ok(()) };
    let reason = exit_reason(position);
    if position.closing_since.is_none() {
        // A person ordered it in the table: its limit counts from where it is seen.
        position.closing_since = Some(now);
        turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    }
    // What it sells is not known to be ours any more: neither a stop nor another sell before it is settled.
    let sells = turn.orders_of(id, |order| order.terms.leg == Leg::Exit && !order.state.is_over());
    if !sells.is_empty() || turn.desk.books.waits_for_fills(id) {
        return Ok(());
    }
    // A dry run ends no exit: it goes on once there is none.
    if turn.acts() && !is_allowed(turn, reason) {
        return put_back(turn, id).await;
    }
    // Nothing more is bought; the stop rests until a sell can follow its cancel.
    if !are_gone(turn, id, Leg::Entry).await? {
        return Ok(());
    }
    if waits_after_refusals(turn, id) {
        return put_stop_back(turn, id).await;
    }
    let sold = match prepare(turn, id).await {
        Ok(Some(sale)) if are_gone(turn, id, Leg::Stop).await? => sell_what_is_left(turn, id, &sale).await,
        Ok(Some(_)) => return Ok(()),
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    // Also where something could not be read; what the tables did not take is planned anew.
    if !matches!(sold, Err(TurnError::Write(_))) {
        put_stop_back(turn, id).await?;
    }
    sold
}

/// What a sell is planned with, read before the stop is cancelled for it: a read that fails later would leave the position
/// without either.
struct Sale {
    instrument: Instrument,
    bid: Price,
    /// What was held before the cancel.
    held: Qty,
    /// What the books said then.
    booked: Qty,
}

impl Sale {
    /// What is held now that the books say `booked`: what the stop has sold meanwhile is gone.
    fn held(&self, booked: Qty) -> Qty {
        self.held.less(self.booked.less(booked))
    }
}

/// None: the market takes no sell now, the venue holds nothing to sell, or no time is left for both the cancel and the sell.
async fn prepare<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<Option<Sale>, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(None) };
    let instrument = turn.instrument(&position.symbol).await?;
    let bid = turn.quote(&position.symbol).await?.bid;
    let (held, booked) = (turn.held(&position.symbol.base).await?, position.quantity);
    let sells = |held| matches!(instrument.sellable(booked, held, bid), Sellable::Order(_));
    if sells(booked) && !sells(held) {
        wait_for_what_is_missing(turn, id, held).await?;
        return Ok(None);
    }
    let waits = match instrument.trading {
        Trading::Closed => Some("the market takes no orders"),
        Trading::Open if !turn.has_time_for_exit() => Some("no time is left for a cancel and a sell"),
        Trading::Open => None,
    };
    match waits.filter(|_| sells(booked)) {
        Some(why) => {
            let line = turn.line(Level::Warn, "exit waits, its stop rests").with("position_id", id);
            turn.write(traced(turn, line, id).with("detail", why));
            Ok(None)
        }
        None => Ok(Some(Sale { instrument, bid, held, booked })),
    }
}

/// A sell that the venue refused twice in a row is not sent every minute for hours: a person has been paged.
fn waits_after_refusals<T, V>(turn: &Turn<'_, T, V>, id: &PositionId) -> bool {
    let waits = |position: &Position, refused_at: Timestamp| {
        position.exit_failures >= FAILURES_IN_A_ROW && turn.now.since(refused_at) < AFTER_REFUSALS
    };
    let position = turn.desk.books.positions.get(id);
    position.is_some_and(|one| one.exit_refused_at.is_some_and(|at| waits(one, at)))
}

fn exit_reason(position: &Position) -> ExitReason {
    position.exit_reason.unwrap_or(ExitReason::Person)
}

/// The table no longer allows the exit: the position is `open` again, and its stop is put back next.
async fn put_back<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
{
    if let Some(position) = turn.desk.books.positions.get_mut(id) {
        position.status = PositionStatus::Open;
        position.closing_since = None;
        position.exit_reason = None;
        position.exit_decision = None;
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// Cancels the position's orders of this leg; true once none can trade any more. A cancel that did not work counts as a
/// failure of the exit: nothing can be sold meanwhile.
async fn are_gone<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId, leg: Leg) -> Result<bool, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let rests = |state: &State| matches!(state, State::Live { ended: None, .. });
    let may_trade = |order: &Order| order.terms.leg == leg && order.state.may_be_at_venue();
    for order in turn.orders_of(id, |order| may_trade(order) && rests(&order.state)) {
        let asked = cancel(turn, &order).await? == Submitted::Made;
        let still = turn.order(&order).is_some_and(|order| rests(&order.state));
        if let Some(position) = turn.desk.books.positions.get_mut(id).filter(|_| asked && still) {
            position.exit_failures = position.exit_failures.saturating_add(1);
            turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
        }
    }
    Ok(turn.orders_of(id, may_trade).is_empty())
}

async fn sell_what_is_left<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    sale: &Sale,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    if position.quantity.is_zero() {
        return close(turn, id, Qty::ZERO).await;
    }
    let Sale { instrument, bid, .. } = sale;
    let held = sale.held(position.quantity);
    match instrument.sellable(position.quantity, held, *bid) {
        Sellable::Dust(residue) => return close(turn, id, residue).await,
        Sellable::Order(lots) => sell(turn, id, instrument.at_market(lots, *bid)).await?,
    }
    if let Some(less) = less_than_was_tried(turn, id, held).await?
        && let Sellable::Order(lots) = instrument.sellable(position.quantity, less, *bid)
    {
        sell(turn, id, instrument.at_market(lots, *bid)).await?;
    }
    finish(turn, id).await
}

/// The venue holds nothing that can be sold of what the books say is ours and worth selling: somebody moved it, and it
/// may come back. A residue is what is too little to sell, never what is missing, so the position stays as it is; the
/// exit counts as failed, so that a person is told, who closes it or brings it back.
async fn wait_for_what_is_missing<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    held: Qty,
) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let Some(position) = turn.desk.books.positions.get_mut(id) else { return Ok(()) };
    let booked = position.quantity;
    // Counted until it pages: what stays as it is needs no write in every tick.
    if position.exit_failures < FAILURES_IN_A_ROW {
        position.exit_failures = position.exit_failures.saturating_add(1);
    }
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    let line = turn.line(Level::Error, "nothing left to sell of what the books hold").with("position_id", id);
    turn.write(traced(turn, line, id).with("booked", booked).with("held", held));
    Ok(())
}

/// One sell, under the next number.
async fn sell<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId, lots: Qty) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    let order = exit_order(turn, &position, lots);
    if let Some(position) = turn.desk.books.positions.get_mut(id) {
        position.next_exit = position.next_exit.saturating_add(1);
    }
    submit(turn, order, None).await?;
    Ok(())
}

/// What the venue holds by now, where it has just refused a sell and holds less than that was planned with:
/// the plan is corrected once. Any other refusal is left to the next tick.
async fn less_than_was_tried<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &PositionId,
    before: Qty,
) -> Result<Option<Qty>, TurnError>
where
    V: MarketData + ReadAccount,
{
    let Some(position) = turn.desk.books.positions.get(id) else { return Ok(None) };
    if position.exit_refused_at != Some(turn.now) {
        return Ok(None);
    }
    let base = position.symbol.base.clone();
    let now = turn.held(&base).await?;
    Ok(Some(now).filter(|now| *now < before))
}

/// What became of a stop or a sell that was sent, whenever it is known: one that the venue has clears the count of its
/// leg, one that it refused or that never came to be adds to it. Entry, peak and quantity are the fills' alone to
/// change.
pub fn count_fate(position: &mut Position, order: &Order) {
    let failures = match order.terms.leg {
        Leg::Entry => return,
        Leg::Stop => &mut position.stop_failures,
        Leg::Exit => &mut position.exit_failures,
    };
    *failures = match order.state {
        State::Rejected { .. } | State::Absent { .. } => failures.saturating_add(1),
        // The venue took a sell and sold nothing: the book was empty, or the price left its range.
        State::Done { ended: Ended::Expired, ref venue }
            if order.terms.leg == Leg::Exit && venue.executed.is_zero() =>
        {
            *failures = failures.saturating_add(1);
            position.exit_refused_at = Some(venue.sent_at);
            return;
        }
        State::Live { .. } | State::Done { .. } => 0,
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Refused { .. }
        | State::DryRun => return,
    };
    if order.terms.leg == Leg::Exit {
        position.exit_refused_at = None;
    }
}

/// Closes a position once every order of it has ended and nothing sellable is left.
pub async fn finish<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    let Some(position) = turn.desk.books.positions.get(id).cloned() else { return Ok(()) };
    if !turn.orders_of(id, |order| !order.state.is_over()).is_empty() {
        return Ok(());
    }
    if position.quantity.is_zero() {
        return close(turn, id, Qty::ZERO).await;
    }
    let instrument = turn.instrument(&position.symbol).await?;
    let quote = turn.quote(&position.symbol).await?;
    match instrument.sellable(position.quantity, position.quantity, quote.bid) {
        Sellable::Dust(residue) => close(turn, id, residue).await,
        Sellable::Order(_) => Ok(()),
    }
}

async fn close<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId, residue: Qty) -> Result<(), TurnError>
where
    T: WriteTables,
{
    let now = turn.now;
    let Some(position) = turn.desk.books.positions.get_mut(id) else { return Ok(()) };
    position.status = PositionStatus::Closed;
    position.closed_at = Some(now);
    if position.exit_reason.is_none() && !position.sold.is_zero() {
        position.exit_reason = Some(ExitReason::StopTriggered);
    }
    position.residue = if residue.is_zero() { None } else { Some(residue) };
    let realised = position.realised();
    turn.desk.books.state.live.remove(&id.to_string());
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    let line = turn.line(Level::Info, "position closed").with("position_id", id);
    turn.write(traced(turn, line, id).with("realised", realised).with("residue", residue));
    Ok(())
}

/// The trace of the decision that opened the position.
fn traced<T, V>(turn: &Turn<'_, T, V>, line: Line, id: &PositionId) -> Line {
    match turn.desk.books.positions.get(id).and_then(|one| one.trace.as_ref()) {
        Some(trace) => line.with("trace", trace),
        None => line,
    }
}

fn exit_order<T, V>(turn: &Turn<'_, T, V>, position: &Position, quantity: Qty) -> Order {
    let reason = exit_reason(position);
    let origin = match act_of(reason) {
        Act::ExitByModel => Origin::Model,
        Act::ExitByPerson => Origin::Person,
        Act::Open | Act::CancelEntry | Act::ProtectiveStop | Act::ExitByRule => Origin::Rule,
    };
    let plan = position.next_exit;
    let mut order = own_order(turn, position, Leg::Exit, plan, origin, Kind::Market, quantity);
    order.terms.decision = position.exit_decision;
    order
}

/// An order that execute plans itself.
pub fn own_order<T, V>(
    turn: &Turn<'_, T, V>,
    position: &Position,
    leg: Leg,
    plan: u32,
    origin: Origin,
    kind: Kind,
    quantity: Qty,
) -> Order {
    let terms = Terms {
        order_id: OrderId::derive(turn.shift.env, &position.account, &position.id, leg, plan),
        position_id: position.id.clone(),
        strategy_id: position.strategy_id.clone(),
        account: position.account.clone(),
        symbol: position.symbol.clone(),
        leg,
        plan,
        origin,
        side: Side::Sell,
        kind,
        quantity,
        stop_loss: None,
        take_profit: None,
        decided_price: None,
        decided_at: turn.now,
        decision: None,
        created_at: turn.now,
        trace: position.trace.clone().unwrap_or_else(|| position.id.to_string()),
    };
    Order { terms, state: State::Intended }
}
