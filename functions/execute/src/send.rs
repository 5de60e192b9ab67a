//! Record, act, record: the one place from which orders and cancels leave.

use shared::ids::{Leg, OrderId};
use shared::order::{Event, Order, Sent, State};
use shared::ports::{Level, MarketData, OrderRequest, ReadAccount, SendError, TradeOrders, WriteTables};
use shared::status::Status;
use shared::time::Timestamp;
use shared::venue::binance::fence;

use crate::desk::Binds;
use crate::follow::{absorb, follow_order};
use crate::turn::{Turn, TurnError};

/// What came of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It was made, and its answer is recorded as far as there was one.
    Made,
    /// There was no time left to record it, or its price is too old: the next tick plans it anew.
    NoTime,
}

/// Sends `order`: recorded as `pending` with its counters in one transaction, then sent once, then its
/// answer is recorded. An order that the desk does not know yet begins here.
pub async fn submit<T, V>(turn: &mut Turn<'_, T, V>, order: Order) -> Result<Submitted, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let sent_at = turn.shift.clock.now();
    // What adds risk is priced again if its price has become old since it was reviewed.
    let is_old = order.terms.leg == Leg::Entry && !turn.is_fresh(&order.terms.symbol, sent_at);
    if is_old || !turn.has_time_to_send(sent_at) {
        turn.desk.forget();
        return Ok(Submitted::NoTime);
    }
    let id = order.terms.order_id.clone();
    let request = OrderRequest {
        order_id: id.clone(),
        symbol: order.terms.symbol.clone(),
        side: order.terms.side,
        kind: order.terms.kind,
        quantity: order.terms.quantity,
        sent_at,
    };
    put_on_record(turn, order, sent_at)?;
    turn.desk.commit(turn.shift.tables, Binds::Authority).await?;
    let answer = turn.venue.place(&request).await;
    turn.sent = turn.sent.saturating_add(1);
    turn.balances_have_moved();
    log_send(turn, &request, &answer);
    match answer {
        Ok(placed) => absorb(turn, &id, &placed.report, placed.trades).await?,
        Err(error) => record_failure(turn, &id, error).await?,
    }
    Ok(Submitted::Made)
}

fn put_on_record<T, V>(turn: &mut Turn<'_, T, V>, order: Order, sent_at: Timestamp) -> Result<(), TurnError>
where
    V: MarketData + ReadAccount,
{
    turn.desk.begin_day(sent_at.day());
    let most_orders = turn.desk.settings.limits.max_daily_orders;
    let day = &mut turn.desk.books.state.exec_day;
    day.orders = day.orders.saturating_add(1);
    day.most_orders = Some(most_orders);
    let sent = Sent { at: sent_at, fence: fence(sent_at) };
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
        }
        SendError::Fatal { code, text } => {
            turn.minute.order_failures = turn.minute.order_failures.saturating_add(1);
            halt(turn, format!("venue refuses the key: {code} {text}"));
            turn.desk.advance(id, Event::Reject { code })?;
        }
        SendError::NoAnswer(_) => {
            turn.minute.backend_errors = turn.minute.backend_errors.saturating_add(1);
            turn.desk.advance(id, Event::NoAnswer)?;
            turn.desk.commit(turn.shift.tables, Binds::Nothing).await?;
            return follow_order(turn, id).await;
        }
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// Lowers the status; never over `stopped`, and never up.
pub fn halt<T, V>(turn: &mut Turn<'_, T, V>, reason: String) {
    let state = &mut turn.desk.books.state;
    match state.status {
        Status::Warmup | Status::Running | Status::Reducing => {
            state.status = Status::Halted;
            state.halt_reason = Some(reason);
        }
        Status::Halted | Status::Stopped => {}
    }
}

/// Takes an order back: counted, asked once, and what the venue says is recorded.
pub async fn cancel<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<Submitted, TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let Some(order) = turn.order(id).cloned() else { return Ok(Submitted::Made) };
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
    match answer {
        Ok(report) => absorb(turn, id, &report, Vec::new()).await?,
        Err(error) => {
            turn.minute.backend_errors = turn.minute.backend_errors.saturating_add(1);
            let line = turn.line(Level::Warn, "cancel failed").with("order_id", id).with("error", &error);
            turn.write(line.with("trace", &order.terms.trace));
            follow_order(turn, id).await?;
        }
    }
    Ok(Submitted::Made)
}

fn log_send<T, V>(
    turn: &Turn<'_, T, V>,
    request: &OrderRequest,
    answer: &Result<shared::ports::Placed, SendError>,
) {
    let (level, status) = match answer {
        Ok(_) => (Level::Info, "success".to_owned()),
        Err(SendError::Refused { .. } | SendError::Fatal { .. }) => (Level::Error, "rejected".to_owned()),
        Err(SendError::NeverSent(_) | SendError::NoAnswer(_)) => (Level::Warn, "failed".to_owned()),
    };
    let line = turn.line(level, "order sent").with("order_id", &request.order_id).with("tool", "place");
    let line = line.with("side", request.side.as_str()).with("status", status);
    let line = line.with("quantity", request.quantity).with("symbol", &request.symbol);
    let detail = match answer {
        Ok(placed) => format!("executed {}", placed.report.executed),
        Err(error) => error.to_string(),
    };
    let line = line.count("trading_daily_orders_count", turn.desk.books.state.exec_day.orders.into());
    turn.write(line.with("detail", detail));
}
