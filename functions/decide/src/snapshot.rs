//! The books of one strategy as a cycle sees them: what is live, what the account holds, and what was
//! decided lately.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
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
use shared::time::Timestamp;

use crate::market::Market;
use crate::notes::Shown;
use crate::purse;
use crate::shift::Turn;
use crate::unanswered;
use crate::worth;

/// How many decisions back are looked at.
const RECENT: usize = 8;
/// How many where none of those had an answer: a quarter of an hour of the shortest interval.
const UNANSWERED: usize = 16;

/// What a cycle knows of its strategy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Books {
    /// Positions that are not closed.
    pub positions: Vec<Position>,
    /// Orders that are not over.
    pub orders: Vec<Order>,
    /// The account's ledger; none before reconcile's first look.
    pub account: Option<AccountLedger>,
    /// What was decided lately and what became of it, newest first.
    pub recent: Vec<Earlier>,
    /// What the user's own pipeline noted; read only for a cycle that may ask.
    pub notes: Vec<Shown>,
    /// What the last answer saw, where it changed nothing.
    pub seen: Option<Seen>,
    /// How many of the last answers in a row were refusals of the model.
    pub refused_in_row: u32,
    /// The last decisions in a row without an answer.
    pub unanswered: Option<unanswered::Row>,
}

/// An earlier decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its scheduled minute.
    pub at: Timestamp,
    /// What it was (`decision::Outcome` as text).
    pub outcome: String,
    /// The market of what it ordered.
    pub symbol: Option<Symbol>,
    /// Where its order stands.
    pub order: Option<State>,
    /// What the position that it opened has gained in all, in percent of its cost, once that is closed.
    pub gain: Option<Decimal>,
}

impl Earlier {
    /// Whether a rule of ours refused it.
    pub const fn is_refused(&self) -> bool {
        matches!(self.order, Some(State::Refused { .. }))
    }
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
    /// Whether it is known what the account holds.
    pub fn know_balances(&self) -> bool {
        self.account.as_ref().is_some_and(AccountLedger::is_open)
    }
    /// What of `quote` the books say is free: what the account must hold less what open entries may cost; none before
    /// the books are open.
    pub fn free(&self, quote: &Asset) -> Option<Amount> {
        let ledger = self.account.as_ref().filter(|ledger| ledger.is_open())?;
        let held = ledger.book.expected().get(quote).copied().unwrap_or(Amount::ZERO);
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
        Kind::Stop { stop } => Some(stop),
        Kind::StopLimit { limit, .. } => Some(limit),
    }
}

/// Reads the books: the recent decisions in one query, everything else in one batch.
pub async fn books<T: ReadTables, V, A>(turn: &Turn<'_, T, V, A>) -> Result<Books, NoBooks> {
    let tables = turn.shift.ports.tables;
    let decisions = recent_decisions(turn).await?;
    let account = records::account::key(&turn.settings.account);
    let live: Vec<Key> = turn.state.live.iter().filter_map(|(name, entry)| live_key(name, entry)).collect();
    let shared = purse::names(&turn.settings);
    let ledgers = shared.iter().map(records::llm::key);
    let left = decisions.iter().flat_map(|one| [order_key(one), position_key(one)]).flatten();
    let keys = std::iter::once(account.clone()).chain(ledgers).chain(live.clone()).chain(left);
    let mut found = Found::read(tables, keys.collect()).await?;
    let mut books = Books {
        refused_in_row: refused_in_row(&decisions),
        unanswered: unanswered::row(&decisions),
        seen: worth::seen(decisions.first()),
        recent: decisions.iter().filter_map(|one| earlier(one, &found)).collect(),
        ..Books::default()
    };
    if let Some(item) = found.take(&account) {
        books.account = Some(records::account::decode(&item).map_err(Unfit::Corrupt)?);
    }
    let ledgers = shared.into_iter().map(|name| {
        let item = found.take(&records::llm::key(&name));
        (name, item)
    });
    turn.shift.purse.adopt(ledgers);
    for key in live {
        let item = found.take(&key);
        place(&mut books, key, item)?;
    }
    Ok(books)
}

/// What one batch found.
struct Found(BTreeMap<Key, Item>);

impl Found {
    async fn read(tables: &impl ReadTables, keys: BTreeSet<Key>) -> Result<Found, ReadError> {
        let keys: Vec<Key> = keys.into_iter().collect();
        let items = tables.get(&keys).await?;
        Ok(Found(keys.into_iter().zip(items).filter_map(|(key, item)| Some((key, item?))).collect()))
    }
    fn take(&mut self, key: &Key) -> Option<Item> {
        self.0.remove(key)
    }
    /// What `decision` ordered. A damaged one is skipped where it is history.
    fn order(&self, decision: &DecisionRecord) -> Option<Order> {
        records::order::decode(self.0.get(&order_key(decision)?)?).ok()
    }
    /// What `decision` opened or is about.
    fn position(&self, decision: &DecisionRecord) -> Option<Position> {
        records::position::decode(self.0.get(&position_key(decision)?)?).ok()
    }
}

/// Newest first. A damaged one is skipped: it is history, and nothing depends on it.
async fn recent_decisions<T: ReadTables, V, A>(
    turn: &Turn<'_, T, V, A>,
) -> Result<Vec<DecisionRecord>, ReadError> {
    let (tables, hash) = (turn.shift.ports.tables, turn.id().as_str());
    let read = async |most| {
        let items = tables.query(Table::Decisions, hash, "", store::Order::Descending, most).await?;
        Ok(items.iter().filter_map(|item| records::decision::decode(item).ok()).collect::<Vec<_>>())
    };
    let recent = read(RECENT).await?;
    let in_row = unanswered::row(&recent).map_or(0, |row| row.count);
    if usize::try_from(in_row) == Ok(RECENT) { read(UNANSWERED).await } else { Ok(recent) }
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

fn position_key(decision: &DecisionRecord) -> Option<Key> {
    decision.position_id.as_ref().map(records::position::key)
}

fn place(books: &mut Books, key: Key, item: Option<Item>) -> Result<(), Unfit> {
    if key.table == Table::Positions {
        books.positions.push(read(item, key, records::position::decode)?);
    } else {
        books.orders.push(read(item, key, records::order::decode)?);
    }
    Ok(())
}

/// What `decision` was and what became of it; none where no answer could be used, for whatever reason.
fn earlier(decision: &DecisionRecord, found: &Found) -> Option<Earlier> {
    let outcome = decision.outcome.clone()?;
    let by_model = Outcome::Abstain(Why::ByModel).to_string();
    if outcome.starts_with("abstain") && outcome != by_model {
        return None;
    }
    let (order, position) = (found.order(decision), found.position(decision));
    let ordered = order.as_ref().map(|order| order.terms.symbol.clone());
    Some(Earlier {
        at: decision.decided_at,
        outcome,
        symbol: ordered.or_else(|| position.as_ref().map(|position| position.symbol.clone())),
        order: order.map(|order| order.state),
        gain: position.filter(|one| one.status == PositionStatus::Closed).and_then(|one| gain(&one)),
    })
}

fn gain(position: &Position) -> Option<Decimal> {
    let share = position.realised().value().checked_div(position.cost.value())?;
    Some(share.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(2))
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
