//! Wishes of the model and of people about what exists: close a position, cancel an entry.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::{OrderId, PositionId};
use shared::order::{Event, Origin, State};
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::state::{Live, Target, WishFor};

use crate::desk::Binds;
use crate::exits::{begin_exit, is_allowed};
use crate::journal::{self, Source, Tool};
use crate::send::cancel;
use crate::turn::{Turn, TurnError};

/// The rule that ends a wish to cancel.
const MAX_DAILY_CANCELS: &str = "max_daily_cancels";

/// Turns every wish into an exit or a cancel. One to close is answered at once, one to cancel stays until
/// its entry is over.
pub async fn grant_wishes<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    for (key, wish) in wishes(turn) {
        let result = match &wish.target {
            // It stays until the position can be read again.
            Target::Close(position) if turn.desk.books.is_damaged(position) => Ok(()),
            Target::Close(position) => grant_close(turn, &key, position, &wish).await,
            Target::Cancel { order_id, .. } => grant_cancel(turn, &key, order_id, wish.origin).await,
        };
        turn.survive(result)?;
    }
    Ok(())
}

fn wishes<T, V>(turn: &Turn<'_, T, V>) -> Vec<(String, WishFor)> {
    let live = turn.desk.books.state.live.iter();
    live.filter_map(|(key, entry)| match entry {
        Live::Wish(wish) => Some((key.clone(), wish.clone())),
        Live::Position | Live::Order { .. } => None,
    })
    .collect()
}

async fn grant_close<T, V>(
    turn: &mut Turn<'_, T, V>,
    key: &str,
    id: &PositionId,
    wish: &WishFor,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let reason = match wish.origin {
        Origin::Person => ExitReason::Person,
        Origin::Model | Origin::Rule | Origin::Reconcile => ExitReason::Model,
    };
    turn.desk.books.state.live.remove(key);
    let status = turn.desk.books.positions.get(id).map(|one| one.status);
    if status == Some(PositionStatus::Open) && is_allowed(turn, reason) {
        return begin_exit(turn, id, reason, wish.decision).await;
    }
    if status == Some(PositionStatus::Closing) && reason == ExitReason::Person {
        return take_over(turn, id).await;
    }
    let line = turn.line(Level::Warn, "wish to close not granted").with("position_id", id);
    let mode = turn.desk.settings.safety_mode.as_str();
    turn.write(line.with("status", turn.status().as_str()).with("safety_mode", mode));
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// An exit under way is a person's from now on: no status forbids it any more.
async fn take_over<T, V>(turn: &mut Turn<'_, T, V>, id: &PositionId) -> Result<(), TurnError>
where
    T: WriteTables,
{
    if let Some(position) = turn.desk.books.positions.get_mut(id) {
        (position.exit_reason, position.exit_decision) = (Some(ExitReason::Person), None);
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

async fn grant_cancel<T, V>(
    turn: &mut Turn<'_, T, V>,
    wish: &str,
    id: &OrderId,
    origin: Origin,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    match turn.order(id).map(|order| order.state.clone()) {
        Some(State::Live { ended: None, .. }) => match too_many_cancels(turn, origin) {
            Some(message) => return refuse_cancel(turn, wish, id, message).await,
            None => {
                cancel(turn, id).await?;
            }
        },
        Some(State::Intended | State::AwaitingApproval { .. }) => {
            let message = "cancelled before it was sent".to_owned();
            turn.desk.advance(id, Event::Refuse { rule: "cancelled".to_owned(), message })?;
        }
        _ => {}
    }
    if turn.order(id).is_none_or(|order| order.state.is_over()) {
        turn.desk.books.state.live.remove(wish);
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

/// The documented words where the model has used up the day's cancels. Every cancel counts: those of stops,
/// exits, withdrawals and people too; only the model's wishes are bound.
fn too_many_cancels<T, V>(turn: &Turn<'_, T, V>, origin: Origin) -> Option<String> {
    let (day, limit) = (&turn.desk.books.state.exec_day, turn.desk.settings.limits.max_daily_cancels);
    let today = if turn.now.day() > day.day { 0 } else { day.cancels };
    let is_bound = match origin {
        Origin::Model => today >= limit,
        Origin::Rule | Origin::Person | Origin::Reconcile => false,
    };
    is_bound.then(|| format!("daily cancel count {} exceeds limit {limit}", today.saturating_add(1)))
}

/// The wish ends; the entry stays where it is.
async fn refuse_cancel<T, V>(
    turn: &mut Turn<'_, T, V>,
    wish: &str,
    id: &OrderId,
    message: String,
) -> Result<(), TurnError>
where
    T: WriteTables,
{
    if let Some(order) = turn.order(id) {
        let line = journal::refused(turn, Tool::Cancel, &order.terms, Source::RiskLimits, MAX_DAILY_CANCELS);
        turn.write(line.with("detail", message));
    }
    turn.minute.risk_rejections = turn.minute.risk_rejections.saturating_add(1);
    turn.desk.books.state.live.remove(wish);
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}
