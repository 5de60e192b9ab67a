//! The books of one strategy as a cycle sees them: what is live, what the account holds, and what our own
//! rules refused lately.

use shared::books::{Position, PositionStatus};
use shared::decision::{Outcome, Why};
use shared::ids::{Asset, Leg, OrderId, PositionId, Symbol};
use shared::market::Side;
use shared::money::{Amount, Price, Qty};
use shared::order::{Kind, Order, State};
use shared::ports::ReadTables;
use shared::records;
use shared::records::account::AccountLedger;
use shared::records::decision::{DecisionRecord, Inputs, Seen, SeenEntry, SeenMarket};
use shared::roster::{Unfit, read};
use shared::state::{Live, StrategyState};
use shared::store::{self, Item, Key, ReadError};
use shared::tables::Table;

use crate::market::Market;
use crate::notes::Shown;
use crate::purse;
use crate::shift::Turn;
use crate::worth;

/// How many decisions back are looked at.
const RECENT: usize = 5;

/// What a cycle knows of its strategy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    /// Positions that are not closed.
    pub positions: Vec<Position>,
    /// Orders that are not over.
    pub orders: Vec<Order>,
    /// The account's ledger; none before reconcile's first look.
    pub account: Option<AccountLedger>,
    /// What our own rules refused lately, newest first.
    pub refusals: Vec<String>,
    /// What the user's own pipeline noted; read only for a cycle that may ask.
    pub notes: Vec<Shown>,
    /// What the last answer saw, where it changed nothing.
    pub seen: Option<Seen>,
    /// How many of the last answers in a row were refusals of the model.
    pub refused_in_row: u32,
}

/// Why the books cannot be read: this strategy decides nothing, the others go on.
#[derive(Debug, thiserror::Error)]
pub enum NoBooks {
    /// The tables did not answer.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An item is missing or damaged.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Books {
    /// The position in `symbol`, if one is held.
    pub fn position(&self, symbol: &Symbol) -> Option<&Position> {
        self.positions.iter().find(|one| one.symbol == *symbol && one.status != PositionStatus::Closed)
    }
    /// Entries that have not filled in full.
    pub fn entries(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.terms.leg == Leg::Entry && !order.state.is_over())
    }
    /// Whether the base asset of `symbol` has a position or an entry: nothing more may be opened in it.
    pub fn is_taken(&self, symbol: &Symbol) -> bool {
        self.position(symbol).is_some() || self.entries().any(|order| order.terms.symbol.base == symbol.base)
    }
    /// Base held or on its way in `symbol`.
    pub fn held(&self, symbol: &Symbol) -> Qty {
        let held = self.position(symbol).map_or(Qty::ZERO, |position| position.quantity);
        let coming = self.entries().filter(|order| order.terms.symbol == *symbol);
        held + coming.map(Order::outstanding).sum()
    }
    /// What of `quote` the books say is free: what the account must hold less what open entries may cost.
    pub fn free(&self, quote: &Asset) -> Option<Amount> {
        let held = self.account.as_ref()?.book.expected().get(quote).copied()?;
        let buys = self
            .entries()
            .filter(|order| order.terms.side == Side::Buy && order.terms.symbol.quote == *quote);
        Some(buys.fold(held, |free, order| free - cost(order)))
    }
}

/// The most that the rest of an entry may cost.
fn cost(order: &Order) -> Amount {
    match worst_price(order) {
        Some(price) => (order.outstanding() * price).amount(),
        None => Amount::ZERO,
    }
}

fn worst_price(order: &Order) -> Option<Price> {
    match order.terms.kind {
        Kind::Market => order.terms.decided_price,
        Kind::Limit { price, .. } => Some(price),
        Kind::StopLimit { limit, .. } => Some(limit),
    }
}

/// Reads the books: the recent decisions in one query, everything else in one batch.
pub async fn books<T: ReadTables, V, A>(turn: &Turn<'_, T, V, A>) -> Result<Books, NoBooks> {
    let tables = turn.shift.ports.tables;
    let decisions = recent_decisions(turn).await?;
    let account = records::account::key(&turn.settings.account);
    let live: Vec<Key> = turn.state.live.iter().filter_map(|(name, entry)| live_key(name, entry)).collect();
    let asked: Vec<Key> = decisions.iter().filter_map(order_key).collect();
    let shared = purse::names(&turn.settings);
    let ledgers = shared.iter().map(records::llm::key);
    let keys: Vec<Key> = std::iter::once(account).chain(ledgers).chain(live.clone()).chain(asked).collect();
    let mut items = tables.get(&keys).await?.into_iter();
    let (refused_in_row, seen) = (refused_in_row(&decisions), worth::seen(decisions.first()));
    let mut books = Books { refused_in_row, seen, ..Books::default() };
    if let Some(item) = items.next().flatten() {
        books.account = Some(records::account::decode(&item).map_err(Unfit::Corrupt)?);
    }
    turn.shift.purse.adopt(shared.into_iter().map(|name| (name, items.next().flatten())));
    for key in live {
        place(&mut books, key, items.next().flatten())?;
    }
    books.refusals = items.flatten().filter_map(|item| refusal(&item)).collect();
    Ok(books)
}

