//! Record, act, record: the one place from which orders and cancels leave.

use shared::ids::{Leg, OrderId};
use shared::money::Price;
use shared::order::{Event, Kind, Order, Sent, State, TimeInForce};
use shared::ports::{MarketData, OrderRequest, ReadAccount, SendError, TradeOrders, VenueError, WriteTables};
use shared::status::Status;
use shared::time::Timestamp;
use shared::venue::binance::fence;

use crate::authority::lower;
use crate::desk::Binds;
use crate::follow::{absorb, follow_order};
use crate::gates;
use crate::journal::{self, Fate, Tool};
use crate::keys;
use crate::turn::{Turn, TurnError};

/// What came of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It was made, and its answer is recorded as far as there was one.
    Made,
    /// There was no time left to record it, or its price is too old: the next tick plans it anew.
    NoTime,
    /// It is a dry run: nothing leaves.
    DryRun,
}

/// Sends `order`: recorded as `pending` with its counters in one transaction, then sent once, then its
/// answer is recorded. An order that the desk does not know yet begins here. An entry at the market is sent as a limit at
/// `worst`, the most that its review let one unit cost, of which nothing rests.
pub async fn submit<T, V>(
    turn: &mut Turn<'_, T, V>,
    order: Order,
    worst: Option<Price>,
) -> Result<Submitted, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    if !turn.acts() {
        turn.desk.forget();
        return Ok(Submitted::DryRun);
    }
    let sent_at = turn.shift.clock.now();
    // What adds risk is priced again if its price has become old since it was reviewed.
    let is_old = order.terms.leg == Leg::Entry && !turn.is_fresh(&order.terms.symbol, sent_at);
    // Another invocation counts in a later day already: its caps are not those that this was planned with.
    let is_yesterdays = sent_at.day() < turn.desk.books.state.exec_day.day;
    if is_old || is_yesterdays || has_lapsed(turn, &order, sent_at) || !turn.has_time_to_send(sent_at) {
        turn.desk.forget();
        return Ok(Submitted::NoTime);
    }
    let id = order.terms.order_id.clone();
    let request = OrderRequest {
        order_id: id.clone(),
        symbol: order.terms.symbol.clone(),
        side: order.terms.side,
        kind: sent_kind(order.terms.kind, worst),
        quantity: order.terms.quantity,
        sent_at,
    };
    let limit = worst.filter(|_| order.terms.kind == Kind::Market);
    let sent = Sent { at: sent_at, fence: fence(sent_at), limit };
    put_on_record(turn, order.clone(), sent)?;
    turn.desk.commit(turn.shift.tables, Binds::Authority).await?;
    let answer = turn.venue.place(&request).await;
    turn.sent = turn.sent.saturating_add(1);
    turn.balances_have_moved();
    let took = turn.shift.clock.now().since(sent_at);
    let line =
        journal::acted(turn, Tool::Place, &order, fate_of(&answer), took).with("sent_as", request.kind);
    turn.write(match &answer {
        Ok(placed) => line.with("detail", format_args!("executed {}", placed.report.executed)),
        Err(error) => line.with("detail", error),
    });
    match answer {
        Ok(placed) => absorb(turn, &id, &placed.report, placed.trades).await?,
        Err(error) => record_failure(turn, &id, error).await?,
    }
    Ok(Submitted::Made)
}

/// How an order is sent: one at the market that has a worst price as a limit there, of which nothing rests.
pub fn sent_kind(kind: Kind, worst: Option<Price>) -> Kind {
    match (kind, worst) {
        (Kind::Market, Some(price)) => Kind::Limit { price, time_in_force: TimeInForce::Ioc },
        (Kind::Market | Kind::Limit { .. } | Kind::Stop { .. } | Kind::StopLimit { .. }, _) => kind,
    }
}

/// Whether the offer that a person approved has ended since it was judged: the next tick says so.
fn has_lapsed<T, V>(turn: &Turn<'_, T, V>, order: &Order, sent_at: Timestamp) -> bool {
    turn.order(&order.terms.order_id).is_some_and(
        |known| matches!(known.state, State::AwaitingApproval { expires_at, .. } if expires_at <= sent_at),
    )
}

