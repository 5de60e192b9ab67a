//! Which of the venue's orders and trades are ours, and which of them are recorded.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use shared::ids::{OrderId, PositionId};
use shared::order::{Order, State};
use shared::ports::{ReadAccount, Trade};
use shared::records::{Corrupt, Row, order};
use shared::roster::Unfit;
use shared::store::{Key, Order as Sorted, ReadTables};
use shared::tables::Table;
use shared::time::Millis;

use crate::books::{Books, BooksError};
use crate::external;
use crate::marks;
use crate::observe::ObserveError;
use crate::truth::Truth;

/// Most intents of a strategy that are looked through for an order that nothing live names.
const MOST_INTENTS: u64 = 200;
/// How many partitions are read at the same time.
const AT_ONCE: usize = 20;
/// Intents before the last look whose orders may have traded after their end.
const LATE_INTENTS: u64 = 8;
/// Most items of one position's orders and fills.
const MOST_ROWS: usize = 1_000;

/// Most orders without an id of the venue that are asked for.
const MOST_ASKED: usize = 20;
/// How long before a strange trade an order may have been made.
const A_DAY: Millis = Millis::from_minutes(24 * 60);

/// Our orders, and what is recorded.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Our orders by their client ids, with what is known of their state.
    pub orders: BTreeMap<OrderId, Order>,
    /// Our orders by the venue's ids.
    pub venue_ids: BTreeMap<String, OrderId>,
    /// Items of fills, ours or not, that are there.
    pub recorded: BTreeSet<Key>,
    /// Items of orders that are not ours and are there.
    pub adopted: BTreeSet<Key>,
}

/// Finds out which orders are ours. What live entries name is known already; only where the venue shows
/// another order are the partitions of recent positions read, until its order is found.
pub async fn known(
    tables: &impl ReadTables,
    venue: &impl ReadAccount,
    books: &Books,
    truth: &Truth,
) -> Result<Known, ObserveError> {
    let mut known = Known::default();
    books.orders.values().for_each(|order| known.add(order.clone()));
    for (id, report) in &truth.asked {
        known.venue_ids.insert(report.venue_id.clone(), id.clone());
    }
    // The newest first: what trades strangely has mostly just begun.
    let recent: Vec<PositionId> = recent_positions(books).into_iter().rev().collect();
    let mut batches = recent.chunks(AT_ONCE);
    while known.misses_any(truth)
        && let Some(batch) = batches.next()
    {
        known.add_partitions(tables, batch).await?;
    }
    if known.misses_any(truth) {
        known.ask_for_the_nameless(venue, truth).await?;
    }
    known.look_up_fills(tables, books, truth).await?;
    Ok(known)
}

/// Positions that are live, were live at the last look, or were begun since or shortly before.
fn recent_positions(books: &Books) -> BTreeSet<PositionId> {
    let cursors = books.cursors();
    let mut positions = books.known_positions();
    for state in books.heads.states.values() {
        let last = state.intent_seq;
        let oldest = last.saturating_sub(MOST_INTENTS);
        let seen =
            marks::seen_intents(&cursors, &state.strategy_id).map(|seen| seen.saturating_sub(LATE_INTENTS));
        let seen = seen.unwrap_or(oldest).max(oldest);
        let begun = (seen.saturating_add(1)..=last)
            .map(|seq| PositionId { strategy: state.strategy_id.clone(), seq });
        positions.extend(begun);
    }
    positions
}

/// Whether an order was or may have been sent, and ended without an id of the venue.
const fn is_nameless(state: &State) -> bool {
    match state {
        State::Rejected { .. } | State::Absent { .. } => true,
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Live { .. }
        | State::Done { .. }
        | State::Refused { .. }
        | State::DryRun => false,
    }
}

impl Known {
    fn add(&mut self, order: Order) {
        let id = order.terms.order_id.clone();
        if let State::Live { venue, .. } | State::Done { venue, .. } = &order.state {
            self.venue_ids.insert(venue.venue_id.clone(), id.clone());
        }
        self.orders.insert(id, order);
    }