/// Newest first. A damaged one is skipped: it is history, and nothing depends on it.
async fn recent_decisions<T: ReadTables, V, A>(
    turn: &Turn<'_, T, V, A>,
) -> Result<Vec<DecisionRecord>, ReadError> {
    let (tables, hash) = (turn.shift.ports.tables, turn.id().as_str());
    let items = tables.query(Table::Decisions, hash, "", store::Order::Descending, RECENT).await?;
    Ok(items.iter().filter_map(|item| records::decision::decode(item).ok()).collect())
}

/// What this turn decides on beside its prompt, for the record: with it, what the answer leaves is computed again.
pub fn inputs<T, V, A>(turn: &Turn<'_, T, V, A>, state: &StrategyState, books: &Books) -> Inputs {
    let markets = turn.sight.as_deref().unwrap_or_default();
    let held = books.positions.iter().filter(|one| one.status != PositionStatus::Closed);
    let entry = |order: &Order| {
        let (symbol, position) = (order.terms.symbol.clone(), order.terms.position_id.clone());
        (order.terms.order_id.clone(), SeenEntry { symbol, position })
    };
    Inputs {
        at: turn.shift.now(),
        seq: state.intent_seq.saturating_add(1),
        has_room: state.has_room_to_open(),
        markets: markets.iter().map(|market| (market.quote.symbol.clone(), seen_market(market))).collect(),
        // One account has one position a market; were there two, the first would be closed.
        positions: held.rev().map(|one| (one.symbol.clone(), one.id.clone())).collect(),
        entries: books.entries().map(entry).collect(),
    }
}

fn seen_market(market: &Market) -> SeenMarket {
    let quote = &market.quote;
    let candle = market.candles.last().map(|candle| candle.open_time);
    SeenMarket { bid: quote.bid, ask: quote.ask, at: quote.at, candle }
}

fn live_key(name: &str, entry: &Live) -> Option<Key> {
    match entry {
        Live::Position => PositionId::parse(name).ok().map(|id| records::position::key(&id)),
        Live::Order { position, .. } => {
            OrderId::parse(name).ok().map(|id| records::order::key(position, &id))
        }
        Live::Wish(_) => None,
    }
}

fn order_key(decision: &DecisionRecord) -> Option<Key> {
    Some(records::order::key(decision.position_id.as_ref()?, decision.order_id.as_ref()?))
}

fn place(books: &mut Books, key: Key, item: Option<Item>) -> Result<(), Unfit> {
    if key.table == Table::Positions {
        books.positions.push(read(item, key, records::position::decode)?);
    } else {
        books.orders.push(read(item, key, records::order::decode)?);
    }
    Ok(())
}

/// The documented message of the rule that refused it.
fn refusal(item: &Item) -> Option<String> {
    match records::order::decode(item).ok()?.state {
        State::Refused { message, .. } => Some(message),
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Pending(_)
        | State::Unknown(_)
        | State::Live { .. }
        | State::Done { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::DryRun => None,
    }
}

fn refused_in_row(decisions: &[DecisionRecord]) -> u32 {
    let refused = Outcome::Abstain(Why::Refused).to_string();
    let in_row = decisions.iter().take_while(|one| one.outcome.as_deref() == Some(refused.as_str()));
    u32::try_from(in_row.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn what_is_free_is_what_the_account_holds_less_open_entries() {
        let quote = Asset::parse("USDT").unwrap();
        let free = |books: &Books| books.free(&quote).map(|amount| amount.to_string());
        assert_eq!(free(&Books::default()), None, "no ledger, no balance");
        let mut books = testing::resting();
        books.account = Some(testing::account("1000"));
        // The entry rests at 23,000 for 0.01.
        assert_eq!(free(&books).as_deref(), Some("770"));
        assert!(books.is_taken(&testing::symbol()));
        assert_eq!(books.held(&testing::symbol()).to_string(), "0.01");
    }

    #[test]
    fn a_position_takes_its_symbol() {
        let books = testing::holding();
        assert!(books.is_taken(&testing::symbol()));
        assert!(!books.is_taken(&Symbol::parse("ETH-USDT").unwrap()));
        assert_eq!(books.held(&testing::symbol()).to_string(), "0.02");
    }
}
