//! Wishes of the model and of people about what exists: close a position, cancel an entry.

use shared::books::{ExitReason, PositionStatus};
use shared::ids::{OrderId, PositionId};
use shared::order::{Event, Origin, State};
use shared::ports::{Level, MarketData, ReadAccount, TradeOrders, WriteTables};
use shared::state::{Live, Target, WishFor};

use crate::desk::Binds;
use crate::exits::{begin_exit, is_allowed};
use crate::send::cancel;
use crate::turn::{Turn, TurnError};

/// Turns every wish into an exit or a cancel; each is answered once and leaves `live`.
pub async fn grant_wishes<T, V>(turn: &mut Turn<'_, T, V>) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    for (key, wish) in wishes(turn) {
        turn.desk.books.state.live.remove(&key);
        match &wish.target {
            Target::Close(position) => grant_close(turn, position, wish.origin).await?,
            Target::Cancel { order_id, .. } => grant_cancel(turn, order_id).await?,
        }
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
    id: &PositionId,
    origin: Origin,
) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    let reason = match origin {
        Origin::Person => ExitReason::Person,
        Origin::Model | Origin::Rule | Origin::Reconcile => ExitReason::Model,
    };
    let is_open = turn.desk.books.positions.get(id).is_some_and(|one| one.status == PositionStatus::Open);
    if is_open && is_allowed(turn, reason) {
        return begin_exit(turn, id, reason).await;
    }
    let line = turn.line(Level::Warn, "wish to close not granted").with("position_id", id);
    turn.write(line.with("status", turn.desk.books.state.status.as_str()));
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}

async fn grant_cancel<T, V>(turn: &mut Turn<'_, T, V>, id: &OrderId) -> Result<(), TurnError>
where
    T: WriteTables,
    V: MarketData + ReadAccount + TradeOrders,
{
    match turn.order(id).map(|order| order.state.clone()) {
        Some(State::Live { ended: None, .. }) => {
            cancel(turn, id).await?;
        }
        Some(State::Intended | State::AwaitingApproval { .. }) => {
            let message = "cancelled before it was sent".to_owned();
            turn.desk.advance(id, Event::Refuse { rule: "cancelled".to_owned(), message })?;
        }
        _ => {}
    }
    Ok(turn.desk.commit(turn.shift.tables, Binds::Nothing).await?)
}
