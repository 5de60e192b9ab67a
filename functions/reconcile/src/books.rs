//! Our side: the account's ledger, its strategies' states, and everything that they name as live.

use std::collections::{BTreeMap, BTreeSet};

use shared::books::Position;
use shared::ids::{OrderId, PositionId, StrategyId};
use shared::order::Order;
use shared::records::{self, AccountLedger};
use shared::roster::{Unfit, read as decoded};
use shared::state::{Live, StrategyState};
use shared::store::{Key, ReadError, ReadTables};

use crate::accounts::Account;
use crate::marks;

/// Why our side cannot be read whole.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An item is missing or damaged.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

/// What changes with every send and every fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// The account's ledger; none before the first look.
    pub ledger: Option<AccountLedger>,
    /// The states of its strategies, and of those whose account is unknown.
    pub states: BTreeMap<StrategyId, StrategyState>,
}

/// Our side at one moment.
#[derive(Debug, Clone)]
pub struct Books {
    /// The account.
    pub account: Account,
    /// Its ledger and states.
    pub heads: Heads,
    /// Every order that is live.
    pub orders: BTreeMap<OrderId, Order>,
    /// Every position that is live, or was at the last look.
    pub positions: BTreeMap<PositionId, Position>,
}

/// Reads ledger and states: one batch.
pub async fn heads(tables: &impl ReadTables, account: &Account) -> Result<Heads, BooksError> {
    let strategies: Vec<&StrategyId> = account.strategies.iter().chain(&account.others).collect();
    let ledger = std::iter::once(records::account::key(&account.id));
    let keys: Vec<Key> = ledger.chain(strategies.iter().map(|id| records::state::key(id))).collect();
    let mut items = tables.get(&keys).await?.into_iter();
    let ledger = items.next().flatten().map(|item| records::account::decode(&item));
    let mut states = BTreeMap::new();
    for (id, item) in strategies.into_iter().zip(items) {
        states.insert(id.clone(), decoded(item, records::state::key(id), records::state::decode)?);
    }
    Ok(Heads { ledger: ledger.transpose().map_err(Unfit::from)?, states })
}

/// Reads our side: the heads, then everything live in one batch.
pub async fn books(tables: &impl ReadTables, account: &Account) -> Result<Books, BooksError> {
    let heads = heads(tables, account).await?;
    let mut books =
        Books { account: account.clone(), orders: BTreeMap::new(), positions: BTreeMap::new(), heads };
    let wanted = wanted(&books.heads);
    if wanted.is_empty() {
        return Ok(books);
    }
    let keys: Vec<Key> = wanted.iter().map(|(_, key)| key.clone()).collect();
    for ((what, key), item) in wanted.into_iter().zip(tables.get(&keys).await?) {
        match what {
            Wanted::Order => {
                let order = decoded(item, key, records::order::decode)?;
                books.orders.insert(order.terms.order_id.clone(), order);
            }
            Wanted::Position => {
                let position = decoded(item, key, records::position::decode)?;
                books.positions.insert(position.id.clone(), position);
            }
            Wanted::SeenPosition => {
                if let Some(item) = item {
                    let position = records::position::decode(&item).map_err(Unfit::from)?;
                    books.positions.insert(position.id.clone(), position);
                }
            }
        }
    }
    Ok(books)
}

#[derive(Clone, Copy)]
enum Wanted {
    Order,
    Position,
    SeenPosition,
}

fn wanted(heads: &Heads) -> Vec<(Wanted, Key)> {
    let mut wanted = Vec::new();
    let mut live = BTreeSet::new();
    for (name, entry) in heads.states.values().flat_map(|state| &state.live) {
        match entry {
            Live::Position => {
                if let Ok(id) = PositionId::parse(name) {
                    wanted.push((Wanted::Position, records::position::key(&id)));
                    live.insert(id);
                }
            }
            Live::Order { position, .. } => {
                if let Ok(id) = OrderId::parse(name) {
                    wanted.push((Wanted::Order, records::order::key(position, &id)));
                }
            }
            Live::Wish(_) => {}
        }
    }
    let cursors = heads.ledger.iter().flat_map(|ledger| marks::seen_positions(&ledger.cursors));
    let seen = cursors.filter(|id| !live.contains(id));
    wanted.extend(seen.map(|id| (Wanted::SeenPosition, records::position::key(&id))));
    wanted
}

impl Heads {
    /// Whether nothing was sent or filled between two reads.
    pub fn stand_still(&self, later: &Heads) -> bool {
        let pulse = |heads: &Heads| -> Vec<_> {
            heads.states.values().map(|state| (state.send_seq, state.live.clone())).collect()
        };
        let book = |heads: &Heads| heads.ledger.as_ref().map(|ledger| ledger.book.clone());
        pulse(self) == pulse(later) && book(self) == book(later)
    }
}

impl Books {
    /// The ledger's cursors and marks.
    pub fn cursors(&self) -> BTreeMap<String, String> {
        self.heads.ledger.as_ref().map(|ledger| ledger.cursors.clone()).unwrap_or_default()
    }
    /// The states of the account's own strategies.
    pub fn own_states(&self) -> impl Iterator<Item = &StrategyState> {
        self.heads.states.values().filter(|state| self.account.strategies.contains(&state.strategy_id))
    }
    /// Every position that something live belongs to, or belonged to at the last look.
    pub fn known_positions(&self) -> BTreeSet<PositionId> {
        let of_orders = self.orders.values().map(|order| order.terms.position_id.clone());
        let seen: Vec<PositionId> = marks::seen_positions(&self.cursors()).collect();
        of_orders.chain(self.positions.keys().cloned()).chain(seen).collect()
    }
}
