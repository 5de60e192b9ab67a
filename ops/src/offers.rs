//! What waits for a person: every strategy's live orders that are offered and have no answer.

use shared::approval::{Answer, Offer};
use shared::ids::{OrderId, PositionId, StrategyId};
use shared::order::Order;
use shared::records;
use shared::roster::{Unfit, read};
use shared::state::{Live, StrategyState};
use shared::store::{Item, Key, ReadError, ReadTables, ScanTables};
use shared::tables::Table;
use shared::time::Timestamp;

use crate::approve::NotApproved;
use crate::not_done::NotDone;
use crate::stage::Stage;

/// Every order of a strategy that waits for a person and has no answer yet.
pub async fn awaiting(tables: &impl ReadTables, strategy: &StrategyId) -> Result<Vec<Offer>, NotApproved> {
    let key = records::state::key(strategy);
    let item = tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
    let state = read(item, key, records::state::decode)?;
    let keys = orders(&state);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let items = tables.get(&keys).await?;
    let offers = keys.into_iter().zip(items).map(|(key, item)| offer(key, item));
    Ok(offers.collect::<Result<Vec<_>, Unfit>>()?.into_iter().flatten().collect())
}

/// What waits in a whole stage, and what of it could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// The offers, by strategy and order.
    pub offers: Vec<Offer>,
    /// A line for each strategy that cannot be read: something may wait there too.
    pub unread: Vec<String>,
}

/// What waits in a whole stage. One strategy that cannot be read hides no other.
pub async fn waiting(tables: &(impl ReadTables + ScanTables)) -> Result<Waiting, ReadError> {
    let mut waiting = Waiting::default();
    for item in tables.scan(Table::TradingState).await? {
        let state = match records::state::decode(&item) {
            Ok(state) if orders(&state).is_empty() => continue,
            Ok(state) => state,
            Err(corrupt) => {
                waiting.unread.push(corrupt.to_string());
                continue;
            }
        };
        match awaiting(tables, &state.strategy_id).await {
            Ok(offers) => waiting.offers.extend(offers),
            Err(error) => waiting.unread.push(error.to_string()),
        }
    }
    waiting.offers.sort_by_key(|offer| (offer.terms.strategy_id.clone(), offer.terms.order_id.clone()));
    waiting.unread.sort();
    Ok(waiting)
}

/// The offer of one order; one line says why there is none, or none any more.
pub async fn open_offer(stage: &Stage, id: &OrderId, now: Timestamp) -> Result<Offer, NotDone> {
    let item = find(stage, id).await?;
    let order = records::order::decode(&item).map_err(|corrupt| NotDone::Refused(corrupt.to_string()))?;
    let Some(offer) = Offer::of(&order) else { return Err(does_not_wait(&order)) };
    match records::order::approval(&item) {
        Ok(None) if now < offer.expires_at => Ok(offer),
        Ok(None) => Err(NotDone::input(format!("order {id}: its offer ended at {}", offer.expires_at))),
        Ok(Some(Answer::Approved(given))) => {
            Err(NotDone::input(format!("order {id} is approved already, by {} at {}", given.by, given.at)))
        }
        Ok(Some(Answer::Rejected(given))) => {
            Err(NotDone::input(format!("order {id} is rejected already, by {} at {}", given.by, given.at)))
        }
        Err(corrupt) => Err(NotDone::Refused(format!("{corrupt}; execute ends this order"))),
    }
}

fn does_not_wait(order: &Order) -> NotDone {
    let (id, status) = (&order.terms.order_id, order.state.as_str());
    NotDone::input(format!("order {id} does not wait for an answer: it is {status}"))
}

/// The item of an order that lives: the state of its strategy knows its position.
async fn find(stage: &Stage, id: &OrderId) -> Result<Item, NotDone> {
    let mut unread = Vec::new();
    for item in stage.tables.scan(Table::TradingState).await? {
        match records::state::decode(&item) {
            Ok(state) => {
                if let Some(position) = position_of(&state, id) {
                    let key = records::order::key(position, id);
                    let found = stage.tables.get(std::slice::from_ref(&key)).await?.pop().flatten();
                    return found.ok_or_else(|| NotDone::Refused(format!("no item {key}")));
                }
            }
            Err(corrupt) => unread.push(corrupt.to_string()),
        }
    }
    let env = &stage.names.env;
    let nowhere = format!(
        "no order {id} lives in stage {env}: it is over, or never was; see tradai approvals --env {env}"
    );
    match unread.first() {
        None => Err(NotDone::input(nowhere)),
        Some(first) => Err(NotDone::Refused(format!("{nowhere}; and a strategy cannot be read: {first}"))),
    }
}

fn position_of<'a>(state: &'a StrategyState, id: &OrderId) -> Option<&'a PositionId> {
    match state.live.get(id.as_str())? {
        Live::Order { position, .. } => Some(position),
        Live::Position | Live::Wish(_) => None,
    }
}

fn orders(state: &StrategyState) -> Vec<Key> {
    let of = |(name, entry): (&String, &Live)| match entry {
        Live::Order { position, .. } => {
            OrderId::parse(name).ok().map(|id| records::order::key(position, &id))
        }
        Live::Position | Live::Wish(_) => None,
    };
    state.live.iter().filter_map(of).collect()
}

/// What the order offers; one that carries anything in the answer's place offers nothing more.
fn offer(key: Key, item: Option<Item>) -> Result<Option<Offer>, Unfit> {
    let item = item.ok_or(Unfit::Absent(key))?;
    let order = records::order::decode(&item)?;
    let is_free = !item.contains_key("approval");
    Ok(Offer::of(&order).filter(|_| is_free))
}