    fn misses_any(&self, truth: &Truth) -> bool {
        truth.trades().any(|trade| !self.venue_ids.contains_key(&trade.venue_order_id))
            || truth.resting.iter().any(|report| self.ours(&report.client_id).is_none())
    }

    /// Reads the orders of some positions, all at the same time.
    async fn add_partitions(
        &mut self,
        tables: &impl ReadTables,
        positions: &[PositionId],
    ) -> Result<(), BooksError> {
        let rows = positions.iter().map(async |position| {
            tables.query(Table::Orders, &position.to_string(), "", Sorted::Ascending, MOST_ROWS).await
        });
        for rows in join_all(rows).await {
            for row in rows? {
                let row = order::decode_row(&row).map_err(|corrupt: Corrupt| Unfit::from(corrupt))?;
                match row {
                    Row::Order(order) => self.add(*order),
                    Row::Fill(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Orders of ours that ended without an id of the venue: one may have arrived after all, and its trades
    /// would then be no stranger's.
    async fn ask_for_the_nameless(
        &mut self,
        venue: &impl ReadAccount,
        truth: &Truth,
    ) -> Result<(), ObserveError> {
        let strange = truth.trades().filter(|trade| !self.is_ours(trade));
        let Some(oldest) = strange.map(|trade| trade.at).min() else { return Ok(()) };
        let orders = self.orders.values();
        let may_be =
            orders.filter(|order| is_nameless(&order.state) && order.terms.created_at + A_DAY > oldest);
        let ids: Vec<_> =
            may_be.map(|order| (order.terms.symbol.clone(), order.terms.order_id.clone())).collect();
        for (symbol, id) in ids.into_iter().take(MOST_ASKED) {
            if let Some(report) = venue.order(&symbol, &id).await? {
                self.venue_ids.insert(report.venue_id, id);
            }
        }
        Ok(())
    }

    /// Which of the venue's trades are recorded, each under the one key that it can have.
    async fn look_up_fills(
        &mut self,
        tables: &impl ReadTables,
        books: &Books,
        truth: &Truth,
    ) -> Result<(), BooksError> {
        let fills: Vec<Key> = truth.trades().map(|trade| self.fill_key(books, trade)).collect();
        let theirs = truth.trades().filter(|trade| !self.is_ours(trade));
        let orders: BTreeSet<Key> =
            theirs.map(|trade| external::order_key(&books.account.id, trade)).collect();
        let orders: Vec<Key> = orders.into_iter().collect();
        self.recorded = present(tables, fills).await?;
        self.adopted = present(tables, orders).await?;
        Ok(())
    }

    /// Our order with this client id.
    pub fn ours(&self, client_id: &str) -> Option<&Order> {
        self.orders.get(&OrderId::parse(client_id).ok()?)
    }
    /// Whether a trade is of an order of ours.
    pub fn is_ours(&self, trade: &Trade) -> bool {
        self.venue_ids.contains_key(&trade.venue_order_id)
    }
    /// The order of ours that a trade is of.
    pub fn order_of(&self, trade: &Trade) -> Option<&Order> {
        self.orders.get(self.venue_ids.get(&trade.venue_order_id)?)
    }
    /// Whether a trade is recorded, as ours or as adopted.
    pub fn is_recorded(&self, books: &Books, trade: &Trade) -> bool {
        self.recorded.contains(&self.fill_key(books, trade))
    }
    fn fill_key(&self, books: &Books, trade: &Trade) -> Key {
        match self.order_of(trade) {
            Some(order) => order::fill_key(&order.terms.position_id, &order.terms.order_id, &trade.trade_id),
            None => external::fill_key(&books.account.id, trade),
        }
    }
}

/// Those of `keys` under which an item is.
async fn present(tables: &impl ReadTables, keys: Vec<Key>) -> Result<BTreeSet<Key>, BooksError> {
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let items = tables.get(&keys).await?;
    Ok(keys.into_iter().zip(items).filter_map(|(key, item)| item.map(|_| key)).collect())
}
