//! The venue's side, read so that its parts belong to one moment.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{Asset, OrderId, Symbol};
use shared::money::Amount;
use shared::order::State;
use shared::ports::{OrderReport, ReadAccount, Trade, VenueError};

use crate::books::Books;
use crate::marks::{Cursor, cursor};

/// So many trades are enough for one look; the next one goes on.
const MOST_TRADES: usize = 1_000;
/// Most looks for a symbol that is new to us: its history is read once.
const MOST_PAGES: usize = 20;

/// The trades of one symbol since the last look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// What has traded, oldest first; empty for a symbol that is new to us.
    pub trades: Vec<Trade>,
    /// The last trade that there is.
    pub last: Option<String>,
    /// Whether it reaches the present.
    pub whole: bool,
}

/// The venue's side at one moment.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// What is held of every asset, free and locked.
    pub held: BTreeMap<Asset, Amount>,
    /// What has traded since the last look.
    pub windows: BTreeMap<Symbol, Window>,
    /// Every order that rests.
    pub resting: Vec<OrderReport>,
    /// What became of our orders of which no answer is recorded.
    pub asked: BTreeMap<OrderId, OrderReport>,
    /// Our orders that should rest, do not, and are not known to the venue either.
    pub forgotten: BTreeSet<OrderId>,
}

impl Truth {
    /// Whether every trade up to the balances was seen.
    pub fn is_whole(&self) -> bool {
        self.windows.values().all(|window| window.whole)
    }
    /// Every trade since the last look.
    pub fn trades(&self) -> impl Iterator<Item = &Trade> {
        self.windows.values().flat_map(|window| &window.trades)
    }
}

/// Reads trades, orders and balances, and the trades again: none where something traded in between.
pub async fn look(venue: &impl ReadAccount, books: &Books) -> Result<Option<Truth>, VenueError> {
    let mut truth = Truth::default();
    let cursors = books.cursors();
    for symbol in &books.account.symbols {
        let window = window(venue, symbol, cursor(&cursors, symbol)).await?;
        truth.windows.insert(symbol.clone(), window);
        truth.resting.extend(venue.open_orders(symbol).await?);
    }
    for order in books.orders.values().filter(|order| is_unanswered(&order.state)) {
        let id = &order.terms.order_id;
        if let Some(report) = venue.order(&order.terms.symbol, id).await? {
            truth.asked.insert(id.clone(), report);
        }
    }
    // What has ended in between is execute's to record.
    for order in books.orders.values().filter(|order| should_rest(&order.state)) {
        let id = &order.terms.order_id;
        let rests = truth.resting.iter().any(|report| report.client_id == id.as_str());
        if !rests && venue.order(&order.terms.symbol, id).await?.is_none() {
            truth.forgotten.insert(id.clone());
        }
    }
    let balances = venue.balances().await?;
    truth.held = balances.into_iter().map(|(asset, balance)| (asset, balance.held())).collect();
    for (symbol, window) in truth.windows.iter().filter(|(_, window)| window.whole) {
        if !venue.trades_after(symbol, window.last.as_deref()).await?.is_empty() {
            return Ok(None);
        }
    }
    Ok(Some(truth))
}

const fn is_unanswered(state: &State) -> bool {
    match state {
        State::Pending(_) | State::Unknown(_) => true,
        State::Intended
        | State::AwaitingApproval { .. }
        | State::Live { .. }
        | State::Done { .. }
        | State::Rejected { .. }
        | State::Absent { .. }
        | State::Refused { .. }
        | State::DryRun => false,
    }
}

const fn should_rest(state: &State) -> bool {
    matches!(state, State::Live { ended: None, .. })
}

async fn window(venue: &impl ReadAccount, symbol: &Symbol, from: Cursor) -> Result<Window, VenueError> {
    match from {
        Cursor::New => history(venue, symbol).await,
        Cursor::Start => since(venue, symbol, None).await,
        Cursor::After(id) => since(venue, symbol, Some(id)).await,
    }
}

/// Until a page is empty: a short one is not always the last.
async fn since(
    venue: &impl ReadAccount,
    symbol: &Symbol,
    after: Option<String>,
) -> Result<Window, VenueError> {
    let (mut trades, mut last) = (Vec::new(), after);
    while trades.len() < MOST_TRADES {
        let page = venue.trades_after(symbol, last.as_deref()).await?;
        let Some(newest) = page.last() else { return Ok(Window { trades, last, whole: true }) };
        last = Some(newest.trade_id.clone());
        trades.extend(page);
    }
    Ok(Window { trades, last, whole: false })
}

/// To the last trade, keeping none: all of it is in the balance already.
async fn history(venue: &impl ReadAccount, symbol: &Symbol) -> Result<Window, VenueError> {
    let mut last = None;
    for _page in 0..MOST_PAGES {
        let page = since(venue, symbol, last).await?;
        last = page.last;
        if page.whole {
            return Ok(Window { trades: Vec::new(), last, whole: true });
        }
    }
    Ok(Window { trades: Vec::new(), last, whole: false })
}