fn put_on_record<T, V>(turn: &mut Turn<'_, T, V>, order: Order, sent: Sent) -> Result<(), TurnError>
where
    V: MarketData + ReadAccount,
{
    turn.desk.begin_day(sent.at.day());
    let most_orders = turn.desk.settings.limits.max_daily_orders;
    let day = &mut turn.desk.books.state.exec_day;
    day.orders = day.orders.saturating_add(1);
    day.most_orders = Some(most_orders);
    if order.terms.leg == Leg::Entry {
        gates::count_opening(&mut turn.desk.books.state, sent.at);
    }
    let id = order.terms.order_id.clone();
    if turn.order(&id).is_none() {
        turn.desk.begin(Order { state: State::Pending(sent), ..order });
        return Ok(());
    }
    Ok(turn.desk.advance(&id, Event::Submit(sent))?)
}

async fn record_failure<T, V>(
    turn: &mut Turn<'_, T, V>,
    id: &OrderId,
    error: SendError,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount,
{
    match error {
        SendError::NeverSent(why) => {
            turn.backend_error("place", &why);
            turn.desk.advance(id, Event::NeverSent)?;
        }
        SendError::Refused { code, .. } => {
            turn.minute.order_failures = turn.minute.order_failures.saturating_add(1);
            turn.desk.advance(id, Event::Reject { code })?;
            note_refusal(turn, id);
        }
        SendError::Fatal { code, text } => {
            turn.minute.order_failures = turn.minute.order_failures.saturating_add(1);
            let (now, reason) = (turn.now, format!("venue refuses the key: {code} {text}"));
            lower(&mut turn.desk.books.state, Status::Halted, &reason, now);
            keys::forget(turn.desk.books.account.as_mut());
            turn.desk.advance(id, Event::Reject { code })?;
            note_refusal(turn, id);
        }
        SendError::NoAnswer(why) => {
            turn.backend_error("place", &VenueError::Unavailable(why));
            turn.desk.advance(id, Event::NoAnswer)?;
            turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
            return follow_order(turn, id).await;
        }
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// A sell that the venue has refused lets the next one wait.
fn note_refusal<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) {
    let now = turn.now;
    let Some(terms) = turn.order(id).map(|order| order.terms.clone()) else { return };
    if let Some(position) = turn.desk.books.positions.get_mut(&terms.position_id)
        && terms.leg == Leg::Exit
    {
        position.exit_refused_at = Some(now);
    }
}

/// Takes an order back: counted, asked once, and what the venue says is recorded.
pub async fn cancel<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<Submitted, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(Submitted::Made) };
    if !turn.acts() {
        turn.desk.forget();
        return Ok(Submitted::DryRun);
    }
    let sent_at = turn.shift.clock.now();
    if !turn.has_time_to_send(sent_at) {
        turn.desk.forget();
        return Ok(Submitted::NoTime);
    }
    turn.desk.begin_day(sent_at.day());
    let day = &mut turn.desk.books.state.exec_day;
    day.cancels = day.cancels.saturating_add(1);
    turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
    let answer = turn.venue.cancel(&order.terms.symbol, id, sent_at).await;
    turn.balances_have_moved();
    let took = turn.shift.clock.now().since(sent_at);
    let line = journal::acted(turn, Tool::Cancel, &order, fate_of(&answer), took);
    match answer {
        Ok(report) => {
            turn.write(line.with("detail", format_args!("executed {}", report.executed)));
            absorb(turn, id, &report, Vec::new()).await?;
        }
        Err(error) => {
            turn.write(line.with("detail", &error));
            turn.backend_error("cancel", &as_question(error));
            follow_order(turn, id).await?;
        }
    }
    Ok(Submitted::Made)
}

/// A cancel that failed, in the words of a question that failed: nothing is lost by asking again.
fn as_question(error: SendError) -> VenueError {
    match error {
        SendError::NeverSent(error) => error,
        SendError::Refused { code, text } => VenueError::Refused { code, text },
        SendError::NoAnswer(why) => VenueError::Unavailable(why),
        SendError::Fatal { code, text } => VenueError::Fatal { code, text },
    }
}

fn fate_of<R>(answer: &Result<R, SendError>) -> Fate {
    match answer {
        Ok(_) => Fate::Success,
        Err(SendError::Refused { .. } | SendError::Fatal { .. }) => Fate::Rejected,
        Err(SendError::NeverSent(_) | SendError::NoAnswer(_)) => Fate::Failed,
    }
}
