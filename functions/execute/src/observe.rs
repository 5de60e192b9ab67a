//! Reads everything that a strategy's state names as live, in one batch.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{Leg, OrderId, PositionId};
use shared::order::{Order, State};
use shared::records::{self};
use shared::roster::Unfit;
use shared::settings::Settings;
use shared::state::{Live, StrategyState};
use shared::store::{Item, Key, ReadError, ReadTables};
use shared::tables::Table;

use crate::desk::{Books, Desk};
use crate::remains::Found;

/// Why a strategy's books cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An item is missing or damaged.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

/// A desk with everything that is live. Nothing live means no read at all. What cannot be read keeps nothing else from
/// being served.
pub async fn desk(tables: &impl ReadTables, settings: Settings, found: Found) -> Result<Desk, ObserveError> {
    let Found { state, unread_status, damaged } = found;
    let mut books = Books {
        orders: BTreeMap::new(),
        positions: BTreeMap::new(),
        account: None,
        approvals: BTreeMap::new(),
        damaged,
        unread_status,
        state,
    };
    let keys = keys(&books.state, &settings);
    if keys.len() > 1 {
        let items = tables.get(&keys).await?;
        for (key, item) in keys.into_iter().zip(items) {
            place_or_note(&mut books, key, item);
        }
        let unnamed = unnamed_positions(&books);
        if !unnamed.is_empty() {
            let items = tables.get(&unnamed).await?;
            // One that is not there, yet or any more, is no damage.
            for (key, item) in unnamed.into_iter().zip(items).filter(|(_, item)| item.is_some()) {
                place_or_note(&mut books, key, item);
            }
        }
        if books.account.is_none() && books.holds_anything() {
            let key = records::account::key(&settings.account);
            books.damaged.entry(key.clone()).or_insert(Unfit::Absent(key));
        }
    }
    Ok(Desk::new(settings, books))
}

fn place_or_note(books: &mut Books, key: Key, item: Option<Item>) {
    if let Err(unfit) = place(books, key.clone(), item) {
        books.damaged.insert(key, unfit);
    }
}

/// The account first, then what is live.
fn keys(state: &StrategyState, settings: &Settings) -> Vec<Key> {
    let account = std::iter::once(records::account::key(&settings.account));
    account.chain(state.live.iter().filter_map(|(name, entry)| key_of(name, entry))).collect()
}

/// Positions that `live` does not name, while an order of theirs does: they may have been closed before it traded, and
/// what it trades belongs to them until all of it is recorded.
fn unnamed_positions(books: &Books) -> Vec<Key> {
    let orders = books.orders.values().filter(|order| may_have_a_position(order));
    let positions: BTreeSet<&PositionId> = orders.map(|order| &order.terms.position_id).collect();
    let unread = positions.into_iter().filter(|id| !books.positions.contains_key(*id));
    unread.map(records::position::key).filter(|key| !books.damaged.contains_key(key)).collect()
}

/// An entry that has not traded has none yet; one that is over and live was named again because it has.
fn may_have_a_position(order: &Order) -> bool {
    let has_traded = match &order.state {
        State::Live { venue, .. } => !venue.executed.is_zero(),
        State::Intended | State::AwaitingApproval { .. } | State::Pending(_) | State::Unknown(_) => false,
        State::Done { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::Refused { .. }
        | State::DryRun => true,
    };
    has_traded || order.terms.leg != Leg::Entry
}

fn key_of(name: &str, entry: &Live) -> Option<Key> {
    match entry {
        Live::Position => PositionId::parse(name).ok().map(|id| records::position::key(&id)),
        Live::Order { position, .. } => {
            OrderId::parse(name).ok().map(|id| records::order::key(position, &id))
        }
        // A wish stands in the state itself.
        Live::Wish(_) => None,
    }
}

fn place(books: &mut Books, key: Key, item: Option<Item>) -> Result<(), Unfit> {
    match (key.table, item) {
        // Before reconcile's first look there is no account, and nothing may open.
        (Table::Ledgers, None) => {}
        (Table::Ledgers, Some(item)) => {
            let whole = records::account::decode(&item);
            books.account = whole.clone().or_else(|_| records::account::remains(&item)).ok();
            whole?;
        }
        (Table::Positions, Some(item)) => {
            let position = records::position::decode(&item)?;
            books.positions.insert(position.id.clone(), position);
        }
        (Table::Orders, Some(item)) => {
            let order = records::order::decode(&item)?;
            // A damaged approval ends its own order, never the strategy's tick.
            if let (State::AwaitingApproval { .. }, Some(given)) =
                (&order.state, records::order::approval(&item).transpose())
            {
                books.approvals.insert(order.terms.order_id.clone(), given);
            }
            books.orders.insert(order.terms.order_id.clone(), order);
        }
        (_, None) => return Err(Unfit::Absent(key)),
        (
            Table::TradingState
            | Table::StrategyConfig
            | Table::Decisions
            | Table::Incidents
            | Table::Context,
            Some(_),
        ) => {}
    }
    Ok(())
}
